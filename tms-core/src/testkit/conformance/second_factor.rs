//! Cases of [`crate::operator::SecondFactorStore`].

use futures::future::join_all;

use crate::{
    Stores,
    error::StoreError,
    id::UserId,
    operator::{SecondFactor, User, seal::SealedSeed},
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

async fn find(stores: &Stores, user: &User) -> Option<SecondFactor> {
    stores.second_factors.find(user.id).await.unwrap()
}

async fn proposed(stores: &Stores, user: &User, n: i64) -> SecondFactor {
    let seed = build::sealed_seed(n);
    stores.second_factors.propose(user.id, &seed).await.unwrap();
    find(stores, user).await.expect("a proposal")
}

/// Sets up the seed number 1 at step 1,000 with three recovery codes.
async fn confirmed(stores: &Stores, user: &User) {
    let factor = proposed(stores, user, 1).await;
    let codes: Vec<_> = (1..=3).map(|n| build::hash("recovery", n)).collect();
    let done = stores
        .second_factors
        .confirm(&factor, 1_000, &codes, at(1), build::act());
    done.await.unwrap();
}

/// A second factor reads back, before and after it is confirmed, and the person tells whether they have one.
pub async fn every_field_reads_back(stores: &Stores) {
    let user = given::user(stores, "one").await;
    assert_eq!(find(stores, &user).await, None);
    let seed = SealedSeed((0..=255).collect());
    stores.second_factors.propose(user.id, &seed).await.unwrap();
    let expected = SecondFactor {
        user: user.id,
        seed,
        confirmed_at: None,
        last_step: 0,
        recovery_left: 0,
    };
    assert_eq!(find(stores, &user).await.as_ref(), Some(&expected));
    assert_eq!(stores.users.find(user.id).await.unwrap().as_ref(), Some(&user));
    let codes = [build::hash("recovery", 1), build::hash("recovery", 2)];
    let step = i64::MAX;
    let done = stores
        .second_factors
        .confirm(&expected, step, &codes, at(1), build::act());
    done.await.unwrap();
    let expected = SecondFactor {
        confirmed_at: Some(at(1)),
        last_step: step,
        recovery_left: 2,
        ..expected
    };
    assert_eq!(find(stores, &user).await, Some(expected));
    let with_factor = User {
        has_second_factor: true,
        ..user
    };
    assert_eq!(
        stores.users.find(with_factor.id).await.unwrap(),
        Some(with_factor.clone())
    );
    let session = build::session(with_factor.id, 1);
    stores.sessions.begin(&session, NOW, build::act()).await.unwrap();
    let found = stores.sessions.find_by_access(session.tokens.access).await.unwrap();
    assert_eq!(found.unwrap().1, with_factor);
    let nobody = UserId::new(1_000_000).unwrap();
    let none = stores.second_factors.propose(nobody, &build::sealed_seed(1)).await;
    missing!(none, "user");
}

/// What waits for a confirmation is replaced by what comes after it, and can't be confirmed then.
pub async fn a_proposal_replaces_another(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let old = proposed(stores, &user, 1).await;
    let new = proposed(stores, &user, 2).await;
    assert_ne!(old.seed, new.seed);
    let late = stores.second_factors.confirm(&old, 1, &[], NOW, build::act()).await;
    refused!(late, StoreError::Stale(_));
    stores
        .second_factors
        .confirm(&new, 1, &[], NOW, build::act())
        .await
        .unwrap();
}

/// A confirmed second factor has to be removed before another is set up.
pub async fn a_confirmed_one_is_not_replaced(stores: &Stores) {
    let user = given::user(stores, "one").await;
    confirmed(stores, &user).await;
    let before = find(stores, &user).await;
    let again = stores.second_factors.propose(user.id, &build::sealed_seed(2)).await;
    refused!(again, StoreError::Duplicate(_));
    assert_eq!(find(stores, &user).await, before);
}

/// Of parallel confirmations one succeeds, and its recovery codes are the only ones.
pub async fn one_confirms(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let factor = proposed(stores, &user, 1).await;
    let codes: Vec<_> = (0..5).map(|n| [build::hash("recovery", n)]).collect();
    let all = codes
        .iter()
        .map(|codes| stores.second_factors.confirm(&factor, 5, codes, NOW, build::act()));
    let outcomes = join_all(all).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Stale(_));
    }
    assert_eq!(find(stores, &user).await.unwrap().recovery_left, 1);
}

