//! What stands elsewhere in the file and some parser takes for a part of the section to be written.

use memchr::memmem;

use super::document::Document;
use super::line;
use super::names::LEGACY_TOKEN;
use super::reading::{self, Parser};
use super::refusal::{Refusal, RefusalReason};
use crate::domain::profile::SectionName;

impl Document {
    /// Looks for what would mix with a section that is written, wherever in the file it stands.
    ///
    /// # Errors
    ///
    /// An indented header of that name, which Python reads as the section right under another header, or of `__proto__`;
    /// `[DEFAULT]` with a legacy token, which the AWS CLI and boto3 read into every section and prefer over the new one,
    /// even an empty one;
    /// `[DEFAULT]` with a block that the AWS CLI and boto3 cannot read but do not look at while there is no section;
    /// `[profile x]` where `profile.x` is written.
    pub(super) fn check_elsewhere(&self, section: &SectionName) -> Result<(), Refusal> {
        if let Some(line) = self.indented_header(section.as_str()) {
            return Err(Refusal::at(line, RefusalReason::IndentedHeader));
        }
        if let Some(line) = reading::FORBIDDEN.iter().filter_map(|name| self.indented_header(name)).min() {
            return Err(Refusal::at(line, RefusalReason::ProtoSection));
        }
        self.check_defaults(section)?;
        // What is joined is joined by a dot.
        if !section.as_str().contains('.') {
            return Ok(());
        }
        let joined = |title: &str| {
            reading::javascript_name(title).is_some_and(|name| name.expose_secret() == section.as_str())
        };
        match self.sections().find(|head| head.title != section.as_str() && joined(head.title)) {
            Some(head) => Err(Refusal::at(head.line, RefusalReason::AmbiguousHeader)),
            None => Ok(()),
        }
    }

    /// The line of an indented header of that name. Only lines with the name are looked at, each once: a large file has
    /// few.
    fn indented_header(&self, name: &str) -> Option<usize> {
        let (text, finder) = (self.text(), memmem::Finder::new(name));
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(found) = finder.find(bytes.get(from..)?) {
            let at = from + found;
            let start = memchr::memrchr(b'\n', bytes.get(..at)?).map_or(0, |end| end + 1);
            let end = memchr::memchr(b'\n', bytes.get(at..)?).map_or(text.len(), |end| at + end);
            if line::is_indented_header_of(self.slice(start..end), name) {
                return Some(1 + memchr::memchr_iter(b'\n', bytes.get(..start)?).count());
            }
            from = end;
        }
        None
    }

    fn check_defaults(&self, section: &SectionName) -> Result<(), Refusal> {
        // Most files have no such section: they are not read once more.
        if memmem::find(self.text().as_bytes(), b"[DEFAULT]").is_none() {
            return Ok(());
        }
        let Ok(profiles) = reading::read(Parser::Botocore, self.text(), self.grammar()) else {
            // Python reads nothing of the file; once its owner has mended that, the token counts.
            let head = self.sections().find(|head| head.title == reading::DEFAULTS);
            return match (self.get(reading::DEFAULTS, LEGACY_TOKEN), head) {
                (Some(_), Some(head)) => Err(Refusal::at(head.line, RefusalReason::DefaultToken)),
                (_, _) => Ok(()),
            };
        };
        if let Some(line) = profiles.line_everywhere(LEGACY_TOKEN) {
            return Err(Refusal::at(line, RefusalReason::DefaultToken));
        }
        match profiles.first_unread() {
            Some(line) if !self.contains(section.as_str()) => {
                Err(Refusal::at(line, RefusalReason::DefaultBlock))
            }
            Some(_) | None => Ok(()),
        }
    }
}
