//! Cases of [`crate::audit::AuditStore`].

mod chain;
mod list;

use futures::future::join_all;
use serde_json::json;

use crate::{
    Stores,
    audit::{AuditEntry, AuditKeys, AuditResult, AuditTarget, Seal, key::Trust, store::AuditFilter},
    ctx::Origin,
    envelope::Envelope,
    key::SecretKeys,
    page::Order,
    permission::Role,
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

pub use chain::*;
pub use list::*;

const SECRET: &str = "the secret key of the tests";

fn keys() -> AuditKeys {
    AuditKeys::new(&SecretKeys::new(SECRET))
}

/// Every kind of value that a store could respell.
fn entry() -> AuditEntry {
    AuditEntry {
        at: Timestamp::from_micros(NOW.as_micros() + 123_457),
        actor: "yamada".to_owned(),
        role: Some(Role::Operator),
        action: "test.act",
        target: AuditTarget::existing("test", i64::MAX),
        customer: None,
        changes: json!({
            "zz": { "before": 1.5, "after": 1e20 }, "a": [1, -0.0, 0.1, 12_345_678_901_234_567_890_u64, true, null],
            "名前": "新宿 \"1\"\\\n\u{1f600}", "": {}, "long name": 1e-7, "b": 100.0, "float": 0.123_456_789_012_345_67,
        }),
        result: AuditResult::Done,
        origin: build::origin(),
    }
}

async fn record(stores: &Stores, entries: Vec<AuditEntry>) {
    stores.audit.record(Envelope::entries(entries)).await.unwrap();
}

/// An entry reads back as it was written, with what is missing missing.
pub async fn every_field_reads_back(stores: &Stores) {
    let full = AuditEntry {
        customer: Some(given::customer(stores, "ABC").await.id),
        ..entry()
    };
    let bare = AuditEntry {
        role: None,
        target: AuditTarget::created("test"),
        result: AuditResult::Refused,
        origin: Origin::default(),
        changes: json!(null),
        ..entry()
    };
    record(stores, vec![full.clone(), bare.clone()]).await;
    let rows = given::audit(stores).await;
    let (first, second) = (&rows[1], &rows[2]);
    assert!(first.record.id < second.record.id && !first.is_sealed);
    for (row, entry) in [(first, full), (second, bare)] {
        let expected = entry.record(row.record.id, None);
        // Numbers may be spelled in another way.
        let mut spelled = (String::new(), String::new());
        crate::audit::json::spell(&row.record.changes, &mut spelled.0);
        crate::audit::json::spell(&expected.changes, &mut spelled.1);
        assert_eq!(spelled.0, spelled.1);
        let mut shown = row.record.clone();
        shown.changes = expected.changes.clone();
        assert_eq!(shown, expected);
    }
}

/// What a store keeps is what was signed, by the keys of that time, and under the id that it was given.
pub async fn entries_are_signed_as_written(stores: &Stores) {
    record(stores, vec![entry()]).await;
    stores.audit.use_keys(keys());
    let customer = given::customer(stores, "ABC").await;
    record(stores, vec![entry(), entry()]).await;
    let pending = stores.audit.pending(10).await.unwrap();
    assert_eq!(pending.len(), 4);
    assert_eq!(keys().judge(&pending[0]), Trust::UnknownKey);
    assert_eq!(AuditKeys::public().judge(&pending[0]), Trust::Genuine);
    for entry in &pending[1..] {
        assert_eq!(keys().judge(entry), Trust::Genuine, "{entry:?}");
        let mut altered = entry.clone();
        altered.record.at = at(1);
        assert_eq!(keys().judge(&altered), Trust::Forged);
        altered.record = entry.record.clone();
        altered.record.id += 1;
        assert_eq!(keys().judge(&altered), Trust::Forged);
    }
    assert_eq!(pending[1].record.target_id, Some(customer.id.get()));
}

/// Entries without a change are written, all or none.
pub async fn refusals_are_written_by_themselves(stores: &Stores) {
    let refused = AuditEntry {
        result: AuditResult::Refused,
        target: AuditTarget::created("permission"),
        ..entry()
    };
    record(stores, vec![refused.clone(), refused]).await;
    let rows = given::audit(stores).await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!((&*row.record.result, row.record.target_id), ("refused", None));
    }
}

