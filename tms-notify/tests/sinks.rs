//! Messages on the wire, against a mail server and a web server within the test.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that finds the unexpected stops loudly"
)]

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tms_core::{
    Tms,
    alert::Severity,
    key::SecretKeys,
    notification::{
        ChannelDraft, Destination, Language, Letter, MailSecurity, MailTarget, Notifier, Routing, Target,
        service::ChannelRequest,
    },
    secret::Secret,
    testkit::{
        ManualClock, MemoryStore,
        build::{self, NOW},
    },
};
use tms_notify::{DELIVERY, Outbound, OutboundSettings, Reach, SIGNATURE, sign};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const KEY: &str = "a key of the signature";

fn outbound(reach: Reach) -> Outbound {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let timeout = Duration::from_secs(5);
    Outbound::new(OutboundSettings { reach, timeout }).unwrap()
}

fn letter() -> Letter {
    Letter {
        id: "alerts-7-1".to_owned(),
        subject: "TMS: [HIGH] TC-1: カードリーダー <b>".to_owned(),
        text: "one\n.\ntwo 新宿\n".to_owned(),
        facts: json!({ "type": "alerts", "count": 1 }),
        at: NOW,
    }
}

/// A request as a web server got it.
#[derive(Debug)]
struct Got {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// A web server that answers every request alike.
async fn web_server(answer: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, got) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let _ = tell.send(read_request(&mut stream).await);
                let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    (address, got)
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Got {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |line: &String| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let mut got = Got {
        line: lines[0].clone(),
        headers: lines[1..].iter().map(header).collect(),
        body: Vec::new(),
    };
    got.body = vec![0; got.header("content-length").parse().unwrap()];
    stream.read_exact(&mut got.body).await.unwrap();
    got
}

/// A mail server without TLS; returns what was said to it.
async fn mail_server(to_receivers: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, got) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let said = converse(&mut stream, to_receivers).await;
                let _ = tell.send(said);
            });
        }
    });
    (address, got)
}

async fn converse(stream: &mut BufReader<TcpStream>, to_receivers: &str) -> String {
    stream.write_all(b"220 sink\r\n").await.unwrap();
    let (mut said, mut is_data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
            return said;
        }
        said.push_str(&line);
        let answer = match line.trim_end() {
            "." if is_data => {
                is_data = false;
                "250 taken"
            }
            _ if is_data => continue,
            "DATA" => {
                is_data = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            text if text.starts_with("EHLO") => "250-sink\r\n250 8BITMIME",
            text if text.starts_with("RCPT") => to_receivers,
            _ => "250 ok",
        };
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() || line.starts_with("QUIT") {
            return said;
        }
    }
}

fn mail_to(address: SocketAddr, security: MailSecurity) -> Destination {
    Destination::Mail {
        target: MailTarget {
            host: "127.0.0.1".to_owned(),
            port: address.port(),
            security,
            username: None,
            from: "tms@example.com".to_owned(),
            to: vec!["a@example.com".to_owned(), "b@example.com".to_owned()],
        },
        password: None,
    }
}

fn hook_to(address: SocketAddr) -> Destination {
    Destination::WebHook {
        url: format!("http://{address}/hook?x=1"),
        key: Secret::new(KEY.to_owned()),
    }
}

#[tokio::test]
async fn a_web_hook_is_signed_and_known_again() {
    let (address, mut got) = web_server("204 No Content").await;
    outbound(Reach::Private)
        .send(&hook_to(address), &letter())
        .await
        .unwrap();
    let got = got.recv().await.unwrap();
    assert_eq!(got.line, "POST /hook?x=1 HTTP/1.1");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header(DELIVERY), "alerts-7-1");
    let body: Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!((&body["id"], &body["type"]), (&json!("alerts-7-1"), &json!("alerts")));
    let seconds = NOW.as_micros() / 1_000_000;
    assert_eq!(
        got.header(SIGNATURE),
        sign(&Secret::new(KEY.to_owned()), seconds, &got.body)
    );
    assert!(got.header(SIGNATURE).starts_with(&format!("t={seconds},v1=")));
}

#[test]
fn the_signature_is_hmac_sha256() {
    // printf '1.{}' | openssl dgst -sha256 -hmac key
    let expected = "t=1,v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224";
    let signed = sign(&Secret::new("key".to_owned()), 1, b"{}");
    assert_eq!(signed, expected);
    assert_ne!(signed, sign(&Secret::new("key".to_owned()), 2, b"{}"));
    assert_ne!(signed, sign(&Secret::new("kez".to_owned()), 1, b"{}"));
}

