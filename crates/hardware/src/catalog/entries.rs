//! The tables of the catalog's files.

use super::Entry;


pub(super) const DEVICES: &[Entry] = &[];

pub(super) const SOFTWARE: &[Entry] = &[];
