//! What can be wrong with the settings; everything later is not an error but Redis being away.

/// Settings with which Redis can never be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The address or the certificates can't be read. Never shows the address, which may have a password.
    #[error("the address of Redis or its certificates can't be used")]
    Settings(#[source] Box<dyn std::error::Error + Send + Sync>),
}
