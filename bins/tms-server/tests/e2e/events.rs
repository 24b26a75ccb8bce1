//! Streams of events from real servers: they go on after cuts, end with the sign-in, and end before the server does.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::server::{Operator, PASSWORD, Server, Setting, enrol, now, until};

const SERIAL: &str = "TC-200-001";
const PATIENCE: Duration = Duration::from_secs(10);

/// An open stream of server-sent events.
struct Stream {
    response: Response,
    text: String,
    id: String,
}

impl Stream {
    async fn open(person: &Operator, after: Option<&str>) -> Self {
        let mut request = person.request(reqwest::Method::GET, "/events");
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        let mut stream = Self {
            response,
            text: String::new(),
            id: String::new(),
        };
        // The first block tells where the stream begins.
        assert_eq!(stream.block().await, None);
        stream
    }

    /// Reads a block and returns its event, if it has one.
    async fn block(&mut self) -> Option<Value> {
        let block = loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.into();
                break block;
            }
            let chunk = timeout(PATIENCE, self.response.chunk())
                .await
                .expect("the stream goes on");
            let chunk = chunk.unwrap().expect("the stream is open");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        };
        let field = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        self.id = field("id").expect("each block has an id").into();
        let event: Value = serde_json::from_str(field("data")?).unwrap();
        assert_eq!(event["type"], field("event").unwrap());
        Some(event)
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Some(event) = self.block().await {
                return event;
            }
        }
    }

    /// Expects the end, whatever comes before it, and returns why.
    async fn end(mut self) -> String {
        let reason = loop {
            let event = self.next().await;
            if event["type"] == "end" {
                break event["data"]["reason"].as_str().unwrap().to_owned();
            }
        };
        let rest = timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap();
        assert_eq!(rest, None, "nothing follows the end");
        reason
    }
}

/// Makes a customer, which writes no event, or changes the state of the device, which writes one.
async fn flip(agent: &Operator, serial: &str, seq: i64) {
    let device = if seq % 2 == 0 {
        json!({ "state": "ok", "error_code": 0 })
    } else {
        json!({ "state": "error", "error_code": 7 })
    };
    let body = json!({
        "serial_number": serial, "timestamp": now(), "status": "online", "boot_id": "one", "seq": seq, "device": device,
    });
    let (status, answer) = agent.post("/agent/heartbeat", &body).await;
    assert_eq!(status, 200, "{answer}");
}

async fn login(server: &Server, username: &str) -> (Operator, Value) {
    let body = json!({ "username": username, "password": PASSWORD });
    let (status, pair) = Operator::holding(server, "").post("/auth/login", &body).await;
    assert_eq!(status, 200, "{pair}");
    (Operator::holding(server, pair["access_token"].as_str().unwrap()), pair)
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_cut() {
    const CUTS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    // One terminal says more than it may in so short a time.
    let setting = Setting::sqlite(folder.path()).with("TMS_RATE_LIMITS", "off");
    setting.prepare();
    let server = setting.start().await;
    let root = server.sign_in().await;
    let stream = Stream::open(&root, None).await;
    let agent = Operator::holding(&server, &enrol(&setting, &server, SERIAL).await);
    let (mut seen, mut place) = (Vec::new(), stream.id.clone());
    for seq in 0..CUTS {
        flip(&agent, SERIAL, i64::try_from(seq).unwrap()).await;
        // What happens while nobody listens is told afterwards.
        let mut stream = Stream::open(&root, Some(&place)).await;
        let event = loop {
            let event = stream.next().await;
            assert_ne!(event["type"], "resync", "{event}");
            if event["type"] == "terminal_status_change" {
                break event;
            }
        };
        place.clone_from(&stream.id);
        seen.push(event["data"]["new_status"].as_str().unwrap().to_owned());
    }
    let expected: Vec<&str> = (0..CUTS)
        .map(|seq| if seq % 2 == 0 { "online" } else { "error" })
        .collect();
    assert_eq!(seen, expected);
    // A place that was never given out, such as one of before a restore.
    let mut unknown = Stream::open(&root, Some("999999999-999999999")).await;
    assert_eq!(unknown.next().await["type"], "resync");
}

#[tokio::test]
async fn a_stream_ends_with_the_sign_in_on_whichever_node() {
    let Some(setting) = Setting::postgres("events") else {
        return;
    };
    setting.prepare();
    let (a, b) = (setting.start().await, setting.start().await);
    let root = a.sign_in().await;
    let mut ids = Vec::new();
    for name in ["second", "third", "fourth"] {
        let (_, made) = root
            .post("/users", &json!({ "username": name, "role": "operator" }))
            .await;
        ids.push(made["id"].as_i64().unwrap());
        let password = json!({ "token": made["password_link"]["token"], "new_password": PASSWORD });
        assert_eq!(root.post("/auth/password/reset", &password).await.0, 204);
    }
    let (second, _) = login(&b, "second").await;
    let (third, _) = login(&b, "third").await;
    let (streams, socket) = (
        [Stream::open(&second, None).await, Stream::open(&third, None).await],
        Socket::open(&b, &third).await,
    );
    let [of_second, of_third] = streams;
    let at_a = Operator::holding(&a, second.token());
    assert_eq!(at_a.post("/auth/logout", &json!({})).await.0, 204);
    let ended = timeout(Duration::from_secs(1), of_second.end()).await;
    assert_eq!(ended.expect("it ends within a second"), "signed_out");
    assert!(
        setting
            .run(&["user", "disable", "--username", "third"], "")
            .status
            .success()
    );
    let ended = timeout(Duration::from_secs(1), of_third.end()).await;
    assert_eq!(ended.expect("it ends within a second"), "signed_out");
    assert_eq!(socket.end().await, "signed_out");

    // A lower role acts on the next requests, without a new sign-in.
    let (fourth, _) = login(&b, "fourth").await;
    let write = json!({ "company_name": "ABC" });
    assert_eq!(fourth.post("/customers", &write).await.0, 201);
    let demote = root
        .request(reqwest::Method::PATCH, &format!("/users/{}", ids[2]))
        .header("If-Match", "*")
        .json(&json!({ "role": "viewer" }));
    assert_eq!(demote.send().await.unwrap().status(), 200);
    until(Duration::from_secs(1), "refused by the other node", async || {
        fourth.post("/customers", &json!({ "company_name": "XYZ" })).await.0 == 403
    })
    .await;
}

#[tokio::test]
async fn streams_end_before_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    setting.prepare();
    let server = setting.start().await;
    let root = server.sign_in().await;
    let (stream, socket) = (Stream::open(&root, None).await, Socket::open(&server, &root).await);
    let stopping = tokio::task::spawn_blocking(move || server.terminate());
    assert_eq!(stream.end().await, "closing");
    assert_eq!(socket.end().await, "closing");
    assert!(
        timeout(PATIENCE, stopping).await.unwrap().unwrap(),
        "the server says that all is well"
    );
}

