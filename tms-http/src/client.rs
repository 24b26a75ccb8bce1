//! A typed client of the API, for agents, simulators and programs of operators. It knows no rule: it sends what it is
//! given and returns what it gets.

pub mod agent;
pub mod error;
pub mod operator;
mod transport;

pub use agent::AgentClient;
pub use error::ClientError;
pub use operator::OperatorClient;
pub use transport::{Tagged, http_client};

#[cfg(test)]
mod tests;
