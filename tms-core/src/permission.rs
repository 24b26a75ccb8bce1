//! Who may do what: the one matrix of role and permission. Routes and services name a permission, never a role.

use crate::named_enum;

named_enum!(
    /// The role of a person.
    Role {
        /// Everything, people and settings included.
        Admin = "admin",
        /// Changes terminals and customers.
        Operator = "operator",
        /// Watches and answers alerts.
        Support = "support",
        /// Reads.
        Viewer = "viewer",
    }
);

named_enum!(
    /// What an actor may be allowed to do.
    Permission {
        /// Read terminals, their history, status and logs.
        TerminalRead = "terminal.read",
        /// Create, change and retire terminals.
        TerminalWrite = "terminal.write",
        /// Put terminals into maintenance and take them out.
        MaintenanceWrite = "maintenance.write",
        /// Read customers.
        CustomerRead = "customer.read",
        /// Create, change and delete customers.
        CustomerWrite = "customer.write",
        /// List enrolment codes.
        EnrolmentRead = "enrolment.read",
        /// Make and withdraw enrolment codes.
        EnrolmentWrite = "enrolment.write",
        /// Read alerts.
        AlertRead = "alert.read",
        /// Acknowledge and resolve alerts.
        AlertWrite = "alert.write",
        /// Read settings and alert rules.
        SettingsRead = "settings.read",
        /// Change settings and alert rules.
        SettingsWrite = "settings.write",
        /// Read who may sign in.
        UserRead = "user.read",
        /// Manage people.
        UserWrite = "user.write",
        /// Read how people are told of alerts.
        NotificationRead = "notification.read",
        /// Set how people are told of alerts.
        NotificationWrite = "notification.write",
        /// Read reports.
        ReportRead = "report.read",
        /// Follow the event stream.
        EventRead = "event.read",
        /// Read the audit trail.
        AuditRead = "audit.read",
        /// Verify that the audit trail is as it was written.
        AuditVerify = "audit.verify",
        /// Take the whole audit trail away.
        AuditExport = "audit.export",
    }
);

/// A row of the matrix.
struct Row {
    /// The role with the least rights that has the permission; the roles above it have it too.
    lowest: Role,
    /// Whether somebody who is bound to one customer may have it.
    is_for_bound: bool,
    /// Whether it asks for a proof of who it is that is only minutes old. No API token may have it then.
    needs_proof: bool,
}

#[rustfmt::skip]
#[expect(clippy::match_same_arms, reason = "a table has a row for each permission")]
const fn row(permission: Permission) -> Row {
    use {Permission as P, Role as R};
    let (lowest, is_for_bound, needs_proof) = match permission {
        //                      the lowest role | bound to a customer too | fresh proof
        P::TerminalRead     => (R::Viewer,        true,                     false),
        P::TerminalWrite    => (R::Operator,      true,                     false),
        P::MaintenanceWrite => (R::Support,       true,                     false),
        P::CustomerRead     => (R::Viewer,        true,                     false),
        P::CustomerWrite    => (R::Operator,      true,                     false),
        P::EnrolmentRead    => (R::Support,       true,                     false),
        P::EnrolmentWrite   => (R::Operator,      true,                     false),
        P::AlertRead        => (R::Viewer,        true,                     false),
        P::AlertWrite       => (R::Support,       true,                     false),
        P::SettingsRead     => (R::Operator,      false,                    false),
        P::SettingsWrite    => (R::Admin,         false,                    true),
        P::UserRead         => (R::Admin,         false,                    false),
        P::UserWrite        => (R::Admin,         false,                    true),
        P::NotificationRead => (R::Operator,      false,                    false),
        P::NotificationWrite => (R::Admin,        false,                    true),
        P::ReportRead       => (R::Viewer,        true,                     false),
        P::EventRead        => (R::Viewer,        true,                     false),
        P::AuditRead        => (R::Operator,      true,                     false),
        P::AuditVerify      => (R::Admin,         false,                    false),
        P::AuditExport      => (R::Admin,         false,                    false),
    };
    Row { lowest, is_for_bound, needs_proof }
}

impl Role {
    /// Tells whether this role has `permission`.
    pub const fn has(self, permission: Permission) -> bool {
        self as u8 <= row(permission).lowest as u8
    }
}

impl Permission {
    /// Tells whether somebody who is bound to one customer may have it.
    pub const fn is_for_bound(self) -> bool {
        row(self).is_for_bound
    }

    /// Tells whether it asks for a proof of who it is that is only minutes old. No API token may have it then.
    pub const fn needs_proof(self) -> bool {
        row(self).needs_proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_all_that_the_next_lower_has() {
        let ladder = [Role::Admin, Role::Operator, Role::Support, Role::Viewer];
        assert_eq!(ladder, Role::ALL, "the ladder is the order of declaration");
        for pair in ladder.windows(2) {
            for permission in Permission::ALL {
                assert!(pair[0].has(*permission) || !pair[1].has(*permission), "{permission}");
            }
        }
    }

    #[test]
    fn a_viewer_changes_nothing() {
        for permission in Permission::ALL {
            assert!(
                !(permission.as_str().contains(".write") && Role::Viewer.has(*permission)),
                "{permission}"
            );
        }
    }
}
