//! Where a window may appear.
//!
//! A daemon is often older than the desktop that it shall ask on, and outlives it: the user manager of systemd is told
//! of each new desktop, so its environment says more than the one that the daemon was started with.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::surroundings::Surroundings;
use crate::ports::prompter::{PromptError, Screen};

/// The variables of a screen.
pub(super) const SCREEN: [&str; 3] = ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"];

/// The screen for a question: the one where its asker is, else that of the desktop.
///
/// # Errors
///
/// [`PromptError::Unavailable`] if there is none, at once: after a second at the latest where the bus does not answer.
pub(super) async fn find(
    asker: Option<&Screen>,
    environment: &BTreeMap<OsString, OsString>,
    by_systemd: bool,
    around: &Surroundings,
) -> Result<Screen, PromptError> {
    let none = |why: &str| PromptError::Unavailable(format!("no display, {why}"));
    if let Some(screen) = asker {
        let screen = in_full(screen.clone());
        return if screen.exists() { Ok(screen) } else { Err(none("where this was asked from")) };
    }
    let own = screen_in(|name| environment.get(OsStr::new(name)).cloned());
    // Under systemd what we have was the manager's, when we were started.
    let (own_first, own_last) = if by_systemd { (None, Some(own)) } else { (Some(own), None) };
    let found = match own_first.filter(Screen::exists) {
        Some(screen) => Some(screen),
        None => of_the_manager(around).await.or(own_last),
    };
    found.filter(Screen::exists).ok_or_else(|| none("neither DISPLAY nor WAYLAND_DISPLAY is set"))
}

/// The screen that the variables of an environment describe.
fn screen_in(variable: impl Fn(&str) -> Option<OsString>) -> Screen {
    let [display, wayland, xauthority] = SCREEN.map(variable);
    in_full(Screen { display, wayland, xauthority })
}

/// A variable that is set to nothing is not set.
fn in_full(screen: Screen) -> Screen {
    let full = |value: Option<OsString>| value.filter(|value| !value.is_empty());
    Screen {
        display: full(screen.display),
        wayland: full(screen.wayland),
        xauthority: full(screen.xauthority),
    }
}

/// The screen in the environment of systemd's user manager, if that runs and knows one.
#[cfg(target_os = "linux")]
async fn of_the_manager(around: &Surroundings) -> Option<Screen> {
    /// How long the manager may take to answer: a question that cannot be put must fail at once.
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(1);
    let answer = tokio::time::timeout(DEADLINE, environment_of_the_manager(&around.bus()?)).await;
    let lines = match answer {
        Ok(Ok(lines)) => lines,
        Ok(Err(error)) => {
            tracing::debug!(%error, "systemd's user manager not asked for the display");
            return None;
        }
        Err(_elapsed) => {
            tracing::debug!("systemd's user manager gave no answer about the display");
            return None;
        }
    };
    let screen = screen_in(|wanted| {
        lines.iter().find_map(|line| {
            line.split_once('=').filter(|(name, _value)| *name == wanted).map(|(_name, value)| value.into())
        })
    });
    screen.exists().then_some(screen)
}

#[cfg(target_os = "linux")]
async fn environment_of_the_manager(bus: &str) -> zbus::Result<Vec<String>> {
    let connection = zbus::connection::Builder::address(bus)?.build().await?;
    let reply = connection
        .call_method(
            Some("org.freedesktop.systemd1"),
            "/org/freedesktop/systemd1",
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.freedesktop.systemd1.Manager", "Environment"),
        )
        .await?;
    let value: zbus::zvariant::OwnedValue = reply.body().deserialize()?;
    Ok(value.try_into()?)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "elsewhere it asks systemd")]
async fn of_the_manager(_around: &Surroundings) -> Option<Screen> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(asker: Option<&Screen>, environment: &[(&str, &str)]) -> Result<Screen, PromptError> {
        let environment: BTreeMap<OsString, OsString> =
            environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let around = Surroundings::of(&environment);
        let search = find(asker, &environment, false, &around);
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(search)
    }

    #[test]
    fn the_asker_s_screen_replaces_ours_as_a_whole() {
        let ours = [("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0"), ("XAUTHORITY", "/ours")];
        let theirs = Screen { display: Some("localhost:10.0".into()), ..Screen::default() };
        assert_eq!(find_in(Some(&theirs), &ours), Ok(theirs.clone()));
        // They are at a terminal somewhere, and would not see our screen.
        let nowhere = Screen { display: Some("".into()), ..Screen::default() };
        assert!(matches!(find_in(Some(&nowhere), &ours), Err(PromptError::Unavailable(_))));
    }

    #[test]
    fn our_own_screen_serves_when_the_asker_is_unknown() {
        let found = find_in(None, &[("WAYLAND_DISPLAY", "wayland-0"), ("DISPLAY", "")]).unwrap();
        assert_eq!(found, Screen { wayland: Some("wayland-0".into()), ..Screen::default() });
    }

    #[test]
    fn an_authority_alone_is_no_screen() {
        let error = find_in(None, &[("XAUTHORITY", "/x")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no dialog can be shown: no display, neither DISPLAY nor WAYLAND_DISPLAY is set"
        );
    }
}
