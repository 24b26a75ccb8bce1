//! Watches a fleet on behalf of an operator, and acknowledges the alerts that nobody has to get up for.
//!
//! It decides from the present state, never from an event alone: an event only says when to act. So nothing is missed when
//! the connection is cut, when the server says that events are gone, or when this program was not running.

#![warn(missing_docs)]

use std::time::Duration;

use tms_http::{
    client::{
        ClientError, OperatorClient,
        operator::{EventStream, Told},
    },
    wire::{
        alert::AlertPatch,
        event::{Event, EventQuery},
    },
};

/// How long to rest after a fault that passes, unless the server said how long.
const REST: Duration = Duration::from_secs(2);

/// An operator at the screen.
#[derive(Debug)]
pub struct Watcher<'c, Say> {
    client: &'c OperatorClient,
    events: EventStream<'c>,
    severities: Vec<String>,
    /// Whether there may be open alerts that were not looked at.
    is_behind: bool,
    say: Say,
}

impl<'c, Say: FnMut(String)> Watcher<'c, Say> {
    /// Takes a place in the stream of events. Alerts of these severities will be acknowledged; `say` is told of everything.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn begin(client: &'c OperatorClient, severities: Vec<String>, say: Say) -> Result<Self, ClientError> {
        // The place first, the present state after it: what happens between the two is told.
        let events = client.events(EventQuery::default()).await?;
        Ok(Self {
            client,
            events,
            severities,
            is_behind: true,
            say,
        })
    }

    /// Watches until the operator may no longer; returns why.
    pub async fn run(mut self) -> ClientError {
        loop {
            match self.step().await {
                Ok(()) => {}
                Err(fault) if fault.is_transient() => {
                    (self.say)(format!("{fault}; going on in a moment"));
                    tokio::time::sleep(fault.retry_after().unwrap_or(REST)).await;
                }
                Err(refusal) => return refusal,
            }
        }
    }

    async fn step(&mut self) -> Result<(), ClientError> {
        if self.is_behind {
            self.acknowledge_open().await?;
            self.is_behind = false;
        }
        match self.events.next().await? {
            Told::Event(event) => self.hear(&event),
            Told::Resync => {
                (self.say)("some events are gone; reading the open alerts again".to_owned());
                self.is_behind = true;
            }
        }
        Ok(())
    }

    fn hear(&mut self, event: &Event) {
        (self.say)(format!("{} {}: {}", event.at, event.kind, event.data));
        self.is_behind |= &*event.kind == "new_alert";
    }

    async fn acknowledge_open(&mut self) -> Result<(), ClientError> {
        for severity in &self.severities {
            let mut open = self.client.open_alerts(Some(severity));
            while let Some(alerts) = open.next().await? {
                for alert in alerts.iter().filter(|alert| !alert.is_acknowledged) {
                    let answer = AlertPatch {
                        is_acknowledged: Some(true),
                        ..AlertPatch::default()
                    };
                    match self.client.patch_alert(alert.id, &answer).await {
                        Ok(done) => (self.say)(format!("alert {} ({}) is {}", alert.id, alert.title, done.status)),
                        // It was resolved, or removed, in this very moment.
                        Err(refusal) if matches!(refusal.status(), Some(404 | 409)) => {}
                        Err(fault) => return Err(fault),
                    }
                }
            }
        }
        Ok(())
    }
}
