//! What a dialog's program gets to know of our environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::adapters::program;
use crate::ports::prompter::Screen;

/// What a dialog needs to run, to look like its desktop, to be readable and to find the bus. Nothing of AWS, and nothing
/// that names a terminal (`GPG_TTY`): pinentry would take that over.
const KNOWN: [&str; 12] = [
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_DATA_HOME",
    "XDG_DATA_DIRS",
    "XDG_CACHE_HOME",
    "XDG_CURRENT_DESKTOP",
];
/// The categories of the locale.
const LOCALE: &str = "LC_";

/// A program's environment to be, without a screen.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings(BTreeMap<OsString, OsString>);

impl Surroundings {
    /// Of an environment only what a dialog needs.
    pub(super) fn of(environment: &BTreeMap<OsString, OsString>) -> Self {
        let kept = environment.iter().filter(|(name, value)| known(name) && !value.is_empty());
        let mut kept = Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect());
        kept.read_utf8();
        kept
    }

    /// The same, and a screen in place of any other.
    pub(super) fn on(&self, screen: &Screen) -> Self {
        let mut on = self.clone();
        let mut set = |name: &str, value: Option<&OsString>| {
            if let Some(value) = value {
                on.0.insert(name.into(), value.clone());
            }
        };
        set("DISPLAY", screen.display.as_ref());
        set("WAYLAND_DISPLAY", screen.wayland.as_ref());
        set("XAUTHORITY", screen.xauthority.as_ref());
        if screen.wayland.is_none() && screen.display.is_some() {
            // Toolkits try the socket `wayland-0` unasked: a question from `ssh -X` would appear on the screen at home.
            set("GDK_BACKEND", Some(&"x11".into()));
            set("QT_QPA_PLATFORM", Some(&"xcb".into()));
        }
        on
    }

    /// The same, and these variables.
    pub(super) fn with(&self, variables: &[(&str, &str)]) -> Self {
        let mut with = self.clone();
        with.0.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
        with
    }

    /// Its variables, by name.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Where the session bus is, if there could be one.
    #[cfg(target_os = "linux")]
    pub(super) fn bus(&self) -> Option<String> {
        let named = self.0.get(OsStr::new("DBUS_SESSION_BUS_ADDRESS")).and_then(|address| address.to_str());
        let usual = || {
            let directory = self.0.get(OsStr::new("XDG_RUNTIME_DIR"))?.to_str()?;
            Some(format!("unix:path={directory}/bus"))
        };
        named.map(ToOwned::to_owned).or_else(usual)
    }

    /// The program of this name on PATH.
    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        program::on_path(self.0.get(OsStr::new("PATH"))?, program)
    }

    /// Has text read as UTF-8, which is what we write: zenity refuses any other in the locale that holds where none is
    /// set, as under systemd.
    fn read_utf8(&mut self) {
        let first = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| self.0.get(OsStr::new(name)));
        let encoding = first.map(|value| value.to_string_lossy().to_lowercase()).unwrap_or_default();
        if !encoding.contains("utf-8") && !encoding.contains("utf8") {
            self.0.remove(OsStr::new("LC_ALL"));
            self.0.insert("LC_CTYPE".into(), "C.UTF-8".into());
        }
    }
}

/// True for a variable that a dialog needs.
pub(super) fn known(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| KNOWN.contains(&name) || name.starts_with(LOCALE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(environment: &[(&str, &str)]) -> Surroundings {
        Surroundings::of(&environment.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    fn shown(surroundings: &Surroundings) -> String {
        let shown =
            surroundings.variables().map(|(name, value)| format!("{}={}", name.display(), value.display()));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_a_dialog_needs_is_passed_on() {
        let kept = surroundings(&[
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("DISPLAY", ":7"),
            ("GPG_TTY", "/dev/pts/0"),
            ("HOME", "/home/alice"),
            ("LANG", "de_DE.UTF-8"),
            ("LC_TIME", "C"),
            ("LD_PRELOAD", "/tmp/x.so"),
            ("NOTIFY_SOCKET", "/run/x"),
            ("PATH", "/bin"),
            ("TERM", "xterm"),
            ("XDG_DATA_DIRS", ""),
        ]);
        assert_eq!(shown(&kept), "HOME=/home/alice LANG=de_DE.UTF-8 LC_TIME=C PATH=/bin");
    }

    #[test]
    fn text_is_read_as_utf8_whatever_the_locale() {
        assert_eq!(shown(&surroundings(&[])), "LC_CTYPE=C.UTF-8");
        assert_eq!(
            shown(&surroundings(&[("LC_ALL", "C"), ("LANG", "de_DE")])),
            "LANG=de_DE LC_CTYPE=C.UTF-8"
        );
        assert_eq!(
            shown(&surroundings(&[("LANG", "C"), ("LC_ALL", "en_US.utf8")])),
            "LANG=C LC_ALL=en_US.utf8"
        );
    }

    #[test]
    fn a_screen_without_wayland_is_not_left_for_the_one_at_home() {
        let x11 = Screen { display: Some(":1".into()), ..Screen::default() };
        let on = surroundings(&[("LANG", "C.UTF-8")]).on(&x11);
        assert_eq!(shown(&on), "DISPLAY=:1 GDK_BACKEND=x11 LANG=C.UTF-8 QT_QPA_PLATFORM=xcb");
        let both = Screen { wayland: Some("wayland-1".into()), xauthority: Some("/x".into()), ..x11 };
        let on = surroundings(&[("LANG", "C.UTF-8")]).on(&both);
        assert_eq!(shown(&on), "DISPLAY=:1 LANG=C.UTF-8 WAYLAND_DISPLAY=wayland-1 XAUTHORITY=/x");
    }
}
