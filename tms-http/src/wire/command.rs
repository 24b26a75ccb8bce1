//! Orders to a terminal, as its agent receives them.

use serde::{Deserialize, Serialize};

/// What an agent can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommandType {
    /// Start the PC or the reader anew.
    Reboot,
    /// Fetch and apply the configuration.
    UpdateConfig,
    /// Fetch and install firmware.
    UpdateFirmware,
    /// Send an archive of logs.
    CollectLogs,
    /// Test the reader.
    RunDiagnostic,
    /// Say that you are there.
    Ping,
    /// One that this program is too old for; it has to be rejected.
    #[serde(other)]
    Unknown,
}

/// How urgent a command is; high first, then oldest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When nothing else is to do.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Before all others.
    High,
}

/// A command as an agent receives it: a lease that ends by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Command {
    /// Its id; the same over all attempts.
    pub id: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How long it belongs to this agent.
    pub lease_seconds: u32,
    /// What to do.
    #[serde(rename = "type")]
    pub command_type: CommandType,
    /// How urgent it is.
    pub priority: Priority,
    /// What the type needs.
    #[serde(default)]
    pub parameters: serde_json::Value,
}
