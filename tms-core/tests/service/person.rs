//! People, while their account changes beside what they do.

use std::sync::Arc;

use async_trait::async_trait;
use tms_core::{
    Actor, Error, NodeSettings, StoreError, Stores, Tms,
    ctx::{Ctx, Origin},
    envelope::Envelope,
    id::UserId,
    idempotency::IdempotencyKey,
    key::SecretKeys,
    operator::{
        ConsoleEntry, GuessStore, NewUser, PasswordLink, PasswordLinkStore, Profile, User, UserStore,
        guess::{GuessWindow, KnownDevice},
        password::PasswordCost,
        sign_in::SignInRequest,
        totp::Seed,
        users::UserRequest,
    },
    permission::Role,
    secret::{Secret, TokenHash},
    testkit::{
        ManualClock, MemoryStore,
        build::{self, NOW},
    },
    time::Timestamp,
};

const PASSWORD: &str = "correct horse battery";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn node(stores: Stores, password_cost: PasswordCost) -> Tms {
    let node = NodeSettings {
        password_cost,
        ..NodeSettings::default()
    };
    Tms::builder(stores)
        .clock(ManualClock::new(NOW))
        .secret_keys(SecretKeys::new("a secret key for tests"))
        .node(node)
        .build()
}

async fn person(tms: &Tms, name: &str) -> UserId {
    let request = UserRequest::with_password(name, Role::Admin, secret(PASSWORD));
    let (user, _) = tms.users().create(&tms.system_ctx(), request).await.unwrap();
    user.id
}

fn anybody(tms: &Tms) -> Ctx {
    tms.ctx(Actor::Anonymous, Origin::default())
}

/// What somebody else does once a password was judged and before the session begins.
#[derive(Debug, Clone, Copy)]
enum Act {
    SetPassword,
    Disable,
    Delete,
}

/// Guesses are forgiven between the two.
#[derive(Debug)]
struct Meanwhile {
    guesses: Arc<dyn GuessStore>,
    users: Arc<dyn UserStore>,
    user: UserId,
    act: Act,
}

#[async_trait]
impl GuessStore for Meanwhile {
    async fn count(&self, guesser: TokenHash, now: Timestamp) -> Result<GuessWindow, StoreError> {
        self.guesses.count(guesser, now).await
    }

    async fn forgive(&self, guesser: TokenHash) -> Result<(), StoreError> {
        let user = self.users.find(self.user).await?.expect("the person");
        match self.act {
            Act::SetPassword => {
                let other = secret("$another$");
                self.users.set_password(self.user, &other, None, build::act()).await?;
            }
            Act::Disable => {
                let next = Profile {
                    is_disabled: true,
                    ..user.profile
                };
                self.users.save(self.user, &next, user.revision, build::act()).await?;
            }
            Act::Delete => self.users.delete(self.user, user.revision, build::act()).await?,
        }
        self.guesses.forgive(guesser).await
    }

    async fn remember_device(&self, _: TokenHash, _: UserId, _: Timestamp) -> Result<(), StoreError> {
        panic!("the device of somebody who does not come in is not remembered");
    }

    async fn find_device(&self, device: TokenHash) -> Result<Option<KnownDevice>, StoreError> {
        self.guesses.find_device(device).await
    }

    async fn drop_old(&self, windows: Timestamp, devices: Timestamp) -> Result<u64, StoreError> {
        self.guesses.drop_old(windows, devices).await
    }
}

#[tokio::test]
async fn an_account_that_changes_beside_a_sign_in_is_not_entered() {
    for act in [Act::SetPassword, Act::Disable, Act::Delete] {
        let stores = MemoryStore::new().stores();
        let tms = node(stores.clone(), PasswordCost::FOR_TESTS);
        person(&tms, "admin").await;
        let user = person(&tms, "yamada").await;
        let raced = Stores {
            guesses: Arc::new(Meanwhile {
                guesses: stores.guesses.clone(),
                users: stores.users.clone(),
                user,
                act,
            }),
            ..stores
        };
        let tms = node(raced, PasswordCost::FOR_TESTS);
        let request = SignInRequest::with_password("yamada", PASSWORD);
        let entered = tms.operators().sign_in(&anybody(&tms), request).await;
        assert!(matches!(entered, Err(Error::WrongCredentials)), "{act:?}: {entered:?}");
    }
}

/// Reads the seed that an app would be given.
fn seed_of(base32: &str) -> Seed {
    let value = |letter: char| match letter {
        'A'..='Z' => u32::from(letter) - u32::from('A'),
        _ => u32::from(letter) - u32::from('2') + 26,
    };
    let bits: Vec<u32> = base32
        .chars()
        .flat_map(|letter| (0..5).rev().map(move |n| value(letter) >> n & 1))
        .collect();
    let byte = |bits: &[u32]| u8::try_from(bits.iter().fold(0, |byte, bit| byte << 1 | bit)).unwrap();
    let bytes: Vec<_> = bits.chunks_exact(8).map(byte).collect();
    Seed::from_bytes(bytes.try_into().unwrap())
}

/// Gives somebody a second factor.
async fn second_factor(tms: &Tms, name: &str) -> Seed {
    let request = SignInRequest::with_password(name, PASSWORD);
    let signed_in = tms.operators().sign_in(&anybody(tms), request).await.unwrap();
    let known = tms
        .operators()
        .authenticate(signed_in.access.expose(), NOW)
        .await
        .unwrap();
    let ctx = tms.ctx(Actor::Operator(known), Origin::default());
    let proposal = tms.second_factors().propose(&ctx).await.unwrap();
    let seed = seed_of(proposal.secret.expose());
    let code = secret(&seed.code_at(NOW.minus(std::time::Duration::from_secs(30))));
    tms.second_factors().confirm(&ctx, &code).await.unwrap();
    seed
}

