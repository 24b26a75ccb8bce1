//! Cases of [`crate::operator::UserStore`].

use futures::future::join_all;

use crate::{
    Stores,
    error::StoreError,
    id::{CustomerId, Revision, UserId},
    operator::{NewUser, Profile, User, UserFilter},
    page::Order,
    permission::Role,
    secret::Secret,
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

async fn find(stores: &Stores, id: UserId) -> User {
    stores.users.find(id).await.unwrap().expect("the person")
}

async fn save(stores: &Stores, user: &User, next: &Profile) -> Result<User, StoreError> {
    stores.users.save(user.id, next, user.revision, build::act()).await
}

fn word(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// The first link of a person is there with them, and where they are refused it is not.
pub async fn a_link_comes_with_the_person(stores: &Stores) {
    let invited = |n| {
        let link = (build::hash("password link", n), at(n));
        NewUser {
            password_hash: None,
            link: Some(link),
            ..build::user("one")
        }
    };
    let user = stores.users.insert(&invited(1), NOW, build::act()).await.unwrap();
    let find = async |n| {
        let hash = build::hash("password link", n);
        stores.password_links.find(hash).await.unwrap()
    };
    let (link, of) = find(1).await.expect("the link");
    assert_eq!((link.user, link.expires_at, of), (user.id, at(1), user));
    let taken = stores.users.insert(&invited(2), NOW, build::act()).await;
    refused!(taken, StoreError::Duplicate(_));
    assert_eq!(find(2).await, None);
}

/// A person reads back by id and by name, at both ends of each field.
pub async fn every_field_reads_back(stores: &Stores) {
    assert!(!stores.users.has_users().await.unwrap());
    let customer = given::customer(stores, "ABC").await;
    let full = NewUser {
        username: "o'neil%_\\ 日本".to_owned(),
        profile: Profile {
            full_name: "O'Neil \u{1F600}".repeat(10),
            email: Some("'%_\\@example.com".to_owned()),
            role: Role::Viewer,
            customer: Some(customer.id),
            is_disabled: true,
        },
        password_hash: None,
        link: None,
    };
    for new in [full, build::user("bare")] {
        let stored = stores.users.insert(&new, at(1), build::act()).await.unwrap();
        let expected = User {
            id: stored.id,
            username: new.username,
            profile: new.profile,
            password_hash: new.password_hash,
            has_second_factor: false,
            created_at: at(1),
            revision: Revision::FIRST,
        };
        assert_eq!(stored, expected);
        let found = stores.users.find_by_name(&expected.username).await.unwrap();
        assert_eq!(found.as_ref(), Some(&expected));
        assert_eq!(find(stores, expected.id).await, expected);
    }
    assert!(stores.users.has_users().await.unwrap());
    assert_eq!(stores.users.find_by_name("%").await.unwrap(), None);
    assert_eq!(stores.users.find(UserId::new(1_000_000).unwrap()).await.unwrap(), None);
}

/// No two people have one name, at the same time neither.
pub async fn names_are_unique(stores: &Stores) {
    let new = build::user("admin");
    let outcomes = join_all((0..6).map(|_| stores.users.insert(&new, NOW, build::act()))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Duplicate(_));
    }
}

/// Nobody is bound to a customer that is not there.
pub async fn an_unknown_customer_is_missing(stores: &Stores) {
    let unknown = CustomerId::new(1_000_000).ok();
    let mut new = build::user("one");
    new.profile.customer = unknown;
    missing!(stores.users.insert(&new, NOW, build::act()).await, "customer");
    let user = given::user(stores, "two").await;
    let next = Profile {
        customer: unknown,
        ..user.profile.clone()
    };
    missing!(save(stores, &user, &next).await, "customer");
    assert_eq!(find(stores, user.id).await, user);
}

/// A save replaces what others may change and leaves the rest alone.
pub async fn a_save_changes_what_others_may_change(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let user = given::user(stores, "one").await;
    let session = build::session(user.id, 1);
    stores.sessions.begin(&session, NOW, build::act()).await.unwrap();
    let next = Profile {
        full_name: "Other".to_owned(),
        email: Some("a@b".to_owned()),
        role: Role::Support,
        customer: Some(customer.id),
        is_disabled: false,
    };
    let saved = save(stores, &user, &next).await.unwrap();
    let expected = User {
        profile: next,
        revision: user.revision.next(),
        ..user
    };
    assert_eq!(saved, expected);
    let (session, seen) = stores
        .sessions
        .find_by_access(session.tokens.access)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen, expected, "a session shows the present person");
    assert!(!session.is_revoked);
}

