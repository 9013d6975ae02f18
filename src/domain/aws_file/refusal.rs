//! Why a file is left as it is.

use thiserror::Error;

/// A reason to leave the file alone, with its place.
///
/// Nothing of the file is shown but names of sections and of keys, and these only if they are such by the grammar
/// that all parsers share: anything else may be a secret that slipped into the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{reason}", match line { Some(line) => format!("line {line}: "), None => String::new() })]
pub struct Refusal {
    /// The line, counted from 1; `None` if the reason lies not in one line.
    pub line: Option<usize>,
    /// Why.
    pub reason: RefusalReason,
}

impl Refusal {
    pub(super) fn at(line: usize, reason: RefusalReason) -> Self {
        Self { line: Some(line), reason }
    }

    pub(super) fn of(reason: RefusalReason) -> Self {
        Self { line: None, reason }
    }
}

/// What stands in the way of an edit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RefusalReason {
    /// UTF-16, told by its byte order mark: Windows PowerShell's `>` writes it.
    #[error("the file is UTF-16, which no AWS tool reads; save it as UTF-8")]
    Utf16,
    /// Bytes that are no UTF-8.
    #[error("the file is not UTF-8: the AWS CLI refuses it, and the Rust SDK reads it as empty")]
    NotUtf8,
    /// A byte order mark.
    #[error("the file begins with a byte order mark, with which the AWS CLI refuses it")]
    ByteOrderMark,
    /// A NUL.
    #[error("a NUL character")]
    Nul,
    /// A carriage return that ends no line.
    #[error(
        "a carriage return without a line feed, which some AWS tools read as a line end and others do not"
    )]
    BareCarriageReturn,
    /// A section that stands twice.
    #[error("{} stands twice in the file (line {first})", section_words(name.as_deref()))]
    DuplicateSection {
        /// The section's name, if it is one to every parser.
        name: Option<String>,
        /// The line of its first header.
        first: usize,
    },
    /// A header that is different things to different parsers.
    #[error("a section header that AWS tools read differently")]
    AmbiguousHeader,
    /// `[__proto__]` or `[profile __proto__]`.
    #[error("a section named __proto__, with which the JavaScript SDK reads the whole file as empty")]
    ProtoSection,
    /// A comment behind blanks, in the section to be edited.
    #[error("an indented comment, which some AWS tools join to the value above it")]
    IndentedComment,
    /// A header behind white space.
    #[error("an indented section header, which some AWS tools join to the value above it")]
    IndentedHeader,
    /// `[DEFAULT]` with `aws_security_token`.
    #[error(
        "the section [DEFAULT] has an aws_security_token, which the AWS CLI and boto3 prefer over the token of every other section"
    )]
    DefaultToken,
    /// `[DEFAULT]` with a block that is none to Python, where no section inherits it yet.
    #[error("lines of the section [DEFAULT] with which the AWS CLI and boto3 could not read a new section")]
    DefaultBlock,
    /// An indented line under a key that has a value, in the section to be edited.
    #[error("a continuation line, which some AWS tools join to the value above it")]
    Continuation,
    /// An indented line right under the header, in the section to be edited.
    #[error("an indented line without a key above it")]
    IndentedWithoutKey,
    /// `key: value`, in the section to be edited.
    #[error("a colon in the place of the equals sign, which few AWS tools accept")]
    Colon,
    /// Something else that is no `key = value`, in the section to be edited.
    #[error("neither a comment nor \"key = value\"")]
    NotAProperty,
    /// A key that stands twice in the section to be edited.
    #[error("{} stands twice in its section (line {first})", key_words(key.as_deref()))]
    DuplicateKey {
        /// The key, if it is one to every parser.
        key: Option<String>,
        /// The line of the first.
        first: usize,
    },
    /// A nested block under a key that stsd writes or removes.
    #[error("a nested block under {key}, which stsd manages")]
    NestedUnderManaged {
        /// The key.
        key: &'static str,
    },
    /// A long-term key stands in the section.
    #[error("the section [{section}] holds a long-term key, which may exist nowhere else")]
    LongTermKey {
        /// The section.
        section: String,
    },
    /// A value of the session is none that all parsers would read back.
    #[error("the new value of {key} is not one that every AWS tool would read back")]
    UnwritableValue {
        /// The key.
        key: &'static str,
    },
    /// The document is the config file's.
    #[error("sessions are written to the credentials file only")]
    ConfigFile,
}

fn section_words(name: Option<&str>) -> String {
    name.map_or_else(|| "a section".to_owned(), |name| format!("the section [{name}]"))
}

fn key_words(key: Option<&str>) -> String {
    key.map_or_else(|| "a key".to_owned(), |key| format!("the key {key}"))
}
