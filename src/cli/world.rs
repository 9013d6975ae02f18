//! Puts the real world together: the only place where adapters meet use cases.

use std::path::PathBuf;
use std::sync::Arc;

use crate::adapters::aws_settings::SdkAwsSettings;
use crate::adapters::clock::SystemClock;
use crate::adapters::config_file::ConfigFile;
use crate::adapters::entropy::SystemEntropy;
use crate::adapters::keychain::OsKeychain;
use crate::adapters::session_store::FileStore;
use crate::adapters::state_file::StateFile;
use crate::adapters::sts::{NetSettings, SdkSts};
use crate::domain::failure::{Failure, FailureClass};
use crate::paths::Paths;
use crate::ports::time::Clock;
use crate::usecase::Ports;

/// The world of this user and this environment.
///
/// # Errors
///
/// Class `Config` if the home directory is unknown.
pub(crate) fn compose(config: Option<PathBuf>) -> Result<Ports, Failure> {
    let paths = Paths::find(config, |name| std::env::var_os(name)).map_err(|error| {
        Failure::new(FailureClass::Config, error.to_string()).hint("export HOME=/home/you")
    })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Ports {
        aws: Arc::new(SdkAwsSettings::new(paths.aws_config, |name| std::env::var_os(name))),
        config: Arc::new(ConfigFile::new(paths.config)),
        entropy: Arc::new(SystemEntropy),
        keychain: Arc::new(OsKeychain::default()),
        sts: Arc::new(SdkSts::new(NetSettings::from_environment(), Arc::clone(&clock), SdkSts::DEADLINE)),
        store: Arc::new(FileStore::new(paths.aws_credentials)),
        state: Arc::new(StateFile::new(paths.state)),
        clock,
    })
}
