//! Cases of [`crate::customer::CustomerStore`].

use chrono::NaiveDate;
use futures::future::{join, join_all};

use crate::{
    Stores,
    customer::{ContractType, Customer, CustomerDraft, store::CustomerFilter},
    error::StoreError,
    id::{CustomerId, Revision},
    page::Order,
    terminal::store::StatusCounts,
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

fn full_draft() -> CustomerDraft {
    let text = |label: &str| Some(format!("{label} 'quoted' \"%_\\ 日本語 \u{1F600}"));
    CustomerDraft {
        company_name: "ABC 'Store' \"100%_\\ 株式会社 \u{1F600}".to_owned(),
        company_name_kana: text("カナ"),
        contact_person: text("person"),
        contact_email: text("a@b"),
        contact_phone: text("03-1234"),
        postal_code: text("160-0022"),
        address: Some("1\n2\tx".repeat(125)),
        contract_type: ContractType::Premium,
        contract_start_date: NaiveDate::from_ymd_opt(1970, 1, 1),
        contract_end_date: NaiveDate::from_ymd_opt(9999, 12, 31),
        is_active: false,
        max_terminals: Some(u32::MAX / 2),
        notes: Some("é".repeat(4_000)),
    }
}

/// What is written reads back, by id and by name, at both ends of each field.
pub async fn every_field_reads_back(stores: &Stores) {
    let full = stores
        .customers
        .insert(&full_draft(), Timestamp::MAX, build::act())
        .await
        .unwrap();
    let expected = Customer {
        id: full.id,
        draft: full_draft(),
        created_at: Timestamp::MAX,
        updated_at: Timestamp::MAX,
        revision: Revision::FIRST,
    };
    assert_eq!(full, expected);
    assert_eq!(stores.customers.find(full.id).await.unwrap(), Some(full.clone()));
    let found = stores.customers.find_by_name(&full_draft().company_name).await.unwrap();
    assert_eq!(found, Some(full));
    let bare = given::customer(stores, "bare").await;
    assert_eq!(stores.customers.find(bare.id).await.unwrap(), Some(bare.clone()));
    assert_eq!(bare.draft, build::customer("bare"));
}

/// An id and a name that nobody has find nobody.
pub async fn unknown_ones_are_not_found(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let unknown = CustomerId::new(customer.id.get() + 1_000).unwrap();
    assert_eq!(stores.customers.find(unknown).await.unwrap(), None);
    assert_eq!(stores.customers.find_by_name("abc").await.unwrap(), None);
    assert_eq!(stores.customers.find_by_name("%").await.unwrap(), None);
}

/// No two customers have one name; names that differ in case are two.
pub async fn names_are_unique(stores: &Stores) {
    let first = given::customer(stores, "ABC").await;
    given::customer(stores, "abc").await;
    let again = stores
        .customers
        .insert(&build::customer("ABC"), NOW, build::act())
        .await;
    refused!(again, StoreError::Duplicate(_));
    let mut other = given::customer(stores, "other").await;
    other.draft.company_name = "ABC".to_owned();
    let renamed = stores.customers.save(&other, other.revision, build::act()).await;
    refused!(renamed, StoreError::Duplicate(_));
    let kept = stores.customers.find(other.id).await.unwrap().unwrap();
    assert_eq!(
        (kept.draft.company_name.as_str(), kept.revision),
        ("other", Revision::FIRST)
    );
    assert_eq!(stores.customers.find(first.id).await.unwrap(), Some(first));
}

/// Of parallel inserts of one name, one succeeds.
pub async fn one_of_parallel_inserts_wins(stores: &Stores) {
    let draft = build::customer("ABC");
    let outcomes = join_all((0..6).map(|_| stores.customers.insert(&draft, NOW, build::act()))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Duplicate(_));
    }
}

/// A save replaces every field and counts the revision.
pub async fn a_save_replaces_every_field(stores: &Stores) {
    let mut customer = given::customer(stores, "ABC").await;
    customer.draft = full_draft();
    customer.updated_at = at(60);
    let revision = stores.customers.save(&customer, Revision::FIRST, build::act()).await;
    customer.revision = revision.unwrap();
    assert_eq!(customer.revision, Revision(2));
    assert_eq!(
        stores.customers.find(customer.id).await.unwrap(),
        Some(customer.clone())
    );
    customer.draft = build::customer("ABC");
    customer.revision = stores
        .customers
        .save(&customer, Revision(2), build::act())
        .await
        .unwrap();
    assert_eq!(stores.customers.find(customer.id).await.unwrap(), Some(customer));
}

