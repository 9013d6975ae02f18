//! Processes that die in the middle of a write.
