//! Whether the role that the server signs in as has the rights that it needs, and on the audit trail no others.

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

    /// Returns the tables on which a right is missing: one that a newer release brought and that the owner migrated
    /// without naming this role, say.
    pub(super) async fn closed_tables(&self) -> Result<Vec<String>, Fault> {
        // Tables of others may stand in the same schema; ours are those of the owner of the trail. Partitions are
        // reached through their table, and what is only read or only added to has been asked for above.
        let tables = sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_class c, pg_class trail \
             WHERE trail.oid = to_regclass('audit_entry') AND c.relnamespace = trail.relnamespace \
                 AND c.relowner = trail.relowner AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
                 AND c.relname <> ALL ($1) \
                 AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
                     AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) \
             ORDER BY 1",
        );
        let guarded = [
            "audit_entry",
            "audit_seal",
            "audit_checkpoint",
            "history_table",
            &self.migrations_table,
        ];
        Ok(tables.bind(guarded).fetch_all(self.pool()).await?)
    }
}
