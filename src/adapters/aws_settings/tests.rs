//! The reader over small worlds of variables and one file.

use std::ffi::OsString;
use std::path::PathBuf;

use super::SdkAwsSettings;
use super::adapter::VARIABLES;
use crate::ports::aws_settings::{AwsProfile, AwsSettings as _, AwsSettingsError};

/// Settings with these variables and with this text as the configuration file.
struct World {
    directory: tempfile::TempDir,
    variables: Vec<(&'static str, OsString)>,
}

impl World {
    fn new(config: &str) -> Self {
        let world = Self::empty();
        std::fs::create_dir(world.directory.path().join(".aws")).unwrap();
        std::fs::write(world.config(), config).unwrap();
        world
    }

    fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join(".aws/config")
    }

    fn profile(&self, name: &str) -> Result<AwsProfile, AwsSettingsError> {
        let find = |name: &str| self.variables.iter().rev().find(|(known, _)| *known == name);
        let settings = SdkAwsSettings::new(self.config(), |name| find(name).map(|(_, value)| value.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(settings.profile(name))
    }

    fn error(&self, name: &str) -> String {
        self.profile(name).unwrap_err().to_string()
    }
}

const CONFIG: &str = "\
[default]
region = us-west-2

[profile work]
region = eu-west-1
mfa_serial = arn:aws:iam::123456789012:mfa/alice
use_fips_endpoint = TRUE
use_dualstack_endpoint = false

[profile local]
endpoint_url = http://127.0.0.1:1
services = mine

[profile plain]
endpoint_url = http://127.0.0.1:1

[services mine]
iam =
  endpoint_url = http://127.0.0.1:2
sts =
  endpoint_url = http://127.0.0.1:3
";

#[test]
fn a_profile_is_read_from_the_file() {
    let world = World::new(CONFIG);
    let expected = AwsProfile {
        region: Some("eu-west-1".to_owned()),
        mfa_serial: Some("arn:aws:iam::123456789012:mfa/alice".to_owned()),
        use_fips: true,
        ..AwsProfile::default()
    };
    assert_eq!(world.profile("work"), Ok(expected));
    assert_eq!(world.profile("default").unwrap().region.as_deref(), Some("us-west-2"));
    assert_eq!(world.profile("unknown"), Ok(AwsProfile::default()));
    // Sections that are no profiles are none by another name.
    assert_eq!(world.profile("mine"), Ok(AwsProfile::default()));
    assert_eq!(world.profile("profile work"), Ok(AwsProfile::default()));
}

#[test]
fn without_a_file_all_is_at_its_default() {
    assert_eq!(World::empty().profile("work"), Ok(AwsProfile::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for none in ["/dev/null", "/nonexistent/config"] {
        let settings = SdkAwsSettings::new(none.into(), |_| None);
        assert_eq!(runtime.block_on(settings.profile("work")), Ok(AwsProfile::default()), "{none}");
    }
}

#[test]
fn the_environment_comes_before_the_file() {
    let region = |world: World| world.profile("work").unwrap().region.unwrap();
    assert_eq!(region(World::new(CONFIG).with("AWS_DEFAULT_REGION", "b")), "b");
    assert_eq!(region(World::new(CONFIG).with("AWS_DEFAULT_REGION", "b").with("AWS_REGION", "a")), "a");
    assert_eq!(region(World::new(CONFIG).with("AWS_REGION", "")), "eu-west-1");

    let fips = |value: &str| World::new(CONFIG).with("AWS_USE_FIPS_ENDPOINT", value).profile("work");
    assert!(!fips("false").unwrap().use_fips);
    let dualstack = World::new(CONFIG).with("AWS_USE_DUALSTACK_ENDPOINT", "true").profile("work");
    assert!(dualstack.unwrap().use_dualstack);
}

#[test]
fn the_endpoint_of_sts_is_the_most_particular_one() {
    let check = |world: World, profile: &str, expected: Option<&str>| {
        assert_eq!(world.profile(profile).unwrap().sts_endpoint.as_deref(), expected, "{profile}");
    };
    check(World::new(CONFIG), "work", None);
    check(World::new(CONFIG), "plain", Some("http://127.0.0.1:1"));
    check(World::new(CONFIG), "local", Some("http://127.0.0.1:3"));
    let general = || World::new(CONFIG).with("AWS_ENDPOINT_URL", "http://127.0.0.1:4");
    check(general(), "local", Some("http://127.0.0.1:4"));
    let special = || general().with("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:5");
    check(special(), "local", Some("http://127.0.0.1:5"));
    check(special().with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), "local", None);
    check(
        special().with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"),
        "local",
        Some("http://127.0.0.1:5"),
    );
    let ignoring = CONFIG.replace("services = mine", "ignore_configured_endpoint_urls = true");
    check(World::new(&ignoring), "local", None);
}

#[test]
fn rivals_of_the_written_credentials_are_named() {
    let check = |keys: &str, expected: &[&str]| {
        let world = World::new(&format!("[profile work]\n{keys}"));
        assert_eq!(world.profile("work").unwrap().rivals, expected, "{keys}");
    };
    check("region = x\n", &[]);
    check("source_profile = base\n", &[]);
    check("role_arn = x\nsource_profile = base\n", &["role_arn", "source_profile"]);
    check(
        "role_arn = x\ncredential_source = Ec2InstanceMetadata\nregion = x\n",
        &["role_arn", "credential_source"],
    );
    check("sso_session = x\nsso_account_id = 1\n", &["sso_session", "sso_account_id"]);
    check("credential_process = /bin/x\n", &["credential_process"]);
    check("login_session = x\n", &["login_session"]);
    check("web_identity_token_file = x\n", &["web_identity_token_file"]);
}

#[test]
fn an_unusable_file_is_named_with_its_line_and_without_its_content() {
    let check = |config: &str, expected: &str| {
        let world = World::new(config);
        let path = world.config().display().to_string();
        let expected = format!("AWS's configuration cannot be read: {path}{expected}");
        assert_eq!(world.error("work"), expected);
    };
    check("[profile work]\nregion = x\nSENTINEL\n", ", line 3 is not in AWS's format");
    check("[profile SENTINEL\n", ", line 1 is not in AWS's format");
    check("SENTINEL = x\n", ", line 1 is not in AWS's format");
    check(
        "[profile work]\nuse_fips_endpoint = SENTINEL\n",
        ", use_fips_endpoint of profile work is neither true nor false",
    );

    let world = World::new("").with("AWS_USE_FIPS_ENDPOINT", "SENTINEL");
    let expected = "AWS's configuration cannot be read: AWS_USE_FIPS_ENDPOINT is neither true nor false";
    assert_eq!(world.error("work"), expected);

    let world = World::new("");
    std::fs::write(world.config(), b"[profile work]\nregion = \xff\n").unwrap();
    assert!(world.error("work").ends_with("config: is not UTF-8 text"));
    std::fs::remove_file(world.config()).unwrap();
    std::fs::create_dir(world.config()).unwrap();
    assert!(world.error("work").ends_with("config: is not a file"));
}

#[test]
fn the_credentials_file_is_not_looked_at() {
    let world = World::new(CONFIG);
    let credentials = world.directory.path().join("credentials");
    std::fs::write(&credentials, "[work]\nSENTINEL\n").unwrap();
    let world = world.with("AWS_SHARED_CREDENTIALS_FILE", &credentials);
    assert_eq!(world.profile("work").unwrap().region.as_deref(), Some("eu-west-1"));
    std::fs::write(&credentials, "[work]\nmfa_serial = x\nregion = y\n").unwrap();
    assert_eq!(world.profile("default").unwrap().region.as_deref(), Some("us-west-2"));
}

#[test]
fn debug_shows_no_variable_that_was_not_asked_for() {
    let settings = SdkAwsSettings::new("/config".into(), |_| Some("SENTINEL".into()));
    let shown = format!("{settings:?}");
    assert_eq!(shown.matches("AWS_").count(), VARIABLES.len(), "{shown}");
    assert!(!shown.contains("SECRET"), "{shown}");
}
