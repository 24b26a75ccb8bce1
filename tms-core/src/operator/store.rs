//! The ports of people, one a concept.

pub mod api_token;
pub mod guess;
pub mod password_link;
pub mod second_factor;
pub mod session;
pub mod user;

pub use api_token::ApiTokenStore;
pub use guess::GuessStore;
pub use password_link::PasswordLinkStore;
pub use second_factor::SecondFactorStore;
pub use session::SessionStore;
pub use user::{UserFilter, UserStore};
