//! The daemon in this process, in a time that runs faster, and where its notices are seen.

use std::fs;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset, Local, Utc};
use stsd::adapters::file_watch::PathWatch;
use stsd::adapters::notifier::DesktopNotifier;
use stsd::adapters::prompter::DesktopPrompter;
use stsd::client::{Client, Dialogue, Typing};
use stsd::daemon::{Order, World as DaemonWorld, run};
use stsd::domain::failure::{Failure, FailureClass};
use stsd::domain::notice::Notice;
use stsd::ports::Answer as Later;
use stsd::ports::notifier::{Bubble, Happening, Notifier, NotifierError};
use stsd::ports::supervisor::Supervisor;
use stsd::ports::time::{Clock, Timer};
use stsd::protocol::message::{Action, Answer, Places};
use stsd::usecase::profiles::load_config;
use tokio::sync::oneshot;

use crate::world::World;

/// A time that runs faster than the wall's from the moment at which it was made.
#[derive(Clone, Copy)]
pub(crate) struct FastTime {
    wall: DateTime<Utc>,
    begin: Instant,
    factor: u32,
}

impl FastTime {
    /// So many seconds in one.
    pub(crate) fn new(factor: u32) -> Self {
        Self { wall: Utc::now(), begin: Instant::now(), factor }
    }
}

impl Clock for FastTime {
    fn now(&self) -> DateTime<Utc> {
        self.wall + self.begin.elapsed() * self.factor
    }

    fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        at.with_timezone(&Local).fixed_offset()
    }
}

impl Timer for FastTime {
    fn wait_until(&self, deadline: DateTime<Utc>) -> Later<'_, ()> {
        let left = (deadline - self.now()).to_std().unwrap_or_default();
        // A little later than sooner: the loop asks the clock again.
        Box::pin(tokio::time::sleep(left / self.factor + Duration::from_millis(1)))
    }
}

/// Shows notices on the desktop if something there does that, and tells of each.
struct Shown {
    desktop: DesktopNotifier,
    told: Sender<String>,
}

impl Notifier for Shown {
    fn show<'a>(
        &'a self,
        notice: &'a Notice,
        replaces: Option<Bubble>,
    ) -> Later<'a, Result<Bubble, NotifierError>> {
        Box::pin(async move {
            let answer = self.desktop.show(notice, replaces).await;
            let place = if answer.is_ok() { "on the desktop" } else { "no desktop here, so on the terminal" };
            let line = format!("[{place}]  {} - {}", notice.summary, notice.unclickable_body);
            drop(self.told.send(line));
            Ok(answer.unwrap_or(Bubble(1)))
        })
    }

    fn withdraw(&self, bubble: Bubble) -> Later<'_, Result<(), NotifierError>> {
        Box::pin(async move {
            // A bubble that was only on the terminal is none of the desktop's.
            drop(self.desktop.withdraw(bubble).await);
            drop(self.told.send("[taken away]  what the notice said is no longer true".to_owned()));
            Ok(())
        })
    }

    fn next(&self) -> Later<'_, Happening> {
        self.desktop.next()
    }
}

/// The daemon on a thread of its own.
pub(crate) struct Daemon {
    thread: Option<JoinHandle<()>>,
    stop: Option<oneshot::Sender<()>>,
    told: Receiver<String>,
    places: Places,
    socket: std::path::PathBuf,
}

impl Daemon {
    /// Starts it in a world whose time is `time`, and waits until it is ready.
    pub(crate) fn start(world: &World, time: FastTime) -> Self {
        let shown = |name: &str| world.path(name).display().to_string();
        let places = Places {
            config: shown(".config/stsd/config.toml"),
            aws_credentials: shown(".aws/credentials"),
            aws_config: shown(".aws/config"),
            endpoint: Some(world.sts.url().to_owned()),
        };
        let socket = world.path("run/stsd.sock");
        fs::create_dir(world.path("run")).unwrap();
        private(&world.path("run"), 0o700);
        let listener = UnixListener::bind(&socket).unwrap();
        private(&socket, 0o600);
        let (sees, told) = channel();
        let (ready, is_ready) = channel();
        let mut ports = world.ports.clone();
        ports.clock = Arc::new(time);
        let watched = vec![world.path(".config/stsd/config.toml"), world.path(".aws/credentials")];
        let real = DaemonWorld {
            ports,
            timer: Arc::new(time),
            notifier: Arc::new(Shown { desktop: DesktopNotifier::new(), told: sees }),
            prompter: Arc::new(DesktopPrompter::new()),
            watch: Arc::new(PathWatch::new(watched)),
            supervisor: Arc::new(Announce(ready)),
        };
        let config = load_config(&real.ports).unwrap();
        let (stop, stopped) = oneshot::channel();
        let here = places.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let stopped = tokio::sync::Mutex::new(stopped);
                let orders = || async {
                    // Its sender is gone: the demo is.
                    drop((&mut *stopped.lock().await).await);
                    Order::Stop
                };
                run(listener, config, here, real, orders).await.unwrap();
            });
        });
        is_ready.recv_timeout(Duration::from_secs(5)).expect("the daemon is not ready");
        Self { thread: Some(thread), stop: Some(stop), told, places, socket }
    }

    /// What the user saw next.
    pub(crate) fn told(&self) -> String {
        self.told.recv_timeout(Duration::from_secs(10)).expect("no notice")
    }

    /// Asks it as a command does.
    pub(crate) fn ask(&self, world: &World, action: Action) -> Result<Answer, Failure> {
        world.run(async {
            let client = Client::connect(&self.socket, self.places.clone()).await?;
            client.expect("the daemon runs").call(action, &mut Nobody).await
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The daemon that is told to stop ends; one that has ended cannot be told.
        if self.stop.take().is_some_and(|stop| stop.send(()).is_ok())
            && let Some(thread) = self.thread.take()
        {
            drop(thread.join());
        }
    }
}

fn private(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// Everything is on the command line.
struct Nobody;

/// Hears when the daemon is ready.
struct Announce(Sender<()>);

impl Supervisor for Announce {
    fn ready(&self) {
        self.0.send(()).unwrap();
    }

    fn status(&self, _text: &str) {}

    fn patience(&self) -> Option<Duration> {
        None
    }

    fn alive(&self) {}

    fn stopping(&self) {}
}

impl Dialogue for Nobody {
    fn code<'a>(
        &'a mut self,
        _profiles: &'a [String],
        _serial: &'a str,
        _refused: Option<&'a str>,
    ) -> Typing<'a> {
        Box::pin(std::future::ready(Err(Failure::new(
            FailureClass::NoSession,
            "nobody is asked in a demonstration",
        ))))
    }

    fn progress(&mut self, _answer: Answer) -> bool {
        true
    }
}
