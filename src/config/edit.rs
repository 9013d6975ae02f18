//! `add` writes a profile's table into the user's own file: comments, order and layout stay.

use toml_edit::{DocumentMut, Item, Table, value};

use super::ConfigError;
use crate::domain::duration::SessionDuration;
use crate::domain::endpoint::Region;
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::ProfileName;

/// What the command line says of a profile; what it leaves out stays as it is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The MFA device.
    pub mfa_serial: Option<MfaSerial>,
    /// The region of the STS endpoint.
    pub region: Option<Region>,
    /// How long a session is asked for.
    pub duration: Option<SessionDuration>,
    /// True if the code comes from a seed in the keychain from now on.
    pub totp: bool,
}

/// Writes a change into the text of a configuration; the table is made if it is not there.
///
/// # Errors
///
/// [`ConfigError`] if the text is no TOML or `profiles` is no table.
pub fn put_profile(text: &str, name: &ProfileName, change: &ProfileChange) -> Result<String, ConfigError> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| ConfigError {
        line: error
            .span()
            .map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1),
        problem: "not valid TOML".to_owned(),
    })?;
    let no_table = |key: String| ConfigError { line: 1, problem: format!("{key}: expected a table") };
    let profiles = document.entry("profiles").or_insert_with(implicit_table);
    let profiles = profiles.as_table_like_mut().ok_or_else(|| no_table("profiles".to_owned()))?;
    let profile = profiles.entry(name.as_str()).or_insert_with(|| Item::Table(Table::new()));
    let profile = profile.as_table_like_mut().ok_or_else(|| no_table(format!("profiles.{name}")))?;
    let mut put = |key: &str, text: Option<String>| {
        if let Some(text) = text {
            // In place, so that a comment behind the old value stays.
            match profile.get_mut(key).and_then(Item::as_value_mut) {
                Some(old) => {
                    let decor = old.decor().clone();
                    *old = text.into();
                    *old.decor_mut() = decor;
                }
                None => drop(profile.insert(key, value(text))),
            }
        }
    };
    put("mfa_serial", change.mfa_serial.as_ref().map(ToString::to_string));
    put("region", change.region.as_ref().map(|region| region.as_str().to_owned()));
    put("duration", change.duration.map(|duration| duration.to_string()));
    put("mfa", change.totp.then(|| "totp".to_owned()));
    let mark = if text.starts_with('\u{FEFF}') { "\u{FEFF}" } else { "" };
    Ok(format!("{mark}{document}"))
}

/// A `[profiles]` that is not written itself, only its children are.
fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}
