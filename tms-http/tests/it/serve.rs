//! The accept loop over real sockets: slow clients, too many of them, and going away.

//!
//! Time stands still but where a test moves it on, so that none depends on the speed of the machine.

use std::{net::SocketAddr, time::Duration};

use tms_core::{Tms, testkit::MemoryStore, time::Timestamp};
use tms_http::{HttpSettings, ServeSettings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::advance,
};

use crate::world::Standstill;

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
    _standstill: Standstill,
}

async fn run(change: impl FnOnce(&mut ServeSettings, &mut HttpSettings)) -> Running {
    let standstill = Standstill::begin();
    let (mut serve, mut http) = (ServeSettings::default(), HttpSettings::new("key"));
    serve.drain = Duration::from_millis(10);
    http.draining = serve.draining.clone();
    http.rate_limits = false;
    change(&mut serve, &mut http);
    let router = tms_http::router(Tms::builder(MemoryStore::new().stores()).build(), http);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(tms_http::serve(listener, router, serve, shutdown));
    Running {
        address,
        stop: Some(stop),
        task,
        _standstill: standstill,
    }
}

const HEALTH: &str = "GET /health/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
/// A request whose server says when it begins to read the body.
const SIGN_IN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
    Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";

/// Begins a request and returns when it is under way.
async fn begin_to_sign_in(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(SIGN_IN.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{").await.unwrap();
    stream
}

/// Sends bytes and reads until the other side closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A close that finds unread bytes is a reset.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_names_its_host() {
    let server = run(|_, _| {}).await;
    let health = async |head: &str| {
        exchange(
            server.address,
            &format!("GET /health/ {head}\r\nConnection: close\r\n\r\n"),
        )
        .await
    };
    assert!(health("HTTP/1.1\r\nHost: x").await.starts_with("HTTP/1.1 200 OK"));
    assert!(health("HTTP/1.0").await.starts_with("HTTP/1.0 200 OK"));
    for head in ["HTTP/1.1", "HTTP/1.1\r\nHost: x\r\nHost: y"] {
        assert_problem(&health(head).await, "400 Bad Request", "VAL_003");
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_a_head_is_bounded() {
    let server = run(|_, _| {}).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 1_024];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].ends_with(b"healthy"));
    }
    let long = format!("GET /health/ HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(40_000));
    assert!(exchange(server.address, &long).await.starts_with("HTTP/1.1 431"));
}

/// Expects a whole answer with the error body of the contract, after which the connection ends.
fn assert_problem(answer: &str, status: &str, code: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name}: {answer}")).to_owned()
    };
    let error = serde_json::from_str::<serde_json::Value>(body).unwrap()["error"].clone();
    assert_eq!(error["code"], code, "{answer}");
    assert_eq!(error["request_id"], header("x-request-id"), "{answer}");
    assert!(error["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
    assert!(!error["message"].as_str().unwrap().is_empty() && error["field_errors"].is_object());
    assert_eq!(header("content-length"), body.len().to_string());
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("connection"), "close");
}

