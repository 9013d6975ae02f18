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

/// Width and height of a display in pixels.
const SIZE: (usize, usize) = (800, 600);

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
    /// Of the Xfce desktop; draws buttons.
    Xfce,
}

impl Display {
    /// A display of [`SIZE`], under the first number that is free.
    pub(crate) fn start(desktop: &Desktop) -> Self {
        let mut command = desktop.command("Xvfb");
        // Without -noreset it starts over when its last client leaves, and refuses who comes meanwhile.
        let screen = format!("{}x{}x24", SIZE.0, SIZE.1);
        command.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"]);
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
                fs::write(
                    &config,
                    "[global]\nfont = Monospace 12\nmouse_left_click = do_action, close_current\n",
                )
                .unwrap();
                let mut command = self.command(desktop, "dunst");
                command.arg("-conf").arg(config);
                command
            }
            Shows::Mate => {
                self.command(desktop, "/usr/lib/mate-notification-daemon/mate-notification-daemon")
            }
            Shows::Xfce => self.command(desktop, "/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd"),
        };
        let server = Server::start(&command, Stdio::null(), Stdio::null());
        desktop.await_name(NOTIFICATIONS);
        server
    }

    /// Presses and releases a button of the mouse at a place of the screen: 1 left, 2 middle, 3 right.
    pub(crate) fn click(&self, desktop: &Desktop, (x, y): (usize, usize), button: u8) {
        let mut command = self.command(desktop, "xdotool");
        command.args(["mousemove", &x.to_string(), &y.to_string(), "click", &button.to_string()]);
        assert!(command.status().unwrap().success(), "no click");
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

    /// What lies between two pictures of the screen: the left, upper, right and lower edge of all that differs.
    pub(crate) fn difference(before: &[u8], after: &[u8]) -> (usize, usize, usize, usize) {
        let (mut left, mut top, mut right, mut bottom) = (SIZE.0, SIZE.1, 0, 0);
        for (at, _) in before.chunks(3).zip(after.chunks(3)).enumerate().filter(|(_, (a, b))| a != b) {
            let (x, y) = (at % SIZE.0, at / SIZE.0);
            (left, right) = (left.min(x), right.max(x));
            (top, bottom) = (top.min(y), bottom.max(y));
        }
        (left, top, right, bottom)
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