/// Who knows an old revision changes and deletes nothing.
pub async fn stale_revision_is_refused(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let saved = save(stores, &user, &build::profile("x", Role::Viewer)).await.unwrap();
    refused!(save(stores, &user, &user.profile).await, StoreError::Stale(_));
    let deleted = stores.users.delete(user.id, user.revision, build::act()).await;
    refused!(deleted, StoreError::Stale(_));
    assert_eq!(find(stores, user.id).await, saved);
    let nobody = UserId::new(1_000_000).unwrap();
    let gone = stores
        .users
        .save(nobody, &user.profile, Revision::FIRST, build::act())
        .await;
    missing!(gone, "user");
    let gone = stores.users.delete(nobody, Revision::FIRST, build::act()).await;
    missing!(gone, "user");
}

/// Of parallel saves from one revision, one succeeds.
pub async fn one_of_parallel_saves_wins(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let profiles: Vec<_> = (0..6).map(|n| build::profile(&format!("n{n}"), Role::Viewer)).collect();
    let outcomes = join_all(profiles.iter().map(|next| save(stores, &user, next))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes {
        match outcome {
            Ok(saved) => assert_eq!(find(stores, user.id).await, saved),
            refusal => refused!(refusal, StoreError::Stale(_)),
        }
    }
}

/// The last who can manage people is not demoted, disabled, bound to a customer or deleted; the last but one is.
pub async fn the_last_administrator_stays(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let last = given::administrator(stores, "last").await;
    let mut bound = build::user("bound");
    (bound.profile.role, bound.profile.customer) = (Role::Admin, Some(customer.id));
    stores.users.insert(&bound, NOW, build::act()).await.unwrap();
    let mut disabled = build::user("disabled");
    (disabled.profile.role, disabled.profile.is_disabled) = (Role::Admin, true);
    stores.users.insert(&disabled, NOW, build::act()).await.unwrap();
    let endings = [
        Profile {
            role: Role::Operator,
            ..last.profile.clone()
        },
        Profile {
            is_disabled: true,
            ..last.profile.clone()
        },
        Profile {
            customer: Some(customer.id),
            ..last.profile.clone()
        },
    ];
    for next in &endings {
        refused!(save(stores, &last, next).await, StoreError::LastAdministrator);
    }
    let deleted = stores.users.delete(last.id, last.revision, build::act()).await;
    refused!(deleted, StoreError::LastAdministrator);
    assert_eq!(find(stores, last.id).await, last);
    let renamed = Profile {
        full_name: "Other".to_owned(),
        ..last.profile.clone()
    };
    save(stores, &last, &renamed).await.unwrap();
    for (n, next) in endings.iter().enumerate() {
        let other = given::administrator(stores, &format!("other{n}")).await;
        save(stores, &other, next).await.unwrap();
    }
    let other = given::administrator(stores, "other").await;
    stores
        .users
        .delete(other.id, other.revision, build::act())
        .await
        .unwrap();
}

/// Administrators who demote, disable and delete one another at the same time leave one.
pub async fn parallel_demotions_leave_one_administrator(stores: &Stores) {
    let governing = async || {
        let filter = UserFilter {
            role: Some(Role::Admin),
            is_disabled: Some(false),
            search: None,
        };
        let page = build::whole_page();
        stores.users.list(&filter, Order::Ascending, &page).await.unwrap().items
    };
    for round in 0..4 {
        let mut people = governing().await;
        for n in 0..4 {
            people.push(given::administrator(stores, &format!("round{round}.{n}")).await);
        }
        let outcomes = join_all(people.iter().enumerate().map(async |(n, user)| match n % 3 {
            0 => save(stores, user, &build::profile("x", Role::Viewer)).await.map(drop),
            1 => {
                let mut next = user.profile.clone();
                next.is_disabled = true;
                save(stores, user, &next).await.map(drop)
            }
            _ => stores.users.delete(user.id, user.revision, build::act()).await,
        }))
        .await;
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            refused!(outcome, StoreError::LastAdministrator);
        }
        assert_eq!(governing().await.len(), 1, "round {round}");
    }
}

