//! Readings in the form in which they are compared. The differential test takes this in by its path.

use std::collections::BTreeMap;

use super::{FileBytes, Grammar, Parser};

/// Profiles with the keys that have a value; `None` where every use of the file is an error.
pub(super) type Normal = Option<BTreeMap<String, BTreeMap<String, String>>>;

/// What the model of a parser reads.
pub(super) fn model(bytes: &FileBytes, parser: Parser, grammar: Grammar) -> Normal {
    let profiles = match bytes.read(parser, grammar) {
        Ok(profiles) => profiles,
        Err(unreadable) => return unreadable.silent.then(BTreeMap::new),
    };
    let keys = |name| {
        profiles.keys(name).map(|(key, entry)| (key.to_owned(), entry.value.expose_secret().to_owned()))
    };
    Some(profiles.names().map(|name| (name.to_owned(), keys(name).collect())).collect())
}
