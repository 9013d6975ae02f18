//! Where STS is called.

use std::net::IpAddr;

use thiserror::Error;

/// Why an endpoint is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not `https://HOST…` or `http://HOST…`.
    #[error("the STS endpoint is not an http or https address")]
    Shape,
    /// Plain http to another machine.
    #[error(
        "the STS endpoint {0} is plain http to another machine: a code and a signed request must not travel in the clear"
    )]
    Cleartext(String),
    /// A region with a character that no region has.
    #[error("the region is not a name such as eu-west-1")]
    Region,
}

/// A region of AWS, as part of a host name: lower-case letters, digits and `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Parses 1 to 32 of `[a-z0-9-]`.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Region`] for anything else: a region becomes part of a host name.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let good = (1..=32).contains(&text.len()) && text.bytes().all(allowed);
        if good { Ok(Self(text.to_owned())) } else { Err(EndpointError::Region) }
    }

    /// The region's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An endpoint address: https to anywhere, plain http to this machine only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// [`EndpointError`]: another scheme, no host, or plain http to another machine.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let uri: http::Uri = text.parse().map_err(|_hidden| EndpointError::Shape)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(EndpointError::Shape)?;
        // Name and password in an address would end up in messages.
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(EndpointError::Shape);
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => return Err(EndpointError::Cleartext(host.to_owned())),
            _ => return Err(EndpointError::Shape),
        }
        Ok(Self(text.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for this machine: no proxy may carry such a request elsewhere.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Which STS a profile is served by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsSite {
    /// The region, which also stands in the signature.
    pub region: Region,
    /// An address in place of AWS's own for the region.
    pub endpoint: Option<EndpointUrl>,
    /// The FIPS endpoint of the region.
    pub fips: bool,
    /// The dual-stack endpoint of the region.
    pub dualstack: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in [
            "https://sts.example.org",
            "http://127.0.0.1:4566/x",
            "http://localhost:1",
            "http://[::1]:8080",
            "http://127.9.9.9",
        ] {
            assert!(EndpointUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://sts.example.org",
            "http://localhost.example.org",
            "http://[2001:db8::1]",
        ] {
            assert!(matches!(EndpointUrl::parse(bad), Err(EndpointError::Cleartext(_))), "{bad}");
        }
        for bad in [
            "",
            "sts.example.org",
            "ftp://127.0.0.1",
            "/x",
            "http://127.0.0.1@sts.example.org",
            "https://",
            "https://u:p@host",
        ] {
            assert_eq!(EndpointUrl::parse(bad), Err(EndpointError::Shape), "{bad}");
        }
    }

    #[test]
    fn a_region_cannot_smuggle_a_host() {
        assert!(Region::parse("eu-west-1").is_ok());
        assert!(Region::parse("aws-global").is_ok());
        for bad in ["", "eu west 1", "x.example.org/", "EU-WEST-1", &"a".repeat(33)] {
            assert_eq!(Region::parse(bad), Err(EndpointError::Region), "{bad}");
        }
    }
}
