//! Runs the strict simulated STS for tests and demonstrations that are not written in Rust.
//!
//! The control interface is described in `src/control.rs` of this package.
//!
//! `strict-sts [--port N] [--print-json] [--stay]` prints one line of JSON: `{"url":…,"port":…,"control":…,"alice":{…},
//! "bob":{…},"carol":{…}}`, then serves until its standard input ends or a signal ends it. `--stay` does not look at
//! standard input: a shell gives `/dev/null` to what it starts in the background. `--print-json` is the default.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use serde_json::json;
use stsd_test_support::{StrictSts, World};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told when standard error is gone as well.
            drop(writeln!(io::stderr(), "strict-sts: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let (mut port, mut stay) = (0, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--port" => {
                let number = arguments.next().and_then(|text| text.parse().ok());
                port =
                    number.ok_or_else(|| io::Error::other("--port: a number from 0 to 65535 is wanted"))?;
            }
            "--print-json" => {}
            "--stay" => stay = true,
            other => {
                let usage = "usage: strict-sts [--port N] [--print-json] [--stay]";
                return Err(io::Error::other(format!("unknown argument {other}\n{usage}")));
            }
        }
    }
    let sts = StrictSts::bind(port, World::with_alice())?;
    let line = json!({
        "url": sts.url(),
        "port": sts.port(),
        "control": format!("{}/_control", sts.url()),
        "alice": sts.alice().to_json(),
        "bob": sts.bob().to_json(),
        "carol": sts.carol().to_json(),
    });
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    if stay {
        loop {
            std::thread::park();
        }
    }
    let mut sink = [0; 1024];
    while io::stdin().read(&mut sink)? > 0 {}
    Ok(())
}
