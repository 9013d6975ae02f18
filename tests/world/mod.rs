//! A world for tests and the demo: a throw-away home, the strict STS, a keychain in memory; all else is the real thing.
#![allow(dead_code, reason = "each target uses its part")]

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use stsd::adapters::aws_settings::SdkAwsSettings;
use stsd::adapters::clock::SystemClock;
use stsd::adapters::code_command::ChildCommand;
use stsd::adapters::config_file::ConfigFile;
use stsd::adapters::entropy::SystemEntropy;
use stsd::adapters::session_store::FileStore;
use stsd::adapters::state_file::StateFile;
use stsd::adapters::sts::{NetSettings, Proxy, SdkSts};
use stsd::adapters::timer::WallTimer;
use stsd::config::edit::ProfileChange;
use stsd::domain::failure::Failure;
use stsd::domain::keys::{AccessKeyId, LongTermKey};
use stsd::domain::mfa::{MfaCode, MfaSerial};
use stsd::domain::profile::ProfileName;
use stsd::domain::totp::TotpSeed;
use stsd::ports::Answer;
use stsd::ports::keychain::{Keychain, KeychainError};
use stsd::ports::time::Clock;
use stsd::usecase::Ports;
use stsd::usecase::add::{AddRequest, Added, add, prepare};
use stsd::usecase::forget::{Forgotten, Which, forget};
use stsd::usecase::profiles::load_config;
use stsd::usecase::refresh::{CodeSource, CodeWanted, RefreshRequest, Refreshed, refresh};
use stsd::usecase::status::{ProfileStatus, status};
use stsd_test_support::{Identity, StrictSts};
use tempfile::TempDir;

/// How long the tests' STS may take: hanging is a case of its own.
const DEADLINE: Duration = Duration::from_secs(2);

/// What became of each profile.
pub(crate) type Outcomes = Vec<(ProfileName, Result<Refreshed, Failure>)>;

/// Everything that a use case acts on.
pub(crate) struct World {
    /// The throw-away home.
    pub(crate) home: TempDir,
    /// AWS.
    pub(crate) sts: StrictSts,
    /// The keychain.
    pub(crate) keychain: Arc<MemoryKeychain>,
    /// What the use cases are given.
    pub(crate) ports: Ports,
    runtime: tokio::runtime::Runtime,
}

impl World {
    /// A world in which alice exists and nothing is stored yet.
    pub(crate) fn new() -> Self {
        Self::in_home(tempfile::tempdir().unwrap())
    }

