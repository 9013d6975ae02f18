//! TLS to a server whose certificate only our bundle knows.

use std::net::TcpStream;
use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::server::{Wrap, serve};
use super::*;

const CA: &str = include_str!("tls/ca.pem");
const CERTIFICATE: &str = include_str!("tls/server.pem");
const KEY: &str = include_str!("tls/server-key.pem");

struct Tls(Arc<ServerConfig>);

impl Wrap for Tls {
    fn serve(&mut self, stream: TcpStream, step: Option<&Step>) -> Option<Received> {
        let connection = ServerConnection::new(Arc::clone(&self.0)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let request = serve(&mut stream, step);
        stream.conn.send_close_notify();
        drop(stream.conn.write_tls(&mut stream.sock));
        request
    }
}

fn tls_server(script: Vec<Step>) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Server::start_with(script, Tls(Arc::new(config)))
}

fn https(server: &Server) -> StsSite {
    site(&format!("https://127.0.0.1:{}", server.port()))
}

fn with_bundle(path: &Path) -> NetSettings {
    NetSettings { ca_bundle: Some(path.to_owned()), proxy: Proxy::Never }
}

#[test]
fn the_bundle_replaces_the_roots() {
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("ca.pem");
    // As organisations write them: names between the certificates, and one that rustls cannot use.
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&bundle, format!("Soci\u{e9}t\u{e9} root\n{broken}{CA}# the end\n")).unwrap();

    let server = tls_server(vec![good_session(Some(now()), in_one_hour())]);
    session(&sts(with_bundle(&bundle)), &https(&server)).unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_unknown_certificate_is_not_trusted() {
    let server = tls_server(vec![good_session(Some(now()), in_one_hour())]);
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("other.pem");
    // The server's own certificate is no authority.
    std::fs::write(&bundle, CERTIFICATE).unwrap();
    let result = session(&sts(with_bundle(&bundle)), &https(&server));
    let why = "the server's certificate is not trusted; a proxy that opens TLS needs AWS_CA_BUNDLE";
    assert_eq!(result.err(), Some(StsError::Unreachable(why)));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_server_without_tls_fails_the_handshake() {
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("ca.pem");
    std::fs::write(&bundle, CA).unwrap();
    let server = Server::start(vec![Step::Answer(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())]);
    let result = session(&sts(with_bundle(&bundle)), &https(&server));
    assert!(matches!(result, Err(StsError::Unreachable(_))), "{result:?}");
}

#[test]
fn an_unusable_bundle_is_named_before_any_request() {
    let directory = tempfile::tempdir().unwrap();
    let check = |path: &Path, why: &str| {
        let server = tls_server(vec![]);
        let result = session(&sts(with_bundle(path)), &https(&server));
        let expected = format!("AWS_CA_BUNDLE names {}, which {why}", path.display());
        assert_eq!(result.err(), Some(StsError::Setup(expected)));
        assert_eq!(server.requests().len(), 0);
    };
    check(&directory.path().join("absent"), "cannot be read: entity not found");
    check(directory.path(), "cannot be read: invalid input parameter");
    for content in ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", KEY] {
        let path = directory.path().join("bundle");
        std::fs::write(&path, content).unwrap();
        check(&path, "holds no usable certificate");
    }
}

#[test]
fn a_mended_bundle_is_used_by_the_same_adapter() {
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("ca.pem");
    let server = tls_server(vec![good_session(Some(now()), in_one_hour())]);
    let sts = sts(with_bundle(&bundle));
    assert!(matches!(session(&sts, &https(&server)), Err(StsError::Setup(_))));
    std::fs::write(&bundle, CA).unwrap();
    session(&sts, &https(&server)).unwrap();
}
