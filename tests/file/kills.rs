//! Processes that die in the middle of a write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::reader::{Reader, read};
use crate::strace::{self, Tracer, counts};
use crate::writer::{Order, Writer, lines, write};
use crate::{directory_names, say};

/// What is not ours, with all that invites a clumsy writer to change it.
const HEAD: &str = "; mine, do not touch\r\n[default]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n\
                    aws_secret_access_key = \twJalrXUtnFEMI/only/copy  \n\n";
const TAIL: &str = "\n# between\n\n[other]\nregion = x\n# the end, without a line feed";

/// How many writers are killed at the same time: most of their lives they wait.
const LANES: usize = 6;

/// A change of a file that was never disturbed.
struct Scenario {
    order: Order,
    /// False: not even the directory.
    has_directory: bool,
    before: Option<String>,
    after: String,
}

impl Scenario {
    /// The old content or the new one; nothing between.
    fn judge(before: Option<&str>, after: &str, found: Option<&[u8]>) -> Result<(), String> {
        if found == before.map(str::as_bytes) || found == Some(after.as_bytes()) {
            return Ok(());
        }
        Err(match found {
            None => "the file is missing".to_owned(),
            Some([]) => "the file is empty".to_owned(),
            Some(bytes) => format!("{} bytes: {}", bytes.len(), String::from_utf8_lossy(bytes)),
        })
    }

    /// Kills a writer at a call, or lets it live: how it ended, and its calls. Then an ordinary write follows.
    fn play(&self, kill: Option<(&str, usize)>) -> Option<Played> {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join(".aws");
        let path = directory.join("credentials");
        if self.has_directory {
            fs::create_dir(&directory).unwrap();
        }
        if let Some(before) = &self.before {
            fs::write(&path, before).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let (before, after) = (self.before.clone(), self.after.clone());
        let judge = move |found: Option<&[u8]>| Self::judge(before.as_deref(), &after, found);
        let reader = Reader::start(path.clone(), judge.clone());
        let writer = Writer::start(&path, self.order);
        let tracer = Tracer::attach(writer.child.id(), root.path().join("log"), kill)?;
        let survived = writer.go();
        let calls = tracer.finish();
        let (reads, left) = (reader.finish(), directory_names(&directory));
        let context = || format!("killed at {kill:?}, left {left:?}, {:#?}", calls.last());
        let reads = reads.unwrap_or_else(|error| panic!("a reader found: {error}; {}", context()));
        let found = read(&path).unwrap();
        judge(found.as_deref()).unwrap_or_else(|error| panic!("{error}; {}", context()));
        if directory.exists() && !self.has_directory {
            let mode = fs::metadata(&directory).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o700, "{}", context());
        }
        if survived {
            assert_eq!(found.as_deref(), Some(self.after.as_bytes()), "{}", context());
        }

        write(&path, Order::Put, "NEXT").unwrap_or_else(|error| panic!("{error}; {}", context()));
        let text = fs::read_to_string(&path).unwrap();
        if self.before.is_some() {
            assert!(text.starts_with(HEAD) && text.contains(TAIL), "{text}; {}", context());
        }
        assert!(text.contains(&format!("[work]\n{}", lines("NEXT"))), "{text}; {}", context());
        assert_eq!(text.matches("[work]").count(), 1, "{text}; {}", context());
        assert_eq!(directory_names(&directory), ["credentials", "credentials.lock"], "{}", context());
        Some(Played { survived, calls, reads, had_leftover: left.iter().any(|name| name.contains(".stsd-")) })
    }

    /// Kills a writer once at each of its calls.
    fn kill_everywhere(&self, what: &str) {
        if !strace::is_there() {
            return;
        }
        let Some(whole) = self.play(None) else { return };
        assert!(whole.survived);
        let mut jobs = Vec::new();
        for (name, count) in counts(&whole.calls) {
            jobs.extend((1..=count).map(|number| (name.clone(), number)));
        }
        let (next, reads, leftovers) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let deaths = Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..LANES {
                scope.spawn(|| {
                    while let Some((name, number)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let played = self.play(Some((name, *number))).unwrap();
                        reads.fetch_add(played.reads, Ordering::Relaxed);
                        leftovers.fetch_add(usize::from(played.had_leftover), Ordering::Relaxed);
                        deaths.lock().unwrap().extend(played.death());
                    }
                });
            }
        });
        let (deaths, leftovers) = (deaths.into_inner().unwrap(), leftovers.into_inner());
        let missed: Vec<_> = whole.steps().into_iter().filter(|step| !deaths.contains(step)).collect();
        say(&format!(
            "{what}: {} kills at {} calls, {leftovers} leftovers, {} reads; not met: {missed:?}",
            jobs.len(),
            deaths.len(),
            reads.into_inner()
        ));
        // How often the watch at the end looks depends on the machine; all else is the same each time.
        assert!(missed.iter().all(|(name, _)| name.contains("stat")), "{missed:?}");
        for name in ["fsync", "ftruncate", "renameat2"] {
            assert!(deaths.iter().any(|(death, _)| death == name), "no {name}: {deaths:?}");
        }
        assert!(leftovers > 0, "never killed in the middle of a write");
    }
}

/// How a scenario went.
struct Played {
    survived: bool,
    calls: Vec<strace::Call>,
    reads: usize,
    had_leftover: bool,
}

/// A call by its name and its number among those of its thread.
type Step = (String, usize);

impl Played {
    /// The calls of the thread that works.
    fn steps(&self) -> Vec<Step> {
        let Some(first) = self.calls.iter().position(|call| call.rest.contains("/.aws")) else {
            return Vec::new();
        };
        let (_, calls) = self.calls.split_at(first);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let calls = calls.iter().filter(|call| call.thread == calls[0].thread);
        let numbered = calls.map(|call| {
            let count = counts.entry(&call.name).or_default();
            *count += 1;
            (call.name.clone(), *count)
        });
        numbered.collect()
    }

    /// The call before which the thread that works was killed.
    fn death(&self) -> Option<Step> {
        self.steps().pop().filter(|_| !self.survived)
    }
}

#[test]
fn at_each_call_of_a_change() {
    Scenario {
        order: Order::Put,
        has_directory: true,
        before: Some(format!("{HEAD}[work]\n{}{TAIL}", lines("OLD"))),
        after: format!("{HEAD}[work]\n{}{TAIL}", lines("NEW")),
    }
    .kill_everywhere("a change");
}

#[test]
fn at_each_call_of_the_first_write() {
    Scenario {
        order: Order::Put,
        has_directory: false,
        before: None,
        after: format!("[work]\n{}", lines("NEW")),
    }
    .kill_everywhere("the first write");
}

#[test]
fn at_each_call_of_a_removal() {
    Scenario {
        order: Order::Take,
        has_directory: true,
        before: Some(format!("{HEAD}[work]\n{}{TAIL}", lines("OLD"))),
        // The section goes with the empty line above it; the comment below, behind an empty line, speaks of another one.
        after: format!("{}{TAIL}", HEAD.strip_suffix('\n').unwrap()),
    }
    .kill_everywhere("a removal");
}
