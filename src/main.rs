//! stsd
fn main() {}
