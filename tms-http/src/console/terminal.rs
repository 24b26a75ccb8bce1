//! The pages of terminals.

mod acts;
mod detail;
mod edit;
mod list;
mod series;
mod why;

use crate::api::routes::Routes;

pub(super) fn routes() -> Routes {
    list::routes()
        .merge(edit::routes())
        .merge(detail::routes())
        .merge(acts::routes())
}
