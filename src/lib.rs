//! stsd