#[tokio::test]
async fn what_never_became_a_request_is_answered_with_the_error_body() {
    let server = run(|_, _| {}).await;
    let bad = "400 Bad Request";
    let large = "431 Request Header Fields Too Large";
    let before = "GET /health/ HTTP/1.1\r\nHost: x\r\n";
    for (request, status, code) in [
        ("rubbish\r\n\r\n".to_owned(), bad, "VAL_003"),
        ("GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(), bad, "VAL_003"),
        ("G@T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), bad, "VAL_003"),
        ("GET  HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), bad, "VAL_003"),
        (format!("{before}no colon\r\n\r\n"), bad, "VAL_003"),
        (
            format!("{before}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            bad,
            "VAL_003",
        ),
        (format!("{before}Content-Length: -1\r\n\r\n"), bad, "VAL_003"),
        (format!("{before}{}\r\n", "X: y\r\n".repeat(65)), large, "SIZE_001"),
        (format!("{before}X: {}\r\n\r\n", "y".repeat(300_000)), large, "SIZE_001"),
        (format!("{before}X: {}", "y".repeat(300_000)), large, "SIZE_001"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_all(&mut stream).await;
        assert_problem(&answer, status, code);
    }
    let uri = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(70_000));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(uri.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 4") && answer.contains("\"SIZE_001\""),
        "{answer}"
    );
}

#[tokio::test]
async fn rubbish_after_a_good_request_is_answered_too() {
    let server = run(|_, _| {}).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1_024];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].ends_with(b"healthy"));
    stream.write_all(b"rubbish\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_problem(&read_all(&mut stream).await, "400 Bad Request", "VAL_003");
}

#[tokio::test]
async fn slow_clients_are_sent_away_and_the_quick_are_served() {
    let server = run(|_, _| {}).await;
    let mut slow = Vec::new();
    for n in 0..100 {
        let part = match n % 4 {
            0 => "",
            1 => "GET /hea",
            2 => "GET /health/ HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            _ => {
                slow.push((true, begin_to_sign_in(server.address).await));
                continue;
            }
        };
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(part.as_bytes()).await.unwrap();
        slow.push((false, stream));
    }
    // Connections are accepted in their order, so all of the slow ones are there.
    assert!(exchange(server.address, HEALTH).await.ends_with("healthy"));
    advance(Duration::from_millis(9_900)).await;
    for (_, stream) in &mut slow {
        let early = stream.try_read(&mut [0]).unwrap_err();
        assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "its time is not over");
    }
    assert!(exchange(server.address, HEALTH).await.ends_with("healthy"));
    advance(Duration::from_millis(200)).await;
    assert!(exchange(server.address, HEALTH).await.ends_with("healthy"));
    advance(Duration::from_secs(10)).await;
    for (has_body, mut stream) in slow {
        let answer = read_all(&mut stream).await;
        if has_body {
            assert!(
                answer.starts_with("HTTP/1.1 408") && answer.contains("\"error\""),
                "{answer}"
            );
        } else {
            assert_eq!(answer, "");
        }
    }
}

#[tokio::test]
async fn a_client_that_trickles_buys_no_time() {
    let server = run(|_, _| {}).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert!(exchange(server.address, HEALTH).await.ends_with("healthy"));
    let mut seconds = 0;
    loop {
        // It may be gone already, which the next read shows.
        let _ = stream.write_all(b"G").await;
        advance(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(exchange(server.address, HEALTH).await.ends_with("healthy"));
        match stream.try_read(&mut [0]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
    }
    assert!((10..14).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let server = run(|serve, _| serve.max_connections = 2).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream
            .write_all(b"GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 1_024];
        assert!(stream.read(&mut answer).await.unwrap() > 0);
        kept.push(stream);
    }
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let answer = read_all(&mut third).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("\"SYS_002\""),
        "{answer}"
    );
    drop(kept);
    // The places of closed connections are free again as soon as the server has noticed.
    while !exchange(server.address, HEALTH).await.ends_with("healthy") {}
}

#[tokio::test]
async fn who_reads_nothing_of_the_answers_loses_its_place() {
    let server = run(|serve, _| {
        serve.max_connections = 1;
        serve.write_timeout = Duration::from_secs(5);
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut deaf = socket.connect(server.address).await.unwrap();
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    // Much more than the buffers of the machine take in between.
    deaf.write_all(request.repeat(100).as_bytes()).await.unwrap();
    let mut seconds = 0;
    while !exchange(server.address, HEALTH).await.ends_with("healthy") {
        assert!(seconds < 60, "its place is not given to others");
        advance(Duration::from_secs(1)).await;
        seconds += 1;
    }
    assert!(seconds >= 5, "cut after {seconds} s");
}

#[tokio::test]
async fn going_away_is_announced_and_nobody_is_cut() {
    let mut server = run(|serve, _| serve.drain = Duration::from_secs(5)).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1_024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let mut slow = begin_to_sign_in(server.address).await;
    server.stop.take().unwrap().send(()).unwrap();
    let mut draining = String::new();
    while !draining.starts_with("HTTP/1.1 503") {
        draining = exchange(server.address, HEALTH).await;
    }
    assert!(draining.contains("connection: close"), "{draining}");
    advance(Duration::from_millis(5_001)).await;
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0, "an idle one is closed");
    slow.write_all(b"}").await.unwrap();
    let last = read_all(&mut slow).await;
    assert!(last.starts_with("HTTP/1.1 422"), "one under way is answered: {last}");
    server.task.await.unwrap().unwrap();
}
