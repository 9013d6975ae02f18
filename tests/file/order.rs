//! The order of the system calls of a write, as the kernel saw them.

use std::fs;

use crate::has_desktop;
use crate::machine::Machine;
use crate::ran::Ran;
use crate::strace::{self, Call};

/// The program's calls during one command.
fn trace(machine: &Machine, arguments: &[&str]) -> Vec<Call> {
    let log = machine.path("log");
    let mut command = machine.command("strace");
    command.args(strace::arguments(&log, None)).arg(env!("CARGO_BIN_EXE_stsd")).args(arguments);
    Ran::of(&mut command, b"").succeeded();
    strace::calls(&fs::read_to_string(&log).unwrap())
}

/// The place of the first call from `from` on that fulfils a condition.
#[track_caller]
fn place(calls: &[Call], from: usize, what: &str, is_it: impl Fn(&Call) -> bool) -> usize {
    let found = calls.iter().enumerate().skip(from).find(|(_, call)| call.succeeded() && is_it(call));
    found.unwrap_or_else(|| panic!("no {what} after {:#?}", calls.get(from))).0
}

/// Asserts that a new text goes to the disk before it goes to its place, and the place to the disk after that.
#[track_caller]
fn check(calls: &[Call], directory: &str, writes: bool) {
    let file = format!("{directory}/credentials");
    let opens = |call: &Call| call.name.starts_with("open");
    let on = |call: &Call, number: &str, path: &str| call.descriptor() == Some((number, path));

    let is_rename =
        |call: &Call| call.name.starts_with("rename") && call.paths().get(1) == Some(&file.as_str());
    let renamed = place(calls, 0, "rename onto the file", is_rename);
    // One for all sections.
    assert_eq!(calls.iter().filter(|call| call.succeeded() && is_rename(call)).count(), 1, "{calls:#?}");
    let from = calls[renamed].paths()[0];
    assert!(from.starts_with(&format!("{directory}/.credentials.stsd-")), "{from}");
    // The name may have been another while it was written.
    let announced = calls[..renamed].iter().rfind(|call| {
        call.name.starts_with("rename") && call.succeeded() && call.paths().get(1) == Some(&from)
    });
    let text = announced.map_or(from, |call| call.paths()[0]);

    let created =
        place(calls, 0, "temporary file", |call| opens(call) && call.paths().first() == Some(&text));
    for flag in ["O_CREAT", "O_EXCL", "O_NOFOLLOW", "O_CLOEXEC", "0600"] {
        assert!(calls[created].rest.contains(flag), "{:#?}", calls[created]);
    }
    let number = calls[created].rest.rsplit_once(" = ").unwrap().1.split_once('<').unwrap().0;
    let is_write = |call: &Call| call.name.contains("write") && on(call, number, text);
    let written = if writes { place(calls, created, "write", is_write) } else { created };
    let synced = place(calls, written, "fsync of the text", |call| {
        ["fsync", "fdatasync"].contains(&&*call.name) && on(call, number, text)
    });
    assert!(created <= written && written < synced && synced < renamed);
    // Nothing is written behind the back of the fsync.
    let changes = ["write", "pwrite64", "writev", "ftruncate", "fallocate"];
    for call in &calls[synced..] {
        let path = call.descriptor().map(|(_, path)| path.trim_end_matches("(deleted)"));
        let ours = path.is_some_and(|path| path == text || path == from || path == file);
        assert!(!ours || !changes.contains(&&*call.name), "{call:#?}");
    }
    place(calls, renamed, "fsync of the directory", |call| {
        call.name == "fsync" && call.descriptor().is_some_and(|(_, path)| path == directory)
    });

    for call in calls {
        let to_write =
            ["O_WRONLY", "O_RDWR", "O_TRUNC", "O_CREAT"].iter().any(|flag| call.rest.contains(flag));
        let on_file = call.paths().contains(&file.as_str());
        assert!(!(on_file && opens(call) && to_write), "opened for writing: {call:#?}");
        let removes =
            call.name.starts_with("unlink") || call.name == "truncate" || call.name.contains("link");
        assert!(!(on_file && removes && call.name != "readlink" && call.name != "readlinkat"), "{call:#?}");
        let moves_away = call.name.starts_with("rename") && call.paths().first() == Some(&file.as_str());
        assert!(!moves_away, "moved out of its place: {call:#?}");
    }
}

#[test]
fn the_text_reaches_the_disk_before_it_is_put_in_place_and_its_place_after() {
    if !has_desktop() || !strace::is_there() {
        return;
    }
    let machine = Machine::with_work();
    machine.configure("[profiles.work]\nmfa = \"none\"\nsections = [\"work\", \"second\", \"third\"]\n");
    let directory = machine.path(".aws").display().to_string();
    // The first file, another session in it, no session in it.
    check(&trace(&machine, &["refresh"]), &directory, true);
    assert_eq!(machine.credentials().matches('[').count(), 3);
    machine.write("noted", &machine.credentials());
    check(&trace(&machine, &["refresh"]), &directory, true);
    assert_ne!(fs::read_to_string(machine.path("noted")).unwrap(), machine.credentials());
    check(&trace(&machine, &["forget", "work"]), &directory, false);
    assert_eq!(machine.credentials(), "");
}
