//! Lists of terminals as files: in by import, out by export.

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use tms_core::{
    Error,
    page::{Cursor, Order, Page, PageRequest, PageStart},
    permission::Permission,
    terminal::{
        TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
};

use super::{
    columns::{COLUMNS, cells, list},
    take_filter,
};
use crate::{
    csv::{BOM, Table, decode, line},
    extract::{CsvBody, Params, Repeatable, SignedIn, operator::Lasting, repeatable::REPLAYED},
    paging::take_order,
    problem::Problem,
    state::App,
    wire::terminal as wire,
};

/// Rows that are read at a time.
const STEP: u32 = 1_000;

/// `POST /terminals/import`
pub(super) async fn import_terminals(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
    repeatable: Repeatable,
    body: CsvBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::TerminalWrite)?;
    let dry_run = params.flag("dry_run").unwrap_or(false);
    params.finish()?;
    let ctx = repeatable.of(ctx, &body.bytes)?;
    let text = decode(&body.bytes, body.charset.as_deref()).map_err(|wrong| Problem::field("file", wrong.0))?;
    let list = list(&Table::read(&text)?)?;
    let count = list.rows.len();
    let usual = app.tms.settings().rules().presence.default_interval_s;
    let (done, is_replay) = app.tms.terminals().import(&ctx, list, usual, dry_run).await?;
    let body = Json(wire::TerminalsImported {
        dry_run,
        rows: u64::try_from(count).unwrap_or(u64::MAX),
        created: done.created,
        updated: done.updated,
        unchanged: done.unchanged,
    });
    Ok(if is_replay {
        ([REPLAYED], body).into_response()
    } else {
        body.into_response()
    })
}

/// `GET /terminals/export.csv`: as long as the list may be, a page at a time, as fast as the client reads and for as long as
/// it may.
pub(crate) async fn export_terminals(
    State(app): State<App>,
    caller: Lasting,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.0.require(Permission::TerminalRead)?;
    let filter = take_filter(&mut params, app.calendar());
    let sort = params.value("sort").unwrap_or(TerminalSort::SerialNumber);
    if sort == TerminalSort::LastHeartbeat {
        params.errors.add("sort", "an export can't have this order");
    }
    let order = take_order(&mut params, Order::Ascending);
    params.finish()?;
    let export = Export {
        app,
        caller,
        filter,
        sort,
        order,
    };
    // The first page is read before the answer begins, so that what goes wrong at once is said.
    let first = export.page(PageStart::First).await?;
    let mut text = BOM.to_owned();
    line(&mut text, COLUMNS);
    let next = write(&mut text, first);
    let rest = stream::try_unfold((export, Some(text), next), |(mut export, ready, next)| async move {
        match (ready, next) {
            (Some(text), next) => Ok::<_, Error>(Some((Bytes::from(text), (export, None, next)))),
            (None, Some(cursor)) => {
                export.caller.check(&export.app).await?;
                let mut text = String::new();
                let next = write(&mut text, export.page(PageStart::After(cursor)).await?);
                Ok(Some((Bytes::from(text), (export, None, next))))
            }
            (None, None) => Ok(None),
        }
    });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"terminals.csv\""),
    ];
    Ok((headers, Body::from_stream(rest)).into_response())
}

struct Export {
    app: App,
    caller: Lasting,
    filter: TerminalFilter,
    sort: TerminalSort,
    order: Order,
}

impl Export {
    async fn page(&self, start: PageStart) -> Result<Page<TerminalView>, Error> {
        let page = PageRequest {
            start,
            limit: STEP,
            count: false,
        };
        let terminals = self.app.tms.terminals();
        let filter = self.filter.clone();
        terminals
            .list(&self.caller.0, filter, self.sort, self.order, &page)
            .await
    }
}

/// Writes a page and returns where the next one begins.
fn write(text: &mut String, page: Page<TerminalView>) -> Option<Cursor> {
    for view in page.items {
        let cells = cells(view);
        line(text, cells.iter().map(String::as_str));
    }
    page.next
}
