//! A thousand clients that send a byte now and then: each is sent away, others are served meanwhile, memory stays bounded.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::server::{Operator, Setting, beat, enrol};

const CLIENTS: usize = 1_000;
/// How much the server may grow meanwhile.
const GROWTH_KIB: u64 = 64 * 1_024;
const SERIAL: &str = "TC-200-001";

/// What a slow client has sent at first: a part of the head of a request, or the head and a part of the body.
fn beginning(has_head: bool) -> &'static str {
    if has_head {
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
    } else {
        "GET /health/ HTTP/1.1\r\nHost: x\r\nX-Slow: "
    }
}

/// Sends a byte every quarter of a second until the server has enough; returns its answer.
async fn dribble(address: String, has_head: bool) -> String {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    write.write_all(beginning(has_head).as_bytes()).await.unwrap();
    let mut pace = interval(Duration::from_millis(250));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answer = Vec::new();
    let mut part = [0; 1_024];
    loop {
        tokio::select! {
            got = read.read(&mut part) => match got {
                Ok(count) if count > 0 => answer.extend_from_slice(&part[..count]),
                // A close that finds unread bytes is a reset.
                _ => return String::from_utf8(answer).unwrap(),
            },
            // After the server's close the next read tells.
            _ = pace.tick() => drop(write.write_all(b" ").await),
        }
    }
}

#[tokio::test]
async fn a_thousand_slow_clients_cost_little_and_are_sent_away() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path()).with("TMS_RATE_LIMITS", "off");
    setting.prepare();
    let server = setting.start().await;
    let token = enrol(&setting, &server, SERIAL).await;
    let agent = Operator::holding(&server, &token);
    assert_eq!(beat(&agent, SERIAL, 0).await, 200);
    let before = server.resident_kib();

    let mut slow = JoinSet::new();
    for n in 0..CLIENTS {
        let (address, has_head) = (server.address.clone(), n % 2 == 0);
        slow.spawn(async move { (has_head, dribble(address, has_head).await) });
    }
    let (mut highest, mut sent, mut ended) = (before, 0, 0);
    while ended < CLIENTS {
        sent += 1;
        assert_eq!(beat(&agent, SERIAL, sent).await, 200, "others are served");
        highest = highest.max(server.resident_kib());
        while let Some(one) = slow.try_join_next() {
            let (has_head, answer) = one.unwrap();
            ended += 1;
            assert_eq!(answer.starts_with("HTTP/1.1 408 "), has_head, "{answer}");
            assert!(has_head || answer.is_empty(), "{answer}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let growth = highest - before;
    eprintln!("{CLIENTS} slow clients: {before} KiB resident before, {highest} KiB at most, {growth} KiB more");
    assert!(growth < GROWTH_KIB, "{growth} KiB");
}
