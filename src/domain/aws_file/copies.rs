//! Where a long-term key stands besides the place that it was meant to leave.

use secrecy::ExposeSecret as _;

use super::document::Document;
use super::line;
use crate::domain::keys::LongTermKey;
use crate::domain::profile::SectionName;

/// A place in a file of AWS's where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// A section that holds exactly this key, so that it can be taken out of there.
    Section {
        /// The section.
        section: SectionName,
        /// The line of its header.
        line: usize,
    },
    /// Some other line, such as a comment.
    Line(Trace),
}

/// A line with the secret or the id of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The line, counted from 1.
    pub line: usize,
    /// True for the secret; an id alone opens nothing.
    pub secret: bool,
}

impl Document {
    /// Every place in the text where the key's secret or id stands, in their order.
    #[must_use]
    pub fn sightings(&self, key: &LongTermKey) -> Vec<Sighting> {
        let mut found = Vec::new();
        let mut taken = Vec::new();
        let editable = self.check_editable().is_ok();
        for span in self.spans() {
            let Some(section) = self.title(span).and_then(|title| SectionName::parse(title).ok()) else {
                continue;
            };
            let lines = self.key_lines(span, key);
            if editable && !lines.is_empty() {
                found.push((span.line, Sighting::Section { section, line: span.line }));
                taken.extend(lines);
            }
        }
        taken.sort_unstable();
        for line in line::lines(self.text(), 0, 1) {
            if let Some(secret) = trace(line.content.as_bytes(), key)
                && taken.binary_search(&line.whole.start).is_err()
            {
                found.push((line.number, Sighting::Line(Trace { line: line.number, secret })));
            }
        }
        found.sort_by_key(|(line, _)| *line);
        found.into_iter().map(|(_, sighting)| sighting).collect()
    }
}

/// The first line of a file of any kind in which the key's secret stands, else the first with its id.
#[must_use]
pub fn first_trace(bytes: &[u8], key: &LongTermKey) -> Option<Trace> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let mut traces =
        lines.filter_map(|(content, line)| trace(content, key).map(|secret| Trace { line, secret }));
    let first = traces.next()?;
    if first.secret { Some(first) } else { Some(traces.find(|trace| trace.secret).unwrap_or(first)) }
}

/// Whether the line has the secret, `Some(true)`, or only the id, `Some(false)`.
fn trace(line: &[u8], key: &LongTermKey) -> Option<bool> {
    let (id, secret) = (key.id.as_str().as_bytes(), key.secret.expose_secret().as_bytes());
    if contains(line, secret) { Some(true) } else { contains(line, id).then_some(false) }
}

fn contains(line: &[u8], wanted: &[u8]) -> bool {
    match (std::str::from_utf8(line), std::str::from_utf8(wanted)) {
        (Ok(line), Ok(wanted)) => line.contains(wanted),
        (_, _) => line.windows(wanted.len().max(1)).any(|part| part == wanted),
    }
}
