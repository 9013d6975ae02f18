//! `stsd service`

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, Local, Utc};

use crate::cli::args::{ServiceAction, ServiceArgs};
use crate::cli::here::Here;
use crate::cli::output::{Output, clean, data};
use crate::cli::world::service_manager;
use crate::domain::duration::Human;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::service::{Activity, ServiceState, Standing};
use crate::ports::service_manager::{ServiceManager, ServiceOrder};
use crate::usecase::profiles::load_config;
use crate::usecase::service::{self, Found, line};

/// How often, and how long apart, is looked for the daemon after it was started: launchd does not wait until it serves.
const LOOKS: u32 = 50;
const NAP: Duration = Duration::from_millis(200);

pub(crate) async fn run(args: &ServiceArgs, here: &Here, output: Output) -> Result<u8, Failure> {
    let manager = &*service_manager()?;
    if args.only_show {
        data(&printed(manager, &args.action)?)?;
        return Ok(0);
    }
    match args.action {
        ServiceAction::Install => install(manager, here, output).await,
        ServiceAction::Uninstall => uninstall(manager, output).await,
        ServiceAction::Restart => restart(manager, here, output).await,
        ServiceAction::Status => status(manager, here).await,
        ServiceAction::Logs { follow } => Err(logs(manager, follow)),
    }
}

async fn install(manager: &dyn ServiceManager, here: &Here, output: Output) -> Result<u8, Failure> {
    // The daemon would not start with one that is broken.
    load_config(&here.ports)?;
    let found = service::look(manager).await?;
    nobody_by_hand(&found.state, here).await?;
    let installed = service::install(manager, &found).await?;
    for path in &installed.written {
        output.say(&format!("wrote {}", path.display()));
    }
    greet(manager, here, output).await?;
    output.say("the daemon runs, and starts with every login");
    Ok(0)
}

async fn uninstall(manager: &dyn ServiceManager, output: Output) -> Result<u8, Failure> {
    let found = service::look(manager).await?;
    let gone = service::uninstall(manager, &found).await?;
    for path in &gone.removed {
        output.say(&format!("removed {}", path.display()));
    }
    for path in &gone.kept {
        output.say(&format!("left {}, which is yours", path.display()));
    }
    output.say(if gone.was_there {
        "the daemon is stopped and starts no more; nothing warns you before sessions expire"
    } else {
        "the service is not installed"
    });
    Ok(0)
}

async fn restart(manager: &dyn ServiceManager, here: &Here, output: Output) -> Result<u8, Failure> {
    load_config(&here.ports)?;
    let found = service::look(manager).await?;
    nobody_by_hand(&found.state, here).await?;
    service::restart(manager, &found).await?;
    if found.is_outdated() {
        output.warn("the service's files are of another version, or start another program; to renew them: stsd service install");
    }
    greet(manager, here, output).await?;
    output.say("the daemon was started anew");
    Ok(0)
}

/// Refuses beside a daemon that no service manager knows of: the two would fight over the socket.
async fn nobody_by_hand(state: &ServiceState, here: &Here) -> Result<(), Failure> {
    if state.runs() {
        return Ok(());
    }
    let (message, stop) = match here.daemon().await {
        Ok(None) => return Ok(()),
        Ok(Some(client)) => {
            let pid = client.daemon().pid;
            (format!("a daemon runs already that was started by hand (pid {pid})"), format!("kill {pid}"))
        }
        // One that does not understand us, or means other files, is one all the same.
        Err(failure) => {
            tracing::debug!(%failure, "a daemon answered otherwise");
            let message = "a daemon runs already that was started by hand".to_owned();
            (message, "stop it (and take it out of your autostart)".to_owned())
        }
    };
    Err(Failure::new(FailureClass::Internal, message).hint(format!("{stop}, then: stsd service install")))
}

