//! The accounts that the server knows: users, their keys and MFA devices, and roles.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{ids, totp};

/// Everything that IAM would know.
#[derive(Debug)]
pub struct World {
    users: Vec<User>,
    pub(crate) keys: Vec<Key>,
    pub(crate) devices: Vec<MfaDevice>,
    pub(crate) roles: Vec<Role>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) disabled_regions: BTreeSet<String>,
    pub(crate) code_tolerance: u64,
}

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account's 12 digits.
    pub account: String,
    /// The name, unique in its account.
    pub name: String,
    /// The unique id, `AIDA…`.
    pub id: String,
}

/// A long-term access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The access key id, `AKIA…`.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The unique id of its user.
    pub user_id: String,
    /// Whether requests signed with it are taken.
    pub state: KeyState,
}

/// Whether a key is taken. AWS answers the same for the last two and for a key that never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Taken.
    Active,
    /// Deactivated.
    Inactive,
    /// Deleted.
    Deleted,
}

/// An MFA device that makes TOTP codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaDevice {
    /// The ARN of a virtual device, or `GAHT…` of a hardware one.
    pub serial: String,
    /// The unique id of its user.
    pub user_id: String,
    /// The seed, in base32.
    pub seed: String,
    /// Whether the device is enabled; one that is not is as good as none.
    pub enabled: bool,
    /// The step (Unix time / 30) of the last code taken: it and all before it are refused.
    pub last_step: Option<u64>,
    /// The step of the last code that was given out to be used.
    pub(crate) given_step: Option<u64>,
}

/// A role that may be assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The ARN.
    pub arn: String,
    /// The unique id, `AROA…`.
    pub id: String,
    /// `MaxSessionDuration`, in seconds; AWS's default is 3600.
    pub max_session_seconds: i64,
    /// The external id that the trust policy asks for.
    pub external_id: Option<String>,
    /// Whether the trust policy asks for `aws:MultiFactorAuthPresent`.
    pub needs_mfa: bool,
    /// The account whose principals are trusted; `None` trusts all.
    pub trusted_account: Option<String>,
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) account: String,
    pub(crate) arn: String,
    /// As `GetCallerIdentity` gives it: `AIDA…`, or `AROA…:session`.
    pub(crate) user_id: String,
}

/// Temporary credentials that were issued.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) principal: Principal,
    pub(crate) mfa: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            keys: Vec::new(),
            devices: Vec::new(),
            roles: Vec::new(),
            sessions: Vec::new(),
            disabled_regions: BTreeSet::new(),
            code_tolerance: 1,
        }
    }
}

impl World {
    /// Makes the default world: alice and bob in 123456789012, carol in 210987654321, each with one key and one virtual
    /// device; and `arn:aws:iam::210987654321:role/Admin`, which asks for MFA.
    #[must_use]
    pub fn with_alice() -> Self {
        let mut world = Self::default();
        for (account, name) in [("123456789012", "alice"), ("123456789012", "bob"), ("210987654321", "carol")]
        {
            let mut user = world.user(account, name);
            user.key();
            user.mfa_device(name);
        }
        world.role("arn:aws:iam::210987654321:role/Admin").needs_mfa();
        world
    }

