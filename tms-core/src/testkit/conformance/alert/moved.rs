//! A case of alerts of terminals that come to another customer.

use super::{all, apply, ending, plan};
use crate::{
    Stores,
    alert::{Alert, Cause},
    id::{CustomerId, TerminalId},
    terminal::{Terminal, TerminalDraft, import::TerminalImport},
    testkit::{
        build::{self, at},
        given,
    },
};

async fn given_to(stores: &Stores, terminal: TerminalId, customer: CustomerId) -> Terminal {
    let terminal = given::view(stores, terminal).await.terminal;
    let draft = TerminalDraft {
        customer,
        ..terminal.draft.clone()
    };
    Terminal { draft, ..terminal }
}

/// What a terminal has open comes along to its new customer, by a save and by an import; what is resolved stays with
/// whose it was, and others' alerts where they are.
pub async fn an_open_one_follows_its_terminal(stores: &Stores) {
    let (one, two) = (
        given::customer(stores, "one").await.id,
        given::customer(stores, "two").await.id,
    );
    let fence = given::fence(stores).await;
    let fleet = given::fleet(stores, one, 3).await;
    for terminal in &fleet {
        apply(stores, plan(*terminal, one, &[Cause::Offline], at(1)), fence).await;
        apply(stores, ending(*terminal, &[Cause::Offline], at(2)), fence).await;
        apply(stores, plan(*terminal, one, &[Cause::HighCpu], at(3)), fence).await;
    }
    let before = all(stores).await;
    let saved = given_to(stores, fleet[0], two).await;
    stores
        .terminals
        .save(&saved, saved.revision, build::act())
        .await
        .unwrap();
    let import = TerminalImport {
        create: Vec::new(),
        update: vec![
            given_to(stores, fleet[1], two).await,
            given_to(stores, fleet[2], one).await,
        ],
    };
    stores.terminals.import(&import, at(60), build::act()).await.unwrap();
    let expected: Vec<_> = before
        .into_iter()
        .map(|alert| {
            let is_moved = alert.terminal != Some(fleet[2]) && alert.state.is_unresolved();
            Alert {
                customer: Some(if is_moved { two } else { one }),
                revision: if is_moved {
                    alert.revision.next()
                } else {
                    alert.revision
                },
                ..alert
            }
        })
        .collect();
    assert_eq!(all(stores).await, expected);
    let open = async |customer| stores.alerts.count_open(Some(customer)).await.unwrap();
    let counted = |counts: Vec<(_, u64)>| counts.into_iter().map(|(_, n)| n).sum::<u64>();
    assert_eq!((counted(open(one).await), counted(open(two).await)), (1, 2));
    // The one open alert of the cause is still found by it.
    assert_eq!(
        apply(stores, ending(fleet[0], &[Cause::HighCpu], at(70)), fence).await,
        (0, 1)
    );
}
