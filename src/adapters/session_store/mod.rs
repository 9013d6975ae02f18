//! The shared credentials file on a Unix file system.
//!
//! The file has writers that know nothing of us: the AWS CLI truncates it in place and takes no lock. So:
//!
//! - `target`: what is replaced is the file behind all symbolic links, and only if it is plainly ours;
//! - `lock`: writers that do lock (we, aws-runas) take turns on `credentials.lock`;
//! - `snapshot`: an edit starts from a file that has been quiet for 100 ms, and is thrown away if the file is not the
//!   same right before it is replaced;
//! - `temporary`: the new content gets its space on the disk before a code is spent;
//! - `replacement`: it changes places with the file, and back if the file turns out to be another than was read;
//! - `leftovers`: what killed processes left behind goes, unless it may exist nowhere else;
//! - `copies`: where a key that was taken out still stands;
//! - `job`: the steps in their order, and the watch over what a foreign writer does to the file that we replaced.
//!
//! Every failure before the rename leaves the file byte for byte as it was and no temporary file behind.

mod copies;
mod errors;
mod job;
mod leftovers;
mod lock;
mod replacement;
mod settle;
mod snapshot;
mod store;
mod target;
mod temporary;

pub use store::FileStore;

#[cfg(test)]
mod tests;
