//! Lossless text of AWS's two files, and the only edits that stsd makes to one of them.
//!
//! Six SDKs read `~/.aws/credentials` with six parsers. The editor here writes nothing but lines that all of them
//! read alike, keeps every byte that is not its own, and refuses a file in which its edit could mean one thing to one
//! parser and another to the next; it never repairs. The grammar that the parsers share:
//!
//! ```text
//! file    = *( blank / comment / section )       ; UTF-8 without byte order mark, LF or CRLF
//! comment = ( "#" / ";" ) text                   ; at column 0
//! section = "[" name "]" *WSP [ WSP ( "#" / ";" ) text without brackets ]
//! name    = 1*[A-Za-z0-9_-/.%@:+]                ; not DEFAULT, profile, __proto__; once per file
//! prop    = key *WSP "=" *WSP value *WSP         ; at column 0; each key once per section, whatever its case
//! value   = printable ASCII, not empty, no comment start, no quote at either end
//! nested  = key "=" 1*( WSP+ subkey "=" subvalue )
//! ```
//!
//! [`Document`] is the text with its sections found: it copies nothing, and everything it does is linear in the
//! file. What is asked of it and what is edited lies in the modules beside it.

mod copies;
mod document;
mod edit;
mod elsewhere;
mod keeping;
mod key;
mod line;
mod loss;
mod names;
mod occupant;
mod reading;
mod refusal;
mod splice;
mod target;
mod value;

pub use copies::{Sighting, Trace, first_trace};
pub use document::{Document, Grammar, SectionHead};
pub use edit::{Edit, Removal};
pub use key::{SectionKey, SectionKeyError};
pub use loss::Fate;
pub use occupant::{Occupant, OccupantKind};
pub use reading::{
    Divergence, Entry, Excerpt, FileBytes, Parser, Profiles, Readings, Seen, Subject, Unreadable, read,
};
pub use refusal::{Refusal, RefusalReason};

#[cfg(test)]
mod tests;
