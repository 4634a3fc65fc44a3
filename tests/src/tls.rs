//! A certificate for 127.0.0.1 and the authority that signed it, made for one test.

use std::{fs, path::PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::cleanup::Workdir;

/// A server's certificate and key, as files. Gone when dropped.
#[derive(Debug)]
pub struct Identity {
    folder: Workdir,
}

impl Identity {
    /// Makes an authority of its own and a certificate for `localhost` and 127.0.0.1 that it signed.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn new() -> Result<Self> {
        let folder = Workdir::new("tls")?;
        let mut authority = CertificateParams::new([])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Authority of one test");
        let authority_key = KeyPair::generate()?;
        fs::write(folder.join("authority.pem"), authority.self_signed(&authority_key)?.pem())?;
        let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?;
        fs::write(folder.join("certificate.pem"), certificate.pem())?;
        fs::write(folder.join("key.pem"), key.serialize_pem())?;
        Ok(Self { folder })
    }

    /// The authority's certificate (PEM): who trusts it trusts the server.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The server's certificate (PEM).
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// The server's private key (PEM).
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}
