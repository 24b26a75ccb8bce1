//! A case of how many terminals a customer may have.

use futures::future::join_all;

use crate::{
    Stores,
    customer::CustomerDraft,
    error::StoreError,
    id::Revision,
    terminal::{Terminal, import::TerminalImport},
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

/// Nobody adds more terminals to a customer than it may have: one by one, many at once, by a list, or from another
/// customer. Retired ones do not count.
pub async fn a_full_customer_takes_no_more(stores: &Stores) {
    let draft = CustomerDraft {
        max_terminals: Some(3),
        ..build::customer("ABC")
    };
    let full = stores.customers.insert(&draft, NOW, build::act()).await.unwrap().id;
    let other = given::customer(stores, "XYZ").await.id;
    let drafts: Vec<_> = (1..=8).map(|n| build::terminal(full, n)).collect();
    let inserts = drafts
        .iter()
        .map(|draft| stores.terminals.insert(draft, NOW, build::act()));
    let outcomes = join_all(inserts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    let mut made = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(terminal) => made.push(terminal),
            refusal => refused!(refusal, StoreError::Full(_)),
        }
    }
    let stranger = given::registered(stores, other, 20).await;
    let come = Terminal {
        draft: build::terminal(full, 20),
        ..stranger.clone()
    };
    let moved = stores.terminals.save(&come, Revision::FIRST, build::act()).await;
    refused!(moved, StoreError::Full(_));
    let list = |create: &[i64], update: &[&Terminal]| TerminalImport {
        create: create.iter().map(|n| build::terminal(full, *n)).collect(),
        update: update.iter().map(|next| (*next).clone()).collect(),
    };
    let import = async |list: TerminalImport| stores.terminals.import(&list, at(60), build::act()).await;
    refused!(import(list(&[21], &[])).await, StoreError::Full(_));
    refused!(import(list(&[], &[&come])).await, StoreError::Full(_));
    assert_eq!(given::view(stores, stranger.id).await.terminal, stranger);
    assert_eq!(given::counts(stores).await.total(), 4);

    // One that stays takes no place, and one that goes gives its own away.
    let mut stays = made[0].clone();
    stays.draft.store_name = Some("Shinjuku".to_owned());
    stays.revision = stores
        .terminals
        .save(&stays, Revision::FIRST, build::act())
        .await
        .unwrap();
    let goes = Terminal {
        draft: crate::terminal::TerminalDraft {
            customer: other,
            ..made[1].draft.clone()
        },
        ..made[1].clone()
    };
    import(list(&[], &[&goes, &come, &stays])).await.unwrap();
    refused!(import(list(&[22], &[])).await, StoreError::Full(_));
    super::retire(stores, made[2].id).await;
    import(list(&[22], &[])).await.unwrap();
    let late = stores
        .terminals
        .insert(&build::terminal(full, 23), NOW, build::act())
        .await;
    refused!(late, StoreError::Full(_));
}
