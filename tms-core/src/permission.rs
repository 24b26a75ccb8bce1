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
        /// Manage people.
        UserWrite = "user.write",
        /// Follow the event stream.
        EventRead = "event.read",
    }
);

impl Role {
    /// Tells whether this role has `permission`.
    pub const fn has(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::TerminalRead | P::CustomerRead | P::AlertRead | P::EventRead => true,
            P::AlertWrite | P::MaintenanceWrite | P::EnrolmentRead => !matches!(self, Self::Viewer),
            P::TerminalWrite | P::CustomerWrite | P::EnrolmentWrite | P::SettingsRead => {
                matches!(self, Self::Admin | Self::Operator)
            }
            P::SettingsWrite | P::UserWrite => matches!(self, Self::Admin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_all_that_the_next_lower_has() {
        let ladder = [Role::Admin, Role::Operator, Role::Support, Role::Viewer];
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
