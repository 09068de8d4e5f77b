//! Communicator groups: which ranks take part in the collectives that name a group.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::{ChakraError, shortened};

/// The group every rank is in where no other members are given.
const EVERYONE: &str = "0";
/// Known groups that messages show.
const SHOWN_GROUPS: usize = 8;

/// Communicator groups, in the form of the file ASTRA-sim reads beside the traces: `{"1": [0, 1], "2": [2, 3]}`, names
/// and the ranks in each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct CommunicatorGroups(BTreeMap<String, Vec<u32>>);

impl CommunicatorGroups {
    /// Groups of these names and members.
    #[must_use]
    pub fn new(groups: BTreeMap<String, Vec<u32>>) -> Self {
        Self(groups)
    }

    /// Names and members, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u32])> {
        self.0.iter().map(|(name, ranks)| (name.as_str(), ranks.as_slice()))
    }

    /// Whether each group has members, each of them once, and all of them among `ranks` ranks.
    ///
    /// # Errors
    /// Which group does not, and why.
    pub fn check(&self, ranks: u32) -> Result<(), ChakraError> {
        for (name, members) in &self.0 {
            let fail = |reason| Err(ChakraError::Group { group: shortened(name), reason });
            if members.is_empty() {
                return fail("has no ranks".to_owned());
            }
            let mut seen = BTreeSet::new();
            for member in members {
                if *member >= ranks {
                    return fail(format!("has rank {member}, and there are {ranks} ranks, from 0 on"));
                }
                if !seen.insert(member) {
                    return fail(format!("has rank {member} twice"));
                }
            }
        }
        Ok(())
    }

    /// The members of the group a collective names, or `None` for all ranks: where it names none, and where it names
    /// group 0 and no group 0 is given.
    ///
    /// # Errors
    /// There is no group of this name.
    pub fn members(&self, group: Option<&str>) -> Result<Option<&[u32]>, ChakraError> {
        let Some(name) = group else { return Ok(None) };
        match self.0.get(name) {
            Some(members) => Ok(Some(members)),
            None if name == EVERYONE => Ok(None),
            None => Err(ChakraError::Group { group: shortened(name), reason: self.known() }),
        }
    }

    fn known(&self) -> String {
        if self.0.is_empty() {
            return "is not given: there are no groups".to_owned();
        }
        let mut names: Vec<String> = self.0.keys().take(SHOWN_GROUPS).map(|name| shortened(name)).collect();
        if self.0.len() > SHOWN_GROUPS {
            names.push(format!("{} more", self.0.len() - SHOWN_GROUPS));
        }
        format!("is not given: expected one of {}", names.join(", "))
    }
}

impl<'de> Deserialize<'de> for CommunicatorGroups {
    /// A name that stands twice is an error, where a plain map would drop one of the two.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Groups;
        impl<'de> Visitor<'de> for Groups {
            type Value = CommunicatorGroups;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names of communicator groups, each with a list of ranks")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut groups = BTreeMap::new();
                while let Some((name, ranks)) = map.next_entry::<String, Vec<u32>>()? {
                    if groups.contains_key(&name) {
                        let name = shortened(&name);
                        return Err(A::Error::custom(format!("communicator group \"{name}\" stands twice")));
                    }
                    groups.insert(name, ranks);
                }
                Ok(CommunicatorGroups(groups))
            }
        }
        deserializer.deserialize_map(Groups)
    }
}
