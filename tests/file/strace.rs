//! strace, and what its log says.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// All calls that take a file's name or descriptor.
const CALLS: &str = "trace=%file,%desc";

/// False, and said so, where there is no strace.
pub(crate) fn is_there() -> bool {
    let there = Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    if !there {
        stsd_test_support::not_run("the system calls of a write: needs strace");
    }
    there
}

/// Arguments for strace that write a log; and kill at the `number`th call of a name, counted in each thread, before
/// the call does anything.
pub(crate) fn arguments(log: &Path, kill: Option<(&str, usize)>) -> Vec<String> {
    let mut arguments: Vec<String> = ["-f", "-yy", "-s", "64", "-e", CALLS, "-o"].map(str::to_owned).to_vec();
    arguments.push(log.display().to_string());
    if let Some((name, number)) = kill {
        arguments.extend(["-e".to_owned(), format!("inject=?{name}:signal=SIGKILL:when={number}")]);
    }
    arguments
}

/// strace on a process that runs already.
pub(crate) struct Tracer {
    child: Child,
    log: PathBuf,
}

impl Tracer {
    /// `None`, and said so, where the kernel does not let us (Yama's `ptrace_scope`).
    pub(crate) fn attach(pid: u32, log: PathBuf, kill: Option<(&str, usize)>) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(arguments(&log, kill)).args(["-p", &pid.to_string()]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        if line.contains(" attached") {
            // What it says later is of no interest, but must find somebody who takes it.
            std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(drop));
            return Some(Self { child, log });
        }
        drop(child.kill());
        child.wait().unwrap();
        assert!(line.contains("not permitted"), "{line}");
        stsd_test_support::not_run("a kill at every system call of a write: strace may not attach here");
        None
    }

    /// The calls, once the process has ended.
    pub(crate) fn finish(mut self) -> Vec<Call> {
        self.child.wait().unwrap();
        calls(&std::fs::read_to_string(&self.log).unwrap())
    }
}

/// A system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) thread: String,
    pub(crate) name: String,
    /// From the parenthesis to the end of the line, with the paths behind the descriptors.
    pub(crate) rest: String,
    /// True for a call during which the process was killed.
    pub(crate) last: bool,
}

/// The calls in a log, in the order of their beginnings; one that another thread interrupts is put together.
pub(crate) fn calls(log: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: BTreeMap<String, usize> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(resumed) = text.strip_prefix("<... ") {
            let Some(index) = unfinished.remove(thread) else { continue };
            calls[index].rest += resumed.split_once("resumed>").map_or("", |(_, rest)| rest);
        } else if let Some((name, rest)) = text.split_once('(').filter(|_| !text.starts_with(['+', '-'])) {
            let begun = rest.strip_suffix(" <unfinished ...>");
            if begun.is_some() {
                unfinished.insert(thread.to_owned(), calls.len());
            }
            calls.push(Call {
                thread: thread.to_owned(),
                name: name.to_owned(),
                rest: begun.unwrap_or(rest).to_owned(),
                last: false,
            });
        }
    }
    for call in &mut calls {
        call.last = !call.rest.contains(" = ") || call.rest.ends_with("= ?");
    }
    calls
}

impl Call {
    /// True if the call did what it was asked to.
    pub(crate) fn succeeded(&self) -> bool {
        !self.last && !self.rest.contains(" = -1 E")
    }

    /// The path behind its first argument, a descriptor.
    pub(crate) fn descriptor(&self) -> Option<(&str, &str)> {
        let (number, rest) = self.rest.split_once('<')?;
        number.parse::<u32>().ok()?;
        Some((number, rest.split_once('>')?.0))
    }

    /// The quoted paths among its arguments.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.rest.split('"').skip(1).step_by(2).collect()
    }
}

/// The highest number of calls of each name in any one thread.
pub(crate) fn counts(calls: &[Call]) -> BTreeMap<String, usize> {
    let mut by_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for call in calls {
        *by_thread.entry((&call.name, &call.thread)).or_default() += 1;
    }
    let mut counts = BTreeMap::new();
    for ((name, _), count) in by_thread {
        let most = counts.entry(name.to_owned()).or_insert(0);
        *most = count.max(*most);
    }
    counts
}