/// Who is disabled loses sessions, API tokens, links and devices, and gets none back when enabled again.
pub async fn disabling_ends_all_that_was_given_out(stores: &Stores) {
    let (user, other) = (given::user(stores, "one").await, given::user(stores, "two").await);
    for (n, id) in [(1, user.id), (2, other.id)] {
        give_everything(stores, id, n).await;
    }
    let disabled = Profile {
        is_disabled: true,
        ..user.profile.clone()
    };
    let disabled = save(stores, &user, &disabled).await.unwrap();
    assert!(disabled.has_second_factor, "password and second factor stay");
    let enabled = save(stores, &disabled, &user.profile).await.unwrap();
    assert_eq!(enabled.password_hash, user.password_hash);
    assert_eq!(held(stores, 1).await, [false; 4]);
    assert_eq!(held(stores, 2).await, [true; 4]);
}

async fn give_everything(stores: &Stores, user: UserId, n: i64) {
    let session = build::session(user, n);
    stores.sessions.begin(&session, NOW, build::act()).await.unwrap();
    let token = build::api_token(user, n);
    stores.api_tokens.insert(&token, NOW, build::act()).await.unwrap();
    let link = build::password_link(user, n);
    stores.password_links.issue(&link, build::act()).await.unwrap();
    let device = build::hash("device", n);
    stores.guesses.remember_device(device, user, NOW).await.unwrap();
    let seed = build::sealed_seed(n);
    stores.second_factors.propose(user, &seed).await.unwrap();
    let factor = stores.second_factors.find(user).await.unwrap().unwrap();
    let codes = [build::hash("recovery", n)];
    let confirmed = stores.second_factors.confirm(&factor, 1, &codes, NOW, build::act());
    confirmed.await.unwrap();
}

/// Tells whether session, API token, link and device number `n` are good.
async fn held(stores: &Stores, n: i64) -> [bool; 4] {
    let session = stores.sessions.find_by_access(build::hash("access", n)).await.unwrap();
    let token = stores
        .api_tokens
        .find_by_hash(build::hash("api token", n))
        .await
        .unwrap();
    let link = stores
        .password_links
        .find(build::hash("password link", n))
        .await
        .unwrap();
    let device = stores.guesses.find_device(build::hash("device", n)).await.unwrap();
    [
        session.is_some_and(|(session, _)| !session.is_revoked),
        token.is_some(),
        link.is_some(),
        device.is_some(),
    ]
}

/// A new password ends all sessions but the one in which it was set, and the link.
pub async fn a_new_password_ends_other_sessions(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let own = stores
        .sessions
        .begin(&build::session(user.id, 1), NOW, build::act())
        .await;
    stores
        .sessions
        .begin(&build::session(user.id, 2), NOW, build::act())
        .await
        .unwrap();
    stores
        .password_links
        .issue(&build::password_link(user.id, 1), build::act())
        .await
        .unwrap();
    let new = word("$new$");
    let set = stores.users.set_password(user.id, &new, own.ok(), build::act());
    set.await.unwrap();
    let expected = User {
        password_hash: Some(word("$new$")),
        ..user.clone()
    };
    assert_eq!(find(stores, user.id).await, expected, "the revision stays");
    assert_eq!(held(stores, 1).await, [true, false, false, false]);
    assert_eq!(held(stores, 2).await, [false; 4]);
    let nobody = UserId::new(1_000_000).unwrap();
    let set = stores
        .users
        .set_password(nobody, &word("$new$"), None, build::act())
        .await;
    missing!(set, "user");
}

