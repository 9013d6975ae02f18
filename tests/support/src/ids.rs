//! Access key ids, secrets and tokens that look like AWS's.

use base32::Alphabet;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const RFC4648: Alphabet = Alphabet::Rfc4648 { padding: false };

/// Makes an access key id of `prefix` (`AKIA`, `ASIA`) and 16 characters that carry the account's number.
pub(crate) fn access_key_id(prefix: &str, account: &str) -> String {
    let number: u64 = account.parse().expect("an account is 12 digits");
    let [a, b, rest @ ..] = random::<8>();
    // 48 bits: generation 1, 40 bits of account number, 7 random bits; then 32 random bits.
    let head = (1 << 47) | (number << 7) | u64::from(a & 0x7f);
    let mut bytes = head.to_be_bytes()[2..].to_vec();
    bytes.push(b);
    bytes.extend(&rest[..3]);
    format!("{prefix}{}", base32::encode(RFC4648, &bytes))
}

/// Reads the account's 12 digits out of an access key id.
///
/// `None` for an id that is not four letters and 16 base32 characters, and for the old kind that does not carry it.
#[must_use]
pub fn account_of_key(id: &str) -> Option<String> {
    let bytes = base32::decode(RFC4648, id.get(4..).filter(|tail| tail.len() == 16)?)?;
    let head = bytes.first_chunk::<6>()?.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    (head >> 47 == 1).then(|| format!("{:012}", (head & 0x7fff_ffff_ff80) >> 7))
}

/// A user or role id: `prefix` (`AIDA`, `AROA`) and 17 characters.
pub(crate) fn unique_id(prefix: &str) -> String {
    let tail = base32::encode(RFC4648, &random::<11>());
    format!("{prefix}{}", &tail[..17])
}

/// A secret access key: 40 characters of base64's alphabet.
pub(crate) fn secret() -> String {
    STANDARD.encode(random::<30>())
}

/// A session token of exactly `size` characters.
pub(crate) fn session_token(size: usize) -> String {
    let mut bytes = vec![0; size];
    getrandom::fill(&mut bytes).expect("the system has entropy");
    let mut token = format!("IQoJb3JpZ2luX2Vj{}", STANDARD.encode(bytes));
    token.truncate(size);
    token
}

/// A TOTP seed of AWS's size: 64 base32 characters.
pub(crate) fn seed() -> String {
    base32::encode(RFC4648, &random::<40>())
}

/// The number in a hardware device's serial, `GAHT` and eight digits.
pub(crate) fn hardware_serial() -> String {
    format!("GAHT{:08}", u32::from_be_bytes(random()) % 100_000_000)
}

/// A request id, which is a UUID.
pub(crate) fn request_id() -> String {
    let mut bytes = random::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::sigv4::hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has entropy");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_key_ids_decode_to_their_accounts() {
        assert_eq!(account_of_key("ASIAY34FZKBOKMUTVV7A").as_deref(), Some("609629065308"));
        assert_eq!(account_of_key("ASIAQNZGKIQY56JQ7WML").as_deref(), Some("029608264753"));
        assert_eq!(account_of_key("AKIAIOSFODNN7EXAMPLE"), None);
        assert_eq!(account_of_key("AKIA0"), None);
    }

    #[test]
    fn new_key_ids_carry_their_account() {
        for account in ["123456789012", "000000000001", "999999999999"] {
            let id = access_key_id("AKIA", account);
            assert_eq!(id.len(), 20);
            assert_eq!(account_of_key(&id).as_deref(), Some(account));
        }
    }

    #[test]
    fn sizes_are_those_of_aws() {
        assert_eq!(secret().len(), 40);
        assert_eq!(unique_id("AIDA").len(), 21);
        assert_eq!(seed().len(), 64);
        assert_eq!(session_token(400).len(), 400);
        assert_eq!(session_token(5).len(), 5);
        assert_eq!(request_id().len(), 36);
        assert_eq!(hardware_serial().len(), 12);
    }
}
