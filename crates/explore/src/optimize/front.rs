//! The Pareto front: the designs that no other beats in one objective without losing in another.

/// A design and what it scores; less is better in each objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its number.
    pub design: u64,
    /// One score an objective, all finite.
    pub scores: Vec<f64>,
}

/// The best designs so far. Which they are does not depend on the order in which designs come: of those that score the
/// same in everything, the one with the lowest number stays.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// Those that turned others away most recently first: they are likely to do so again.
    members: Vec<Scored>,
}

impl Front {
    /// Takes a design in if no member is as good in every objective, and drops the members that it makes superfluous.
    pub fn offer(&mut self, design: u64, scores: &[f64]) {
        let better = |member: &Scored| {
            no_worse(&member.scores, scores) && (member.scores != scores || member.design < design)
        };
        if let Some(index) = self.members.iter().position(better) {
            let ahead = index / 2;
            self.members.swap(index, ahead);
            return;
        }
        self.members.retain(|member| !no_worse(scores, &member.scores));
        self.members.push(Scored { design, scores: scores.to_vec() });
    }

    /// Takes in the members of another front.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        for member in other.members {
            self.offer(member.design, &member.scores);
        }
        self
    }

    /// How many members it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no members.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Its members, the best in the first objective first.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Scored> {
        self.members.sort_by(|a, b| {
            let scores = a.scores.iter().zip(&b.scores).map(|(a, b)| a.total_cmp(b));
            scores.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(a.design.cmp(&b.design))
        });
        self.members
    }
}

fn no_worse(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brute_force(designs: &[Vec<f64>]) -> Vec<u64> {
        let beaten = |index: usize| {
            designs.iter().enumerate().any(|(other, scores)| {
                no_worse(scores, &designs[index]) && (*scores != designs[index] || other < index)
            })
        };
        (0..designs.len()).filter(|index| !beaten(*index)).map(|index| index as u64).collect()
    }

    proptest! {
        /// Whatever order the designs come in, and however they are split, the front is the set nobody beats.
        #[test]
        fn the_front_is_what_nobody_beats(
            designs in prop::collection::vec(prop::collection::vec((0_u8..6).prop_map(f64::from), 3), 1..60),
            split in any::<prop::sample::Index>(),
            backwards in any::<bool>(),
        ) {
            let mut numbered: Vec<(u64, &Vec<f64>)> = (0..).zip(&designs).collect();
            if backwards {
                numbered.reverse();
            }
            let (first, second) = numbered.split_at(split.index(designs.len()));
            let front = |part: &[(u64, &Vec<f64>)]| {
                let mut front = Front::default();
                part.iter().for_each(|(design, scores)| front.offer(*design, scores));
                front
            };
            let members = front(first).joined(front(second)).into_sorted();
            let mut found: Vec<u64> = members.iter().map(|member| member.design).collect();
            found.sort_unstable();
            prop_assert_eq!(found, brute_force(&designs));
            prop_assert!(members.windows(2).all(|pair| pair[0].scores[0] <= pair[1].scores[0]));
        }
    }
}
