//! A user's machine with a screen, somebody who draws notices on it, and the daemon; and the hand at the mouse.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::heard::Heard;
use crate::binary::machine::Machine;
use crate::bus::{START, Server};
use crate::daemon::running::Daemon;
use crate::display::{Display, Shows};
use crate::prompter::person::Person;

/// A profile's configuration with pinentry's dialog.
pub(super) const PINENTRY: &str = "prompt = \"pinentry\"\npinentry = \"/usr/bin/pinentry-gtk-2\"\n";
/// The same with zenity's.
pub(super) const ZENITY: &str = "prompt = \"zenity\"\n";
/// The names of the windows in which notices are drawn.
const BUBBLES: &str = "Notification$|^xfce4-notifyd$";
/// The name of mate's for a notice that presses.
const PRESSING: &str = "^Critical Notification$";

/// The machine of somebody who has the key of `work` in the keyring.
pub(super) struct Stage {
    pub(super) daemon: Daemon,
    pub(super) heard: Heard,
    server: Option<Server>,
    pub(super) display: Display,
    pub(super) machine: Machine,
}

/// A bubble on the screen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bubble(String);

/// Where a bubble can be clicked, from its lower right corner.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The button at the right end.
    LastButton,
    /// The button beside it.
    ButtonBeforeLast,
    /// Where there is no button.
    Body,
}

impl Stage {
    /// With these lines of configuration above the profile. The daemon is started by the desktop.
    pub(super) fn new(shows: Shows, settings: &str) -> Self {
        Self::with(shows, settings, |daemon, display| {
            daemon.env("DISPLAY", display);
        })
    }

    /// The same with a daemon whose environment is the test's own, who is told the name of the display.
    pub(super) fn with(shows: Shows, settings: &str, environment: impl FnOnce(&mut Command, &str)) -> Self {
        let machine = Machine::with_work();
        machine.configure(&format!("{settings}{}", machine.configuration()));
        let display = Display::start(&machine.desktop);
        let server = display.shows(&machine.desktop, shows);
        let mut command = machine.stsd(&["daemon", "-vv"]);
        environment(&mut command, display.name());
        let daemon = Daemon::of(&machine, &command, Stdio::null());
        let heard = Heard::on(&machine.desktop);
        Self { daemon, heard, server: Some(server), display, machine }
    }

    /// Whoever sits before it.
    pub(super) fn person(&self) -> Person<'_> {
        Person { desktop: &self.machine.desktop, display: &self.display }
    }

    /// A command that is started on the screen.
    pub(super) fn stsd(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine.stsd(arguments);
        command.env("DISPLAY", self.display.name());
        command
    }

    /// All sessions from now on last so long; the first one is here already.
    pub(super) fn sessions_of(&self, seconds: i64) {
        self.machine.sts.set_session_seconds(Some(seconds));
        self.machine.run(&["refresh", "work", "--code", &self.machine.code()]).succeeded();
    }

    /// The session that every tool finds now.
    pub(super) fn session(&self) -> String {
        self.machine.credential("aws_access_key_id")
    }

    /// Waits for another session than the one before.
    #[track_caller]
    pub(super) fn await_session_after(&self, before: &str) {
        self.daemon.await_that("no new session", |_| self.session() != before);
    }

    /// Kills who shows notices.
    pub(super) fn kill_server(&mut self) {
        self.server = None;
    }

    /// Starts another one.
    pub(super) fn start_server(&mut self, shows: Shows) {
        self.server = Some(self.display.shows(&self.machine.desktop, shows));
    }

    fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = self.display.command(&self.machine.desktop, "xdotool").args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn bubbles(&self, name: &str) -> Vec<Bubble> {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", name]).unwrap_or_default();
        found.lines().map(|id| Bubble(id.to_owned())).collect()
    }

    /// Waits for the only bubble.
    #[track_caller]
    pub(super) fn sees_bubble(&self) -> Bubble {
        self.sees(BUBBLES)
    }

    /// Waits for the only bubble of mate's that presses; there may be others.
    #[track_caller]
    pub(super) fn sees_pressing_bubble(&self) -> Bubble {
        self.sees(PRESSING)
    }

    #[track_caller]
    fn sees(&self, name: &str) -> Bubble {
        let end = Instant::now() + START;
        loop {
            let mut bubbles = self.bubbles(name);
            if let (Some(bubble), []) = (bubbles.pop(), bubbles.as_slice()) {
                // It grows while it is drawn.
                let before = self.edges(&bubble);
                std::thread::sleep(Duration::from_millis(50));
                if before.is_some() && self.edges(&bubble) == before {
                    return bubble;
                }
            }
            if Instant::now() > end {
                let (_pixels, picture) = self.display.shot(&self.machine.desktop, "no-bubble");
                panic!("not one bubble in {}: {}", picture.display(), self.daemon.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a bubble is gone.
    #[track_caller]
    fn sees_gone(&self, bubble: &Bubble) {
        let end = Instant::now() + START;
        while self.bubbles(BUBBLES).contains(bubble) {
            assert!(Instant::now() < end, "a bubble stays");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Clicks away the bubble that says that something was done, if it is alone.
    #[track_caller]
    pub(super) fn tidies_up(&self) {
        let end = Instant::now() + START;
        loop {
            if let Some(bubble) = self.bubbles(BUBBLES).first() {
                return self.dismisses(bubble);
            }
            assert!(Instant::now() < end, "no bubble");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Clicks away a bubble that offers nothing, unless it went by itself or another one has pushed it aside.
    #[track_caller]
    pub(super) fn dismisses(&self, bubble: &Bubble) {
        for _ in 0..30 {
            let (Some([left, top, ..]), [_]) = (self.edges(bubble), self.bubbles(BUBBLES).as_slice()) else {
                return;
            };
            let click = || self.display.click(&self.machine.desktop, (left + 60, top + 20), 1);
            if self.heard.is_closed_by(click) {
                return self.sees_gone(bubble);
            }
        }
        panic!("it cannot be clicked away");
    }

    /// Left, upper, right and lower edge of a bubble.
    pub(super) fn edges(&self, Bubble(id): &Bubble) -> Option<[usize; 4]> {
        let geometry = self.xdotool(&["getwindowgeometry", "--shell", id])?;
        let number = |name: &str| geometry.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        let (x, y): (usize, usize) = (number("X=")?, number("Y=")?);
        Some([x, y, x + number("WIDTH=")?, y + number("HEIGHT=")?])
    }

    /// Clicks at a bubble with the left button of the mouse, and sees it go; gives the key that its server tells.
    #[track_caller]
    pub(super) fn click(&self, bubble: &Bubble, place: Place) -> String {
        let (left, up) = match place {
            Place::LastButton => (70, 28),
            Place::ButtonBeforeLast => (190, 28),
            Place::Body => (300, 60),
        };
        // A server that is still drawing does not hear a click.
        for _ in 0..30 {
            let Some([_, _, right, bottom]) = self.edges(bubble) else { break };
            self.display.click(&self.machine.desktop, (right - left, bottom - up), 1);
            let key = self.heard.key();
            // Under the mouse a bubble may stay longer.
            self.xdotool(&["mousemove", "5", "595"]);
            if let Some(key) = key {
                self.sees_gone(bubble);
                return key;
            }
        }
        panic!("{place:?}: a click that nobody tells of: {}", self.daemon.log());
    }

    /// Clicks "Enter code" in a bubble that has this button alone.
    #[track_caller]
    pub(super) fn clicks_only_button(&self, bubble: &Bubble) {
        assert_eq!(self.click(bubble, Place::LastButton), "enter-code");
    }
}
