//! Taking in and giving out, checked as if a person had typed it all.

use serde_json::json;

use super::{
    Fixture, Taken,
    check::{Faults, check_known, check_references, checked},
    give_out,
    store::Ending,
};
use crate::{audit::AuditTarget, ctx::Ctx, envelope::Envelope, error::Error, permission::Permission, stores::Stores};

/// What is to happen to things that are there already and are not as the fixture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differing {
    /// They are faults: nothing is taken in.
    Refuse,
    /// They stay as they are.
    Keep,
}

/// How a fixture is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Where it comes from, for the audit trail.
    pub origin: &'static str,
    /// What is to happen to things that are there already and differ.
    pub differing: Differing,
    /// Whether it stays.
    pub ending: Ending,
}

/// Takes in and gives out.
#[derive(Debug, Clone)]
pub struct Transfers {
    stores: Stores,
}

impl Transfers {
    pub(crate) fn new(stores: Stores) -> Self {
        Self { stores }
    }

    /// Takes in what is not there yet, all or nothing, with one entry in the audit trail.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming what is wrong by its place, such as `terminals[3].model`.
    pub async fn take_in(&self, ctx: &Ctx, fixture: Fixture, manner: Manner) -> Result<Taken, Error> {
        for permission in [
            Permission::CustomerWrite,
            Permission::TerminalWrite,
            Permission::MaintenanceWrite,
            Permission::NotificationWrite,
            Permission::AlertWrite,
            Permission::UserWrite,
            Permission::SettingsWrite,
        ] {
            ctx.require(permission)?;
        }
        let mut faults = Faults::default();
        let fixture = checked(fixture, &mut faults);
        faults = faults.finish()?;
        check_references(&self.stores, &fixture, &mut faults).await?;
        if manner.differing == Differing::Refuse {
            check_known(&self.stores, &fixture, &mut faults).await?;
        }
        faults.finish().map(drop)?;
        let count = json!({
            "origin": manner.origin, "customers": fixture.customers.len(), "users": fixture.users.len(),
            "terminals": fixture.terminals.len(), "maintenances": fixture.maintenances.len(),
            "channels": fixture.channels.len(), "alerts": fixture.alerts.len(), "logs": fixture.logs.len(),
            "settings": fixture.settings.is_some(),
        });
        let with = Envelope::audited(ctx.audit("transfer.take_in", AuditTarget::created("transfer"), count));
        let store = &self.stores.transfers;
        Ok(store.take_in(&fixture, manner.ending, ctx.now, with).await?)
    }

    /// Gives out what people entered: customers, people, terminals, maintenance that is not over, notification channels
    /// without their secrets, settings. History is the matter of backups. Hashes of passwords only when they are asked for.
    pub async fn give_out(&self, ctx: &Ctx, with_password_hashes: bool) -> Result<Fixture, Error> {
        for permission in [
            Permission::CustomerRead,
            Permission::TerminalRead,
            Permission::UserRead,
            Permission::NotificationRead,
            Permission::SettingsRead,
        ] {
            ctx.require(permission)?;
        }
        if with_password_hashes {
            ctx.require(Permission::UserWrite)?;
        }
        if ctx.scope().is_some() {
            return Err(ctx.denied(Permission::SettingsRead));
        }
        give_out::everything(&self.stores, ctx.now, with_password_hashes).await
    }
}
