//! The credentials file among real neighbours: the parsers that read it, other programs that write it, and kills.

mod crowd;
mod differential;
mod findings;
mod kills;
mod order;
