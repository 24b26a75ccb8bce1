//! The background work, beside things that take long.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tms_core::{
    Actor, NodeSettings, StoreError, Stores, Tms,
    alert::Severity,
    audit::{
        AuditKeys, SignedRecord,
        chain::{Head, Seal},
        checkpoint::Checkpoint,
        store::{AuditFilter, AuditRow, AuditStore, ChainEnd},
        verify::{Link, Unsealed},
    },
    ctx::Origin,
    envelope::Envelope,
    key::SecretKeys,
    lease::Fence,
    notification::{
        ChannelDraft, Destination, Language, Letter, Notifier, Routing, SendError, Target, service::ChannelRequest,
    },
    operator::{password::PasswordCost, sign_in::SignInRequest},
    page::{Order, Page, PageRequest},
    presence::Device,
    secret::Secret,
    testkit::{
        ManualClock, MemoryStore,
        build::{self, NOW},
        given,
    },
    text::InvalidText,
    time::{Clock, Timestamp},
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep},
};

/// Writes entries once it is let go on; until then a write hangs.
#[derive(Debug)]
struct Hanging {
    inner: Arc<dyn AuditStore>,
    begun: Notify,
    go_on: Notify,
}

#[async_trait]
impl AuditStore for Hanging {
    fn use_keys(&self, keys: AuditKeys) {
        self.inner.use_keys(keys);
    }

    async fn record(&self, with: Envelope) -> Result<(), StoreError> {
        self.begun.notify_one();
        self.go_on.notified().await;
        self.inner.record(with).await
    }

    async fn list(&self, filter: &AuditFilter, order: Order, page: &PageRequest) -> Result<Page<AuditRow>, StoreError> {
        self.inner.list(filter, order, page).await
    }

    async fn chain_end(&self) -> Result<ChainEnd, StoreError> {
        self.inner.chain_end().await
    }

    async fn pending(&self, limit: u32) -> Result<Vec<SignedRecord>, StoreError> {
        self.inner.pending(limit).await
    }

    async fn seal(&self, seals: &[Seal], fence: Fence) -> Result<(), StoreError> {
        self.inner.seal(seals, fence).await
    }

    async fn links(&self, after: i64, limit: u32) -> Result<Vec<Link>, StoreError> {
        self.inner.links(after, limit).await
    }

    async fn unsealed(&self, after: i64, limit: u32) -> Result<Vec<Unsealed>, StoreError> {
        self.inner.unsealed(after, limit).await
    }

    async fn cut(&self, before: Timestamp) -> Result<Option<Head>, StoreError> {
        self.inner.cut(before).await
    }

    async fn trim(&self, checkpoint: &Checkpoint, fence: Fence) -> Result<u64, StoreError> {
        self.inner.trim(checkpoint, fence).await
    }
}

#[tokio::test]
async fn refusals_that_are_being_written_survive_the_end() {
    let store = MemoryStore::new();
    let stores = store.stores();
    let hanging = Arc::new(Hanging {
        inner: stores.audit.clone(),
        begun: Notify::new(),
        go_on: Notify::new(),
    });
    let stores = Stores {
        audit: hanging.clone(),
        ..stores
    };
    let node = NodeSettings {
        password_cost: PasswordCost::FOR_TESTS,
        ..NodeSettings::default()
    };
    let tms = Tms::builder(stores).clock(ManualClock::new(NOW)).node(node).build();
    let (stop, stopped) = oneshot::channel::<()>();
    let work = tms.clone();
    let work = tokio::spawn(async move {
        work.run(async move {
            let _ = stopped.await;
        })
        .await;
    });
    let nobody = tms.ctx(Actor::Anonymous, Origin::default());
    let request = SignInRequest::with_password("nobody", "x");
    tms.operators().sign_in(&nobody, request).await.unwrap_err();
    hanging.begun.notified().await;
    stop.send(()).unwrap();
    // Whatever ends by being told to has ended before the store answers.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    hanging.go_on.notify_one();
    work.await.unwrap();
    let entries = store.audit_entries();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["user.sign_in"]);
}

/// Goes with the clock of tokio, which the test has stopped.
#[derive(Debug)]
struct Stopped(Instant);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        NOW.plus(self.0.elapsed())
    }
}

/// Sends at once, but never comes back from one address.
#[derive(Debug, Default)]
struct OneHangs(Mutex<Vec<String>>);

#[async_trait]
impl Notifier for OneHangs {
    fn check(&self, _: &Target) -> Result<(), InvalidText> {
        Ok(())
    }

    async fn send(&self, to: &Destination, _: &Letter) -> Result<(), SendError> {
        let Destination::WebHook { url, .. } = to else {
            panic!("{to:?}")
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(url.clone());
        if url.contains("slow") {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_hangs_keeps_no_other_waiting() {
    let stores = MemoryStore::new().stores();
    let clock = Arc::new(Stopped(Instant::now()));
    let notifier = Arc::new(OneHangs::default());
    let tms = Tms::builder(stores.clone())
        .clock(clock.clone())
        .secret_keys(SecretKeys::new("a secret key for tests"))
        .notifier(notifier.clone())
        .build();
    let mut terminals = Vec::new();
    for (n, name) in (1..).zip(["slow", "fast"]) {
        let customer = given::customer(&stores, name).await.id;
        terminals.push(given::enrolled(&stores, customer, n).await);
        let draft = ChannelDraft {
            name: name.to_owned(),
            is_enabled: true,
            target: Target::WebHook {
                url: format!("https://{name}.example.com/"),
            },
            routing: Routing {
                lowest: Severity::Info,
                customers: [customer].into(),
                hours: None,
                tells_end: true,
            },
            language: Language::English,
        };
        let request = ChannelRequest {
            draft,
            secret: Some(Secret::new("a key of the signature".to_owned())),
        };
        tms.notifications().create(&tms.system_ctx(), request).await.unwrap();
    }
    let work = tms.clone();
    tokio::spawn(async move { work.run(std::future::pending()).await });
    sleep(Duration::from_secs(5)).await;
    let break_down = async |n: usize| {
        let mut beat = build::beat(terminals[n], clock.now());
        beat.device = Device::Error(42);
        given::beats(&stores, &[beat]).await;
    };
    let tried = || notifier.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    break_down(0).await;
    while tried().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    // Its message is due five seconds after its alert.
    let begun = Instant::now();
    break_down(1).await;
    while tried().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", tried());
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(tried(), ["https://slow.example.com/", "https://fast.example.com/"]);
}
