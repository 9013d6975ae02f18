//! `stsd completions`

use clap::CommandFactory as _;

use crate::cli::args::{Args, CompletionsArgs};
use crate::cli::output::data;

pub(crate) fn run(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "stsd", &mut script);
    data(&String::from_utf8_lossy(&script));
    0
}
