//! Whether one text holds all that is in another.

use std::collections::HashMap;

use super::document::{Document, Span};
use super::line::{self, Kind};
use super::occupant::OccupantKind;
use super::target::Target;
use crate::domain::keys::LongTermKey;

/// How often each line stands in each section. Comments, and the lines above the first section, belong to none.
type Count<'a> = HashMap<(Option<&'a str>, &'a str), usize>;

impl Document {
    /// True if nothing is lost with `other`: each of its lines stands here too, at least as often, in the section of
    /// the same name, comments anywhere. Blank lines do not count, nor do temporary credentials, which can be had again, of a text that
    /// [`Document::check`] allows.
    #[must_use]
    pub fn keeps_all_of(&self, other: &Self) -> bool {
        self.keeps(other, |span| other.session_lines(span))
    }

    /// The same for somebody who has this key elsewhere: sections that hold exactly it may have lost it.
    #[must_use]
    pub fn keeps_all_but(&self, other: &Self, key: &LongTermKey) -> bool {
        self.keeps(other, |span| [other.session_lines(span), other.key_lines(span, key)].concat())
    }

    fn keeps(&self, other: &Self, left_out: impl Fn(&Span) -> Vec<usize>) -> bool {
        let mut here = self.count(|_| Vec::new());
        // Where a section stands twice, half of a key may stand in each: nothing is left out.
        let sound = other.check().is_ok();
        let there = other.count(|span| if sound { left_out(span) } else { Vec::new() });
        there.into_iter().all(|(line, times)| {
            let found = here.remove(&line).unwrap_or_default();
            found >= times
        })
    }

    /// Counts the lines, without those that begin where `left_out` says.
    fn count(&self, left_out: impl Fn(&Span) -> Vec<usize>) -> Count<'_> {
        let mut count = Count::new();
        let mut add = |section, content| *count.entry((section, content)).or_default() += 1;
        let first = self.spans().first().map_or(self.text().len(), |span| span.start);
        for line in line::lines(self.slice(0..first), 0, 1) {
            if !matches!(line::kind(line.content), Kind::Blank) {
                add(None, line.content);
            }
        }
        for span in self.spans() {
            let header = self.slice(span.start..span.body).trim_end_matches(['\r', '\n']);
            let section = Some(self.title(span).unwrap_or(header));
            let skipped = left_out(span);
            if !skipped.contains(&span.start) {
                add(section, header);
            }
            for line in self.body(span) {
                if skipped.contains(&line.whole.start) {
                    continue;
                }
                match line::kind(line.content) {
                    Kind::Blank => {}
                    // One that stood behind a section that is gone now stands behind the section before.
                    Kind::Comment => add(None, line.content),
                    Kind::Indented(_) | Kind::Header(_) | Kind::Property { .. } | Kind::Other => {
                        add(section, line.content);
                    }
                }
            }
        }
        count
    }

    /// Where the lines of temporary credentials begin, and the header if it stands above nothing else.
    fn session_lines(&self, span: &Span) -> Vec<usize> {
        match (self.occupant_of([span]).kind(), Target::read(self, span)) {
            (OccupantKind::Temporary, Ok(target)) => {
                let header = target.only_managed.then_some(span.start);
                target.managed.iter().map(|line| line.whole.start).chain(header).collect()
            }
            (_, _) => Vec::new(),
        }
    }
}
