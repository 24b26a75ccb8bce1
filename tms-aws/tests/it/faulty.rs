//! A way to the stand-in on which things go wrong, connection by connection.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It leads to the stand-in.
    Free,
    /// It leads there until so many bytes were sent.
    CutAfter(u64),
    /// It leads there until so many bytes came back.
    CutAnswerAfter(u64),
    /// What was asked is done, but the answer is lost.
    Swallowed,
    /// Whatever is asked is answered so.
    Answer(u16, &'static str),
    /// Nothing is ever answered.
    Silent,
    /// It is closed at once.
    Closed,
}

#[derive(Debug)]
struct Plan {
    next: VecDeque<Way>,
    then: Way,
    connections: usize,
}

/// A listener between clients and the stand-in.
#[derive(Debug)]
pub struct Faulty {
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    task: JoinHandle<()>,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Faulty {
    /// Leads to what listens at `url`: these ways first, then always the last one.
    pub async fn before(url: &str, ways: &[Way], then: Way) -> Self {
        let target = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Mutex::new(Plan {
            next: ways.iter().copied().collect(),
            then,
            connections: 0,
        }));
        let shared = Arc::clone(&plan);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = {
                    let mut plan = shared.lock().unwrap();
                    plan.connections += 1;
                    plan.next.pop_front().unwrap_or(plan.then)
                };
                tokio::spawn(lead(client, target.clone(), way));
            }
        });
        Self { address, plan, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.plan.lock().unwrap().connections
    }

    /// Changes what happens to connections that come.
    pub fn then(&self, way: Way) {
        self.plan.lock().unwrap().then = way;
    }
}

async fn lead(mut client: TcpStream, target: String, way: Way) {
    match way {
        Way::Closed => {}
        Way::Silent => {
            let mut heard = [0_u8; 4_096];
            while client.read(&mut heard).await.is_ok_and(|read| read > 0) {}
        }
        Way::Answer(status, body) => {
            let mut heard = vec![0_u8; 65_536];
            let _ = client.read(&mut heard).await;
            let answer = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = client.write_all(answer.as_bytes()).await;
            // What is still on its way must be read, or the answer is lost with it.
            let _ = client.shutdown().await;
            while client.read(&mut heard).await.is_ok_and(|read| read > 0) {}
        }
        Way::Free => {
            let mut server = TcpStream::connect(target).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
        Way::CutAfter(bytes) => {
            let server = TcpStream::connect(target).await.unwrap();
            let ((from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let mut from_client = from_client.take(bytes);
            tokio::select! {
                _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
            }
        }
        Way::CutAnswerAfter(bytes) => {
            let server = TcpStream::connect(target).await.unwrap();
            let ((mut from_client, mut to_client), (from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let mut from_server = from_server.take(bytes);
            tokio::select! {
                _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
            }
        }
        Way::Swallowed => {
            let server = TcpStream::connect(target).await.unwrap();
            let ((mut from_client, _to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let mut answer = vec![0_u8; 65_536];
            tokio::select! {
                _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                _ = from_server.read(&mut answer) => {}
            }
        }
    }
}
