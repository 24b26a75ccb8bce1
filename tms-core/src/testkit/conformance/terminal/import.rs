//! Cases of imports.

use super::{full_draft, retire};
use crate::{
    Stores,
    error::StoreError,
    id::{CustomerId, Revision, TerminalId},
    page::Order,
    presence::Presence,
    terminal::{
        Lifecycle, Terminal, TerminalDraft,
        import::TerminalImport,
        store::{TerminalFilter, TerminalSort},
    },
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

fn changed(terminal: &Terminal, customer: CustomerId) -> Terminal {
    let draft = TerminalDraft {
        customer,
        store_name: Some("池袋".to_owned()),
        store_code: None,
        heartbeat_interval_s: 60,
        installed_date: None,
        ..terminal.draft.clone()
    };
    Terminal {
        draft,
        updated_at: at(60),
        ..terminal.clone()
    }
}

/// If one row would be refused, nothing is written and nothing is told.
pub async fn an_import_is_all_or_nothing(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await.id;
    let known = given::registered(stores, customer, 1).await;
    let nobody = CustomerId::new(999_999).unwrap();
    let good = TerminalImport {
        create: vec![build::terminal(customer, 2)],
        update: vec![changed(&known, customer)],
    };
    let with = |change: fn(&mut TerminalImport, &Terminal, CustomerId)| {
        let mut import = good.clone();
        change(&mut import, &known, nobody);
        async move { stores.terminals.import(&import, at(60), build::act_with_event(1)).await }
    };
    let stale = with(|import, _, _| import.update[0].revision = Revision(9)).await;
    refused!(stale, StoreError::Stale(_));
    let taken = with(|import, known, _| import.create.push(known.draft.clone())).await;
    refused!(taken, StoreError::Duplicate(_));
    let missing = with(|import, _, nobody| import.create[0].customer = nobody).await;
    missing!(missing, "customer");
    let missing = with(|import, _, nobody| import.update[0].draft.customer = nobody).await;
    missing!(missing, "customer");
    let fenced = given::fenced_act(stores).await;
    refused!(stores.terminals.import(&good, at(60), fenced).await, StoreError::Fenced);
    assert_eq!(given::view(stores, known.id).await.terminal, known);
    assert_eq!(given::counts(stores).await.total(), 1);
    assert!(given::events(stores).await.is_empty());
    stores
        .terminals
        .import(&good, at(60), build::act_with_event(1))
        .await
        .unwrap();
    assert_eq!(given::counts(stores).await.total(), 2);
    assert_eq!(given::events(stores).await.len(), 1);
}

/// Each row reads back as if it had been inserted or saved alone: terminal, presence row, counts, search.
pub async fn an_import_does_what_single_acts_do(stores: &Stores) {
    let (one, two) = (
        given::customer(stores, "one").await.id,
        given::customer(stores, "two").await.id,
    );
    let moved = given::enrolled(stores, one, 1).await;
    given::beats(stores, &[build::beat(moved, at(1))]).await;
    let gone = given::enrolled(stores, one, 2).await;
    retire(stores, gone).await;
    let before = given::view(stores, moved).await;
    let retired = given::view(stores, gone).await.terminal;
    let full = TerminalDraft {
        serial: build::serial(3),
        ..full_draft(one)
    };
    let import = TerminalImport {
        create: vec![full.clone(), build::terminal(two, 4)],
        update: vec![changed(&before.terminal, two), changed(&retired, two)],
    };
    stores.terminals.import(&import, at(60), build::act()).await.unwrap();

    let after = given::view(stores, moved).await;
    assert_eq!(
        after.terminal,
        Terminal {
            revision: before.terminal.revision.next(),
            ..import.update[0].clone()
        }
    );
    let row = Presence {
        customer: two,
        interval_s: 60,
        version: before.presence.version + 1,
        ..before.presence
    };
    assert_eq!(after.presence, row);
    check_made(stores, &full, gone).await;
    check_around(stores, (one, two), moved).await;
}

/// Checks the terminal that was made of every field, and that the retired one stays so.
async fn check_made(stores: &Stores, full: &TerminalDraft, gone: TerminalId) {
    let serials: Vec<_> = (1..=9).map(build::serial).collect();
    let mut found = stores.terminals.find_by_serials(&serials).await.unwrap();
    found.sort_by(|a, b| a.draft.serial.cmp(&b.draft.serial));
    assert_eq!(found.len(), 4);
    let made = &found[2];
    assert_eq!(
        (&made.draft, made.lifecycle, made.revision),
        (full, Lifecycle::Registered, Revision::FIRST)
    );
    assert_eq!((made.created_at, made.updated_at), (at(60), at(60)));
    let begin = Presence::new(made.id, full.customer, full.heartbeat_interval_s, at(60));
    assert_eq!(given::presence(stores, made.id).await, begin);
    assert_eq!(given::view(stores, gone).await.terminal.lifecycle, Lifecycle::Retired);
}

/// Checks counts, search, and that the next heartbeat goes on from the row as the import left it.
async fn check_around(stores: &Stores, (one, two): (CustomerId, CustomerId), moved: TerminalId) {
    let count = async |customer| stores.terminals.count_by_status(Some(customer)).await.unwrap();
    assert_eq!(
        (
            count(one).await.total(),
            count(two).await.total(),
            count(two).await.online
        ),
        (1, 2, 1)
    );
    assert!(
        !stores.upkeep.recount().await.unwrap(),
        "the counts are those of the terminals"
    );
    let filter = TerminalFilter {
        search: Some(crate::text::search_key("池袋")),
        ..TerminalFilter::default()
    };
    let page = build::whole_page();
    let searched = stores
        .terminals
        .list(&filter, TerminalSort::SerialNumber, Order::Ascending, &page)
        .await
        .unwrap();
    assert_eq!(
        searched.items.iter().map(|view| view.terminal.id).collect::<Vec<_>>(),
        [moved]
    );
    given::beats(stores, &[build::beat(moved, at(61))]).await;
    assert_eq!(given::presence(stores, moved).await.customer, two);
}

/// As many rows as a person may send at a time go in at once, and change at once.
pub async fn a_large_import_is_stored(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await.id;
    let create: Vec<_> = (1..=3_001).map(|n| build::terminal(customer, n)).collect();
    let serials: Vec<_> = create.iter().map(|draft| draft.serial.clone()).collect();
    let import = TerminalImport {
        create,
        update: Vec::new(),
    };
    stores.terminals.import(&import, NOW, build::act()).await.unwrap();
    let known = stores.terminals.find_by_serials(&serials).await.unwrap();
    assert_eq!(known.len(), 3_001);
    let update = known.iter().map(|terminal| changed(terminal, customer)).collect();
    let import = TerminalImport {
        create: Vec::new(),
        update,
    };
    stores.terminals.import(&import, at(60), build::act()).await.unwrap();
    let known = stores.terminals.find_by_serials(&serials).await.unwrap();
    assert!(known.iter().all(|terminal| terminal.draft.heartbeat_interval_s == 60));
    assert_eq!(given::counts(stores).await.total(), 3_001);
}
