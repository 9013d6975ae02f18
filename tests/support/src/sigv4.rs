//! AWS Signature Version 4: what a request's signature must be.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::http::HttpRequest;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The Authorization header, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key_id: String,
    /// Of the scope: `20150830`.
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
}

impl Authorization {
    /// Parses the header; the error is the text of AWS's `IncompleteSignature`.
    pub(crate) fn parse(header: &str) -> Result<Self, String> {
        let fields = header
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or_else(|| "Authorization header requires 'AWS4-HMAC-SHA256' algorithm.".to_owned())?;
        let field = |name: &str| {
            fields
                .split(',')
                .filter_map(|field| field.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
                .ok_or_else(|| format!("Authorization header requires '{name}' parameter."))
        };
        let credential = field("Credential")?;
        let parts: Vec<&str> = credential.split('/').collect();
        let [id, date, region, service, "aws4_request"] = *parts else {
            return Err(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                keyid/date/region/service/term, got '{credential}'"
            ));
        };
        Ok(Self {
            access_key_id: id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: field("Signature")?.to_owned(),
        })
    }

    pub(crate) fn signs(&self, header: &str) -> bool {
        self.signed_headers.iter().any(|signed| signed == header)
    }
}

/// The signature, in hex, that `request` must bear when `secret` signed it at `timestamp` (`20150830T123600Z`).
pub(crate) fn signature(
    secret: &str,
    scope: &Authorization,
    timestamp: &str,
    request: &HttpRequest,
) -> String {
    let Authorization { date, region, service, .. } = scope;
    let canonical = hash(canonical_request(request, &scope.signed_headers).as_bytes());
    let text = format!("AWS4-HMAC-SHA256\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{canonical}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date.as_str(), region, service, "aws4_request"] {
        key = mac(&key, part);
    }
    hex(&mac(&key, &text))
}

fn canonical_request(request: &HttpRequest, signed: &[String]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let path = request.path.split('/').map(encode).collect::<Vec<_>>().join("/");
    let again = |text: &str| encode(&percent_decode_str(text).decode_utf8_lossy());
    let mut query: Vec<String> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| format!("{}={}", again(key), again(value)))
        .collect();
    query.sort();
    let mut headers = String::new();
    for name in signed {
        let values = request.headers.iter().filter(|(key, _)| key == name);
        let values: Vec<String> =
            values.map(|(_, value)| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect();
        writeln!(headers, "{name}:{}", values.join(",")).unwrap();
    }
    let method = &request.method;
    format!("{method}\n{path}\n{}\n{headers}\n{}\n{}", query.join("&"), signed.join(";"), hash(&request.body))
}

/// SHA-256, in hex.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// AWS's published test suite: the key, the date, the region and the service are the same in all its cases.
    fn check(method: &str, query: &str, headers: &[(&str, &str)], signature_wanted: &str) {
        let signed: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let header = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, \
             Signature={signature_wanted}",
            signed.join(";")
        );
        let scope = Authorization::parse(&header).unwrap();
        let request = HttpRequest {
            method: method.to_owned(),
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        };
        assert_eq!(signature(SECRET, &scope, "20150830T123600Z", &request), signature_wanted);
    }

    #[test]
    fn published_vectors() {
        let plain = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        check("GET", "", &plain, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
        check("POST", "", &plain, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
        check(
            "GET",
            "Param2=value2&Param1=value1",
            &plain,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
    }

    #[test]
    fn an_authorization_header_that_lacks_a_part_is_refused() {
        for header in [
            "",
            "Basic dTpw",
            "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/sts, SignedHeaders=host, Signature=00",
            "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/sts/aws4_request, Signature=00",
        ] {
            assert!(Authorization::parse(header).is_err(), "{header}");
        }
    }
}