/// Asks the new daemon who it is, as every command will. One of another version, which ran before, is replaced.
async fn greet(manager: &dyn ServiceManager, here: &Here, output: Output) -> Result<(), Failure> {
    let mut restarted = false;
    for _ in 0..LOOKS {
        let other = match here.daemon().await {
            Ok(Some(client)) if client.daemon().version == env!("CARGO_PKG_VERSION") => return Ok(()),
            Ok(Some(_)) => None,
            Ok(None) => {
                tokio::time::sleep(NAP).await;
                continue;
            }
            // Its environment leads elsewhere than this shell's: it serves, but not commands from here.
            Err(failure) if failure.class == FailureClass::Config => {
                output.warn(&format!("commands in this shell cannot use the daemon: {}", failure.message));
                return Ok(());
            }
            Err(failure) => Some(failure),
        };
        if restarted {
            return Err(other.unwrap_or_else(|| {
                let message = "the service starts a program of another version than this one";
                Failure::new(FailureClass::Config, message).hint("stsd service install")
            }));
        }
        restarted = true;
        manager.order(ServiceOrder::Restart).await.map_err(|error| {
            Failure::new(FailureClass::Internal, format!("the service did not start again: {error}"))
                .hint("stsd service logs")
        })?;
    }
    let message =
        format!("the service was started, but no daemon answers at {}", here.paths.socket.display());
    Err(Failure::new(FailureClass::Internal, message)
        .hint("stsd service logs   (is STSD_SOCKET set in this shell?)"))
}

async fn status(manager: &dyn ServiceManager, here: &Here) -> Result<u8, Failure> {
    let found = service::look(manager).await?;
    data(&table(&found, &line(&manager.log_command(false)), here.ports.clock.now()))?;
    let runs = found.state.activity == Activity::Active;
    Ok(if runs { 0 } else { FailureClass::NoSession.exit_code() })
}

/// What is known of the service, one matter a line.
fn table(found: &Found, log: &str, now: DateTime<Utc>) -> String {
    let state = &found.state;
    let mut table = String::new();
    let mut row = |name: &str, text: String| {
        table.push_str(&[&format!("{name:<14}"), &clean(&text), "\n"].concat());
    };
    if found.is_absent() && !state.runs() {
        row("service", "not installed; to install it: stsd service install".to_owned());
        return table;
    }
    let activity = match state.activity {
        Activity::Active => "active",
        Activity::Starting => "starting",
        Activity::Stopping => "stopping",
        Activity::Inactive => "inactive",
        Activity::Failed => "failed",
    };
    let since = state.since.map(|at| format!(" since {}", moment(at, now))).unwrap_or_default();
    let pid = state.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    row("service", format!("{activity}{since}{pid}"));
    if let Some(says) = &state.says {
        row("it says", says.clone());
    }
    let enabled = if state.enabled { "enabled" } else { "not enabled; to enable it: stsd service install" };
    row("at login", enabled.to_owned());
    match state.listening {
        Some(true) => row("socket", "open: a command starts the daemon if it does not run".to_owned()),
        Some(false) => row("socket", "closed; to open it: stsd service install".to_owned()),
        None => {}
    }
    let failure = state.last_failure.as_ref().map(|failure| {
        let at = failure.at.map(|at| format!(" at {}", moment(at, now))).unwrap_or_default();
        format!("{}{at}", failure.how)
    });
    row("last failure", failure.unwrap_or_else(|| "none known".to_owned()));
    for (file, standing) in &found.files {
        row("file", format!("{}{}", file.path.display(), remark(standing)));
    }
    if state.stale {
        row("note", "files were changed after they were read; to use them: stsd service restart".to_owned());
    }
    row("log", format!("stsd service logs   ({log})"));
    table
}