/// An open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn connect(server: &Server) -> Self {
        let url = format!("ws://{}/api/v1/ws/monitoring", server.address);
        Self(connect_async(url).await.unwrap().0)
    }

    /// Connects, says who it is and subscribes to everything.
    pub async fn open(server: &Server, person: &Operator) -> Self {
        let mut socket = Self::connect(server).await;
        socket.say(&json!({ "type": "auth", "token": person.token() })).await;
        assert_eq!(socket.next().await["type"], "ready");
        socket.say(&json!({ "type": "subscribe", "channels": [] })).await;
        assert_eq!(socket.next().await["type"], "subscribed");
        socket
    }

    pub async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("the socket goes on");
            if let Message::Text(text) = message.expect("the socket is open").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn end(mut self) -> String {
        loop {
            let message = self.next().await;
            if message["type"] == "end" {
                return message["data"]["reason"].as_str().unwrap().to_owned();
            }
        }
    }
}

#[tokio::test]
async fn a_socket_tells_what_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    setting.prepare();
    let server = setting.start().await;
    let root = server.sign_in().await;
    let agent = Operator::holding(&server, &enrol(&setting, &server, SERIAL).await);
    flip(&agent, SERIAL, 0).await;
    let mut socket = Socket::open(&server, &root).await;
    flip(&agent, SERIAL, 1).await;
    let told = socket.next().await;
    assert_eq!(told["type"], "terminal_status_change", "{told}");
    socket.say(&json!({ "type": "ping" })).await;
    while socket.next().await["type"] != "pong" {}
    socket
        .say(&json!({ "type": "subscribe", "channels": ["command_update"] }))
        .await;
    while socket.next().await["type"] != "subscribed" {}
    flip(&agent, SERIAL, 2).await;
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await["type"], "pong", "it no longer wants to know");

    for first in [
        json!({ "type": "auth", "token": "tms_at_x" }),
        json!({ "type": "subscribe", "channels": [] }),
        json!("x"),
    ] {
        let mut refused = Socket::connect(&server).await;
        refused.say(&first).await;
        assert_eq!(refused.next().await["type"], "error", "{first}");
        assert!(matches!(refused.0.next().await, Some(Ok(Message::Close(_)))), "{first}");
    }
    let mut strange = format!("ws://{}/api/v1/ws/monitoring", server.address)
        .into_client_request()
        .unwrap();
    strange
        .headers_mut()
        .insert("Origin", "https://evil.example".parse().unwrap());
    match connect_async(strange).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 403),
        other => panic!("{other:?}"),
    }
}
