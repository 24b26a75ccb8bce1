//! Cases of [`crate::notification::NotificationStore`].

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::{
    Stores,
    alert::Severity,
    error::StoreError,
    event::EventPosition,
    id::{AlertId, ChannelId, CustomerId},
    lease::Fence,
    notification::{
        Channel, ChannelDraft, Hours, Item, Language, MailSecurity, MailTarget, Message, Outcome, Routing,
        SealedSecret, Target,
        store::{Ending, NewMessage, Progress, Step},
    },
    page::PageRequest,
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

fn draft(name: &str) -> ChannelDraft {
    ChannelDraft {
        name: name.to_owned(),
        is_enabled: true,
        target: Target::WebHook {
            url: "https://example.com/hook".to_owned(),
        },
        routing: Routing {
            lowest: Severity::High,
            customers: BTreeSet::new(),
            hours: None,
            tells_end: false,
        },
        language: Language::English,
    }
}

fn full_draft() -> ChannelDraft {
    ChannelDraft {
        name: "夜勤 'x' \"100%_\\".to_owned(),
        is_enabled: false,
        target: Target::Mail(MailTarget {
            host: "mail.example.com".to_owned(),
            port: u16::MAX,
            security: MailSecurity::StartTls,
            username: Some("tms".to_owned()),
            from: "tms@example.com".to_owned(),
            to: vec!["a@example.com".to_owned(), "b@example.com".to_owned()],
        }),
        routing: Routing {
            lowest: Severity::Info,
            customers: BTreeSet::from([CustomerId::new(1).unwrap(), CustomerId::new(i64::MAX).unwrap()]),
            hours: Hours::parse("22:00", "07:30", "Asia/Tokyo").ok(),
            tells_end: true,
        },
        language: Language::Japanese,
    }
}

async fn channel(stores: &Stores, name: &str) -> Channel {
    let made = stores.notifications.insert(&draft(name), None, NOW, build::act()).await;
    made.unwrap()
}

fn items(range: std::ops::Range<i64>) -> Vec<Item> {
    let item = |n: i64| Item {
        alert: AlertId::new(n).unwrap(),
        is_end: n % 2 == 0,
    };
    range.map(item).collect()
}

fn step(row: i64, new: &[(&Channel, Vec<Item>)]) -> Step {
    let message = |(channel, items): &(&Channel, Vec<Item>)| NewMessage {
        channel: channel.id,
        items: items.clone(),
        due_at: at(5),
    };
    Step {
        progress: Progress {
            position: EventPosition { transaction: 7, row },
            last_alert: AlertId::new(row).ok(),
        },
        grown: Vec::new(),
        new: new.iter().map(message).collect(),
    }
}

async fn told(stores: &Stores, fence: Fence, new: &[(&Channel, Vec<Item>)]) -> Vec<Message> {
    stores.notifications.advance(&step(1, new), NOW, fence).await.unwrap();
    stores.notifications.growing().await.unwrap()
}

fn outcome(secs: i64, error: Option<&str>) -> Outcome {
    Outcome {
        at: at(secs),
        error: error.map(str::to_owned),
        resume_at: at(secs + 10),
    }
}

/// What is written reads back, by id and in lists.
pub async fn every_field_reads_back(stores: &Stores) {
    let store = &stores.notifications;
    let secret = Some(SealedSecret(vec![0, 255, 7]));
    let made = store
        .insert(&full_draft(), secret.clone(), NOW, build::act())
        .await
        .unwrap();
    assert_eq!((&made.draft, &made.secret), (&full_draft(), &secret));
    assert_eq!((made.created_at, made.updated_at, made.state.queued), (NOW, NOW, 0));
    assert_eq!(store.find(made.id).await.unwrap(), Some(made.clone()));
    let slack = ChannelDraft {
        target: Target::Slack {
            host: "hooks.example.com".to_owned(),
        },
        ..draft("slack")
    };
    let slack = store.insert(&slack, None, at(1), build::act()).await.unwrap();
    let sns = ChannelDraft {
        is_enabled: false,
        target: Target::Sns {
            topic_arn: "arn:aws:sns:ap-northeast-1:123456789012:alerts".to_owned(),
        },
        ..draft("sns")
    };
    let sns = store.insert(&sns, None, at(2), build::act()).await.unwrap();
    let page = PageRequest {
        count: true,
        ..PageRequest::first(10)
    };
    let listed = store.list(&page).await.unwrap();
    assert_eq!(
        (listed.items, listed.total),
        (vec![sns, slack.clone(), made.clone()], Some(3))
    );
    assert_eq!(store.enabled().await.unwrap(), [slack], "the others are not used");
    let unknown = ChannelId::new(made.id.get() + 1_000).unwrap();
    assert_eq!(store.find(unknown).await.unwrap(), None);
}

/// No two channels have one name.
pub async fn names_are_unique(stores: &Stores) {
    let (first, second) = (channel(stores, "a").await, channel(stores, "b").await);
    let store = &stores.notifications;
    let again = store.insert(&draft("a"), None, NOW, build::act()).await;
    refused!(again, StoreError::Duplicate(_));
    let renamed = Channel {
        draft: draft("a"),
        ..second.clone()
    };
    refused!(
        store.save(&renamed, second.revision, build::act()).await,
        StoreError::Duplicate(_)
    );
    assert_eq!(store.find(second.id).await.unwrap(), Some(second));
    store.save(&first, first.revision, build::act()).await.unwrap();
}

/// A change by a person leaves how the channel fares, and only who saw the present revision changes it.
pub async fn a_save_leaves_the_state_alone(stores: &Stores) {
    let store = &stores.notifications;
    let seen = channel(stores, "a").await;
    store
        .note(seen.id, &outcome(1, Some("no")), build::act())
        .await
        .unwrap();
    let next = Channel {
        draft: full_draft(),
        secret: Some(SealedSecret(vec![1])),
        updated_at: at(2),
        ..seen.clone()
    };
    let saves = join_all((0..4).map(|_| store.save(&next, seen.revision, build::act()))).await;
    assert_eq!(saves.iter().filter(|saved| saved.is_ok()).count(), 1);
    let saved = store.find(seen.id).await.unwrap().unwrap();
    assert_eq!(
        (&saved.draft, &saved.secret, saved.updated_at),
        (&next.draft, &next.secret, at(2))
    );
    assert_eq!(saved.revision, seen.revision.next());
    assert_eq!(
        (saved.state.failures, saved.state.last_error.as_deref()),
        (1, Some("no"))
    );
    refused!(
        store.delete(seen.id, seen.revision, build::act()).await,
        StoreError::Stale(_)
    );
}

/// A deleted channel is gone with what waits for it.
pub async fn deleting_takes_messages_along(stores: &Stores) {
    let store = &stores.notifications;
    let (gone, kept) = (channel(stores, "a").await, channel(stores, "b").await);
    let fence = given::fence(stores).await;
    let waiting = told(stores, fence, &[(&gone, items(1..3)), (&kept, items(1..2))]).await;
    assert_eq!(store.find(gone.id).await.unwrap().unwrap().state.queued, 1);
    store.delete(gone.id, gone.revision, build::act()).await.unwrap();
    assert_eq!(store.find(gone.id).await.unwrap(), None);
    assert_eq!(store.growing().await.unwrap(), waiting[1..]);
    refused!(
        store.delete(gone.id, gone.revision, build::act()).await,
        StoreError::Missing(_)
    );
    refused!(
        store.save(&gone, gone.revision, build::act()).await,
        StoreError::Missing(_)
    );
    refused!(
        store.note(gone.id, &outcome(1, None), build::act()).await,
        StoreError::Missing(_)
    );
    let nothing = Ending::Sent(outcome(1, None));
    store.finish(waiting[0].id, &nothing, fence).await.unwrap();
}

/// Messages and how far the events were read are written together, by the leader only.
pub async fn a_step_is_all_or_nothing(stores: &Stores) {
    let store = &stores.notifications;
    let (first, gone) = (channel(stores, "a").await, channel(stores, "b").await);
    let fence = given::fence(stores).await;
    assert_eq!(store.progress().await.unwrap(), None);
    let waiting = told(stores, fence, &[(&first, items(1..4))]).await;
    assert_eq!((waiting.len(), &waiting[0].items), (1, &items(1..4)));
    assert_eq!((waiting[0].channel, waiting[0].attempts), (first.id, 0));
    assert_eq!((waiting[0].due_at, waiting[0].created_at), (at(5), NOW));
    assert_eq!(store.progress().await.unwrap(), Some(step(1, &[]).progress));

    store.delete(gone.id, gone.revision, build::act()).await.unwrap();
    let to_the_gone = step(2, &[(&first, items(4..5)), (&gone, items(4..5))]);
    refused!(store.advance(&to_the_gone, NOW, fence).await, StoreError::Missing(_));
    let late = Fence {
        token: fence.token - 1,
        ..fence
    };
    refused!(store.advance(&step(2, &[]), NOW, late).await, StoreError::Fenced);
    assert_eq!(store.growing().await.unwrap(), waiting);
    assert_eq!(store.progress().await.unwrap(), Some(step(1, &[]).progress));

    let mut grown = step(3, &[]);
    grown.grown = vec![(waiting[0].id, items(1..9))];
    store.advance(&grown, NOW, fence).await.unwrap();
    assert_eq!(store.growing().await.unwrap()[0].items, items(1..9));
    let present = store.growing().await.unwrap().remove(0);
    assert!(store.begin(&present, at(60), fence).await.unwrap());
    grown.progress.position.row = 4;
    refused!(store.advance(&grown, NOW, fence).await, StoreError::Stale(_));
    assert_eq!(store.progress().await.unwrap().map(|told| told.position.row), Some(3));
}

/// What is due waits while its channel rests or is not used.
pub async fn due_ones_wait_for_their_channel(stores: &Stores) {
    let store = &stores.notifications;
    let (first, second) = (channel(stores, "a").await, channel(stores, "b").await);
    let fence = given::fence(stores).await;
    let new = [(&first, items(1..2)), (&first, items(2..3)), (&second, items(1..2))];
    told(stores, fence, &new).await;
    let due = async |secs, limit| {
        let due = store.due(at(secs), limit).await.unwrap();
        due.iter().map(|message| message.channel).collect::<Vec<_>>()
    };
    assert_eq!(due(4, 10).await, []);
    assert_eq!(due(5, 10).await, [first.id, second.id]);
    assert_eq!(due(5, 1).await, [first.id]);
    store.note(first.id, &outcome(10, None), build::act()).await.unwrap();
    assert_eq!(due(19, 10).await, [second.id]);
    assert_eq!(due(20, 10).await, [first.id, second.id]);
    let mut unused = second.clone();
    unused.draft.is_enabled = false;
    store.save(&unused, second.revision, build::act()).await.unwrap();
    assert_eq!(due(20, 10).await, [first.id]);
}

/// Of several who begin a try, one does.
pub async fn one_try_at_a_time(stores: &Stores) {
    let store = &stores.notifications;
    let first = channel(stores, "a").await;
    let fence = given::fence(stores).await;
    let message = told(stores, fence, &[(&first, items(1..4))]).await.remove(0);
    let late = Fence {
        token: fence.token - 1,
        ..fence
    };
    refused!(store.begin(&message, at(60), late).await, StoreError::Fenced);
    let begun = join_all((0..5).map(|_| store.begin(&message, at(60), fence))).await;
    assert_eq!(begun.into_iter().filter(|begun| *begun.as_ref().unwrap()).count(), 1);
    assert_eq!(store.growing().await.unwrap(), []);
    assert_eq!(store.due(at(59), 10).await.unwrap(), []);
    let again = store.due(at(60), 10).await.unwrap().remove(0);
    assert_eq!((again.attempts, again.items), (1, items(1..4)));
}

/// How a try ends is written for message and channel.
pub async fn endings_are_noted(stores: &Stores) {
    let store = &stores.notifications;
    let first = channel(stores, "a").await;
    let fence = given::fence(stores).await;
    let message = told(stores, fence, &[(&first, items(1..2))]).await.remove(0);
    let state = async || store.find(first.id).await.unwrap().unwrap().state;
    for (secs, failures) in [(10, 1), (20, 2)] {
        let failed = Ending::Failed(outcome(secs, Some("refused")));
        store.finish(message.id, &failed, fence).await.unwrap();
        let state = state().await;
        assert_eq!(
            (state.failures, state.last_error.as_deref()),
            (failures, Some("refused"))
        );
        assert_eq!(
            (state.last_failed_at, state.resume_at),
            (Some(at(secs)), Some(at(secs + 10)))
        );
        assert_eq!((state.last_sent_at, state.queued), (None, 1));
    }
    assert_eq!(store.due(at(29), 10).await.unwrap(), []);
    assert_eq!(store.due(at(30), 10).await.unwrap().len(), 1);
    let late = Fence {
        token: fence.token - 1,
        ..fence
    };
    let sent = Ending::Sent(outcome(40, None));
    refused!(store.finish(message.id, &sent, late).await, StoreError::Fenced);
    store.finish(message.id, &sent, fence).await.unwrap();
    let fares = state().await;
    assert_eq!((fares.failures, fares.last_error), (0, None));
    assert_eq!((fares.last_failed_at, fares.last_sent_at), (Some(at(20)), Some(at(40))));
    assert_eq!((fares.queued, store.due(at(999), 10).await.unwrap()), (0, Vec::new()));
    let other = told(stores, fence, &[(&first, items(2..3))]).await.remove(0);
    store.finish(other.id, &Ending::GivenUp(at(50)), fence).await.unwrap();
    assert_eq!((state().await.last_sent_at, state().await.queued), (Some(at(40)), 0));
}

/// Old messages are dropped, whatever became of them; young ones stay.
pub async fn dropping_spares_young_messages(stores: &Stores) {
    let store = &stores.notifications;
    let first = channel(stores, "a").await;
    let fence = given::fence(stores).await;
    for secs in [0, 1, 2] {
        let next = step(1, &[(&first, items(1..2))]);
        store.advance(&next, at(secs), fence).await.unwrap();
    }
    assert_eq!(store.drop_old(at(2), 1).await.unwrap(), 1);
    assert_eq!(store.drop_old(at(2), 10).await.unwrap(), 1);
    assert_eq!(store.drop_old(at(2), 10).await.unwrap(), 0);
    assert_eq!(store.growing().await.unwrap()[0].created_at, at(2));
}
