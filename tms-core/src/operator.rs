//! People who sign in: who they are, how they prove it, and what they hand to their programs.

pub mod api_token;
mod foreign;
pub mod guess;
pub mod link;
pub mod password;
pub mod recovery;
pub mod seal;
pub mod second_factor;
pub mod session;
pub mod totp;
pub mod user;

pub mod store;

pub mod account;
pub mod api_tokens;
pub mod console;
mod half;
pub mod second_factors;
mod shared;
pub mod sign_in;
mod successor;
pub mod users;

pub use account::Accounts;
pub use api_token::{ApiToken, NewApiToken};
pub use api_tokens::ApiTokens;
pub use console::{ConsoleEntry, ConsoleSession};
pub use half::HALF_LIFE;
pub(crate) use half::HalfSeal;
pub use link::PasswordLink;
pub use second_factor::SecondFactor;
pub use second_factors::SecondFactors;
pub use session::{ACCESS_LIFE, NewSession, RefreshVerdict, SESSION_LIFE, Session, SessionTokens};
pub use sign_in::Operators;
pub use store::{ApiTokenStore, GuessStore, PasswordLinkStore, SecondFactorStore, SessionStore, UserFilter, UserStore};
pub use user::{NewUser, Profile, User};

pub(crate) use shared::{Shared, Tools};
