//! What an item is, as another program and a person see it.

use std::io::Write as _;
use std::process::Stdio;

use super::child::Process;
use super::{FIRST, SECOND};
use crate::bus::Desktop;
use crate::has_desktop;

fn write(process: &mut Process, profile: &str, (id, secret): (&str, &str)) {
    assert_eq!(process.ask(&format!("write {profile} {id} {secret}")), "ok");
}

/// What `secret-tool` says, on both of its outputs.
fn secret_tool(desktop: &Desktop, arguments: &[&str], input: &str) -> String {
    let mut command = desktop.command("secret-tool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.spawn().unwrap();
    tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    format!("{}{}", String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn search(desktop: &Desktop) -> String {
    secret_tool(desktop, &["search", "--all", "service", "stsd"], "")
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn a_key_is_written_read_checked_and_deleted() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    assert_eq!(process.ask("check"), "ok");
    for request in ["check-item work", "read work", "delete work"] {
        assert_eq!(process.ask(request), r#"Missing(ProfileName("work"))"#, "{request}");
    }
    write(&mut process, "work", FIRST);
    write(&mut process, "a.b/c%d@e:f+g-h_i", SECOND);
    assert_eq!(process.ask("check-item work"), "ok");
    assert_eq!(process.ask("read work"), format!("{} {}", FIRST.0, FIRST.1));
    assert_eq!(process.ask("read a.b/c%d@e:f+g-h_i"), format!("{} {}", SECOND.0, SECOND.1));
    assert_eq!(process.ask("delete work"), "ok");
    assert_eq!(process.ask("read work"), r#"Missing(ProfileName("work"))"#);
    assert_eq!(process.ask("check-item a.b/c%d@e:f+g-h_i"), "ok");
}

#[test]
fn a_person_finds_the_key_with_secret_tool() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    write(&mut Process::on(&desktop), "work", FIRST);
    let found = search(&desktop);
    for part in [
        "label = stsd: AWS key …WXYZ (work)\n",
        &format!(r#""secret_access_key":"{}""#, FIRST.1),
        "attribute.service = stsd\n",
        "attribute.username = work\n",
    ] {
        assert_eq!(count(&found, part), 1, "{part} in {found}");
    }
}

#[test]
fn the_label_follows_a_changed_key_and_the_item_stays_the_same() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    let place = |found: &str| found.lines().find(|line| line.starts_with("[/")).map(ToOwned::to_owned);
    write(&mut process, "work", FIRST);
    let before = search(&desktop);
    write(&mut process, "work", SECOND);
    let after = search(&desktop);
    assert_eq!(count(&after, "label = stsd: AWS key …ABCD (work)\n"), 1, "{after}");
    assert_eq!(count(&after, "label = "), 1, "{after}");
    assert_eq!(count(&after, SECOND.1), 1, "{after}");
    assert!(place(&before).is_some());
    assert_eq!(place(&before), place(&after), "the item was made anew");
}

#[test]
fn two_items_for_one_profile_are_neither_read_nor_written() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    for other in ["1", "2"] {
        let attributes = ["service", "stsd", "username", "work", "other", other];
        secret_tool(&desktop, &[&["store", "--label=x"], attributes.as_slice()].concat(), "kept");
    }
    let mut process = Process::on(&desktop);
    let write = format!("write work {} {}", FIRST.0, FIRST.1);
    for request in ["check-item work", "read work", &write, "delete work"] {
        assert_eq!(process.ask(request), "Ambiguous(2)", "{request}");
    }
    assert_eq!(count(&search(&desktop), "secret = kept\n"), 2);
}

#[test]
fn an_item_that_stsd_did_not_write_is_named_and_shown_to_nobody() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    let mut check = |content: &str, expected: &str| {
        let store = ["store", "--label=x", "service", "stsd", "username", "work"];
        secret_tool(&desktop, &store, content);
        assert_eq!(process.ask("check-item work"), "ok");
        assert_eq!(process.ask("read work"), expected, "{content}");
    };
    check("hush", "Item(Shape)");
    check(r#"{"version":1,"keys":[],"rotation":null}"#, "Item(Shape)");
    check(r#"{"version":7,"hush":true}"#, "Item(Version(7))");
    // Nor is it overwritten: what it holds may exist nowhere else.
    let refused = process.ask(&format!("write work {} {}", FIRST.0, FIRST.1));
    assert_eq!(refused, "Item(Version(7))");
    assert_eq!(
        secret_tool(&desktop, &["lookup", "service", "stsd", "username", "work"], ""),
        r#"{"version":7,"hush":true}"#
    );
    secret_tool(&desktop, &["clear", "service", "stsd", "username", "work"], "");
    write(&mut process, "work", FIRST);
    assert_eq!(process.ask("read work"), format!("{} {}", FIRST.0, FIRST.1));
    assert_eq!(count(&search(&desktop), "label = stsd: AWS key …WXYZ (work)\n"), 1);
}
