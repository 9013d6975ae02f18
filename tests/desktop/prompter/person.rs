//! The hands of a person at a display.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::bus::Desktop;
use crate::display::Display;

/// In the title of every dialog.
const TITLE: &str = "stsd: MFA code";

/// How long a dialog may take to come or go: toolkits gather their fonts first in a home that is new.
const SEES: Duration = Duration::from_secs(40);

/// Somebody who sees a display, types there, and looks at the list of processes.
#[derive(Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) desktop: &'a Desktop,
    pub(crate) display: &'a Display,
}

/// A dialog on the display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    id: String,
    /// Whose it is: the next one may have the same id.
    process: String,
    pub(crate) title: String,
    pub(crate) size: (u32, u32),
}

impl Person<'_> {
    fn xdotool(self, arguments: &[&str]) -> Option<String> {
        let output = self.display.command(self.desktop, "xdotool").args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// The dialog that is there now.
    fn window(self) -> Option<Window> {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", TITLE])?;
        let id = found.lines().next()?.to_owned();
        let process = self.xdotool(&["getwindowpid", &id])?;
        let title = self.xdotool(&["getwindowname", &id])?.trim_end().to_owned();
        let geometry = self.xdotool(&["getwindowgeometry", "--shell", &id])?;
        let number = |name: &str| geometry.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        Some(Window { id, process, title, size: (number("WIDTH=")?, number("HEIGHT=")?) })
    }

    /// Waits for a dialog other than `before`.
    pub(crate) fn sees(self, before: Option<&Window>) -> Window {
        let end = Instant::now() + SEES;
        loop {
            if let Some(window) =
                self.window().filter(|window| before.is_none_or(|old| old.process != window.process))
            {
                return window;
            }
            assert!(Instant::now() < end, "no dialog");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys in a dialog, such as "1" or "Escape".
    pub(crate) fn presses(self, window: &Window, keys: &[&str]) {
        self.xdotool(&["windowfocus", "--sync", &window.id]).expect("the dialog cannot be focused");
        let keys: Vec<_> = ["key", "--delay", "20"].iter().chain(keys).copied().collect();
        self.xdotool(&keys).expect("no key can be pressed");
    }

    /// Types a code in a dialog, and confirms it.
    pub(crate) fn types(self, window: &Window, code: &str) {
        let digits: Vec<_> = code.chars().map(String::from).collect();
        let keys: Vec<_> = digits.iter().map(String::as_str).chain(["Return"]).collect();
        self.presses(window, &keys);
    }

    /// Waits until there is no dialog, and no process of one.
    pub(crate) fn sees_nothing_left(self) {
        let end = Instant::now() + SEES;
        loop {
            let (window, processes) = (self.window(), self.processes());
            if window.is_none() && processes.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "{window:?} and {processes:?} are still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The dialogs that run on this display, as directories of /proc.
    pub(crate) fn processes(self) -> Vec<PathBuf> {
        let display = format!("DISPLAY={}", self.display.name()).into_bytes();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            if !["zenity", "pinentry"].iter().any(|dialog| name.starts_with(dialog)) {
                continue;
            }
            let environment = std::fs::read(path.join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == display) {
                found.push(path);
            }
        }
        found
    }
}
