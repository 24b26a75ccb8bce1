//! Whether customers have room for what a trial run would add. About what is written the store decides, in its transaction.

use std::collections::BTreeMap;

use super::Terminals;
use crate::{customer::FULL, error::Error, id::CustomerId};

impl Terminals {
    /// Refuses what would give a customer more terminals than it may have.
    pub(super) async fn check_room(&self, gains: &BTreeMap<CustomerId, i64>) -> Result<(), Error> {
        for (id, by) in gains {
            let Ok(more @ 1..) = u64::try_from(*by) else { continue };
            let Some(customer) = self.customers.find(*id).await? else {
                continue;
            };
            let present = self.store.count_by_status(Some(*id)).await?.total();
            if customer.is_full_with(present, more) {
                return Err(Error::Conflict(FULL.to_owned()));
            }
        }
        Ok(())
    }
}
