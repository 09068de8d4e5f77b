//! Published models by name.

mod entries;

use crate::Architecture;

pub use entries::MODELS;

/// A published model.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The name scenarios use: `llama-3-8b`.
    pub name: &'static str,
    /// Other names that find it, such as its repository at Hugging Face.
    pub aliases: &'static [&'static str],
    /// The name people use: `Llama 3 8B`.
    pub title: &'static str,
    /// Where its shape was published.
    pub source: &'static str,
    /// Its parameters as published (counted by the publisher or over the published weights), without task
    /// heads.
    pub published_parameters: u64,
    shape: fn() -> Architecture,
}

impl Entry {
    /// The model's shape.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        (self.shape)()
    }
}

/// Every model of the catalog, by family and size.
#[must_use]
pub fn models() -> &'static [Entry] {
    MODELS
}

/// The entry of that name or alias, upper and lower case alike.
#[must_use]
pub fn entry(name: &str) -> Option<&'static Entry> {
    MODELS.iter().find(|entry| {
        let mut names = std::iter::once(&entry.name).chain(entry.aliases);
        names.any(|known| known.eq_ignore_ascii_case(name))
    })
}

/// The shape of the model of that name or alias.
#[must_use]
pub fn find(name: &str) -> Option<Architecture> {
    entry(name).map(Entry::architecture)
}
