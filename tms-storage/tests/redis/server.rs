//! A Redis of its own for each test, on a socket in a folder of its own.
#![allow(dead_code, reason = "each test program uses what it needs")]

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running Redis; killed when dropped.
#[derive(Debug)]
pub struct RedisServer {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one; `None` when there is no such program.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with more arguments; `None` when there is no such program.
    #[expect(clippy::disallowed_methods, reason = "a test reads what it may skip")]
    pub fn start_with(arguments: &[&str]) -> Option<Self> {
        let is_there = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok();
        if !is_there {
            assert!(
                std::env::var("TMS_REQUIRE_REDIS").is_err(),
                "TMS_REQUIRE_REDIS is set, but there is no redis-server"
            );
            eprintln!("skipped: there is no redis-server");
            return None;
        }
        let mut server = Self {
            folder: tempfile::tempdir().unwrap(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            child: None,
        };
        server.again();
        Some(server)
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Kills it; everything that it held is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let _ = std::fs::remove_file(self.socket());
    }

    /// Starts it again, empty, and waits until it answers.
    pub fn again(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(self.socket())
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        let began = Instant::now();
        while self.command(&["PING"]) != "PONG" {
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "redis-server does not answer"
            );
            std::thread::yield_now();
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Runs a command as a person with a shell does.
    pub fn command(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(words)
            .output();
        String::from_utf8_lossy(&output.unwrap().stdout).trim().to_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
