//! The accept loop over real sockets: slow clients, too many of them, and going away.

use std::{net::SocketAddr, time::Duration};

use tms_core::{Tms, testkit::MemoryStore};
use tms_http::{HttpSettings, ServeSettings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout},
};

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
}

async fn run(change: impl FnOnce(&mut ServeSettings, &mut HttpSettings)) -> Running {
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
    }
}

/// Sends bytes and reads until the other side closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
        .await
        .expect("the server closes");
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
        let answer = health(head).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request") && answer.contains("\"VAL_003\""),
            "{answer}"
        );
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
    assert!(
        exchange(server.address, "rubbish\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 400")
    );
}

#[tokio::test]
async fn a_thousand_slow_clients_are_sent_away_and_the_quick_are_served() {
    let server = run(|serve, http| {
        serve.header_timeout = Duration::from_millis(700);
        serve.idle_timeout = Duration::from_millis(700);
        http.body_timeout = Duration::from_millis(700);
    })
    .await;
    let begun = Instant::now();
    let mut slow = Vec::new();
    for n in 0..1_000 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let part: &[u8] = match n % 4 {
            0 => b"",
            1 => b"GET /hea",
            2 => b"GET /health/ HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            _ => b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
        };
        stream.write_all(part).await.unwrap();
        slow.push((n, stream));
    }
    let quick = exchange(
        server.address,
        "GET /health/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(quick.ends_with("healthy"));
    for (n, mut stream) in slow {
        let answer = read_all(&mut stream).await;
        if n % 4 == 3 {
            assert!(
                answer.starts_with("HTTP/1.1 408") && answer.contains("\"error\""),
                "{answer}"
            );
        } else {
            assert_eq!(answer, "");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_client_that_trickles_buys_no_time() {
    let server = run(|serve, _| serve.header_timeout = Duration::from_millis(500)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let begun = Instant::now();
    let mut writes = 0;
    while begun.elapsed() < Duration::from_secs(5) && stream.write_all(b"G").await.is_ok() {
        writes += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((5..50).contains(&writes), "{writes}");
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
    for _ in 0..100 {
        let answer = exchange(
            server.address,
            "GET /health/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await;
        if answer.ends_with("healthy") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the places of closed connections are free again");
}

#[tokio::test]
async fn going_away_is_announced_and_nobody_is_cut() {
    let mut server = run(|serve, _| {
        serve.drain = Duration::from_millis(800);
        serve.finish_timeout = Duration::from_secs(5);
    })
    .await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1_024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head =
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{";
    slow.write_all(head).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.take().unwrap().send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let draining = exchange(server.address, "GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(
        draining.starts_with("HTTP/1.1 503") && draining.contains("connection: close"),
        "{draining}"
    );
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "no new connection is taken"
    );
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0, "an idle one is closed");
    slow.write_all(b"}").await.unwrap();
    let last = read_all(&mut slow).await;
    assert!(last.starts_with("HTTP/1.1 422"), "one under way is answered: {last}");
    timeout(Duration::from_secs(2), server.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
