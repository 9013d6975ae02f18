//! Installs, restarts and removes the service that starts the daemon at login. Each may be done twice, and whoever is
//! stopped in between does it again.

use std::path::PathBuf;

use super::failures::quoted;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::service::{Known, ServiceState, Standing};
use crate::ports::service_manager::{ServiceError, ServiceFile, ServiceManager, ServiceOrder};

/// What to do where no service manager is.
const BY_HAND: &str = "start it from your desktop's autostart: stsd daemon";

/// The service as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// As the manager tells it.
    pub state: ServiceState,
    /// The files that belong to it and whose each is.
    pub files: Vec<(ServiceFile, Standing)>,
}

impl Found {
    /// True if nothing of a service is there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.files.iter().all(|(_, standing)| *standing == Standing::Absent) && self.state.known == Known::No
    }

    /// True if a file of ours is of another version or for another path of the program.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.files.iter().any(|(_, standing)| *standing == Standing::Outdated)
    }
}

/// What an installation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The files that were written; none if they were there already.
    pub written: Vec<PathBuf>,
}

/// What a removal did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uninstalled {
    /// The files that were removed.
    pub removed: Vec<PathBuf>,
    /// What the user keeps.
    pub kept: Vec<PathBuf>,
    /// True if a service was there to be ended.
    pub was_there: bool,
}

/// Looks at the service without changing it.
///
/// # Errors
///
/// Class `Internal` if there is no service manager for this login, class `Usage` if it would be another user's, class
/// `Config` if a file of the service cannot be read.
pub async fn look(manager: &dyn ServiceManager) -> Result<Found, Failure> {
    // First: it tells whether there is any service manager.
    let state = manager.state().await.map_err(|error| failure(&error))?;
    let files = files(manager)?.into_iter().map(|file| {
        let standing = manager.standing(&file).map_err(|error| failure(&error))?;
        Ok((file, standing))
    });
    Ok(Found { state, files: files.collect::<Result<_, Failure>>()? })
}

/// The files of the service as they are to be, whatever is in their places.
///
/// # Errors
///
/// Class `Config` if the running program has no path that can be started.
pub fn files(manager: &dyn ServiceManager) -> Result<Vec<ServiceFile>, Failure> {
    manager.files().map_err(|error| failure(&error))
}

/// Writes what is missing or outdated, and starts the daemon now and at each login.
///
/// # Errors
///
/// Class `Config` if a file is not ours, or the manager does not read where we write: nothing was started then. Class
/// `Internal` if the daemon does not start; the files stay, so that its log can be looked at.
pub async fn install(manager: &dyn ServiceManager, found: &Found) -> Result<Installed, Failure> {
    refuse_what_is_not_ours(found, "stsd service install")?;
    let mut written = Vec::new();
    for (file, standing) in &found.files {
        if *standing != Standing::Current {
            manager.write(file).map_err(|error| failure(&error))?;
            tracing::info!(path = %file.path.display(), "file of the service written");
            written.push(file.path.clone());
        }
    }
    manager.order(ServiceOrder::Read).await.map_err(|error| failure(&error))?;
    let state = manager.state().await.map_err(|error| failure(&error))?;
    if state.known != Known::ByOurs {
        // Files that nobody reads would come to life when nobody expects it.
        for (file, _) in found.files.iter().filter(|(_, standing)| *standing == Standing::Absent) {
            manager.remove(&file.path).map_err(|error| failure(&error))?;
        }
        let places: Vec<_> = found.files.iter().map(|(file, _)| file.path.display().to_string()).collect();
        let message = format!("{} does not take the service from {}", manager.name(), places.join(" and "));
        return Err(Failure::new(FailureClass::Config, message).hint(format!(
            "see which files it takes: {} (does it have another XDG_CONFIG_HOME than this shell?)",
            line(&manager.state_command())
        )));
    }
    // A run that was stopped here has written all and started nothing.
    let is_older = found.state.since.is_some_and(|since| {
        found.files.iter().any(|(file, _)| manager.written_at(&file.path).is_some_and(|at| since < at))
    });
    let restarts = found.state.runs() && (is_older || !written.is_empty());
    let order = if restarts { ServiceOrder::Replace } else { ServiceOrder::Enable };
    manager.order(order).await.map_err(|error| {
        let why = failure(&error).message;
        Failure::new(FailureClass::Internal, format!("the service is installed but did not start: {why}"))
            .hint("stsd service logs")
    })?;
    Ok(Installed { written })
}

