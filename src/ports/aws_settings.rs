//! AWS's own settings: `~/.aws/config` and the environment, read with the SDK's parser.

use thiserror::Error;

use super::Answer;

/// Why AWS's settings could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AwsSettingsError {
    /// The SDK's parser refuses the file.
    #[error("AWS's configuration cannot be read: {0}")]
    Unreadable(String),
}

/// What AWS's settings say of one AWS profile. Texts are as they stand there; the reader parses them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsProfile {
    /// `AWS_REGION`, `AWS_DEFAULT_REGION`, else the profile's `region`.
    pub region: Option<String>,
    /// The profile's `mfa_serial`.
    pub mfa_serial: Option<String>,
    /// The profile's `duration_seconds`.
    pub duration_seconds: Option<String>,
    /// The endpoint for STS: `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the profile's `services` section, its
    /// `endpoint_url`; honours `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`.
    pub sts_endpoint: Option<String>,
    /// `AWS_USE_FIPS_ENDPOINT`, `use_fips_endpoint`.
    pub use_fips: bool,
    /// `AWS_USE_DUALSTACK_ENDPOINT`, `use_dualstack_endpoint`.
    pub use_dualstack: bool,
    /// Keys of this profile that let some SDKs find other credentials than the written ones: `role_arn`,
    /// `sso_…`, `credential_process`, `login_session`, `web_identity_token_file`.
    pub rivals: Vec<String>,
}

/// The reader of AWS's settings. Never reads credentials, never asks the network.
pub trait AwsSettings: Send + Sync {
    /// What the settings say of the AWS profile `name`; all defaults where they do not know it.
    fn profile<'a>(&'a self, name: &'a str) -> Answer<'a, Result<AwsProfile, AwsSettingsError>>;
}
