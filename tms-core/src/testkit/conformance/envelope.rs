//! Cases of the envelope that travels with every mutation.

use crate::{
    Stores,
    alert::{AlertPlan, Cause, CauseSet, store::AlertFilter},
    envelope::Envelope,
    error::StoreError,
    id::Revision,
    maintenance::NewMaintenance,
    operator::User,
    page::Order,
    permission::Role,
    presence::store::Retirement,
    secret::Secret,
    settings::Settings,
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

async fn numbers(stores: &Stores) -> Vec<i64> {
    let events = given::events(stores).await;
    events
        .iter()
        .filter_map(|stored| stored.event.data["n"].as_i64())
        .collect()
}

/// The events of a change become visible with it, in order.
pub async fn events_come_with_the_change(stores: &Stores) {
    let draft = build::customer("ABC");
    let with = build::act_with_event(1).with_event(build::event(2));
    let mut customer = stores.customers.insert(&draft, NOW, with).await.unwrap();
    assert_eq!(numbers(stores).await, [1, 2]);
    customer.draft.notes = Some("x".to_owned());
    stores
        .customers
        .save(&customer, Revision::FIRST, build::act_with_event(3))
        .await
        .unwrap();
    stores
        .customers
        .delete(customer.id, Revision(2), build::act_with_event(4))
        .await
        .unwrap();
    assert_eq!(numbers(stores).await, [1, 2, 3, 4]);
    let entries = given::audit(stores).await;
    assert_eq!(entries.len(), 3);
    assert!(
        entries
            .iter()
            .all(|row| row.record.target_id == Some(customer.id.get())),
        "{entries:?}"
    );
}

/// A change that is refused tells nothing.
pub async fn a_refused_change_tells_nothing(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::registered(stores, customer.id, 1).await;
    let again = stores
        .customers
        .insert(&customer.draft, NOW, build::act_with_event(1))
        .await;
    refused!(again, StoreError::Duplicate(_));
    let stale = stores
        .customers
        .save(&customer, Revision(9), build::act_with_event(2))
        .await;
    refused!(stale, StoreError::Stale(_));
    let kept = stores
        .customers
        .delete(customer.id, Revision::FIRST, build::act_with_event(3))
        .await;
    refused!(kept, StoreError::Referenced(_));
    let draft = build::terminal(customer.id, 1);
    let again = stores.terminals.insert(&draft, NOW, build::act_with_event(4)).await;
    refused!(again, StoreError::Duplicate(_));
    let stale = stores
        .terminals
        .save(&terminal, Revision(9), build::act_with_event(5))
        .await;
    refused!(stale, StoreError::Stale(_));
    let unknown = stores
        .credentials
        .rotate(
            build::hash("token", 9),
            build::hash("token", 10),
            at(1),
            build::act_with_event(6),
        )
        .await;
    refused!(unknown, StoreError::Missing(_));
    assert_eq!(numbers(stores).await, [] as [i64; 0]);
    assert_eq!(given::audit(stores).await.len(), 2, "the two that were not refused");
}

/// Whatever changes something leaves an entry, holds the lease, or carries out what was audited already.
pub async fn one_without_a_reason_is_refused(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let id = given::enrolled(stores, customer.id, 1).await;
    let view = given::view(stores, id).await;
    let code = stores
        .enrolment
        .insert(&build::code(customer.id, 2), NOW, build::act())
        .await
        .unwrap();
    let user = stores
        .users
        .insert(&build::user("one"), NOW, build::act())
        .await
        .unwrap();
    let w = || Envelope::entries(Vec::new());
    let (c, t, seen) = (&stores.customers, &stores.terminals, view.terminal.revision);

    refused!(
        c.insert(&build::customer("new"), NOW, w()).await,
        StoreError::Rejected(_)
    );
    refused!(c.save(&customer, Revision::FIRST, w()).await, StoreError::Rejected(_));
    refused!(
        c.delete(customer.id, Revision::FIRST, w()).await,
        StoreError::Rejected(_)
    );
    let draft = build::terminal(customer.id, 3);
    refused!(t.insert(&draft, NOW, w()).await, StoreError::Rejected(_));
    refused!(t.save(&view.terminal, seen, w()).await, StoreError::Rejected(_));
    let retiring = Retirement::of(view.presence.clone(), NOW);
    refused!(t.retire(id, seen, &retiring, w()).await, StoreError::Rejected(_));
    let new = build::code(customer.id, 4);
    refused!(stores.enrolment.insert(&new, NOW, w()).await, StoreError::Rejected(_));
    refused!(stores.enrolment.revoke(code.id, w()).await, StoreError::Rejected(_));
    let request = build::redemption(2, 3);
    refused!(
        stores.enrolment.redeem(&request, NOW, w()).await,
        StoreError::Rejected(_)
    );
    let (old, next) = (build::hash("token", 1), build::hash("token", 8));
    refused!(
        stores.credentials.rotate(old, next, at(1), w()).await,
        StoreError::Rejected(_)
    );
    refused!(stores.credentials.revoke_all(id, w()).await, StoreError::Rejected(_));
    people_are_not_changed_without_a_reason(stores, &user).await;
    refused!(
        stores.settings.save(&Settings::default(), None, w()).await,
        StoreError::Rejected(_)
    );
    refused!(stores.audit.record(w()).await, StoreError::Rejected(_));

    assert_eq!(c.find_by_name("new").await.unwrap(), None);
    assert_eq!(given::view(stores, id).await, view);
    assert_eq!(stores.enrolment.find(code.id).await.unwrap(), Some(code));
    assert!(stores.credentials.find(old).await.unwrap().is_some());
    assert_eq!(stores.settings.load().await.unwrap(), None);
}

async fn people_are_not_changed_without_a_reason(stores: &Stores, user: &User) {
    let w = || Envelope::entries(Vec::new());
    let (u, one) = (&stores.users, user.id);
    refused!(u.insert(&build::user("two"), NOW, w()).await, StoreError::Rejected(_));
    let saved = u.save(one, &user.profile, user.revision, w()).await;
    refused!(saved, StoreError::Rejected(_));
    refused!(u.delete(one, user.revision, w()).await, StoreError::Rejected(_));
    let begun = stores.sessions.begin(&build::session(one, 1), NOW, w()).await;
    refused!(begun, StoreError::Rejected(_));
    let ended = stores.sessions.revoke_all(one, None, NOW, w()).await;
    refused!(ended, StoreError::Rejected(_));
    assert_eq!(u.find_by_name("two").await.unwrap(), None);
    assert_eq!(u.find(one).await.unwrap().as_ref(), Some(user));
}

/// An envelope of many entries is carried.
pub async fn envelopes_of_any_size_are_carried(stores: &Stores) {
    let mut with = build::act();
    for n in 0..30 {
        with.audit.push(build::act().audit.remove(0));
        with.events.push(build::event(n));
    }
    stores
        .customers
        .insert(&build::customer("many"), NOW, with)
        .await
        .unwrap();
    assert_eq!(numbers(stores).await, (0..30).collect::<Vec<_>>());
    assert_eq!(given::audit(stores).await.len(), 31);
}

/// The present leader's changes are accepted.
pub async fn the_present_fence_is_accepted(stores: &Stores) {
    let fence = given::fence(stores).await;
    let mut with = build::act_with_event(1);
    with.fence = Some(fence);
    stores
        .customers
        .insert(&build::customer("ABC"), NOW, with)
        .await
        .unwrap();
    assert_eq!(numbers(stores).await, [1]);
}

/// A leader that lost its lease can't change customers, terminals, codes or tokens.
pub async fn a_lost_lease_stops_changes_of_terminals(stores: &Stores) {
    let with = given::fenced_act(stores).await;
    let customer = given::customer(stores, "ABC").await;
    let id = given::enrolled(stores, customer.id, 1).await;
    let view = given::view(stores, id).await;
    let code = build::code(customer.id, 2);
    let code = stores.enrolment.insert(&code, NOW, build::act()).await.unwrap();
    let head = stores.credentials.revocation_head().await.unwrap();
    let (c, t, seen) = (&stores.customers, &stores.terminals, view.terminal.revision);
    let w = || with.clone();

    refused!(c.insert(&build::customer("new"), NOW, w()).await, StoreError::Fenced);
    // The fence is checked before the revision.
    for revision in [Revision::FIRST, Revision(9)] {
        refused!(c.save(&customer, revision, w()).await, StoreError::Fenced);
        refused!(c.delete(customer.id, revision, w()).await, StoreError::Fenced);
    }
    let draft = build::terminal(customer.id, 3);
    refused!(t.insert(&draft, NOW, w()).await, StoreError::Fenced);
    refused!(t.save(&view.terminal, seen, w()).await, StoreError::Fenced);
    let retiring = Retirement::of(view.presence.clone(), NOW);
    refused!(t.retire(id, seen, &retiring, w()).await, StoreError::Fenced);
    let new = build::code(customer.id, 4);
    refused!(stores.enrolment.insert(&new, NOW, w()).await, StoreError::Fenced);
    refused!(stores.enrolment.revoke(code.id, w()).await, StoreError::Fenced);
    let request = build::redemption(2, 3);
    refused!(stores.enrolment.redeem(&request, NOW, w()).await, StoreError::Fenced);
    let (old, next) = (build::hash("token", 1), build::hash("token", 8));
    refused!(
        stores.credentials.rotate(old, next, at(1), w()).await,
        StoreError::Fenced
    );
    refused!(stores.credentials.revoke_all(id, w()).await, StoreError::Fenced);

    assert_eq!(numbers(stores).await, [] as [i64; 0]);
    assert_eq!(c.find_by_name("new").await.unwrap(), None);
    assert_eq!(c.find(customer.id).await.unwrap(), Some(customer));
    assert_eq!(given::view(stores, id).await, view);
    assert_eq!(stores.enrolment.find(code.id).await.unwrap(), Some(code));
    let found = stores.credentials.find(old).await.unwrap().unwrap();
    assert_eq!(found.valid_until, None);
    assert_eq!(stores.credentials.find(next).await.unwrap(), None);
    assert_eq!(stores.credentials.revocation_head().await.unwrap(), head);
    assert_eq!(given::counts(stores).await.total(), 1);
}

/// A leader that lost its lease can't change presence, alerts or maintenance.
pub async fn a_lost_lease_stops_changes_of_presence(stores: &Stores) {
    let with = given::fenced_act(stores).await;
    let customer = given::customer(stores, "ABC").await;
    let id = given::enrolled(stores, customer.id, 1).await;
    let fence = given::fence(stores).await;
    let plan = AlertPlan {
        terminal: id,
        seen_raised: build::causes(&[Cause::Offline]),
        raise: vec![build::alert(id, customer.id, Cause::Offline, NOW)],
        resolve: CauseSet::EMPTY,
        at: NOW,
    };
    stores.alerts.apply(&[plan], fence).await.unwrap();
    let page = build::whole_page();
    let filter = AlertFilter::default();
    let alerts = stores
        .alerts
        .list(&filter, Order::Ascending, &page)
        .await
        .unwrap()
        .items;
    let time = NewMaintenance {
        terminal: id,
        from: NOW,
        until: None,
        reason: "work".to_owned(),
    };
    let planned = stores.maintenance.insert(&time, "admin", NOW, build::act()).await;
    let planned = planned.unwrap();
    let row = given::presence(stores, id).await;
    let w = || with.clone();

    let (write, change) = super::presence::maintaining(row.clone(), true, at(9));
    refused!(stores.presence.save(&write, change, w()).await, StoreError::Fenced);
    let mut alert = alerts[0].clone();
    alert.acknowledge("one", at(9)).unwrap();
    let saved = stores.alerts.save(&alert, alert.revision, w()).await;
    refused!(saved, StoreError::Fenced);
    let inserted = stores.maintenance.insert(&time, "admin", NOW, w()).await;
    refused!(inserted, StoreError::Fenced);
    refused!(stores.maintenance.end(planned.id, at(9), w()).await, StoreError::Fenced);

    assert_eq!(numbers(stores).await, [] as [i64; 0]);
    assert_eq!(given::presence(stores, id).await, row);
    let kept = stores.alerts.list(&filter, Order::Ascending, &page).await.unwrap();
    assert_eq!(kept.items, alerts);
    let times = stores.maintenance.list(None, None, &page).await.unwrap().items;
    assert_eq!(times, [planned]);
    assert!(given::status_history(stores, id).await.is_empty());
}

/// A leader that lost its lease can't change people, sessions or settings.
pub async fn a_lost_lease_stops_changes_of_people(stores: &Stores) {
    let with = given::fenced_act(stores).await;
    let user = given::user(stores, "one").await;
    let session = build::session(user.id, 1);
    let session = stores.sessions.begin(&session, NOW, build::act()).await.unwrap();
    let w = || with.clone();

    let inserted = stores.users.insert(&build::user("two"), NOW, w()).await;
    refused!(inserted, StoreError::Fenced);
    let (id, seen) = (user.id, user.revision);
    refused!(
        stores
            .users
            .save(id, &build::profile("x", Role::Viewer), seen, w())
            .await,
        StoreError::Fenced
    );
    refused!(stores.users.delete(id, seen, w()).await, StoreError::Fenced);
    let word = Secret::new("$other$".to_owned());
    refused!(
        stores.users.set_password(id, &word, None, w()).await,
        StoreError::Fenced
    );
    let begun = stores.sessions.begin(&build::session(id, 2), NOW, w()).await;
    refused!(begun, StoreError::Fenced);
    refused!(stores.sessions.revoke(session, w()).await, StoreError::Fenced);
    refused!(stores.sessions.revoke_all(id, None, NOW, w()).await, StoreError::Fenced);
    let token = stores.api_tokens.insert(&build::api_token(id, 1), NOW, w()).await;
    refused!(token, StoreError::Fenced);
    let link = stores.password_links.issue(&build::password_link(id, 1), w()).await;
    refused!(link, StoreError::Fenced);
    let saved = stores.settings.save(&Settings::default(), None, w()).await;
    refused!(saved, StoreError::Fenced);

    assert_eq!(numbers(stores).await, [] as [i64; 0]);
    assert_eq!(stores.users.find_by_name("two").await.unwrap(), None);
    assert_eq!(stores.users.find(id).await.unwrap(), Some(user));
    let access = |n| stores.sessions.find_by_access(build::hash("access", n));
    assert_eq!(access(2).await.unwrap(), None);
    assert!(!access(1).await.unwrap().unwrap().0.is_revoked);
    assert_eq!(stores.settings.load().await.unwrap(), None);
}
