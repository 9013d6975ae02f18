//! The order of the system calls of a write.