fn remark(standing: &Standing) -> &'static str {
    match standing {
        Standing::Current => "",
        Standing::Absent => " (absent)",
        Standing::Outdated => " (of another version or program; to renew it: stsd service install)",
        Standing::Edited => " (changed by hand)",
        Standing::Foreign => " (not written by stsd)",
        Standing::Linked(_) => " (a link to what stsd did not write)",
        Standing::Masked => " (masked)",
    }
}

/// `2026-11-22 14:02:05 (3h12m ago)`, in the user's time zone.
fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let ago = (now - at).to_std().unwrap_or_default();
    let ago = if ago.as_secs() < 60 { ago.as_secs() } else { ago.as_secs() / 60 * 60 };
    format!(
        "{} ({} ago)",
        at.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S"),
        Human(Duration::from_secs(ago))
    )
}

/// Becomes the program that shows the log; what it answers is why that failed.
fn logs(manager: &dyn ServiceManager, follow: bool) -> Failure {
    let words = manager.log_command(follow);
    let Some((program, arguments)) = words.split_first() else { return service::not_installed() };
    let error = Command::new(program).args(arguments).exec();
    let message = format!("{program} cannot be started: {}", error.kind());
    Failure::new(FailureClass::Internal, message)
        .hint("a daemon that was started by hand says on its stderr what it does: stsd daemon -v")
}

/// What an action would write and run.
fn printed(manager: &dyn ServiceManager, action: &ServiceAction) -> Result<String, Failure> {
    let mut text = String::new();
    let commands = match action {
        ServiceAction::Install => {
            for file in service::files(manager)? {
                text.push_str(
                    &["# write ", &file.path.display().to_string(), "\n", &file.text, "\n"].concat(),
                );
            }
            manager.commands(ServiceOrder::Enable)
        }
        ServiceAction::Uninstall => {
            let removed = service::files(manager)?;
            let removed = removed
                .iter()
                .map(|file| ["rm", &file.path.display().to_string()].map(ToOwned::to_owned).to_vec());
            let disable = manager.commands(ServiceOrder::Disable).into_iter();
            disable.chain(removed).chain(manager.commands(ServiceOrder::Read)).collect()
        }
        ServiceAction::Restart => manager.commands(ServiceOrder::Restart),
        ServiceAction::Status => vec![manager.state_command()],
        ServiceAction::Logs { follow } => vec![manager.log_command(*follow)],
    };
    for command in commands {
        text.push_str(&[&line(&command), "\n"].concat());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::service::{Known, LastFailure};
    use crate::ports::service_manager::ServiceFile;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn found(state: ServiceState, standing: Standing) -> Found {
        let file = ServiceFile { path: "/units/stsd.service".into(), text: String::new() };
        Found { state, files: vec![(file, standing)] }
    }

    #[test]
    fn all_that_is_known_is_told() {
        let state = ServiceState {
            known: Known::ByOurs,
            enabled: true,
            activity: Activity::Active,
            listening: Some(true),
            since: Some(at("2026-11-22T05:37:38Z")),
            pid: Some(123),
            says: Some("next: work\u{1b}[2J at 14:02".to_owned()),
            last_failure: Some(LastFailure { how: "watchdog".to_owned(), at: None }),
            stale: true,
        };
        let text = table(&found(state, Standing::Edited), "journalctl", at("2026-11-22T08:49:50Z"));
        for words in [
            "active since 2026-11-2",
            "(3h12m ago), pid 123\n",
            "it says       next: work[2J at 14:02\n",
            "at login      enabled\n",
            "socket        open",
            "last failure  watchdog\n",
            "file          /units/stsd.service (changed by hand)\n",
            "to use them: stsd service restart\n",
            "log           stsd service logs   (journalctl)\n",
        ] {
            assert!(text.contains(words), "no {words:?} in\n{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_said_in_one_line() {
        let absent = found(ServiceState::default(), Standing::Absent);
        let text = table(&absent, "", at("2026-11-22T08:49:50Z"));
        assert_eq!(text, "service       not installed; to install it: stsd service install\n");
    }
}