/// An entry about a customer is that customer's, one that a code or a terminal leads to as well.
pub async fn a_customer_owns_its_entries(stores: &Stores) {
    let (one, two) = (
        given::customer(stores, "one").await,
        given::customer(stores, "two").await,
    );
    let terminal = given::enrolled(stores, one.id, 1).await;
    given::enrolled(stores, two.id, 2).await;
    stores.credentials.revoke_all(terminal, build::act()).await.unwrap();
    let filter = AuditFilter {
        customer: Some(one.id),
        ..AuditFilter::default()
    };
    let page = stores
        .audit
        .list(&filter, Order::Ascending, &build::whole_page())
        .await
        .unwrap();
    let targets: Vec<_> = page.items.iter().map(|row| row.record.target_id).collect();
    // The testkit's acts name no customer: what is known of them is what the store itself has found.
    assert_eq!(targets, [Some(terminal.get()), Some(terminal.get())]);
    let draft = build::customer("three");
    let ctx = build::admin(NOW);
    let with = Envelope::audited(ctx.audit("customer.create", AuditTarget::created("customer"), json!({})));
    let three = stores.customers.insert(&draft, NOW, with).await.unwrap();
    let last = given::audit(stores).await.pop().unwrap();
    assert_eq!(last.record.customer_id, Some(three.id.get()));
}

/// Every entry comes into the chain once, in the order of the ids, and leaves the queue.
pub async fn every_entry_is_linked_once(stores: &Stores) {
    let fence = given::fence(stores).await;
    for n in 0..3 {
        record(stores, vec![entry(); 3]).await;
        let done = crate::audit::reconcile::seal(&*stores.audit, &AuditKeys::public(), fence)
            .await
            .unwrap();
        assert_eq!((done.linked, done.forged), (3, 0));
        let again = crate::audit::reconcile::seal(&*stores.audit, &AuditKeys::public(), fence)
            .await
            .unwrap();
        assert_eq!(again.linked, 0);
        assert_eq!(stores.audit.chain_end().await.unwrap().head.place, 3 * (n + 1));
    }
    let links = stores.audit.links(0, 100).await.unwrap();
    let rows = given::audit(stores).await;
    assert!(rows.iter().all(|row| row.is_sealed));
    for (place, (link, row)) in (1..).zip(links.iter().zip(&rows)) {
        assert_eq!((link.seal.place, link.seal.entry), (place, row.record.id));
        assert_eq!(link.entry.as_ref().unwrap().record, row.record);
    }
    assert_eq!(links.len(), 9);
    assert_eq!(stores.audit.links(7, 1).await.unwrap(), links[7..8]);
    assert_eq!(stores.audit.links(9, 1).await.unwrap(), []);
    assert_eq!(stores.audit.unsealed(i64::MIN, 10).await.unwrap(), []);
    assert_eq!(stores.audit.pending(10).await.unwrap(), []);
}

/// What is written beside the sealer is linked, whichever comes first.
pub async fn parallel_entries_are_all_linked(stores: &Stores) {
    let fence = given::fence(stores).await;
    let keys = AuditKeys::public();
    let write = join_all((0..20).map(|_| record(stores, vec![entry(), entry()])));
    let seal = async {
        for _ in 0..20 {
            crate::audit::reconcile::seal(&*stores.audit, &keys, fence)
                .await
                .unwrap();
        }
    };
    futures::future::join(write, seal).await;
    crate::audit::reconcile::seal(&*stores.audit, &keys, fence)
        .await
        .unwrap();
    let links = stores.audit.links(0, 100).await.unwrap();
    assert_eq!(links.len(), 40);
    let mut entries: Vec<_> = links.iter().map(|link| link.seal.entry).collect();
    entries.sort_unstable();
    entries.dedup();
    assert_eq!(entries.len(), 40);
}

/// A chain does not fork: who adds to an end that is no longer the end adds nothing.
pub async fn a_chain_has_one_end(stores: &Stores) {
    let fence = given::fence(stores).await;
    record(stores, vec![entry(); 4]).await;
    let pending = stores.audit.pending(4).await.unwrap();
    let seal = |after: &Seal, n: usize| Seal::link(&AuditKeys::public(), &after.head(), &pending[n], false);
    let first = Seal::link(&AuditKeys::public(), &crate::audit::Head::default(), &pending[0], false);
    let second = seal(&first, 1);
    stores
        .audit
        .seal(&[first.clone(), second.clone()], fence)
        .await
        .unwrap();
    for wrong in [
        vec![first.clone()],
        vec![seal(&first, 2)],
        vec![seal(&second, 1)],
        vec![seal(&first, 2), seal(&seal(&first, 2), 3)],
    ] {
        let refused = stores.audit.seal(&wrong, fence).await;
        refused!(refused, crate::StoreError::Stale(_));
    }
    assert_eq!(stores.audit.chain_end().await.unwrap().head, second.head());
    assert_eq!(stores.audit.pending(4).await.unwrap(), pending[2..]);
}
