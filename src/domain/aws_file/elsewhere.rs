//! What stands elsewhere in the file and some parser takes for a part of the section to be written.

use super::document::Document;
use super::line;
use super::refusal::{Refusal, RefusalReason};
use crate::domain::profile::SectionName;

/// The words before a name that the JavaScript SDK joins to it by a dot: to it `[profile x]` is the section `profile.x`.
const PREFIXES: [&str; 3] = ["profile", "sso-session", "services"];

impl Document {
    /// Looks for what would mix with a section that is written, wherever in the file it stands.
    ///
    /// # Errors
    ///
    /// An indented header of that name, which Python reads as the section right under another header; `[DEFAULT]` with a
    /// legacy token, which the AWS CLI and boto3 read into every section and prefer over the new one; `[profile x]` where
    /// `profile.x` is written.
    pub(super) fn check_elsewhere(&self, section: &SectionName) -> Result<(), Refusal> {
        let same = |line: &line::Line<'_>| line::is_indented_header_of(line.content, section.as_str());
        if let Some(line) = line::lines(self.text(), 0, 1).find(same) {
            return Err(Refusal::at(line.number, RefusalReason::IndentedHeader));
        }
        if self.get("DEFAULT", "aws_security_token").is_some() {
            let line = self.sections().find(|head| head.title == "DEFAULT").map_or(1, |head| head.line);
            return Err(Refusal::at(line, RefusalReason::DefaultToken));
        }
        let joined = |title: &str| {
            let (prefix, name) = title.split_once(line::is_blank)?;
            PREFIXES.contains(&prefix).then(|| [prefix, ".", name.trim_matches(line::is_blank)].concat())
        };
        match self.sections().find(|head| joined(head.title).is_some_and(|name| name == section.as_str())) {
            Some(head) => Err(Refusal::at(head.line, RefusalReason::AmbiguousHeader)),
            None => Ok(()),
        }
    }
}