    /// The same with a home of the test's own.
    pub(crate) fn in_home(home: TempDir) -> Self {
        let sts = StrictSts::with_alice();
        // A test spends more codes than a minute and a half has.
        sts.set_code_tolerance(100);
        let keychain = Arc::new(MemoryKeychain::default());
        let aws_config = home.path().join(".aws/config");
        let endpoint = |name: &str| (name == "AWS_ENDPOINT_URL_STS").then(|| OsString::from(sts.url()));
        let net = NetSettings { ca_bundle: None, proxy: Proxy::Never };
        let ports = Ports {
            clock: Arc::new(SystemClock),
            timer: Arc::new(WallTimer::new(Arc::new(SystemClock))),
            commands: Arc::new(ChildCommand::new(DEADLINE)),
            entropy: Arc::new(SystemEntropy),
            aws: Arc::new(SdkAwsSettings::new(aws_config, endpoint)),
            config: Arc::new(ConfigFile::new(home.path().join(".config/stsd/config.toml"))),
            keychain: Arc::<MemoryKeychain>::clone(&keychain),
            sts: Arc::new(SdkSts::new(net, Arc::new(SystemClock), DEADLINE)),
            store: Arc::new(
                FileStore::new(home.path().join(".aws/credentials"))
                    .with_config(home.path().join(".aws/config")),
            ),
            state: Arc::new(StateFile::new(home.path().join(".local/state/stsd/state.json"))),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { home, sts, keychain, ports, runtime }
    }

    /// The same, with alice's key stored as profile `work`.
    pub(crate) fn with_work() -> Self {
        let world = Self::new();
        world.add("work", &world.sts.alice()).unwrap();
        world.sts.clear_requests();
        world
    }

    /// Runs a future to its end.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A file below the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file below the home.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The credentials file as it is.
    pub(crate) fn credentials(&self) -> String {
        fs::read_to_string(self.path(".aws/credentials")).unwrap_or_default()
    }

    /// Sets the configuration.
    pub(crate) fn configure(&self, text: &str) {
        self.write(".config/stsd/config.toml", text);
    }

    /// Stores somebody's key, with her device.
    pub(crate) fn add(&self, profile: &str, who: &Identity) -> Result<Added, Failure> {
        let change = ProfileChange {
            mfa_serial: Some(MfaSerial::parse(&who.serial).unwrap()),
            ..ProfileChange::default()
        };
        self.add_with(profile, &who.access_key_id, &who.secret_access_key, change)
    }

    /// Stores a key.
    pub(crate) fn add_with(
        &self,
        profile: &str,
        id: &str,
        secret: &str,
        change: ProfileChange,
    ) -> Result<Added, Failure> {
        let request = AddRequest { profile: name(profile), key: key(id, secret), change, verify: true };
        self.run(async {
            let prepared = prepare(&self.ports, &request.profile, &request.change).await?;
            add(&self.ports, &prepared, &request).await
        })
    }

    /// Refreshes one profile with a code.
    pub(crate) fn refresh(&self, profile: &str, code: &str) -> Result<Refreshed, Failure> {
        let mut outcomes = self.refresh_all(&[profile], &Given::new(code))?;
        outcomes.remove(0).1
    }

    /// Refreshes profiles with whatever gives the codes, and waits until all has settled.
    pub(crate) fn refresh_all(&self, profiles: &[&str], codes: &dyn CodeSource) -> Result<Outcomes, Failure> {
        let request = RefreshRequest { profiles: profiles.iter().map(|p| name(p)).collect(), duration: None };
        self.run(async {
            let config = load_config(&self.ports)?;
            let outcome = refresh(&self.ports, &config, &request, codes).await?;
            if let Some(write) = outcome.settling {
                write.finish(&self.ports).await.unwrap();
            }
            Ok(outcome.profiles)
        })
    }

    /// The status of one profile.
    pub(crate) fn status(&self, profile: &str) -> Result<ProfileStatus, Failure> {
        self.run(async {
            let config = load_config(&self.ports)?;
            Ok(status(&self.ports, &config, &[name(profile)]).await?.remove(0))
        })
    }

    /// Forgets the session of one profile.
    pub(crate) fn forget(&self, profile: &str) -> Result<Forgotten, Failure> {
        self.run(async {
            let config = load_config(&self.ports)?;
            forget(&self.ports, &config, &Which::Named(vec![name(profile)])).await?.remove(0).1
        })
    }
}

/// A profile's name.
pub(crate) fn name(text: &str) -> ProfileName {
    ProfileName::parse(text).unwrap()
}

/// A key.
pub(crate) fn key(id: &str, secret: &str) -> LongTermKey {
    LongTermKey { id: AccessKeyId::parse(id).unwrap(), secret: secret.to_owned().into() }
}

/// A code from the command line.
pub(crate) struct Given(MfaCode);

impl Given {
    /// Six digits.
    pub(crate) fn new(code: &str) -> Self {
        Self(MfaCode::parse(code).unwrap())
    }
}

impl CodeSource for Given {
    fn in_hand(&self) -> bool {
        true
    }

    fn obtain<'a>(
        &'a self,
        _wanted: &'a CodeWanted,
        refused: Option<&'a Failure>,
    ) -> Answer<'a, Result<MfaCode, Failure>> {
        Box::pin(async move { refused.cloned().map_or_else(|| Ok(self.0.clone()), Err) })
    }
}

/// Somebody who can be asked once: what she does before she answers is up to the test.
pub(crate) struct Asked<F>(pub(crate) F);

impl<F: Fn(&CodeWanted) -> Result<MfaCode, Failure> + Send + Sync> CodeSource for Asked<F> {
    fn in_hand(&self) -> bool {
        false
    }

    fn obtain<'a>(
        &'a self,
        wanted: &'a CodeWanted,
        refused: Option<&'a Failure>,
    ) -> Answer<'a, Result<MfaCode, Failure>> {
        Box::pin(async move { refused.cloned().map_or_else(|| (self.0)(wanted), Err) })
    }
}

