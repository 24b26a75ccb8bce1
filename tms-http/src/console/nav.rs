//! What can be gone to: one list, of which everybody sees what they may.

use tms_core::permission::Permission as P;

use super::frame::Frame;

/// A part of the console.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NavItem {
    /// Where it is.
    pub(crate) path: &'static str,
    /// The key of its name.
    pub(crate) key: &'static str,
    /// Its icon.
    pub(crate) icon: &'static str,
    /// What it asks for.
    needs: P,
}

const fn item(path: &'static str, key: &'static str, icon: &'static str, needs: P) -> NavItem {
    NavItem { path, key, icon, needs }
}

/// Every part, in the order in which it is shown.
const ITEMS: &[NavItem] = &[
    item("/dashboard", "nav.dashboard", "dashboard", P::TerminalRead),
    item("/terminals", "nav.terminals", "terminal", P::TerminalRead),
    item("/alerts", "nav.alerts", "alert", P::AlertRead),
    item("/customers", "nav.customers", "customer", P::CustomerRead),
    item("/reports", "nav.reports", "report", P::ReportRead),
    item("/enrollment-codes", "nav.codes", "key", P::EnrolmentRead),
    item("/users", "nav.users", "users", P::UserRead),
    item("/notification-channels", "nav.channels", "bell", P::NotificationRead),
    item("/settings", "nav.settings", "settings", P::SettingsRead),
    item("/audit", "nav.audit", "audit", P::AuditRead),
];

/// Returns the parts that the reader may see.
pub(super) fn items(f: &Frame) -> Vec<NavItem> {
    ITEMS.iter().filter(|item| f.may(item.needs)).copied().collect()
}
