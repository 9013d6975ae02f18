//! A private session bus and keyring daemon in a directory that is thrown away.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;

/// How long a server of the desktop may take to start.
pub(crate) const START: Duration = Duration::from_secs(20);
const SECRETS: &str = "org.freedesktop.secrets";

/// Ends its process, and no other, when it is dropped.
pub(crate) struct Server(Child);

impl Server {
    /// Starts a program that also ends if this test's thread is killed.
    pub(crate) fn start(command: &Command, stdin: Stdio, stdout: Stdio) -> Self {
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        Self(guarded.stdin(stdin).stdout(stdout).stderr(Stdio::null()).spawn().unwrap())
    }

    /// What it prints, once.
    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A session bus on which nothing starts by itself, and directories of its own. Its servers end with it.
pub(crate) struct Desktop {
    // Fields are dropped in this order: the keyring before its bus, the directory last.
    keyring: Option<Server>,
    bus: Option<Server>,
    directory: TempDir,
}

impl Desktop {
    /// A bus without a Secret Service.
    pub(crate) fn without_keyring() -> Self {
        Self::with_startable(None)
    }

    /// A bus that knows a command which it believes to be the Secret Service.
    pub(crate) fn with_startable(command: Option<&str>) -> Self {
        let directory = TempDir::with_prefix("stsd-desktop.").unwrap();
        let root = directory.path();
        for name in ["run", "data", "config", "cache", "services"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        if let Some(command) = command {
            let service = format!("[D-BUS Service]\nName={SECRETS}\nExec={command}\n");
            fs::write(root.join("services/secrets.service"), service).unwrap();
        }
        let config = format!(
            "<busconfig><type>session</type><listen>unix:path={0}/run/bus</listen><auth>EXTERNAL</auth>\
             <servicedir>{0}/services</servicedir><policy context='default'><allow send_destination='*' eavesdrop='true'/>\
             <allow eavesdrop='true'/><allow own='*'/></policy></busconfig>",
            root.display()
        );
        fs::write(root.join("bus.conf"), config).unwrap();
        let bus = start_bus(root);
        Self { keyring: None, bus: Some(bus), directory }
    }

    /// A bus with a keyring whose default collection is open.
    pub(crate) fn unlocked() -> Self {
        let mut desktop = Self::without_keyring();
        desktop.start_keyring(Some("test"));
        desktop
    }

    /// A bus with a keyring that has never been used.
    pub(crate) fn fresh() -> Self {
        let mut desktop = Self::without_keyring();
        desktop.start_keyring(None);
        desktop
    }

    /// Starts the keyring; with a password it opens its default collection, and makes one at its first start.
    pub(crate) fn start_keyring(&mut self, password: Option<&str>) {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]);
        if password.is_some() {
            command.arg("--unlock");
        }
        let mut server = Server::start(&command, Stdio::piped(), Stdio::null());
        // All of standard input is the password.
        let mut stdin = server.0.stdin.take().unwrap();
        stdin.write_all(password.unwrap_or_default().as_bytes()).unwrap();
        drop(stdin);
        self.keyring = Some(server);
        self.await_name(SECRETS);
    }

    /// Ends the bus, and with it every connection.
    pub(crate) fn stop_bus(&mut self) {
        self.bus = None;
    }

    /// Starts the bus again, at the same address.
    pub(crate) fn start_bus(&mut self) {
        self.bus = Some(start_bus(self.directory.path()));
    }

    /// Tells the bus of a command that it may start for a name.
    pub(crate) fn make_startable(&self, name: &str, command: &str) {
        let service = format!("[D-BUS Service]\nName={name}\nExec={command}\n");
        fs::write(self.path("services").join(format!("{name}.service")), service).unwrap();
        let bus = "org.freedesktop.DBus";
        self.connect()
            .call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), "ReloadConfig", &())
            .unwrap();
    }

    /// Kills the keyring, as a crash would.
    pub(crate) fn kill_keyring(&mut self) {
        self.keyring = None;
    }

    pub(crate) fn keyring(&self) -> &Server {
        self.keyring.as_ref().unwrap()
    }

    /// A command that lives on this desktop.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "GNOME_KEYRING_CONTROL", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        command
            .env("HOME", self.directory.path())
            .env("DBUS_SESSION_BUS_ADDRESS", self.address())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// A path in the desktop's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A connection of this process to the desktop's bus.
    pub(crate) fn connect(&self) -> Connection {
        self.builder().build().unwrap()
    }

    /// A connection to be, for a server in this process.
    pub(crate) fn builder(&self) -> Builder<'static> {
        Builder::address(self.address().as_str()).unwrap()
    }

    /// Locks a collection, as its user does from the keyring's own window.
    pub(crate) fn lock(&self, collection: &str) {
        let path = zbus::zvariant::ObjectPath::try_from(collection).unwrap();
        self.connect()
            .call_method(
                Some(SECRETS),
                "/org/freedesktop/secrets",
                Some("org.freedesktop.Secret.Service"),
                "Lock",
                &[path].as_slice(),
            )
            .unwrap();
    }

    /// Waits until somebody owns a name on the bus.
    pub(crate) fn await_name(&self, name: &str) {
        let end = Instant::now() + START;
        while !self.has_name(name) {
            assert!(Instant::now() < end, "no {name} on the bus");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether somebody owns a name on the bus.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        let bus = "org.freedesktop.DBus";
        let answer =
            self.connect().call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), "NameHasOwner", &name);
        answer.unwrap().body().deserialize().unwrap()
    }

    /// Where the bus is.
    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.path("run/bus").display())
    }
}

fn start_bus(root: &Path) -> Server {
    let mut command = Command::new("dbus-daemon");
    command.args(["--nofork", "--print-address=1", "--config-file"]).arg(root.join("bus.conf"));
    let mut bus = Server::start(&command, Stdio::null(), Stdio::piped());
    let mut lines = BufReader::new(bus.stdout());
    let (ready, told) = mpsc::channel();
    std::thread::spawn(move || ready.send(lines.read_line(&mut String::new()).is_ok_and(|n| n > 0)));
    assert_eq!(told.recv_timeout(START), Ok(true), "no bus");
    bus
}
