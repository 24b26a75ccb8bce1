//! What several nodes tell each other through Redis, quicker than through the database: shared limits, that events have
//! come, and sessions that were read a moment ago. Start at [`Redis`].
//!
//! Never here: anything that must not be lost. Redis may be flushed, killed or replaced at any time; what it did is then
//! done by the database, and by Redis again when it is back.

mod document;
mod error;
mod limits;
mod link;
mod sessions;

use std::sync::Arc;

use tms_core::{Stores, key::SecretKeys, random::RandomSource, secret::Secret};

pub use error::RedisError;
pub use link::{Redis, RedisCounts};

use limits::RedisLimits;
use sessions::{People, RedisSessions};

/// Where Redis is.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Its address with user and password, such as `rediss://:password@host:6379/0`; `rediss` is TLS.
    pub url: Secret<String>,
    /// The certificates of who may have signed the server's own, in PEM; the system's if `None`.
    pub authorities: Option<String>,
    /// What the names of all keys begin with.
    pub prefix: String,
}

impl RedisSettings {
    /// Takes the address, and what is usual otherwise.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url.into()),
            authorities: None,
            prefix: "tms:".to_owned(),
        }
    }
}

impl Redis {
    /// Puts Redis before the stores that it makes quicker. They must be those of `store`, which tells from now on what it
    /// commits.
    ///
    /// What Redis holds is encrypted with a key of the installation, so that who reads it learns nothing and who writes it
    /// becomes nobody.
    pub fn before(
        self: &Arc<Self>,
        store: &Arc<crate::postgres::PgStore>,
        keys: &SecretKeys,
        random: Arc<dyn RandomSource>,
    ) -> Stores {
        let people = Arc::new(People::new(Arc::clone(self), keys, random));
        store.tell_commits_to(people.clone());
        let stores = store.stores();
        Stores {
            limits: Arc::new(RedisLimits::new(Arc::clone(self), stores.limits)),
            sessions: Arc::new(RedisSessions::new(people, stores.sessions)),
            ..stores
        }
    }
}
