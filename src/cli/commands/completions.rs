//! `stsd completions`

use clap::CommandFactory as _;

use crate::cli::args::{Args, CompletionsArgs};
use crate::cli::output::data;
use crate::domain::failure::Failure;

pub(crate) fn run(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "stsd", &mut script);
    data(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
