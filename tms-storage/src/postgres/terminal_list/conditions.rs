//! What a filter says, as conditions on `terminal t` or on `terminal_presence s`.

use sqlx::{Postgres, QueryBuilder};
use tms_core::terminal::store::TerminalFilter;

use super::{
    super::{
        listing::{Conditions, anywhere},
        time::At,
    },
    narrowed::Narrowed,
};

/// Appends all of it, on `t`.
pub(super) fn conditions<'q>(
    filter: &TerminalFilter,
    narrowed: &Narrowed,
    query: &'q mut QueryBuilder<Postgres>,
) -> Conditions<'q> {
    let mut all = Conditions::of(query);
    if !filter.shows_retired() {
        // Spelled as the partial indexes are.
        all.and("t.lifecycle <> 'retired'");
    }
    if let Some(lifecycle) = filter.lifecycle {
        // Spelled out too: there is an index of the retired.
        all.and("t.lifecycle = ").push(format_args!("'{}'", lifecycle.as_str()));
    }
    if let Some(customer) = filter.customer {
        all.and("t.customer_id = ").push_bind(customer.get());
    }
    if let Some(status) = filter.status {
        // Spelled out for the planner, as a page's length is.
        all.and("t.status = ").push(format_args!("'{}'", status.as_str()));
    }
    let equal = [
        ("t.model = ", &filter.model),
        ("t.firmware_version = ", &filter.firmware_version),
        ("t.store_code = ", &filter.store_code),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            all.and(column).push_bind(value.clone());
        }
    }
    if let Some(has_alerts) = filter.has_alerts {
        let open = "EXISTS (SELECT 1 FROM alert o WHERE o.terminal_id = t.id AND o.state <> 'resolved')";
        all.and(if has_alerts { "" } else { "NOT " }).push(open);
    }
    if let (Some(limit), false) = (filter.seen_before, narrowed.is_by_silence()) {
        all.and(
            "EXISTS (SELECT 1 FROM terminal_presence h WHERE h.terminal_id = t.id \
             AND (h.last_seen IS NULL OR h.last_seen < ",
        )
        .push_bind(At::from(limit))
        .push("))");
    }
    if let (Some(search), false) = (&filter.search, narrowed.is_by_search()) {
        all.and("t.id IN (SELECT terminal_id FROM terminal_search WHERE search_key LIKE ")
            .push_bind(anywhere(search))
            .push(")");
    }
    all
}

/// Appends what presence knows of it, on `s`.
pub(super) fn hot_conditions<'q>(filter: &TerminalFilter, query: &'q mut QueryBuilder<Postgres>) -> Conditions<'q> {
    let mut all = Conditions::of(query);
    if !filter.shows_retired() {
        all.and("s.is_active");
    }
    if let Some(customer) = filter.customer {
        all.and("s.customer_id = ").push_bind(customer.get());
    }
    if let Some(status) = filter.status {
        all.and("s.status = ").push_bind(status.as_str());
    }
    if let Some(version) = &filter.firmware_version {
        all.and("s.firmware_version = ").push_bind(version.clone());
    }
    if let Some(limit) = filter.seen_before {
        all.and("(s.last_seen IS NULL OR s.last_seen < ")
            .push_bind(At::from(limit))
            .push(")");
    }
    all
}

/// Tells whether [`hot_conditions`] are all that there is.
pub(super) const fn are_hot(filter: &TerminalFilter) -> bool {
    filter.model.is_none()
        && filter.store_code.is_none()
        && filter.search.is_none()
        && filter.has_alerts.is_none()
        && filter.lifecycle.is_none()
}