/// Ends the daemon, starts it no more, and removes what was written.
///
/// # Errors
///
/// Class `Config` if a file or the service is not ours, or a file cannot be removed, class `Internal` if the daemon cannot be ended: the files
/// are there still.
pub async fn uninstall(manager: &dyn ServiceManager, found: &Found) -> Result<Uninstalled, Failure> {
    refuse_what_is_not_ours(found, "stsd service uninstall")?;
    if found.state.known == Known::ByOthers {
        let disable = manager.commands(ServiceOrder::Disable);
        let by_hand: Vec<_> = disable.iter().map(|words| line(words)).collect();
        let message = format!(
            "the service that {} knows comes from other files than those of this command: it was left as it is",
            manager.name()
        );
        return Err(Failure::new(FailureClass::Config, message).hint(by_hand.join(" && ")));
    }
    let was_there = !found.is_absent() || found.state.runs();
    match manager.order(ServiceOrder::Disable).await {
        Ok(()) => {}
        // Told all the same: the files may have been removed by hand, and what starts them be there still.
        Err(error) if !was_there => tracing::debug!(%error, "there was nothing to disable"),
        Err(error) => return Err(failure(&error)),
    }
    let mut removed = Vec::new();
    for (file, standing) in &found.files {
        // Also what is absent: a directory may have become empty when it was removed by hand.
        manager.remove(&file.path).map_err(|error| failure(&error))?;
        if *standing != Standing::Absent {
            tracing::info!(path = %file.path.display(), "file of the service removed");
            removed.push(file.path.clone());
        }
    }
    manager.order(ServiceOrder::Read).await.map_err(|error| failure(&error))?;
    let kept = if was_there { manager.kept() } else { Vec::new() };
    Ok(Uninstalled { removed, kept, was_there })
}

/// Ends the daemon and starts it again; a program that was replaced is the new one then.
///
/// # Errors
///
/// Class `Config` if no service is installed, class `Internal` if the daemon does not start.
pub async fn restart(manager: &dyn ServiceManager, found: &Found) -> Result<(), Failure> {
    if found.state.known == Known::No {
        return Err(not_installed());
    }
    manager.order(ServiceOrder::Restart).await.map_err(|error| {
        let why = failure(&error).message;
        Failure::new(FailureClass::Internal, format!("the service did not start again: {why}"))
            .hint("stsd service logs")
    })
}

/// The failure where a service is needed and none is there.
#[must_use]
pub fn not_installed() -> Failure {
    Failure::new(FailureClass::Config, "the service is not installed").hint("stsd service install")
}

/// A command as a shell takes it.
#[must_use]
pub fn line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// Nothing that exists nowhere else is overwritten or removed; `then` is what to run when it is out of the way.
fn refuse_what_is_not_ours(found: &Found, then: &str) -> Result<(), Failure> {
    for (file, standing) in &found.files {
        let (path, shown) = (quoted(&file.path), file.path.display());
        let aside = || format!("mv {path} {path}.mine && {then}");
        let (message, hint) = match standing {
            Standing::Absent | Standing::Current | Standing::Outdated => continue,
            Standing::Edited => (
                format!("{shown} was changed since stsd wrote it; it was left as it is"),
                aside() + "   (changes of yours belong into a drop-in: systemctl --user edit stsd.service)",
            ),
            Standing::Foreign => (format!("{shown} was not written by stsd; it was left as it is"), aside()),
            Standing::Linked(target) => (
                format!("{shown} is a link to {}, which stsd did not write", target.display()),
                format!("take it away with what made it (home-manager, stow, ln), then: {then}"),
            ),
            Standing::Masked => (
                format!("{shown} leads to /dev/null: the unit is masked"),
                format!(
                    "systemctl --user unmask {} && {then}",
                    file.path.file_name().unwrap_or_default().to_string_lossy()
                ),
            ),
        };
        return Err(Failure::new(FailureClass::Config, message).hint(hint));
    }
    Ok(())
}

fn failure(error: &ServiceError) -> Failure {
    let message = error.to_string();
    match error {
        ServiceError::NoManager(_) => Failure::new(FailureClass::Internal, message).hint(BY_HAND),
        ServiceError::Unreachable { .. } => Failure::new(FailureClass::Internal, message)
            .hint(format!("run it in a login of yours, not below su or sudo; or {BY_HAND}")),
        ServiceError::OtherUser(_) => {
            Failure::new(FailureClass::Usage, message).hint("run it as yourself: stsd service install")
        }
        ServiceError::Program(_) => Failure::new(FailureClass::Config, message)
            .hint("put the program where your others are, such as ~/.cargo/bin, and run it from there"),
        ServiceError::File { path, .. } => Failure::new(FailureClass::Config, message)
            .hint(format!("ls -ld {}", quoted(path.parent().unwrap_or(path)))),
        ServiceError::Refused { .. } | ServiceError::Late { .. } => {
            Failure::new(FailureClass::Internal, message).hint("stsd service logs")
        }
    }
}