/// A hash is replaced only while it is the present one.
pub async fn a_rehash_never_undoes_a_new_password(stores: &Stores) {
    let user = given::user(stores, "one").await;
    stores
        .users
        .rehash(user.id, &word("$test$"), &word("$again$"))
        .await
        .unwrap();
    let expected = User {
        password_hash: Some(word("$again$")),
        ..user.clone()
    };
    assert_eq!(find(stores, user.id).await, expected);
    stores
        .users
        .rehash(user.id, &word("$test$"), &word("$late$"))
        .await
        .unwrap();
    assert_eq!(find(stores, user.id).await, expected);
}

/// Nothing of a deleted person is left, and the name is free.
pub async fn deleting_takes_everything_along(stores: &Stores) {
    let (user, other) = (given::user(stores, "one").await, given::user(stores, "two").await);
    for (n, id) in [(1, user.id), (2, other.id)] {
        give_everything(stores, id, n).await;
    }
    stores.users.delete(user.id, user.revision, build::act()).await.unwrap();
    assert_eq!(stores.users.find(user.id).await.unwrap(), None);
    assert_eq!(held(stores, 1).await, [false; 4]);
    assert_eq!(held(stores, 2).await, [true; 4]);
    assert_eq!(stores.second_factors.find(user.id).await.unwrap(), None);
    assert!(stores.second_factors.find(other.id).await.unwrap().is_some());
    let again = given::user(stores, "one").await;
    assert_ne!(again.id, user.id, "an id is not given twice");
}

const NAMES: [&str; 6] = ["b", "B", "a", "a-b", "a_b", "1"];

async fn list(stores: &Stores, filter: UserFilter, order: Order) -> Vec<String> {
    let rows = given::paged(async |page| stores.users.list(&filter, order, &page).await.unwrap()).await;
    rows.into_iter().map(|user| user.username).collect()
}

/// People are listed by name, bytewise, in both directions.
pub async fn lists_are_in_bytewise_order(stores: &Stores) {
    for name in NAMES {
        given::user(stores, name).await;
    }
    let mut expected = NAMES.to_vec();
    expected.sort_unstable();
    assert_eq!(list(stores, UserFilter::default(), Order::Ascending).await, expected);
    expected.reverse();
    assert_eq!(list(stores, UserFilter::default(), Order::Descending).await, expected);
}

/// Role, state and a part of name, full name or address bound a list; a search is literal.
pub async fn filters_bound_a_list(stores: &Stores) {
    for (name, role, is_disabled, email) in [
        ("a", Role::Admin, false, None),
        ("b", Role::Viewer, true, Some("x%y@b")),
        ("c", Role::Viewer, false, None),
    ] {
        let mut new = build::user(name);
        new.profile = Profile {
            email: email.map(str::to_owned),
            is_disabled,
            ..build::profile(name, role)
        };
        stores.users.insert(&new, NOW, build::act()).await.unwrap();
    }
    for (role, is_disabled, search, expected) in [
        (Some(Role::Viewer), None, None, &["b", "c"][..]),
        (Some(Role::Viewer), Some(false), None, &["c"]),
        (None, Some(true), None, &["b"]),
        (None, None, Some("c exam"), &["c"]),
        (None, None, Some("%"), &["b"]),
        (None, None, Some("_"), &[]),
    ] {
        let filter = UserFilter {
            role,
            is_disabled,
            search: search.map(str::to_owned),
        };
        assert_eq!(
            list(stores, filter.clone(), Order::Ascending).await,
            expected,
            "{filter:?}"
        );
    }
    let user = stores.users.find_by_name("c").await.unwrap().unwrap();
    save(stores, &user, &build::profile("renamed", Role::Viewer))
        .await
        .unwrap();
    let filter = UserFilter {
        search: Some("renamed".to_owned()),
        ..UserFilter::default()
    };
    assert_eq!(
        list(stores, filter, Order::Ascending).await,
        ["c"],
        "a search follows a save"
    );
}
