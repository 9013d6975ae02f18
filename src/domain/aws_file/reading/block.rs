//! A value of several lines, as Python's SDK and Rust's read one: joined, or a nested block.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::excerpt::Excerpt;
use super::profiles::{Entry, Place, Section};

/// A key's lines: its own value, then those joined to it.
pub(super) struct Lines<'a> {
    /// The line of the key.
    pub(super) line: usize,
    /// Each with its line, without outer blanks.
    pub(super) pieces: Vec<(usize, &'a str)>,
}

/// What several lines are.
pub(super) enum Value<'a> {
    /// One value.
    Joined(Excerpt<'a>),
    /// The key's own line has no value: the lines of a block.
    Block(Vec<(usize, &'a str)>),
}

impl<'a> Lines<'a> {
    pub(super) fn new(line: usize, value: &'a str) -> Self {
        Self { line, pieces: vec![(line, value)] }
    }

    pub(super) fn value(&self) -> Value<'a> {
        let kept = self.pieces.iter().rposition(|(_, piece)| !piece.is_empty()).map_or(0, |last| last + 1);
        let pieces = self.pieces.get(..kept).unwrap_or_default();
        if let [(_, ""), rest @ ..] = pieces {
            return Value::Block(rest.to_vec());
        }
        let texts: Vec<&str> = pieces.iter().map(|(_, piece)| *piece).collect();
        Value::Joined(Excerpt::join(&texts, "\n"))
    }
}

/// The keys with their lines, in the order of the file; a key is found by its place among the lines.
pub(super) fn in_order<'d, 'a>(
    keys: &'d HashMap<Excerpt<'a>, usize>,
    lines: &'d [Lines<'a>],
) -> impl Iterator<Item = (&'d Excerpt<'a>, &'d Lines<'a>)> {
    let mut places: Vec<_> = keys.iter().collect();
    places.sort_unstable_by_key(|(_, place)| **place);
    places.into_iter().filter_map(|(key, place)| Some((key, lines.get(*place)?)))
}

impl<'a> Section<'a> {
    /// Puts in a key with its one value.
    pub(super) fn put(&mut self, key: Excerpt<'a>, line: usize, value: Excerpt<'a>) {
        self.insert(key, Entry::new(line, value));
    }

    /// Puts in a block: its keys and values, and the block's own key without a value.
    pub(super) fn put_block(&mut self, key: Excerpt<'a>, line: usize, block: Vec<(usize, &'a str, &'a str)>) {
        let parent = key.expose_secret();
        for (line, name, value) in block {
            let joined: Excerpt<'a> = {
                let mut text = Zeroizing::new(String::with_capacity(parent.len() + 1 + name.len()));
                text.push_str(parent);
                text.push('.');
                text.push_str(name);
                Excerpt::copy(text)
            };
            let place = Place::Within(parent.len());
            self.insert(joined, Entry { place, ..Entry::new(line, Excerpt::of(value)) });
        }
        self.insert(key, Entry { place: Place::Block, ..Entry::new(line, Excerpt::of("")) });
    }

    pub(super) fn insert(&mut self, key: Excerpt<'a>, entry: Entry<'a>) {
        let _replaced = self.entries.insert(key, entry);
    }
}
