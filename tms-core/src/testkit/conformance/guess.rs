//! Cases of [`crate::operator::GuessStore`].

use futures::future::join_all;

use crate::{
    Stores,
    id::UserId,
    operator::guess::{DEVICE_LIFE, GuessWindow, KnownDevice, MOST_DEVICES, WINDOW},
    secret::TokenHash,
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

fn guesser(n: i64) -> TokenHash {
    build::hash("guesser", n)
}

fn device(n: i64) -> TokenHash {
    build::hash("device", n)
}

async fn count(stores: &Stores, n: i64, now: Timestamp) -> GuessWindow {
    stores.guesses.count(guesser(n), now).await.unwrap()
}

/// Guesses add up in a window, apart from those of others; a new window begins when it is over or all is forgiven.
pub async fn guesses_are_counted_by_window(stores: &Stores) {
    let window = |count, begun| GuessWindow { count, begun };
    assert_eq!(count(stores, 1, NOW).await, window(1, NOW));
    assert_eq!(count(stores, 1, at(10)).await, window(2, NOW));
    assert_eq!(count(stores, 2, at(20)).await, window(1, at(20)));
    stores.guesses.forgive(guesser(2)).await.unwrap();
    stores.guesses.forgive(guesser(9)).await.unwrap();
    assert_eq!(count(stores, 2, at(30)).await, window(1, at(30)));
    let over = NOW.plus(WINDOW);
    assert_eq!(count(stores, 1, over).await, window(1, over));
    assert_eq!(
        count(stores, 1, at(10)).await,
        window(2, over),
        "a clock that goes back opens no new window"
    );
}

/// No guess is lost, however many come at a time.
pub async fn parallel_guesses_are_all_counted(stores: &Stores) {
    let windows = join_all((0..20).map(|_| count(stores, 1, NOW))).await;
    let mut counts: Vec<_> = windows.into_iter().map(|window| window.count).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=20).collect::<Vec<_>>());
}

/// A device is known with its person and the last sign-in from it.
pub async fn a_device_is_known_again(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    assert_eq!(stores.guesses.find_device(device(1)).await.unwrap(), None);
    for (user, seen_at) in [(one.id, at(1)), (one.id, at(2)), (two.id, at(3))] {
        stores.guesses.remember_device(device(1), user, seen_at).await.unwrap();
        let known = stores.guesses.find_device(device(1)).await.unwrap();
        assert_eq!(known, Some(KnownDevice { user, seen_at }));
    }
    let nobody = UserId::new(1_000_000).unwrap();
    let remembered = stores.guesses.remember_device(device(2), nobody, NOW).await;
    missing!(remembered, "user");
}

/// Of too many devices of a person the one used longest ago is forgotten; those of others stay.
pub async fn a_person_has_few_devices(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    stores.guesses.remember_device(device(100), two.id, NOW).await.unwrap();
    let most = i64::from(MOST_DEVICES);
    for n in 1..=most {
        stores.guesses.remember_device(device(n), one.id, at(n)).await.unwrap();
    }
    stores.guesses.remember_device(device(1), one.id, at(50)).await.unwrap();
    stores
        .guesses
        .remember_device(device(99), one.id, at(51))
        .await
        .unwrap();
    for (n, is_known) in [(1, true), (2, false), (3, true), (most, true), (99, true), (100, true)] {
        let known = stores.guesses.find_device(device(n)).await.unwrap();
        assert_eq!(known.is_some(), is_known, "device {n}");
    }
}

/// Retention deletes windows and devices that no longer count, and no others.
pub async fn dropping_spares_what_counts(stores: &Stores) {
    let user = given::user(stores, "one").await;
    for (n, secs) in [(1, 100), (2, 200)] {
        count(stores, n, at(secs)).await;
        stores
            .guesses
            .remember_device(device(n), user.id, at(secs))
            .await
            .unwrap();
    }
    let old = |time: Timestamp| stores.guesses.drop_old(time, time);
    assert_eq!(old(at(100)).await.unwrap(), 0);
    assert_eq!(old(at(101)).await.unwrap(), 2);
    assert_eq!(count(stores, 1, at(200)).await.count, 1);
    assert_eq!(count(stores, 2, at(200)).await.count, 2);
    assert_eq!(stores.guesses.find_device(device(1)).await.unwrap(), None);
    assert!(stores.guesses.find_device(device(2)).await.unwrap().is_some());
    let far = NOW.plus(DEVICE_LIFE).plus(WINDOW);
    assert!(old(far).await.unwrap() > 0);
}
