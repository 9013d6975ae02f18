//! The daemon on its own thread, and a client.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use stsd::client::{Client, Dialogue, Typing};
use stsd::daemon::{self, Order};
use stsd::domain::failure::Failure;
use stsd::ports::time::Clock as _;
use stsd::protocol::message::{
    Action, Answer, FromDaemon, Hello, Outcome, Places, ProfileStatus, Refreshed, WireCode,
};
use stsd::usecase::profiles::load_config;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::desktop::Desktop;
use crate::dialogs::Dialogs;
use crate::hand::{Files, Hand};
use crate::store::Counted;
use crate::supervised::Supervised;
use crate::world::World;

/// How long anything may take: far more than it does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a condition.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The world in which daemons start and stop.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) hand: Arc<Hand>,
    pub(crate) desktop: Arc<Desktop>,
    pub(crate) dialogs: Arc<Dialogs>,
    pub(crate) files: Arc<Files>,
    pub(crate) supervisor: Arc<Supervised>,
    pub(crate) store: Arc<Counted>,
    runtime_dir: TempDir,
}

impl Stage {
    /// Alice's key is stored as profile `work`; the clock stands at the present.
    pub(crate) fn with_work() -> Self {
        Self::of(World::with_work())
    }

    /// A world as the test made it.
    pub(crate) fn of(mut world: World) -> Self {
        let hand = Arc::new(Hand::at(Utc::now()));
        world.ports.clock = Arc::<Hand>::clone(&hand);
        let store = Arc::new(Counted::new(Arc::clone(&world.ports.store)));
        world.ports.store = Arc::<Counted>::clone(&store);
        let runtime_dir = tempfile::tempdir().unwrap();
        std::fs::DirBuilder::new().mode(0o700).create(runtime_dir.path().join("stsd")).unwrap();
        Self {
            world,
            hand,
            desktop: Arc::default(),
            dialogs: Arc::default(),
            files: Arc::default(),
            supervisor: Arc::default(),
            store,
            runtime_dir,
        }
    }

    /// Where the daemon listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.runtime_dir.path().join("stsd/stsd.sock")
    }

    /// Waits until nobody watches over a write of the credentials file any more, for which the lock is kept.
    pub(crate) fn rest(&self) {
        drop(self.lock());
    }

    /// Takes the lock of the credentials file, once it is free, and keeps others from writing.
    pub(crate) fn lock(&self) -> std::fs::File {
        let lock = std::fs::File::open(self.world.path(".aws/credentials.lock")).unwrap();
        lock.lock().unwrap();
        lock
    }

    /// What this environment leads to.
    pub(crate) fn places(&self) -> Places {
        let shown = |name| self.world.path(name).display().to_string();
        Places {
            config: shown(".config/stsd/config.toml"),
            aws_credentials: shown(".aws/credentials"),
            aws_config: shown(".aws/config"),
            endpoint: Some(self.world.sts.url().to_owned()),
        }
    }

    /// Starts a daemon and waits until it is ready.
    pub(crate) fn daemon(&self) -> Daemon<'_> {
        drop(std::fs::remove_file(self.socket()));
        let listener = UnixListener::bind(self.socket()).unwrap();
        std::fs::set_permissions(self.socket(), std::fs::Permissions::from_mode(0o600)).unwrap();
        let config = load_config(&self.world.ports).unwrap();
        let world = daemon::World {
            ports: self.world.ports.clone(),
            timer: Arc::<Hand>::clone(&self.hand),
            notifier: Arc::<Desktop>::clone(&self.desktop),
            prompter: Arc::<Dialogs>::clone(&self.dialogs),
            watch: Arc::<Files>::clone(&self.files),
            supervisor: Arc::<Supervised>::clone(&self.supervisor),
        };
        let (orders, queue) = mpsc::unbounded_channel();
        let is_ready = self.supervisor.await_ready();
        let places = self.places();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let queue = tokio::sync::Mutex::new(queue);
            let next = || async {
                match queue.lock().await.recv().await {
                    Some(order) => order,
                    None => std::future::pending().await,
                }
            };
            runtime.block_on(daemon::run(listener, config, places, world, next))
        });
        is_ready.recv_timeout(PATIENCE).expect("the daemon is ready");
        Daemon { stage: self, orders, thread: Some(thread) }
    }
}

/// A daemon that runs; it is stopped when dropped.
pub(crate) struct Daemon<'a> {
    pub(crate) stage: &'a Stage,
    orders: mpsc::UnboundedSender<Order>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
}

