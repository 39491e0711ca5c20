//! TLS: handshakes in time, certificates that change while serving, client certificates.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chassis::config::TlsConfig;
use chassis::{ChassisConfig, ClientConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connections::closed_by_peer;
use crate::support::lab::Client;
use crate::support::{PATIENCE, Server, config};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate for `localhost`; returns it.
fn issue(authority: &Authority, dir: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    std::fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(dir.join("cert.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

fn with_tls(dir: &Path) -> ChassisConfig {
    let mut config = config();
    config.server.handshake_timeout = Duration::from_millis(200);
    config.server.tls = Some(TlsConfig {
        cert_file: dir.join("cert.pem"),
        key_file: dir.join("key.pem"),
        client_ca_file: None,
        reload_interval: Duration::from_millis(20),
    });
    config
}

#[tokio::test]
async fn calls_go_through_tls_and_silence_does_not() {
    let dir = tempfile::tempdir().unwrap();
    issue(&authority(), dir.path());
    let server = Server::start(with_tls(dir.path())).await;
    let client = ClientConfig { ca_file: Some(dir.path().join("ca.pem")), ..ClientConfig::default() };
    let uri = format!("https://localhost:{}", server.api.port());
    assert_eq!(Client::new(chassis::channel(&uri, &client).unwrap()).say("hello").await.unwrap(), "hello");

    // Bare tonic keeps a connection without a ClientHello open for ever.
    assert!(closed_by_peer(server.api).await >= Duration::from_millis(190));
    let mut plain = TcpStream::connect(server.api).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut answer)).await.expect("still open");
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority();
    let first = issue(&authority, dir.path());
    let server = Server::start(with_tls(dir.path())).await;
    assert_eq!(presented(&server, &authority).await, first);
    std::fs::write(dir.path().join("cert.pem"), "broken").unwrap();
    assert_eq!(presented(&server, &authority).await, first);
    let second = issue(&authority, dir.path());
    tokio::time::timeout(PATIENCE, async { while presented(&server, &authority).await != second {} })
        .await
        .expect("the new certificate is not in use");
}

async fn presented(server: &Server, authority: &Authority) -> CertificateDer<'static> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(server.api).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn with_a_client_authority_strangers_stay_out() {
    let dir = tempfile::tempdir().unwrap();
    issue(&authority(), dir.path());
    let mut config = with_tls(dir.path());
    config.server.tls.as_mut().unwrap().client_ca_file = Some(dir.path().join("ca.pem"));
    let server = Server::start(config).await;
    let client = ClientConfig { ca_file: Some(dir.path().join("ca.pem")), ..ClientConfig::default() };
    let uri = format!("https://localhost:{}", server.api.port());
    let stranger = Client::new(chassis::channel(&uri, &client).unwrap());
    assert!(tokio::time::timeout(PATIENCE, stranger.say("hello")).await.unwrap().is_err());
}

#[tokio::test]
async fn a_key_of_another_certificate_is_told_before_a_port_opens() {
    let dir = tempfile::tempdir().unwrap();
    issue(&authority(), dir.path());
    std::fs::write(dir.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let options = chassis::ServeOptions::new(with_tls(dir.path()), Vec::new());
    let error = chassis::serve(options, tokio_util::sync::CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().starts_with("server.tls: the key does not belong"), "{error:#}");
}
