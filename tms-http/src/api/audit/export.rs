//! The whole trail as JSON lines, in constant memory: a page is read when the one before has left.

use std::pin::Pin;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http::{
    HeaderValue,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde::Serialize;
use tms_core::{Error, audit::store::AuditRow, permission::Permission};

use super::{convert, take_filter};
use crate::{
    extract::{Params, operator::Lasting},
    problem::Problem,
    state::App,
    wire::audit as wire,
};

type Pages = Pin<Box<dyn Stream<Item = Result<Vec<AuditRow>, Error>> + Send>>;

/// `GET /audit/export.jsonl`: oldest first, one entry a line; the last line is the head of the chain. A body that ends
/// without it has broken off.
pub(crate) async fn export_audit(
    State(app): State<App>,
    caller: Lasting,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.0.require(Permission::AuditExport)?;
    let filter = take_filter(&mut params, app.calendar());
    params.finish()?;
    let mut pages: Pages = Box::pin(app.tms.audit().export(&caller.0, filter)?);
    // What goes wrong at once has an answer of its own; later it can only break off.
    let first = pages.next().await.transpose()?;
    let pages: Pages = Box::pin(stream::iter(first.map(Ok)).chain(pages));
    let body = Body::from_stream(lines(app, caller, pages));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/jsonl")),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"audit.jsonl\""),
        ),
    ];
    Ok((headers, body).into_response())
}

fn lines(app: App, caller: Lasting, pages: Pages) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    stream::try_unfold(Some((app, caller, pages, 0_u64)), |state| async {
        let Some((app, mut caller, mut pages, mut entries)) = state else {
            return Ok(None);
        };
        caller.check(&app).await?.require(Permission::AuditExport)?;
        if let Some(rows) = pages.try_next().await? {
            entries += u64::try_from(rows.len()).unwrap_or(0);
            let mut text = Vec::new();
            rows.into_iter()
                .try_for_each(|row| push(&mut text, &convert::row(row)))?;
            return Ok(Some((Bytes::from(text), Some((app, caller, pages, entries)))));
        }
        let head = convert::head(&app.tms.audit().head(&caller.0).await?);
        let mut text = Vec::new();
        push(&mut text, &wire::AuditExportEnd { head, entries })?;
        Ok(Some((Bytes::from(text), None)))
    })
}

fn push(text: &mut Vec<u8>, line: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut *text, line).map_err(|error| Error::Internal(error.into()))?;
    text.push(b'\n');
    Ok(())
}
