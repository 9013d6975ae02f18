//! A user as a test needs it: names, key and device in one place.

use serde_json::{Value, json};

use crate::world::World;

/// A user with the first of its keys and the first of its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub name: String,
    /// The account's 12 digits.
    pub account: String,
    /// The user's ARN.
    pub arn: String,
    /// The user's unique id, `AIDA…`.
    pub user_id: String,
    /// The access key id, `AKIA…`.
    pub access_key_id: String,
    /// The secret access key, 40 characters.
    pub secret_access_key: String,
    /// The MFA device's serial.
    pub serial: String,
    /// The MFA device's seed, in base32.
    pub seed: String,
}

impl Identity {
    pub(crate) fn of(world: &World, name: &str) -> Option<Self> {
        let user = world.find_user(name)?;
        let (key, device) = (world.first_key(&user.id)?, world.first_device(&user.id)?);
        Some(Self {
            name: user.name.clone(),
            account: user.account.clone(),
            arn: user.arn(),
            user_id: user.id.clone(),
            access_key_id: key.id.clone(),
            secret_access_key: key.secret.clone(),
            serial: device.serial.clone(),
            seed: device.seed.clone(),
        })
    }

    /// Writes it as JSON, with the names of the fields.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "account": self.account,
            "arn": self.arn,
            "user_id": self.user_id,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "serial": self.serial,
            "seed": self.seed,
        })
    }
}