impl Daemon<'_> {
    /// Gives an order.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// True once it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().unwrap().is_finished()
    }

    /// Stops it and waits for its end.
    pub(crate) fn stop(mut self) {
        self.order(Order::Stop);
        until("the daemon ends", || self.has_ended());
        self.thread.take().unwrap().join().unwrap().unwrap();
    }

    /// Makes a request with a dialogue of the test's own.
    pub(crate) fn ask(&self, action: Action, dialogue: &mut dyn Dialogue) -> Result<Answer, Failure> {
        self.stage.world.run(async {
            let client = Client::connect(&self.stage.socket(), self.stage.places()).await?;
            let call = client.expect("a daemon").call(action, dialogue);
            tokio::time::timeout(PATIENCE, call).await.expect("an answer in time")
        })
    }

    /// Makes a request that asks nothing.
    pub(crate) fn call(&self, action: Action) -> Result<Answer, Failure> {
        self.ask(action, &mut Typist(|| panic!("no code is wanted")))
    }

    /// Refreshes with a code that is taken.
    pub(crate) fn refresh(&self, profiles: &[&str]) -> Vec<Outcome<Refreshed>> {
        let sts = &self.stage.world.sts;
        let code = sts.unused_code(&sts.alice().serial);
        match self.call(refresh(profiles, Some(&code))).unwrap() {
            Answer::Refreshed(outcomes) => outcomes,
            other => panic!("{other:?}"),
        }
    }

    /// Refreshes one profile for so many seconds; says when its session ends.
    pub(crate) fn refresh_for(&self, profile: &str, seconds: i64) -> DateTime<Utc> {
        // The server goes by the real clock, the daemon by the test's.
        let ahead = (self.stage.hand.now() - Utc::now()).num_seconds();
        self.stage.world.sts.set_session_seconds(Some(seconds + ahead));
        self.refresh(&[profile]).remove(0).result.unwrap().expires_at
    }

    /// Forgets the session of a profile.
    pub(crate) fn forget(&self, profile: &str) {
        self.call(Action::Forget { profiles: vec![profile.to_owned()], all: false }).unwrap();
    }

    /// The status of all.
    pub(crate) fn status(&self) -> Vec<ProfileStatus> {
        match self.call(Action::Status { profiles: Vec::new(), watch: false }).unwrap() {
            Answer::Status(profiles) => profiles,
            other => panic!("{other:?}"),
        }
    }

    /// A connection that has said nothing.
    pub(crate) fn raw(&self) -> Raw {
        Raw::connect(self.stage)
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It may have ended already.
            self.orders.send(Order::Stop).unwrap_or_default();
            drop(thread.join());
        }
    }
}

/// A refresh; without a code somebody can be asked.
pub(crate) fn refresh(profiles: &[&str], code: Option<&str>) -> Action {
    Action::Refresh {
        profiles: profiles.iter().map(|&profile| profile.to_owned()).collect(),
        duration_seconds: None,
        code: code.map(WireCode::new),
        may_ask: code.is_none(),
        display: None,
        min_seconds: None,
    }
}

/// Somebody at a terminal.
pub(crate) struct Typist<F>(pub(crate) F);

impl<F: FnMut() -> Result<WireCode, Failure>> Dialogue for Typist<F> {
    fn code<'a>(
        &'a mut self,
        _profiles: &'a [String],
        _serial: &'a str,
        _refused: Option<&'a str>,
    ) -> Typing<'a> {
        Box::pin(std::future::ready((self.0)()))
    }

    fn progress(&mut self, _answer: Answer) -> bool {
        true
    }
}

/// A connection on which the test writes what it likes.
pub(crate) struct Raw {
    pub(crate) stream: UnixStream,
    reader: BufReader<UnixStream>,
    hello: Hello,
}

impl Raw {
    /// Connects and says nothing.
    pub(crate) fn connect(stage: &Stage) -> Self {
        let stream = UnixStream::connect(stage.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let hello = Hello {
            protocol: stsd::protocol::VERSION,
            version: "0.0.7".to_owned(),
            pid: 1,
            places: stage.places(),
        };
        Self { stream, reader, hello }
    }

    /// The hello of this side.
    pub(crate) fn hello(&self) -> Hello {
        self.hello.clone()
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: &impl serde::Serialize) {
        self.stream.write_all(&stsd::protocol::frame::encode(message).unwrap()).unwrap();
    }

    /// Says hello and takes the daemon's.
    pub(crate) fn greeted(mut self) -> Self {
        self.send(&self.hello());
        self.line().expect("a hello");
        self
    }

    /// Makes a request.
    pub(crate) fn request(&mut self, action: Action) {
        use stsd::protocol::message::{FromClient, Request};
        self.send(&FromClient::Request(Request { id: 7, action }));
    }

    /// The next line; `None` at the end of the connection.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> FromDaemon {
        serde_json::from_str(&self.line().expect("an answer")).unwrap()
    }

    /// The failure that is the next answer.
    pub(crate) fn failure(&mut self) -> Failure {
        match self.answer() {
            FromDaemon::Failed { failure, .. } => failure.into(),
            other => panic!("{other:?}"),
        }
    }
}