/// Who read an older revision may neither save nor delete.
pub async fn stale_revision_is_refused(stores: &Stores) {
    let mut customer = given::customer(stores, "ABC").await;
    customer.draft.notes = Some("first".to_owned());
    stores
        .customers
        .save(&customer, Revision::FIRST, build::act())
        .await
        .unwrap();
    customer.draft.notes = Some("second".to_owned());
    for seen in [Revision::FIRST, Revision(3)] {
        refused!(
            stores.customers.save(&customer, seen, build::act()).await,
            StoreError::Stale(_)
        );
        refused!(
            stores.customers.delete(customer.id, seen, build::act()).await,
            StoreError::Stale(_)
        );
    }
    let kept = stores.customers.find(customer.id).await.unwrap().unwrap();
    assert_eq!(kept.draft.notes.as_deref(), Some("first"));
}

/// Of parallel saves from one revision, one succeeds.
pub async fn one_of_parallel_saves_wins(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let saves = (0..6).map(|n| {
        let mut next = customer.clone();
        next.draft.notes = Some(format!("writer {n}"));
        async move {
            let outcome = stores.customers.save(&next, Revision::FIRST, build::act()).await;
            (next, outcome)
        }
    });
    let outcomes = join_all(saves).await;
    let kept = stores.customers.find(customer.id).await.unwrap().unwrap();
    assert_eq!(kept.revision, Revision(2));
    for (next, outcome) in outcomes {
        if next.draft.notes == kept.draft.notes {
            assert_eq!(outcome.unwrap(), Revision(2));
        } else {
            refused!(outcome, StoreError::Stale(_));
        }
    }
}

/// One that is gone can't be saved or deleted.
pub async fn a_deleted_one_is_missing(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    stores
        .customers
        .delete(customer.id, Revision::FIRST, build::act())
        .await
        .unwrap();
    assert_eq!(stores.customers.find(customer.id).await.unwrap(), None);
    missing!(
        stores.customers.save(&customer, Revision::FIRST, build::act()).await,
        "customer"
    );
    missing!(
        stores
            .customers
            .delete(customer.id, Revision::FIRST, build::act())
            .await,
        "customer"
    );
    let again = given::customer(stores, "ABC").await;
    assert_ne!(again.id, customer.id, "an id is not given twice");
}

/// A customer with a terminal, a retired one too, is not deleted.
pub async fn one_with_terminals_stays(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::registered(stores, customer.id, 1).await;
    refused!(
        stores
            .customers
            .delete(customer.id, Revision::FIRST, build::act())
            .await,
        StoreError::Referenced(_)
    );
    super::terminal::retire(stores, terminal.id).await;
    refused!(
        stores
            .customers
            .delete(customer.id, Revision::FIRST, build::act())
            .await,
        StoreError::Referenced(_)
    );
    assert_eq!(stores.customers.find(customer.id).await.unwrap(), Some(customer));
}

/// A customer to whom somebody is bound is not deleted.
pub async fn one_with_people_stays(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let mut new = build::user("one");
    new.profile.customer = Some(customer.id);
    let user = stores.users.insert(&new, NOW, build::act()).await.unwrap();
    let delete = async || {
        let deleted = stores.customers.delete(customer.id, Revision::FIRST, build::act());
        deleted.await
    };
    refused!(delete().await, StoreError::Referenced(_));
    stores
        .users
        .delete(user.id, Revision::FIRST, build::act())
        .await
        .unwrap();
    delete().await.unwrap();
}

/// A customer is not deleted from under a terminal that is inserted at the same time.
pub async fn deleting_leaves_no_orphan(stores: &Stores) {
    for n in 0..4 {
        let customer = given::customer(stores, &format!("customer {n}")).await;
        let draft = build::terminal(customer.id, n);
        let (deleted, inserted) = join(
            stores.customers.delete(customer.id, Revision::FIRST, build::act()),
            stores.terminals.insert(&draft, NOW, build::act()),
        )
        .await;
        match inserted {
            Ok(_) => refused!(deleted, StoreError::Referenced(_)),
            Err(StoreError::Missing(_)) => deleted.unwrap(),
            Err(other) => panic!("{other:?}"),
        }
        let found = stores.terminals.find_by_serial(&draft.serial).await.unwrap();
        let owner = stores.customers.find(customer.id).await.unwrap();
        assert_eq!(found.is_some(), owner.is_some());
    }
}

/// Deleting a customer whose terminals went elsewhere leaves the counts of the others right, also before they are folded.
pub async fn deleting_leaves_the_counts_right(stores: &Stores) {
    let (gone, stays) = (
        given::customer(stores, "gone").await,
        given::customer(stores, "stays").await,
    );
    let id = given::enrolled(stores, gone.id, 1).await;
    stores.upkeep.compact_counts().await.unwrap();
    let before = given::counts(stores).await;
    let mut moved = given::view(stores, id).await.terminal;
    moved.draft.customer = stays.id;
    let seen = moved.revision;
    stores.terminals.save(&moved, seen, build::act()).await.unwrap();
    stores
        .customers
        .delete(gone.id, gone.revision, build::act())
        .await
        .unwrap();
    for folded in [false, true] {
        if folded {
            stores.upkeep.compact_counts().await.unwrap();
        }
        assert_eq!(given::counts(stores).await, before, "folded: {folded}");
        let of_gone = stores.terminals.count_by_status(Some(gone.id)).await.unwrap();
        assert_eq!(of_gone, StatusCounts::default(), "folded: {folded}");
    }
    assert!(!stores.upkeep.recount().await.unwrap());
}

