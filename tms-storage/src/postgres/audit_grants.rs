//! Whether the rights of the role that the server signs in as are those that the audit trail needs.

use tms_core::upkeep::store::AuditGrants;

use super::{error::Fault, pool::PgStore};

/// The tables that are only ever added to.
const TABLES: &str = "audit_entry, audit_seal, audit_checkpoint";

impl PgStore {
    /// Compares the rights with those that are needed: reading and adding, and no more. Tables that are not there yet
    /// are as they should be.
    pub(super) async fn audit_grants(&self) -> Result<AuditGrants, Fault> {
        let (role, may_add, may_change): (String, bool, bool) = sqlx::query_as(
            "SELECT current_user::text, \
             coalesce(bool_and(has_table_privilege(t, 'SELECT') AND has_table_privilege(t, 'INSERT')), true), \
             coalesce(bool_or(has_table_privilege(t, 'UPDATE') OR has_table_privilege(t, 'DELETE') \
             OR has_table_privilege(t, 'TRUNCATE')), false) \
             FROM unnest(ARRAY[to_regclass('audit_entry'), to_regclass('audit_seal'), to_regclass('audit_checkpoint')]) \
             AS t WHERE t IS NOT NULL",
        )
        .fetch_one(self.pool())
        .await?;
        Ok(match (may_add, may_change) {
            (false, _) => AuditGrants::TooFew(format!(
                "the role {role} may not add to the audit trail, so that every change is refused: run `tms migrate` as \
                 the owner with TMS_DB_APP_ROLE={role}, or `GRANT SELECT, INSERT ON {TABLES} TO {role}`"
            )),
            (true, true) => AuditGrants::TooMany(format!(
                "the role {role} may change and delete what is in the audit trail: let the server sign in as a role \
                 of its own to which `tms migrate`, run by the owner with TMS_DB_APP_ROLE, grants what it needs; or \
                 `REVOKE UPDATE, DELETE, TRUNCATE ON {TABLES} FROM {role}`"
            )),
            (true, false) => AuditGrants::Right,
        })
    }
}