#[tokio::test]
async fn a_change_of_cost_lets_everybody_in() {
    let stores = MemoryStore::new().stores();
    let cheap = node(stores.clone(), PasswordCost::FOR_TESTS);
    person(&cheap, "yamada").await;
    let seed = second_factor(&cheap, "yamada").await;
    let dearer = PasswordCost {
        memory_kib: 128,
        passes: 1,
    };
    let tms = node(stores, dearer);
    let ctx = anybody(&tms);
    let request = SignInRequest::with_password("yamada", PASSWORD);
    let entry = tms.operators().enter_console(&ctx, request).await.unwrap();
    let ConsoleEntry::NeedsCode(half) = entry else {
        panic!("{entry:?}")
    };
    let code = secret(&seed.code_at(NOW));
    tms.operators()
        .complete_console(&ctx, &half, &code, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn parallel_sign_ins_after_a_change_of_cost_all_succeed() {
    let stores = MemoryStore::new().stores();
    person(&node(stores.clone(), PasswordCost::FOR_TESTS), "yamada").await;
    let dearer = PasswordCost {
        memory_kib: 128,
        passes: 1,
    };
    let tms = node(stores, dearer);
    let ctx = anybody(&tms);
    let sign_in = || {
        tms.operators()
            .sign_in(&ctx, SignInRequest::with_password("yamada", PASSWORD))
    };
    let outcomes = futures::future::join_all((0..4).map(|_| sign_in())).await;
    for outcome in outcomes {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn a_disabled_account_makes_the_same_work_as_none() {
    const FOREIGN: &str = "pbkdf2_sha256$1000$seasalt2$/AgPzJG5e6Yv25JIyxyWfNnB6QXmfp0Y+BEGfC3zoJE=";
    let stores = MemoryStore::new().stores();
    let tms = node(stores.clone(), PasswordCost::FOR_TESTS);
    person(&tms, "admin").await;
    person(&tms, "yamada").await;
    let foreign = NewUser {
        password_hash: Some(secret(FOREIGN)),
        ..build::user("tanaka")
    };
    stores.users.insert(&foreign, NOW, build::act()).await.unwrap();
    let work_of = async |name: &str, password: &str| {
        let before = tms.operators().password_work();
        let request = SignInRequest::with_password(name, password);
        let refused = tms.operators().sign_in(&anybody(&tms), request).await;
        assert!(matches!(refused, Err(Error::WrongCredentials)), "{name}: {refused:?}");
        let after = tms.operators().password_work();
        (
            after.hashes - before.hashes,
            after.foreign_rounds - before.foreign_rounds,
        )
    };
    assert_eq!(work_of("tanaka", "wrong horse battery").await, (1, 1_000));
    for name in ["yamada", "tanaka"] {
        tms.users().set_disabled(&tms.system_ctx(), name, true).await.unwrap();
        for password in [PASSWORD, "wrong horse battery"] {
            assert_eq!(work_of(name, password).await, (1, 1_000), "{name} {password}");
        }
    }
    assert_eq!(work_of("nobody", PASSWORD).await, (1, 1_000));
}

/// Keeps no link that comes by itself: the node goes away before.
#[derive(Debug)]
struct GoneBefore(Arc<dyn PasswordLinkStore>);

#[async_trait]
impl PasswordLinkStore for GoneBefore {
    async fn issue(&self, _: &PasswordLink, _: Envelope) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("the node is gone".into()))
    }

    async fn find(&self, hash: TokenHash) -> Result<Option<(PasswordLink, User)>, StoreError> {
        self.0.find(hash).await
    }

    async fn redeem(
        &self,
        hash: TokenHash,
        password: &Secret<String>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        self.0.redeem(hash, password, now, with).await
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.0.drop_ended(before).await
    }
}

/// A person without a password has the link with which they set one, or is not there: nobody who repeats the request is
/// promised a link that was never stored.
#[tokio::test]
async fn a_person_comes_with_their_link_or_not_at_all() {
    let store = MemoryStore::new();
    let stores = store.stores();
    let raced = Stores {
        password_links: Arc::new(GoneBefore(stores.password_links.clone())),
        ..stores.clone()
    };
    let tms = node(raced, PasswordCost::FOR_TESTS);
    let mut request = UserRequest::with_password("yamada", Role::Viewer, secret(PASSWORD));
    request.password = None;
    let mut ctx = tms.system_ctx();
    ctx.idempotency = Some(IdempotencyKey::new("caller".to_owned(), "key", [7; 32]).unwrap());
    let (user, link) = tms.users().create(&ctx, request.clone()).await.unwrap();
    let link = link.expect("a link");
    let token = link.token.expect("a token, shown once");
    let (kept, of) = stores
        .password_links
        .find(token.hash())
        .await
        .unwrap()
        .expect("the link");
    assert_eq!((kept.expires_at, of.id), (link.expires_at, user.id));
    let (again, promised) = tms.users().create(&ctx, request).await.unwrap();
    let promised = promised.expect("the same link");
    assert_eq!((again.id, promised.expires_at), (user.id, kept.expires_at));
    let entries = store.audit_entries();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.action.as_str(), entry.target_id))
        .collect();
    let id = Some(user.id.get());
    assert_eq!(entries, [("user.create", id), ("user.invite", id)]);
}
