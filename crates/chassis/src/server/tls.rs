//! TLS of the API port. The files are looked at again and again; new connections get what is in them now.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::tasks::Tasks;
use crate::config::TlsConfig;

/// The current certificate.
#[derive(Clone)]
pub(crate) struct Tls {
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads the files, and keeps reading them in a task.
    ///
    /// # Errors
    /// When a file cannot be read or does not hold what it must.
    pub(crate) fn start(config: &TlsConfig, tasks: &Tasks) -> anyhow::Result<Self> {
        let files = Files::read(config)?;
        let tls = Self { current: Arc::new(RwLock::new(files.server_config()?)) };
        tasks.spawn(tls.clone().keep_current(config.clone(), files));
        Ok(tls)
    }

    /// An acceptor with the current certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn keep_current(self, config: TlsConfig, mut known: Files) {
        loop {
            tokio::time::sleep(config.reload_interval).await;
            // A pair that is half written stays out until it fits together.
            match Files::read(&config) {
                Ok(files) if files == known => {}
                Ok(files) => match files.server_config() {
                    Ok(new) => {
                        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                        known = files;
                        tracing::info!(file = %config.cert_file.display(), "the new certificate is in use");
                    }
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the old certificate stays in use"),
                },
                Err(error) => tracing::error!(error = format!("{error:#}"), "the old certificate stays in use"),
            }
        }
    }
}

#[derive(PartialEq, Eq)]
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    fn read(config: &TlsConfig) -> anyhow::Result<Self> {
        let read = |path: &Path, key: &str| {
            std::fs::read(path).with_context(|| format!("server.tls.{key}: {}", path.display()))
        };
        Ok(Self {
            cert: read(&config.cert_file, "cert_file")?,
            key: read(&config.key_file, "key_file")?,
            client_ca: config.client_ca_file.as_deref().map(|path| read(path, "client_ca_file")).transpose()?,
        })
    }

    fn server_config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let chain = certificates(&self.cert).context("server.tls.cert_file: not a PEM certificate chain")?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).context("server.tls.key_file: not a PEM private key")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(pem).context("server.tls.client_ca_file: not PEM certificates")? {
                    roots.add(authority).context("server.tls.client_ca_file")?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.context("server.tls.client_ca_file")?)
            }
        };
        let mut config =
            builder.with_single_cert(chain, key).context("server.tls: the key does not belong to the certificate")?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }
}

fn certificates(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!found.is_empty(), "no certificate in the file");
    Ok(found)
}
