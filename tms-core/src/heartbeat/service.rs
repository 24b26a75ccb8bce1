//! Heartbeats as the edges hand them in.

use super::{Answer, Heartbeat, HeartbeatIngest, ingest::IngestCounts};
use crate::{
    ctx::{Actor, Ctx},
    error::Error,
};

/// Takes heartbeats of signed-in agents.
#[derive(Debug, Clone)]
pub struct Heartbeats {
    ingest: HeartbeatIngest,
}

impl Heartbeats {
    pub(crate) fn new(ingest: HeartbeatIngest) -> Self {
        Self { ingest }
    }

    /// Stores a heartbeat and says when to come again; the answer comes after the commit.
    ///
    /// # Errors
    /// [`Error::Denied`] when the actor is not the agent of this terminal, [`Error::InvalidToken`] when the terminal
    /// is gone, [`Error::Unavailable`] when the queue is full or the store is away.
    pub async fn record(&self, ctx: &Ctx, beat: Heartbeat) -> Result<super::Next, Error> {
        match &ctx.actor {
            Actor::Agent(agent) if agent.terminal == beat.terminal => {}
            _ => return Err(Error::Denied("heartbeat of another terminal")),
        }
        match self.ingest.submit(beat).await? {
            Answer::Recorded(next) | Answer::Repeated(next) => Ok(next),
            Answer::Unknown => Err(Error::InvalidToken),
        }
    }

    /// Returns what was done since the start.
    pub fn counts(&self) -> IngestCounts {
        self.ingest.counts()
    }
}
