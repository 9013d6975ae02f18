//! Puts the real world together: the only place where adapters meet use cases.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use directories::BaseDirs;

use crate::adapters::aws_settings::SdkAwsSettings;
use crate::adapters::clock::SystemClock;
use crate::adapters::code_command::ChildCommand;
use crate::adapters::config_file::ConfigFile;
use crate::adapters::entropy::SystemEntropy;
use crate::adapters::file_watch::PathWatch;
use crate::adapters::keychain::OsKeychain;
use crate::adapters::notifier::DesktopNotifier;
use crate::adapters::prompter::DesktopPrompter;
use crate::adapters::service;
use crate::adapters::session_store::FileStore;
use crate::adapters::state_file::StateFile;
use crate::adapters::sts::{NetSettings, SdkSts};
use crate::adapters::supervisor::NotifySocket;
use crate::adapters::timer::WallTimer;
use crate::cli::here::Here;
use crate::cli::output::Output;
use crate::daemon::World;
use crate::domain::endpoint::EndpointUrl;
use crate::domain::failure::{Failure, FailureClass};
#[cfg(target_os = "macos")]
use crate::paths;
use crate::paths::{NoHome, Paths};
use crate::ports::prompter::Prompter;
use crate::ports::service_manager::ServiceManager;
use crate::ports::time::Clock;
use crate::protocol::message::Places;
use crate::usecase::Ports;

/// The world of this user and this environment.
///
/// # Errors
///
/// Class `Config` if the home directory is unknown.
pub(crate) fn compose(config: Option<PathBuf>, output: Output) -> Result<Here, Failure> {
    let paths = Paths::find(config, |name| std::env::var_os(name)).map_err(no_home)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let shown = |path: &Path| path.display().to_string();
    let places = Places {
        config: shown(&paths.config),
        aws_credentials: shown(&paths.aws_credentials),
        aws_config: shown(&paths.aws_config),
        // One that cannot be used may hold a password, and is refused by whoever uses it.
        endpoint: variable("AWS_ENDPOINT_URL_STS").or_else(|| variable("AWS_ENDPOINT_URL")).map(|address| {
            EndpointUrl::parse(&address).map_or_else(|_| "unusable".to_owned(), |url| url.as_str().to_owned())
        }),
    };
    let ports = Ports {
        aws: Arc::new(SdkAwsSettings::new(paths.aws_config.clone(), |name| std::env::var_os(name))),
        config: Arc::new(ConfigFile::new(paths.config.clone())),
        entropy: Arc::new(SystemEntropy),
        keychain: Arc::new(OsKeychain::default()),
        sts: Arc::new(SdkSts::new(NetSettings::from_environment(), Arc::clone(&clock), SdkSts::DEADLINE)),
        store: Arc::new(FileStore::new(paths.aws_credentials.clone()).with_config(paths.aws_config.clone())),
        timer: Arc::new(WallTimer::new(Arc::clone(&clock))),
        commands: Arc::new(ChildCommand::from_environment()),
        state: Arc::new(StateFile::new(paths.state.clone())),
        clock,
    };
    Ok(Here { ports, paths, places, output, warned: AtomicBool::new(false) })
}

/// The dialogs of the desktop.
pub(crate) fn prompter() -> Arc<dyn Prompter> {
    Arc::new(DesktopPrompter::new())
}

/// The service manager of this login, for the program that runs.
///
/// # Errors
///
/// Class `Config` if the home directory is unknown.
pub(crate) fn service_manager() -> Result<Box<dyn ServiceManager>, Failure> {
    let base = BaseDirs::new().ok_or_else(|| no_home(NoHome))?;
    let variable = |name: &str| std::env::var_os(name);
    let program = service::program(std::env::args_os().next().as_deref(), variable("PATH").as_deref());
    #[cfg(target_os = "macos")]
    let manager = {
        let log = paths::log().ok_or_else(|| no_home(NoHome))?;
        service::Launchd::new(program, &base, log, variable)
    };
    #[cfg(not(target_os = "macos"))]
    let manager = service::Systemd::new(program, &base, variable);
    Ok(Box::new(manager))
}

fn no_home(error: NoHome) -> Failure {
    Failure::new(FailureClass::Config, error.to_string()).hint("export HOME=/home/you")
}

/// What a program that stays needs besides.
pub(crate) fn daemon_world(here: &Here) -> World {
    let watched = vec![here.paths.config.clone(), here.paths.aws_credentials.clone()];
    World {
        ports: here.ports.clone(),
        timer: Arc::clone(&here.ports.timer),
        notifier: Arc::new(DesktopNotifier::new()),
        prompter: prompter(),
        supervisor: Arc::new(NotifySocket),
        watch: Arc::new(PathWatch::new(watched)),
    }
}
