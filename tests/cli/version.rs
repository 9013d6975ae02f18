//! A daemon of another version.

use std::fs::{DirBuilder, Permissions, set_permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use stsd::protocol::VERSION;
use stsd::protocol::frame::{decode, encode};
use stsd::protocol::message::{Answer, FromDaemon, Hello};

use crate::home::{Home, WORK};

/// Runs a command beside a daemon of this version that has no profiles; gives what it printed to stderr.
fn beside(protocol: u32, version: &str, arguments: &[&str]) -> String {
    let home = Home::with(WORK);
    DirBuilder::new().recursive(true).mode(0o700).create(home.path("run/stsd")).unwrap();
    let listener = UnixListener::bind(home.path("run/stsd/stsd.sock")).unwrap();
    set_permissions(home.path("run/stsd/stsd.sock"), Permissions::from_mode(0o600)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            let theirs: Hello = decode(line.as_bytes()).unwrap();
            let hello = Hello { protocol, version: version.to_owned(), ..theirs };
            stream.write_all(&encode(&hello).unwrap()).unwrap();
            line.clear();
            // One that speaks another language is asked nothing.
            if lines.read_line(&mut line).unwrap() > 0 {
                let answer = FromDaemon::Done { id: 1, answer: Answer::Status(Vec::new()) };
                stream.write_all(&encode(&answer).unwrap()).unwrap();
            }
        });
        home.run(arguments).stderr
    })
}

#[test]
fn one_that_speaks_the_same_language_is_named_with_the_command_that_ends_it() {
    let told = beside(VERSION, "0.0.7", &["status"]);
    assert!(told.contains("warning: the daemon that runs has version 0.0.7"), "{told}");
    assert!(told.contains("stsd service restart"), "{told}");
    let told = beside(VERSION, env!("CARGO_PKG_VERSION"), &["status"]);
    assert!(!told.contains("version"), "{told}");
}

#[test]
fn one_that_speaks_another_language_is_an_error_with_the_same_command() {
    let told = beside(VERSION + 1, "7.0.0", &["status"]);
    assert!(told.contains("error: ") && told.contains("7.0.0"), "{told}");
    assert!(told.contains("hint: stsd service restart"), "{told}");
}
