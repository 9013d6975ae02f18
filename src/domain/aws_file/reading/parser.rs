//! The parsers, and how one is asked.

use super::super::Grammar;
use super::profiles::Profiles;
use super::{botocore, javascript, rust};

/// A parser of AWS's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parser {
    /// Python: botocore, with it boto3 and the AWS CLI.
    Botocore,
    /// The SDK for Rust.
    Rust,
    /// The SDK for JavaScript, version 3.
    JavaScript,
}

/// Why a parser gives nothing of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line at which the parser gives up, counted from 1.
    pub line: usize,
    /// True if it says nothing and takes the file as empty; false if every use of the file is an error.
    pub silent: bool,
}

impl Parser {
    /// Every parser, in the order in which readings are given.
    pub const ALL: [Self; 3] = [Self::Botocore, Self::Rust, Self::JavaScript];

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Botocore => "botocore (the AWS CLI)",
            Self::Rust => "the Rust SDK",
            Self::JavaScript => "the JavaScript SDK",
        }
    }
}

impl Unreadable {
    pub(super) fn refused(line: usize) -> Self {
        Self { line, silent: false }
    }

    pub(super) fn silent(line: usize) -> Self {
        Self { line, silent: true }
    }
}

/// Reads a text as one parser does. For bytes that may be no text see [`FileBytes`](super::FileBytes).
///
/// # Errors
///
/// [`Unreadable`] if this parser gives nothing of the file, with the line.
pub fn read(parser: Parser, text: &str, grammar: Grammar) -> Result<Profiles<'_>, Unreadable> {
    match parser {
        Parser::Botocore => botocore::read(text, grammar),
        Parser::Rust => rust::read(text, grammar),
        Parser::JavaScript => javascript::read(text, grammar),
    }
}
