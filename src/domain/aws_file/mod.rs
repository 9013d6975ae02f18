//! Lossless text of AWS's two files.

use thiserror::Error;

/// stub
#[derive(Debug)]
pub struct Document;

/// stub
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}")]
pub struct Refusal {
    /// stub
    pub line: usize,
}
