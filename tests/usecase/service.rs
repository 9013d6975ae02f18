//! The service, with a manager that remembers what it was told and can be made to fail at each step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use stsd::domain::failure::FailureClass;
use stsd::domain::service::{Activity, Known, ServiceState, Standing};
use stsd::ports::Answer;
use stsd::ports::service_manager::{ServiceError, ServiceFile, ServiceManager, ServiceOrder};
use stsd::usecase::service::{Installed, Uninstalled, install, look, restart, uninstall};

/// What is at a path: the text of a file, or somebody else's standing.
type Files = BTreeMap<PathBuf, Result<String, Standing>>;

#[derive(Default)]
struct Machine {
    files: Files,
    /// What the manager has read: the text of each file.
    read: BTreeMap<PathBuf, String>,
    enabled: bool,
    /// The text that the running daemon was started by, and when.
    running: Option<(String, i64)>,
    /// When the last file was written.
    written: i64,
    /// Seconds: each step takes one.
    now: i64,
    /// True for a manager that looks elsewhere.
    elsewhere: bool,
    orders: Vec<ServiceOrder>,
    /// Calls that change something, until the one that fails.
    fails_after: Option<usize>,
}

struct Fake {
    version: &'static str,
    machine: Mutex<Machine>,
}

const FILES: [&str; 2] = ["/units/stsd.socket", "/units/stsd.service"];

impl Fake {
    fn new() -> Self {
        Self { version: "one", machine: Mutex::new(Machine::default()) }
    }

    fn with(change: impl FnOnce(&mut Machine)) -> Self {
        let fake = Self::new();
        change(&mut fake.machine.lock().unwrap());
        fake
    }

