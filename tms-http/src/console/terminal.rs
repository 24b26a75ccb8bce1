//! The pages of terminals.

mod list;

use crate::api::routes::Routes;

pub(super) fn routes() -> Routes {
    list::routes()
}
