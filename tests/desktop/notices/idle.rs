//! What waiting costs: a process with a timer, a watch over files and a notifier that has been used.
//!
//! It is this test binary again, so that the threads of other tests do not count.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use stsd::adapters::clock::SystemClock;
use stsd::adapters::file_watch::PathWatch;
use stsd::adapters::timer::WallTimer;
use stsd::ports::file_watch::FileWatch as _;
use stsd::ports::notifier::{Bubble, Notifier as _};
use stsd::ports::time::{Clock as _, Timer as _};

use super::notice;
use super::recorder::{Manner, Server};
use crate::bus::Desktop;
use crate::{has_desktop, say};

const ROLE: &str = "STSD_TEST_IDLE_BUS";
/// By now every thread that ends when it has nothing to do has ended.
const SETTLED: Duration = Duration::from_secs(2);
const WATCHED: Duration = Duration::from_secs(4);

#[test]
fn a_process_that_waits_is_not_woken() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let _server = Server::start(desktop.builder(), &["body"], Manner::Answers, 1);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "notices::idle::waits", "--nocapture"])
        .env(ROLE, desktop.address())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let woken: Vec<_> = text.lines().filter(|line| line.starts_with("woken: ")).collect();
    say(&woken.join("\n"));
    assert!(output.status.success() && woken.len() == 1, "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(woken[0], "woken: {}", "threads that were woken in {WATCHED:?}");
}

/// The other side: no test of its own.
#[test]
fn waits() {
    let Ok(address) = std::env::var(ROLE) else { return };
    let directory = tempfile::TempDir::new().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let notifier = stsd::adapters::notifier::DesktopNotifier::on_bus(address);
        assert_eq!(notifier.show(&notice("work"), None).await, Ok(Bubble(1)));
        let watch = PathWatch::new(vec![directory.path().join("a/file"), directory.path().join("file")]);
        let timer = WallTimer::new(Arc::new(SystemClock));
        let deadline = SystemClock.now() + TimeDelta::from_std(SETTLED + 2 * WATCHED).unwrap();
        std::thread::spawn(|| {
            std::thread::sleep(SETTLED);
            let before = switches();
            std::thread::sleep(WATCHED);
            let mut woken = switches();
            for (name, count) in before {
                woken.entry(name).and_modify(|later| *later -= count.min(*later));
            }
            woken.retain(|_thread, count| *count > 0);
            say(&format!("woken: {woken:?}"));
        });
        // The change never comes.
        let changed = watch.changed();
        drop(tokio::time::timeout(Duration::from_millis(10), changed).await);
        timer.wait_until(deadline).await;
    });
}

/// How often each thread but this one was put on a processor: its number and name, and the count.
fn switches() -> BTreeMap<String, u64> {
    // PID/task/TID
    let this = fs::read_link("/proc/thread-self").unwrap();
    let this = this.file_name().unwrap().to_str().unwrap().to_owned();
    let mut counts = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/task").unwrap() {
        let thread = entry.unwrap();
        let number = thread.file_name().into_string().unwrap();
        // One that ends meanwhile is not there any more.
        let Ok(status) = fs::read_to_string(thread.path().join("status")) else { continue };
        let value =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0").trim();
        if number != this {
            let name = value("Name:");
            counts.insert(format!("{number} {name}"), value("voluntary_ctxt_switches:").parse().unwrap());
        }
    }
    counts
}
