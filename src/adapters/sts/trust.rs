//! Whom TLS trusts: the machine's roots, or `AWS_CA_BUNDLE` in their place.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_smithy_http_client::tls::TrustStore;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::ports::sts::StsError;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// Largest bundle that is read, in bytes: the roots of a whole distribution take about 250 KB.
const LARGEST_BUNDLE: u64 = 8 << 20;

/// The machine's own roots, or those of the bundle in their place, as the AWS CLI has it.
pub(super) fn trust_store(bundle: Option<&Path>) -> Result<TrustStore, StsError> {
    let Some(path) = bundle else {
        return Ok(TrustStore::default());
    };
    let unusable =
        |why: &str| StsError::Setup(format!("AWS_CA_BUNDLE names {}, which {why}", path.display()));
    let text = read(path).map_err(|error| unusable(&format!("cannot be read: {}", error.kind())))?;
    // One by one: the SDK's client panics over a certificate that it cannot use, and the bundles of older
    // organisations do hold some that rustls refuses.
    let usable: Vec<&str> = certificates(&text).filter(|pem| is_usable(pem)).collect();
    if usable.is_empty() {
        return Err(unusable("holds no usable certificate"));
    }
    Ok(usable.into_iter().fold(TrustStore::empty(), TrustStore::with_pem_certificate))
}

/// Reads a regular file up to the limit; what is beyond comes out as cut-off certificates, which are refused.
fn read(path: &Path) -> io::Result<String> {
    // Asked before opening: the opening of a pipe would wait for its writer.
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    let _read: usize = File::open(path)?.take(LARGEST_BUNDLE).read_to_end(&mut bytes)?;
    // Names and comments between the certificates are in any encoding.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The certificates of a bundle, each with its frame.
fn certificates(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(BEGIN).filter_map(|(start, _)| {
        let from_start = text.get(start..)?;
        from_start.get(..from_start.find(END)? + END.len())
    })
}

fn is_usable(pem: &str) -> bool {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok())
}