/// A clock that a test sets.
pub(crate) struct SetClock(pub(crate) Mutex<DateTime<Utc>>);

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn local(&self, at: DateTime<Utc>) -> DateTime<chrono::FixedOffset> {
        at.fixed_offset()
    }
}

/// A keychain in memory, which can be told to fail.
#[derive(Default)]
pub(crate) struct MemoryKeychain {
    items: Mutex<HashMap<ProfileName, LongTermKey>>,
    seeds: Mutex<HashMap<ProfileName, TotpSeed>>,
    broken: Mutex<Option<KeychainError>>,
    broken_read: Mutex<Option<KeychainError>>,
    garbled: Mutex<Option<LongTermKey>>,
}

impl MemoryKeychain {
    /// Fails every call from now on, or none.
    pub(crate) fn break_with(&self, error: Option<KeychainError>) {
        *self.broken.lock().unwrap() = error;
    }

    /// Fails from now on when a secret is read: the keychain went away after the checks.
    pub(crate) fn break_reads_with(&self, error: Option<KeychainError>) {
        *self.broken_read.lock().unwrap() = error;
    }

    /// Stores this key from now on, whatever is to be written.
    pub(crate) fn garble_writes_to(&self, key: LongTermKey) {
        *self.garbled.lock().unwrap() = Some(key);
    }

    /// Puts a key in, past all checks.
    pub(crate) fn put(&self, profile: &str, key: LongTermKey) {
        self.items.lock().unwrap().insert(name(profile), key);
    }

    /// The key of the profile.
    pub(crate) fn key(&self, profile: &str) -> Option<LongTermKey> {
        self.items.lock().unwrap().get(&name(profile)).cloned()
    }

    /// True if there is a key of the profile.
    pub(crate) fn holds(&self, profile: &str) -> bool {
        self.items.lock().unwrap().contains_key(&name(profile))
    }

    /// Puts the seed of somebody's device in.
    pub(crate) fn put_seed(&self, profile: &str, seed: &str) {
        let seed = TotpSeed::parse(&seed.to_owned().into()).unwrap();
        self.seeds.lock().unwrap().insert(name(profile), seed);
    }

    /// True if there is a seed of the profile.
    pub(crate) fn holds_seed(&self, profile: &str) -> bool {
        self.seeds.lock().unwrap().contains_key(&name(profile))
    }

    fn usable(&self) -> Result<(), KeychainError> {
        self.broken.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Keychain for MemoryKeychain {
    fn check(&self) -> Answer<'_, Result<(), KeychainError>> {
        Box::pin(async { self.usable() })
    }

    fn check_item<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(async {
            self.usable()?;
            let known = self.items.lock().unwrap().contains_key(profile);
            if known { Ok(()) } else { Err(KeychainError::Missing(profile.clone())) }
        })
    }

    fn read<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<LongTermKey, KeychainError>> {
        Box::pin(async {
            self.usable()?;
            self.broken_read.lock().unwrap().clone().map_or(Ok(()), Err)?;
            let found = self.items.lock().unwrap().get(profile).cloned();
            found.ok_or_else(|| KeychainError::Missing(profile.clone()))
        })
    }

    fn write<'a>(
        &'a self,
        profile: &'a ProfileName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(async {
            self.usable()?;
            let key = self.garbled.lock().unwrap().clone().unwrap_or_else(|| key.clone());
            self.items.lock().unwrap().insert(profile.clone(), key);
            Ok(())
        })
    }

    fn delete<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(async {
            self.usable()?;
            let removed = self.items.lock().unwrap().remove(profile);
            removed.map(drop).ok_or_else(|| KeychainError::Missing(profile.clone()))
        })
    }

    fn read_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<TotpSeed, KeychainError>> {
        Box::pin(async {
            self.usable()?;
            let found = self.seeds.lock().unwrap().get(profile).cloned();
            found.ok_or_else(|| KeychainError::MissingSeed(profile.clone()))
        })
    }

    fn write_seed<'a>(
        &'a self,
        profile: &'a ProfileName,
        seed: &'a TotpSeed,
    ) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(async {
            self.usable()?;
            self.seeds.lock().unwrap().insert(profile.clone(), seed.clone());
            Ok(())
        })
    }

    fn delete_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(async {
            self.usable()?;
            let removed = self.seeds.lock().unwrap().remove(profile);
            removed.map(drop).ok_or_else(|| KeychainError::MissingSeed(profile.clone()))
        })
    }
}
