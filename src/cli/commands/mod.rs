//! One file per verb. Each answers with the exit code of a run without a failure of its own.

pub(crate) mod add;
pub(crate) mod completions;
pub(crate) mod daemon;
pub(crate) mod ensure;
pub(crate) mod forget;
pub(crate) mod import;
pub(crate) mod refresh;
pub(crate) mod remove;
mod seed;
pub(crate) mod service;
pub(crate) mod status;
