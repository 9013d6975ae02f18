//! What each real parser makes of a file.
//!
//! The common grammar of [`Document`](super::Document) says what all SDKs read alike. These are the SDKs themselves, as
//! three small models with all their quirks: where they agree, [`Document::get`](super::Document::get) gives what they
//! give; where they don't, [`Readings::divergences`] knows the line and what each of them reads. The models were made
//! from the parsers' sources and are compared with the real ones in the tests:
//!
//! - botocore 1.44 on `CPython` 3.11: the strict `RawConfigParser` and botocore's nested blocks and profile names;
//! - the Rust SDK, aws-runtime 1.10: `env_config`'s parser and its rules for names;
//! - the JavaScript SDK v3, @smithy/core 3.41: `parseIni` and `getConfigData`.
//!
//! The editor asks them where a rule of its own would only repeat one of theirs: what Python reads into every section
//! ([`DEFAULTS`]), which titles the JavaScript SDK joins or cannot bear. Nothing in the program asks for the divergences
//! yet: they hold the common grammar to the parsers in the tests, and a command that explains a file will show them.
//!
//! A reading holds what is of use: a key of a nested block is `parent.key`, and empty values and profiles without any
//! value are left out. Of the config file only the profiles are read. Lines are counted by their line feeds, also where
//! a parser counts bare carriage returns. Time is linear in the text as long as names have an ordinary length.
//!
//! Not modelled: a section of the JavaScript SDK named like a member of `Object.prototype` other than `__proto__`.

mod block;
mod botocore;
mod bytes;
mod divergence;
mod excerpt;
mod javascript;
mod parser;
mod profiles;
mod rust;
mod words;

pub(super) use botocore::DEFAULTS;
pub use bytes::FileBytes;
pub use divergence::{Divergence, Readings, Seen, Subject};
pub use excerpt::Excerpt;
pub(super) use javascript::{FORBIDDEN, name as javascript_name};
pub use parser::{Parser, Unreadable, read};
pub use profiles::{Entry, Profiles};
