//! Many programs that write at once.
