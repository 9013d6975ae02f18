//! The reader: `~/.aws/config` and the environment.

use std::collections::HashMap;
use std::error::Error as _;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use aws_config::profile::{self, ProfileFileLoadError, ProfileSet};
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};

use crate::ports::Answer;
use crate::ports::aws_settings::{AwsProfile, AwsSettings, AwsSettingsError};

/// Largest configuration that is read, in bytes; 10,000 profiles take about 1 MB.
const LARGEST_FILE: u64 = 8 << 20;

/// The variables that are read; none of them holds a secret.
pub(super) const VARIABLES: [&str; 7] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
];

/// Keys that let an SDK find other credentials than the written ones.
const RIVALS: [&str; 8] = [
    "role_arn",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "credential_process",
    "login_session",
    "web_identity_token_file",
];
/// Keys that do so only together with `role_arn`.
const RIVALS_WITH_ROLE: [&str; 2] = ["source_profile", "credential_source"];

/// `~/.aws/config` and the environment, as AWS's SDKs understand them.
///
/// The file is parsed by `aws_config::profile` and asked through the same `EnvConfigValue` that aws-config's loader
/// asks through. The loader itself is not used: where no region is set it asks the instance metadata service for one,
/// it reads the credentials file too and fails where that is broken, it tells nothing of `mfa_serial` and the other
/// keys, and it takes 10 ms.
#[derive(Debug)]
pub struct SdkAwsSettings {
    env: Env,
    file: PathBuf,
}

impl SdkAwsSettings {
    /// Reads `file`, which need not exist, and takes what is needed of the environment, which `variable` looks up. An
    /// empty variable counts as absent.
    pub fn new(file: PathBuf, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        // What is no text is no region and no address.
        let text = |name: &&str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some(((*name).to_owned(), value.into_string().ok()?))
        };
        let env = Env::from(VARIABLES.iter().filter_map(text).collect::<HashMap<_, _>>());
        Self { env, file }
    }

    async fn read(&self, name: &str) -> Result<AwsProfile, AwsSettingsError> {
        let sections = self.sections(name).await?;
        let key = |key: &str| sections.get(key).filter(|value| !value.is_empty()).map(str::to_owned);
        let variable = |name: &str| self.env.get(name).ok();
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        Ok(AwsProfile {
            region: region.or_else(|| key("region")),
            mfa_serial: key("mfa_serial"),
            duration_seconds: key("duration_seconds"),
            sts_endpoint: self.endpoint(&sections)?,
            use_fips: self.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &sections)?,
            use_dualstack: self.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", &sections)?,
            rivals: rivals(&sections),
        })
    }

    /// Parses the file with `name` as the selected profile.
    async fn sections(&self, name: &str) -> Result<ProfileSet, AwsSettingsError> {
        let contents = read(&self.file)?;
        // The text is given, not the path: the SDK takes an unreadable file for an empty one.
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, contents).build();
        profile::load(&Fs::from_slice(&[]), &self.env, &files, Some(name.to_owned().into()))
            .await
            .map_err(|error| self.unparsable(&error))
    }

    /// File and line; the SDK's message is left out, which may hold the line's content.
    fn unparsable(&self, error: &ProfileFileLoadError) -> AwsSettingsError {
        let file = self.file.display();
        let line = error.source().and_then(|cause| line_of(&cause.to_string()));
        AwsSettingsError::Unreadable(match line {
            Some(line) => format!("{file}, line {line} is not in AWS's format"),
            None => format!("{file} is not in AWS's format"),
        })
    }

    fn endpoint(&self, sections: &ProfileSet) -> Result<Option<String>, AwsSettingsError> {
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
        if self.flag(ignored.0, ignored.1, sections)? {
            return Ok(None);
        }
        let value = EnvConfigValue::new().env("AWS_ENDPOINT_URL").profile("endpoint_url").service_id("sts");
        let found = value.load(&self.env, Some(sections)).map(|(url, _)| url.into_owned());
        Ok(found.filter(|url| !url.is_empty()))
    }

    /// A flag is `true` or `false`, in any case.
    ///
    /// Another word is an error and not, as the SDK has it, a "no": a code that went to an endpoint which is not FIPS
    /// cannot be called back.
    fn flag(&self, variable: &str, key: &str, sections: &ProfileSet) -> Result<bool, AwsSettingsError> {
        let value = EnvConfigValue::new().env(variable).profile(key);
        match value.load(&self.env, Some(sections)) {
            None => Ok(false),
            Some((word, _)) if word.eq_ignore_ascii_case("true") => Ok(true),
            Some((word, _)) if word.is_empty() || word.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) if self.env.get(variable).is_ok() => {
                Err(AwsSettingsError::Unreadable(format!("{variable} is neither true nor false")))
            }
            Some(_) => {
                let file = self.file.display();
                let profile = sections.selected_profile();
                Err(AwsSettingsError::Unreadable(format!(
                    "{file}, {key} of profile {profile} is neither true nor false"
                )))
            }
        }
    }
}

impl AwsSettings for SdkAwsSettings {
    fn profile<'a>(&'a self, name: &'a str) -> Answer<'a, Result<AwsProfile, AwsSettingsError>> {
        Box::pin(self.read(name))
    }
}

/// The text of the file; an absent one is empty.
fn read(path: &Path) -> Result<String, AwsSettingsError> {
    let unreadable = |why: String| AwsSettingsError::Unreadable(format!("{}: {why}", path.display()));
    // Asked before opening: the opening of a pipe would wait for its writer. /dev/null is a common way to say "none".
    match path.metadata() {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(String::new());
        }
        Err(error) => return Err(unreadable(error.kind().to_string())),
        Ok(_) if path == Path::new("/dev/null") => return Ok(String::new()),
        Ok(found) if !found.is_file() => return Err(unreadable("is not a file".to_owned())),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(error.kind().to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_FILE) {
        return Err(unreadable("is too large for a configuration".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_hidden| unreadable("is not UTF-8 text".to_owned()))
}

/// The line in "error parsing  on line 3:\n  …".
fn line_of(message: &str) -> Option<u32> {
    let (_, after) = message.split_once(" on line ")?;
    after.split_once(':')?.0.parse().ok()
}

fn rivals(sections: &ProfileSet) -> Vec<String> {
    let present = |key: &&&str| sections.get(key).is_some();
    let with_role: &[&str] = if sections.get("role_arn").is_some() { &RIVALS_WITH_ROLE } else { &[] };
    RIVALS.iter().chain(with_role).filter(present).map(|key| (*key).to_owned()).collect()
}