/// A step and those before it are good once, at the same time too; an unconfirmed seed has no good step.
pub async fn each_step_counts_once(stores: &Stores) {
    let (user, other) = (given::user(stores, "one").await, given::user(stores, "two").await);
    confirmed(stores, &user).await;
    proposed(stores, &other, 2).await;
    let use_step = async |user: &User, step| stores.second_factors.use_step(user.id, step).await.unwrap();
    assert!(!use_step(&user, 1_000).await, "the step of the confirmation");
    let outcomes = join_all((0..6).map(|_| use_step(&user, 1_002))).await;
    assert_eq!(outcomes.into_iter().filter(|is_good| *is_good).count(), 1);
    assert!(!use_step(&user, 1_001).await, "a step before a used one");
    assert!(use_step(&user, 1_003).await);
    assert!(!use_step(&other, 1_003).await);
}

/// A recovery code is good once, at the same time too, and for its own person; only a good one is told of.
pub async fn each_recovery_code_counts_once(stores: &Stores) {
    let (user, other) = (given::user(stores, "one").await, given::user(stores, "two").await);
    confirmed(stores, &user).await;
    let code = build::hash("recovery", 2);
    let use_code = async |user: &User, code| {
        let with = build::act_with_event(7);
        stores.second_factors.use_recovery(user.id, code, with).await.unwrap()
    };
    assert!(!use_code(&other, code).await);
    assert!(!use_code(&user, build::hash("recovery", 9)).await);
    let outcomes = join_all((0..6).map(|_| use_code(&user, code))).await;
    assert_eq!(outcomes.into_iter().filter(|is_good| *is_good).count(), 1);
    assert_eq!(given::events(stores).await.len(), 1);
    assert_eq!(find(stores, &user).await.unwrap().recovery_left, 2);
}

/// Sealing a seed anew leaves everything else, and never replaces another seed.
pub async fn a_reseal_keeps_the_rest(stores: &Stores) {
    let user = given::user(stores, "one").await;
    confirmed(stores, &user).await;
    let before = find(stores, &user).await.unwrap();
    let (old, new) = (build::sealed_seed(1), build::sealed_seed(2));
    stores.second_factors.reseal(user.id, &old, &new).await.unwrap();
    let expected = SecondFactor { seed: new, ..before };
    assert_eq!(find(stores, &user).await.as_ref(), Some(&expected));
    stores
        .second_factors
        .reseal(user.id, &old, &build::sealed_seed(3))
        .await
        .unwrap();
    assert_eq!(find(stores, &user).await, Some(expected));
}

/// A removed second factor leaves no recovery code; removing none tells nothing.
pub async fn a_removed_one_is_gone(stores: &Stores) {
    let user = given::user(stores, "one").await;
    confirmed(stores, &user).await;
    for _ in 0..2 {
        let with = build::act_with_event(7);
        stores.second_factors.remove(user.id, with).await.unwrap();
        assert_eq!(find(stores, &user).await, None);
    }
    assert_eq!(given::events(stores).await.len(), 1);
    let code = stores
        .second_factors
        .use_recovery(user.id, build::hash("recovery", 1), build::act());
    assert!(!code.await.unwrap());
    assert_eq!(stores.users.find(user.id).await.unwrap().as_ref(), Some(&user));
    confirmed(stores, &user).await;
}