    fn step(&self) -> Result<(), ServiceError> {
        let mut machine = self.machine.lock().unwrap();
        machine.now += 1;
        match machine.fails_after {
            Some(0) => {
                Err(ServiceError::Refused { command: "step".to_owned(), end: "exit status: 1".to_owned() })
            }
            Some(left) => {
                machine.fails_after = Some(left - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn carry_out(&self, order: ServiceOrder) -> Result<(), ServiceError> {
        self.step()?;
        let mut machine = self.machine.lock().unwrap();
        machine.orders.push(order);
        let service = PathBuf::from(FILES[1]);
        match order {
            ServiceOrder::Read => {
                let ours =
                    machine.files.iter().filter_map(|(path, text)| Some((path.clone(), text.clone().ok()?)));
                machine.read = if machine.elsewhere { BTreeMap::new() } else { ours.collect() };
            }
            ServiceOrder::Enable => {
                machine.enabled = true;
                let new = (machine.read[&service].clone(), machine.now);
                machine.running.get_or_insert(new);
            }
            ServiceOrder::Replace | ServiceOrder::Restart => {
                machine.enabled |= order == ServiceOrder::Replace;
                machine.running = Some((machine.read[&service].clone(), machine.now));
            }
            ServiceOrder::Disable => {
                machine.enabled = false;
                machine.running = None;
            }
        }
        Ok(())
    }
}

impl ServiceManager for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn files(&self) -> Result<Vec<ServiceFile>, ServiceError> {
        Ok(FILES
            .map(|path| ServiceFile { path: path.into(), text: format!("{path} {}", self.version) })
            .into())
    }

    fn standing(&self, file: &ServiceFile) -> Result<Standing, ServiceError> {
        Ok(match self.machine.lock().unwrap().files.get(&file.path) {
            None => Standing::Absent,
            Some(Ok(text)) if *text == file.text => Standing::Current,
            Some(Ok(_)) => Standing::Outdated,
            Some(Err(standing)) => standing.clone(),
        })
    }

    fn written_at(&self, path: &Path) -> Option<DateTime<Utc>> {
        let machine = self.machine.lock().unwrap();
        machine.files.get(path).and_then(|_| DateTime::from_timestamp(machine.written, 0))
    }

    fn write(&self, file: &ServiceFile) -> Result<(), ServiceError> {
        self.step()?;
        let mut machine = self.machine.lock().unwrap();
        machine.files.insert(file.path.clone(), Ok(file.text.clone()));
        machine.written = machine.now;
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), ServiceError> {
        self.step()?;
        self.machine.lock().unwrap().files.remove(path);
        Ok(())
    }

    fn kept(&self) -> Vec<PathBuf> {
        vec!["/units/stsd.service.d".into()]
    }

    fn commands(&self, order: ServiceOrder) -> Vec<Vec<String>> {
        vec![vec![format!("fake {order:?}")]]
    }

    fn order(&self, order: ServiceOrder) -> Answer<'_, Result<(), ServiceError>> {
        Box::pin(async move { self.carry_out(order) })
    }

    fn state(&self) -> Answer<'_, Result<ServiceState, ServiceError>> {
        let machine = self.machine.lock().unwrap();
        let loaded = machine.read.len() == FILES.len();
        let state = ServiceState {
            known: if loaded { Known::ByOurs } else { Known::No },
            enabled: machine.enabled,
            activity: if machine.running.is_some() { Activity::Active } else { Activity::Inactive },
            listening: Some(machine.running.is_some()),
            since: machine.running.as_ref().and_then(|(_, at)| DateTime::from_timestamp(*at, 0)),
            ..ServiceState::default()
        };
        Box::pin(async move { Ok(state) })
    }

    fn state_command(&self) -> Vec<String> {
        vec!["fake-state".to_owned()]
    }

    fn log_command(&self, _follow: bool) -> Vec<String> {
        vec!["fake-log".to_owned()]
    }
}

async fn put(fake: &Fake) -> Result<Installed, stsd::domain::failure::Failure> {
    install(fake, &look(fake).await?).await
}

async fn take(fake: &Fake) -> Result<Uninstalled, stsd::domain::failure::Failure> {
    uninstall(fake, &look(fake).await?).await
}

fn is_whole(fake: &Fake) -> bool {
    let machine = fake.machine.lock().unwrap();
    let text = |path: &str| format!("{path} {}", fake.version);
    machine.enabled
        && machine.running.as_ref().is_some_and(|(started_by, _)| *started_by == text(FILES[1]))
        && FILES.iter().all(|path| machine.files.get(Path::new(path)) == Some(&Ok(text(path))))
}

fn is_gone(fake: &Fake) -> bool {
    let machine = fake.machine.lock().unwrap();
    machine.files.is_empty() && machine.read.is_empty() && !machine.enabled && machine.running.is_none()
}

#[tokio::test]
async fn twice_is_once() {
    let fake = Fake::new();
    assert_eq!(put(&fake).await.unwrap().written, FILES.map(PathBuf::from));
    assert!(is_whole(&fake));
    assert!(put(&fake).await.unwrap().written.is_empty());
    assert!(is_whole(&fake));
    let first = take(&fake).await.unwrap();
    assert_eq!((first.removed.len(), first.was_there, first.kept.len()), (2, true, 1));
    assert!(is_gone(&fake));
    let second = take(&fake).await.unwrap();
    assert_eq!((second.removed.len(), second.was_there, second.kept.len()), (0, false, 0));
    assert!(is_gone(&fake));
}

#[tokio::test]
async fn a_daemon_that_runs_by_older_files_is_replaced_and_one_that_runs_by_these_is_left() {
    use ServiceOrder::{Enable, Read, Replace};

    let mut fake = Fake::new();
    put(&fake).await.unwrap();
    fake.version = "two";
    assert!(look(&fake).await.unwrap().is_outdated());
    put(&fake).await.unwrap();
    assert!(is_whole(&fake));
    put(&fake).await.unwrap();
    let orders = std::mem::take(&mut fake.machine.lock().unwrap().orders);
    assert_eq!(orders, [Read, Enable, Read, Replace, Read, Enable]);
}

#[tokio::test]
async fn stopped_at_any_step_a_second_run_completes_it() {
    for steps in 0..10 {
        for outdated in [false, true] {
            let mut fake = Fake::new();
            if outdated {
                put(&fake).await.unwrap();
                fake.version = "two";
            }
            fake.machine.lock().unwrap().fails_after = Some(steps);
            let first = put(&fake).await;
            assert_eq!(first.is_ok(), steps >= 4, "writing twice, reading, starting: {steps}");
            if let Err(failure) = first {
                assert_eq!(failure.class, FailureClass::Internal, "{failure:?}");
                assert!(failure.hint.is_some());
            }
            fake.machine.lock().unwrap().fails_after = None;
            put(&fake).await.unwrap();
            assert!(is_whole(&fake), "{steps} {outdated}");

            fake.machine.lock().unwrap().fails_after = Some(steps);
            let first = take(&fake).await;
            assert_eq!(first.is_ok(), steps >= 4, "stopping, removing twice, reading: {steps}");
            fake.machine.lock().unwrap().fails_after = None;
            take(&fake).await.unwrap();
            assert!(is_gone(&fake), "{steps} {outdated}");
        }
    }
}

#[tokio::test]
async fn what_is_not_ours_is_neither_overwritten_nor_removed() {
    let theirs = [
        (
            Standing::Edited,
            "was changed since stsd wrote it",
            "mv /units/stsd.service /units/stsd.service.mine",
        ),
        (Standing::Foreign, "was not written by stsd", "mv /units/stsd.service /units/stsd.service.mine"),
        (Standing::Linked("/nix/store/x".into()), "is a link to /nix/store/x", "home-manager"),
        (Standing::Masked, "masked", "systemctl --user unmask stsd.service"),
    ];
    for (standing, words, hint) in theirs {
        let fake = Fake::with(|machine| {
            machine.files.insert(FILES[1].into(), Err(standing.clone()));
        });
        let failures = [put(&fake).await.unwrap_err(), take(&fake).await.unwrap_err()];
        for (failure, again) in failures.into_iter().zip(["stsd service install", "stsd service uninstall"]) {
            assert_eq!(failure.class, FailureClass::Config);
            assert!(failure.message.contains(words), "{failure:?}");
            let found = failure.hint.unwrap();
            assert!(found.contains(hint) && found.contains(again), "{found}");
        }
        let machine = fake.machine.lock().unwrap();
        assert_eq!(machine.files, Files::from([(FILES[1].into(), Err(standing))]));
        assert_eq!(machine.orders, []);
    }
}

#[tokio::test]
async fn files_that_the_manager_does_not_read_are_taken_away_again() {
    let fake = Fake::with(|machine| machine.elsewhere = true);
    let failure = put(&fake).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Config);
    assert!(failure.message.contains("does not take the service from /units/"), "{failure:?}");
    assert!(is_gone(&fake));
    assert_eq!(fake.machine.lock().unwrap().orders, [ServiceOrder::Read]);
}

#[tokio::test]
async fn only_what_is_installed_is_restarted() {
    let fake = Fake::new();
    let failure = restart(&fake, &look(&fake).await.unwrap()).await.unwrap_err();
    assert_eq!(
        (failure.class, failure.hint.as_deref()),
        (FailureClass::Config, Some("stsd service install"))
    );
    put(&fake).await.unwrap();
    restart(&fake, &look(&fake).await.unwrap()).await.unwrap();
    assert_eq!(fake.machine.lock().unwrap().orders.last(), Some(&ServiceOrder::Restart));
}