    /// Finds a user, or creates it.
    pub fn user(&mut self, account: &str, name: &str) -> UserMut<'_> {
        let found = self.users.iter().find(|user| user.account == account && user.name == name).cloned();
        let user = found.unwrap_or_else(|| {
            let user =
                User { account: account.to_owned(), name: name.to_owned(), id: ids::unique_id("AIDA") };
            self.users.push(user.clone());
            user
        });
        UserMut { world: self, user }
    }

    /// Finds a role by its ARN, or creates it: one hour at most, no conditions.
    pub fn role(&mut self, arn: &str) -> RoleMut<'_> {
        let index = self.roles.iter().position(|role| role.arn == arn).unwrap_or_else(|| {
            self.roles.push(Role {
                arn: arn.to_owned(),
                id: ids::unique_id("AROA"),
                max_session_seconds: 3600,
                external_id: None,
                needs_mfa: false,
                trusted_account: None,
            });
            self.roles.len() - 1
        });
        RoleMut { role: &mut self.roles[index] }
    }

    /// Finds the first user of a name, in any account.
    #[must_use]
    pub fn find_user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// Lists the users in the order of their creation.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Finds a long-term key by its id.
    pub fn key_mut(&mut self, id: &str) -> Option<&mut Key> {
        self.keys.iter_mut().find(|key| key.id == id)
    }

    /// Finds a device by its serial.
    #[must_use]
    pub fn device(&self, serial: &str) -> Option<&MfaDevice> {
        self.devices.iter().find(|device| device.serial == serial)
    }

    /// Finds a device by its serial.
    pub fn device_mut(&mut self, serial: &str) -> Option<&mut MfaDevice> {
        self.devices.iter_mut().find(|device| device.serial == serial)
    }

    /// Forgets which codes were used, of all devices.
    pub fn reset_used_codes(&mut self) {
        for device in &mut self.devices {
            device.last_step = None;
        }
    }

    /// Sets how many steps of 30 seconds a code may be off, either way; 1 unless told.
    ///
    /// A wider window gives a test many valid codes without waiting: see `StrictSts::unused_code`.
    pub fn set_code_tolerance(&mut self, steps: u64) {
        self.code_tolerance = steps;
    }

    /// Deactivates STS in a region: calls that issue credentials fail there.
    pub fn disable_region(&mut self, region: &str) {
        self.disabled_regions.insert(region.to_owned());
    }

    /// Forgets all issued sessions: AWS reports a long expired one as `InvalidClientTokenId`.
    pub fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    pub(crate) fn user_by_id(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(crate) fn first_key(&self, user_id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.user_id == user_id)
    }

    pub(crate) fn first_device(&self, user_id: &str) -> Option<&MfaDevice> {
        self.devices.iter().find(|device| device.user_id == user_id)
    }
}

impl User {
    /// The ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account, self.name)
    }

    pub(crate) fn principal(&self) -> Principal {
        Principal { account: self.account.clone(), arn: self.arn(), user_id: self.id.clone() }
    }
}

impl MfaDevice {
    /// The code that the device shows at a Unix time, in seconds.
    #[must_use]
    pub fn current_code(&self, unix_time: u64) -> String {
        totp::code_at(&self.seed, unix_time)
    }
}

/// A user while its world is being built.
#[derive(Debug)]
pub struct UserMut<'a> {
    world: &'a mut World,
    user: User,
}

impl UserMut<'_> {
    /// Creates an access key, active, whose id carries the account.
    pub fn key(&mut self) -> Key {
        let id = ids::access_key_id("AKIA", &self.user.account);
        self.key_with(&id, &ids::secret())
    }

    /// Creates an access key of a given id and secret.
    pub fn key_with(&mut self, id: &str, secret: &str) -> Key {
        let user_id = self.user.id.clone();
        let key = Key { id: id.to_owned(), secret: secret.to_owned(), user_id, state: KeyState::Active };
        self.world.keys.push(key.clone());
        key
    }

    /// Creates a virtual MFA device, enabled.
    pub fn mfa_device(&mut self, name: &str) -> MfaDevice {
        self.device(format!("arn:aws:iam::{}:mfa/{name}", self.user.account))
    }

    /// Creates a hardware MFA device, enabled.
    pub fn hardware_device(&mut self) -> MfaDevice {
        self.device(ids::hardware_serial())
    }

    fn device(&mut self, serial: String) -> MfaDevice {
        let user_id = self.user.id.clone();
        let device = MfaDevice {
            serial,
            user_id,
            seed: ids::seed(),
            enabled: true,
            last_step: None,
            given_step: None,
        };
        self.world.devices.push(device.clone());
        device
    }
}

/// A role while its world is being built.
#[derive(Debug)]
pub struct RoleMut<'a> {
    role: &'a mut Role,
}

impl RoleMut<'_> {
    /// Sets `MaxSessionDuration`, in seconds.
    pub fn max_session_seconds(&mut self, seconds: i64) -> &mut Self {
        self.role.max_session_seconds = seconds;
        self
    }

    /// Asks for an external id.
    pub fn external_id(&mut self, id: &str) -> &mut Self {
        self.role.external_id = Some(id.to_owned());
        self
    }

    /// Asks for MFA: in the request, or in the session that signs it.
    pub fn needs_mfa(&mut self) -> &mut Self {
        self.role.needs_mfa = true;
        self
    }

    /// Trusts the principals of one account only.
    pub fn trusts(&mut self, account: &str) -> &mut Self {
        self.role.trusted_account = Some(account.to_owned());
        self
    }
}
