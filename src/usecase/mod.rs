//! What a user can ask for, each in one file. The daemon and the command line call the same functions; neither the
//! clock nor the world is reached but through [`Ports`].

use std::sync::Arc;

use crate::ports::Entropy;
use crate::ports::aws_settings::AwsSettings;
use crate::ports::code_command::CodeCommand;
use crate::ports::config_store::ConfigStore;
use crate::ports::keychain::Keychain;
use crate::ports::session_store::SessionStore;
use crate::ports::state::StateStore;
use crate::ports::sts::Sts;
use crate::ports::time::{Clock, Timer};

pub mod add;
pub mod failures;
pub mod forget;
pub mod import;
pub mod keep;
pub mod profiles;
pub mod refresh;
pub mod remove;
pub mod seed;
pub mod service;
pub mod status;

/// The world that the use cases act on.
#[derive(Clone)]
pub struct Ports {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Waits by that clock.
    pub timer: Arc<dyn Timer>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// AWS's own settings.
    pub aws: Arc<dyn AwsSettings>,
    /// The file that the configuration stands in.
    pub config: Arc<dyn ConfigStore>,
    /// Long-term keys.
    pub keychain: Arc<dyn Keychain>,
    /// Commands that print a code.
    pub commands: Arc<dyn CodeCommand>,
    /// AWS.
    pub sts: Arc<dyn Sts>,
    /// The credentials file.
    pub store: Arc<dyn SessionStore>,
    /// What outlives a run.
    pub state: Arc<dyn StateStore>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}
