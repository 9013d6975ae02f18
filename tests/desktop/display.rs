//! A display that nobody sees, and a notification server that draws on it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::bus::{Desktop, START, Server};

/// What owns this name on the bus shows notices.
pub(crate) const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// An X server without a screen. It ends with the value.
pub(crate) struct Display {
    _server: Server,
    name: String,
}

/// A program that shows notices, and how it is started.
#[derive(Clone, Copy)]
pub(crate) enum Shows {
    /// Of plain window managers.
    Dunst,
    /// Of the MATE desktop; draws buttons.
    Mate,
}

impl Display {
    /// A display of 800 by 600 pixels, under the first number that is free.
    pub(crate) fn start(desktop: &Desktop) -> Self {
        let mut command = desktop.command("Xvfb");
        // Without -noreset it starts over when its last client leaves, and refuses who comes meanwhile.
        command.args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"]);
        let mut server = Server::start(&command, Stdio::null(), Stdio::piped());
        let mut lines = BufReader::new(server.stdout());
        let (ready, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            ready.send(line)
        });
        let number = told.recv_timeout(START).expect("no display");
        Self { _server: server, name: format!(":{}", number.trim()) }
    }

    /// Its name, such as `:1`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A command that lives on this display of this desktop.
    pub(crate) fn command(&self, desktop: &Desktop, program: &str) -> Command {
        let mut command = desktop.command(program);
        command.env("DISPLAY", &self.name).env("GDK_BACKEND", "x11").env("NO_AT_BRIDGE", "1");
        command
    }

    /// Starts a program that shows notices, and waits until it does.
    pub(crate) fn shows(&self, desktop: &Desktop, shows: Shows) -> Server {
        let command = match shows {
            Shows::Dunst => {
                let config = desktop.path("dunstrc");
                fs::write(&config, "[global]\nfont = Monospace 12\n").unwrap();
                let mut command = self.command(desktop, "dunst");
                command.arg("-conf").arg(config);
                command
            }
            Shows::Mate => {
                self.command(desktop, "/usr/lib/mate-notification-daemon/mate-notification-daemon")
            }
        };
        let server = Server::start(&command, Stdio::null(), Stdio::null());
        desktop.await_name(NOTIFICATIONS);
        server
    }

    /// All that is on the screen: the pixels of an uncompressed picture, and where that picture is.
    pub(crate) fn shot(&self, desktop: &Desktop, name: &str) -> (Vec<u8>, PathBuf) {
        // Kept for a reader where a test run asks for it.
        let directory = std::env::var_os("STSD_TEST_SHOTS").map_or_else(|| desktop.path("."), PathBuf::from);
        let path = directory.join(format!("{name}.png"));
        let to_file = self.command(desktop, "import").args(["-window", "root"]).arg(&path).status().unwrap();
        assert!(to_file.success(), "no screenshot");
        let pixels = Command::new("convert").arg(&path).arg("rgb:-").output().unwrap();
        assert!(pixels.status.success(), "the screenshot cannot be read");
        (pixels.stdout, path)
    }

    /// Takes pictures until one differs from `before` and the next one is the same as it.
    pub(crate) fn shot_after(&self, desktop: &Desktop, before: &[u8], name: &str) -> Vec<u8> {
        let end = Instant::now() + START;
        let mut last = Vec::new();
        loop {
            let (now, _path) = self.shot(desktop, name);
            if now != before && now == last {
                return now;
            }
            assert!(Instant::now() < end, "{name}: the screen stays as it was");
            last = now;
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
