//! A proxy on which TLS ends, as one before a deployment, and which may be broken.

use std::{net::SocketAddr, path::Path, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// Certificates for 127.0.0.1 that nobody trusts: one that holds until 2100, one that held until 2021, and their key.
pub const GOOD: &str = include_str!("good.pem");
pub const EXPIRED: &str = include_str!("expired.pem");
const TLS_KEY: &str = include_str!("key.pem");

/// What it answers by itself to requests of somebody with a cookie that begin so.
#[derive(Debug, Clone, Copy)]
pub struct Broken {
    pub request: &'static str,
    pub answer: &'static str,
}

/// Serves `to` over TLS with this certificate, which is written to `file` too.
pub async fn behind_tls(to: &str, certificate: &str, file: &Path, broken: Option<Broken>) -> SocketAddr {
    std::fs::write(file, certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(TLS_KEY.as_bytes()).unwrap();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, to) = (listener.local_addr().unwrap(), to.to_owned());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                if let Ok(outside) = acceptor.accept(stream).await {
                    pass(outside, &to, broken).await;
                }
            });
        }
    });
    address
}

/// Passes one request on, as one that came over TLS, and its answer back.
async fn pass(mut outside: impl AsyncRead + AsyncWrite + Unpin, to: &str, broken: Option<Broken>) {
    let mut read = Vec::new();
    let end = loop {
        let mut piece = [0; 4_096];
        match outside.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(length) => read.extend_from_slice(&piece[..length]),
        }
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let is_met = |broken: &Broken| head.starts_with(broken.request) && head.to_lowercase().contains("\r\ncookie:");
    if let Some(broken) = broken.filter(is_met) {
        let _ = outside.write_all(broken.answer.as_bytes()).await;
        let _ = outside.shutdown().await;
        return;
    }
    let mut inside = TcpStream::connect(to).await.unwrap();
    let more = "\r\nX-Forwarded-Proto: https\r\nConnection: close";
    let _ = inside
        .write_all(&[head.as_bytes(), more.as_bytes(), &read[end..]].concat())
        .await;
    let _ = copy_bidirectional(&mut outside, &mut inside).await;
}