/// Deleting a customer deletes its enrolment codes.
pub async fn deleting_takes_codes_along(stores: &Stores) {
    let (gone, stays) = (
        given::customer(stores, "gone").await,
        given::customer(stores, "stays").await,
    );
    let mut codes = Vec::new();
    for (n, customer) in [(1, gone.id), (2, stays.id)] {
        let code = build::code(customer, n);
        codes.push(stores.enrolment.insert(&code, NOW, build::act()).await.unwrap());
    }
    stores
        .customers
        .delete(gone.id, Revision::FIRST, build::act())
        .await
        .unwrap();
    assert_eq!(stores.enrolment.find(codes[0].id).await.unwrap(), None);
    assert_eq!(
        stores.enrolment.find(codes[1].id).await.unwrap(),
        Some(codes[1].clone())
    );
    let refused = stores
        .enrolment
        .redeem(&build::redemption(1, 1), NOW, build::act())
        .await;
    assert!(refused.unwrap().is_err(), "a code of a deleted customer enrols nobody");
}

const NAMES: [&str; 8] = ["b", "A", "a", "100%", "100_", "ア", "新宿", "\\"];

async fn list(stores: &Stores, filter: CustomerFilter, order: Order) -> Vec<String> {
    let found = given::paged(async |page| stores.customers.list(&filter, order, &page).await.unwrap()).await;
    found.into_iter().map(|customer| customer.draft.company_name).collect()
}

/// Lists are in bytewise order of name, both ways, by cursor and by offset.
pub async fn lists_are_in_bytewise_order(stores: &Stores) {
    assert!(
        list(stores, CustomerFilter::default(), Order::Ascending)
            .await
            .is_empty()
    );
    for name in NAMES {
        given::customer(stores, name).await;
    }
    let mut expected = NAMES.to_vec();
    expected.sort_unstable();
    let found = list(stores, CustomerFilter::default(), Order::Ascending).await;
    assert_eq!(found, expected);
    expected.reverse();
    let found = list(stores, CustomerFilter::default(), Order::Descending).await;
    assert_eq!(found, expected);
}

/// Search takes percent, underscore and backslash for what they are, and finds one character.
pub async fn search_is_literal(stores: &Stores) {
    for name in NAMES {
        given::customer(stores, name).await;
    }
    for needle in ["%", "_", "\\", "a", "0", "100%", "新", "あ", "x", "新宿"] {
        let mut expected: Vec<_> = NAMES
            .iter()
            .filter(|name| build::customer(name).search_key().contains(needle))
            .copied()
            .collect();
        expected.sort_unstable();
        let filter = CustomerFilter {
            search: Some(needle.to_owned()),
            ..CustomerFilter::default()
        };
        assert_eq!(list(stores, filter, Order::Ascending).await, expected, "{needle}");
    }
}

/// Search follows a new name and reading.
pub async fn search_follows_a_save(stores: &Stores) {
    let mut customer = given::customer(stores, "before").await;
    customer.draft.company_name = "after".to_owned();
    customer.draft.company_name_kana = Some("ヨミガナ".to_owned());
    stores
        .customers
        .save(&customer, Revision::FIRST, build::act())
        .await
        .unwrap();
    for (needle, hits) in [("before", 0), ("after", 1), ("よみ", 1)] {
        let filter = CustomerFilter {
            search: Some(needle.to_owned()),
            ..CustomerFilter::default()
        };
        assert_eq!(list(stores, filter, Order::Ascending).await.len(), hits, "{needle}");
    }
}

/// The filters bound a list, alone and together.
pub async fn filters_bound_a_list(stores: &Stores) {
    let mut ids = Vec::new();
    for (name, is_active) in [("a", true), ("b", false), ("c", true)] {
        let draft = CustomerDraft {
            is_active,
            ..build::customer(name)
        };
        ids.push(stores.customers.insert(&draft, NOW, build::act()).await.unwrap().id);
    }
    let by = |only: Option<usize>, is_active: Option<bool>| CustomerFilter {
        only: only.map(|index| ids[index]),
        is_active,
        search: None,
    };
    for (filter, expected) in [
        (by(None, Some(true)), vec!["a", "c"]),
        (by(None, Some(false)), vec!["b"]),
        (by(Some(1), None), vec!["b"]),
        (by(Some(1), Some(true)), vec![]),
    ] {
        assert_eq!(
            list(stores, filter.clone(), Order::Ascending).await,
            expected,
            "{filter:?}"
        );
    }
}
