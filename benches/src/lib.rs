//! What the benches share: the heartbeat body that every one of them uses.

/// A heartbeat as the contract shows it.
pub const BODY: &str = r#"{"serial_number":"TC-200-001","timestamp":"2026-01-24T10:00:00Z","boot_id":"f3c1a9","seq":812,"status":"online","device":{"state":"ok","error_code":0},"metrics":{"cpu_usage":45,"memory_usage":60,"disk_usage":30,"temperature":35},"firmware_version":"2.0.0","agent_version":"1.0.0","ip_address":"192.168.1.100","uptime_seconds":86400,"last_transaction":"2026-01-24T09:58:00Z","transaction_count":150,"config_version":7}"#;

pub mod fleet;