#[tokio::test]
async fn slack_gets_text_in_which_nothing_has_a_meaning() {
    let (address, mut got) = web_server("200 OK").await;
    let url = Secret::new(format!("http://{address}/services/T/B/secret"));
    let sent = outbound(Reach::Private)
        .send(&Destination::Slack { url }, &letter())
        .await;
    sent.unwrap();
    let body: Value = serde_json::from_slice(&got.recv().await.unwrap().body).unwrap();
    let text = body["text"].as_str().unwrap();
    assert!(
        text.contains("カードリーダー &lt;b&gt;") && text.contains("two 新宿"),
        "{text}"
    );
}

#[tokio::test]
async fn what_the_other_side_refuses_is_told_without_secrets() {
    let private = outbound(Reach::Private);
    for answer in [
        "500 Oops",
        "403 Forbidden",
        "302 Found\r\nLocation: http://127.0.0.1:1/",
    ] {
        let (address, _got) = web_server(answer).await;
        let error = private.send(&hook_to(address), &letter()).await.unwrap_err();
        assert!(error.0.contains(&answer[..3]), "{error}");
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = Secret::new(format!("http://{gone}/services/secret"));
    let error = private.send(&Destination::Slack { url }, &letter()).await.unwrap_err();
    assert!(!error.0.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_private_address_is_not_even_connected_to() {
    let (address, mut got) = web_server("200 OK").await;
    let public = outbound(Reach::Public);
    let by_name = format!("https://localhost:{}/", address.port());
    for url in [format!("http://{address}/"), format!("https://{address}/"), by_name] {
        let key = Secret::new(KEY.to_owned());
        let to = Destination::WebHook { url: url.clone(), key };
        let error = public.send(&to, &letter()).await.unwrap_err();
        assert!(
            error.0.contains("private network") || error.0.contains("https"),
            "{url}: {error}"
        );
    }
    assert!(got.try_recv().is_err());
}

#[tokio::test]
async fn mail_is_delivered_and_known_again() {
    let (address, mut got) = mail_server("250 ok").await;
    let sent = outbound(Reach::Public)
        .send(&mail_to(address, MailSecurity::Plain), &letter())
        .await;
    sent.unwrap();
    let said = got.recv().await.unwrap();
    for line in [
        "MAIL FROM:<tms@example.com>",
        "RCPT TO:<a@example.com>",
        "RCPT TO:<b@example.com>",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("Message-ID: <alerts-7-1@example.com>"), "{said}");
    assert!(
        said.contains("From: tms@example.com") && said.contains("charset=utf-8"),
        "{said}"
    );
    assert!(!said.contains("カード"), "the headline is encoded: {said}");
}

#[tokio::test]
async fn mail_without_tls_is_not_sent_where_tls_is_wanted() {
    for security in [MailSecurity::StartTls, MailSecurity::Tls] {
        let (address, mut got) = mail_server("250 ok").await;
        outbound(Reach::Public)
            .send(&mail_to(address, security), &letter())
            .await
            .unwrap_err();
        let said = got.recv().await.unwrap();
        assert!(!said.contains("MAIL FROM"), "{said}");
    }
}

#[tokio::test]
async fn what_a_mail_server_refuses_is_told() {
    let (address, _got) = mail_server("550 nobody here").await;
    let error = outbound(Reach::Public)
        .send(&mail_to(address, MailSecurity::Plain), &letter())
        .await;
    assert!(error.as_ref().unwrap_err().0.contains("nobody here"), "{error:?}");
}

/// A channel of the core, its secret keys and a mail server together.
#[tokio::test]
async fn the_test_of_a_channel_arrives() {
    let (address, mut got) = mail_server("250 ok").await;
    let tms = Tms::builder(MemoryStore::new().stores())
        .clock(ManualClock::new(NOW))
        .secret_keys(SecretKeys::new("a secret key for tests"))
        .notifier(Arc::new(outbound(Reach::Public)))
        .build();
    let Destination::Mail { target, .. } = mail_to(address, MailSecurity::Plain) else {
        unreachable!()
    };
    let draft = ChannelDraft {
        name: "mail".to_owned(),
        is_enabled: true,
        target: Target::Mail(target),
        routing: Routing {
            lowest: Severity::Info,
            customers: BTreeSet::new(),
            hours: None,
            tells_end: false,
        },
        language: Language::English,
    };
    let request = ChannelRequest { draft, secret: None };
    let channel = tms.notifications().create(&build::admin(NOW), request).await.unwrap();
    let tested = tms.notifications().test(&build::admin(NOW), channel.id).await.unwrap();
    assert_eq!(tested, None);
    assert!(
        got.recv()
            .await
            .unwrap()
            .contains("Subject: TMS: This is a test of the notification channel mail")
    );
}
