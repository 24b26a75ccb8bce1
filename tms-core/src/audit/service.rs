//! What people do with the audit trail: read it, verify it, take it away. Nobody writes to it.

use std::sync::Arc;

use futures::{Stream, stream};

use super::{
    AuditKeys,
    chain::{ChainHash, Head},
    checkpoint::Checkpoint,
    store::{AuditFilter, AuditRow, AuditStore},
    verify::{Finding, FindingKind, Unsealed, Verification, Verifier},
};
use crate::{
    ctx::Ctx,
    error::{Error, StoreError},
    page::{MAX_PER_PAGE, Order, Page, PageRequest, PageStart},
    permission::Permission,
};

/// Links that are read at a time.
const STEP: u32 = 1_000;
/// How often a walk begins anew when retention moves the beginning of the chain meanwhile.
const TRIES: usize = 3;

/// The audit trail.
#[derive(Debug, Clone)]
pub struct Audit {
    store: Arc<dyn AuditStore>,
    keys: Arc<AuditKeys>,
}

impl Audit {
    pub(crate) fn new(store: Arc<dyn AuditStore>, keys: Arc<AuditKeys>) -> Self {
        Self { store, keys }
    }

    /// Lists entries in the order in which they were written, or newest first. Who is bound to a customer sees what is
    /// that customer's.
    pub async fn list(
        &self,
        ctx: &Ctx,
        mut filter: AuditFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<AuditRow>, Error> {
        ctx.require(Permission::AuditRead)?;
        filter.customer = ctx.scope().or(filter.customer);
        Ok(self.store.list(&filter, order, page).await?)
    }

    /// Walks the whole trail and names the first entry that is not as it was written; `expected` is a hash of a head
    /// that was noted elsewhere, which must be met on the way.
    pub async fn verify(&self, ctx: &Ctx, expected: Option<ChainHash>) -> Result<Verification, Error> {
        ctx.require(Permission::AuditVerify)?;
        refuse_scoped(ctx, Permission::AuditVerify)?;
        let mut begin = self.store.chain_end().await?.checkpoint;
        for _ in 1..TRIES {
            let seen = self.walk(begin.as_ref(), expected).await?;
            let now = self.store.chain_end().await?.checkpoint;
            if seen.is_intact() || now == begin {
                return Ok(seen);
            }
            begin = now;
        }
        Ok(self.walk(begin.as_ref(), expected).await?)
    }

    /// Returns where the chain ends, to be noted elsewhere.
    pub async fn head(&self, ctx: &Ctx) -> Result<Head, Error> {
        ctx.require(Permission::AuditRead)?;
        refuse_scoped(ctx, Permission::AuditRead)?;
        Ok(self.store.chain_end().await?.head)
    }

    /// Returns all entries, oldest first, some at a time.
    pub fn export(
        &self,
        ctx: &Ctx,
        filter: AuditFilter,
    ) -> Result<impl Stream<Item = Result<Vec<AuditRow>, Error>> + Send + use<>, Error> {
        ctx.require(Permission::AuditExport)?;
        refuse_scoped(ctx, Permission::AuditExport)?;
        let (store, start) = (Arc::clone(&self.store), Some(PageStart::First));
        Ok(stream::try_unfold(
            (store, filter, start),
            |(store, filter, start)| async {
                let Some(start) = start else { return Ok(None) };
                let page = PageRequest {
                    start,
                    ..PageRequest::first(MAX_PER_PAGE)
                };
                let page = store.list(&filter, Order::Ascending, &page).await?;
                let next = page.next.map(PageStart::After);
                Ok(Some((page.items, (store, filter, next))))
            },
        ))
    }

    async fn walk(&self, begin: Option<&Checkpoint>, expected: Option<ChainHash>) -> Result<Verification, StoreError> {
        let mut walk = match Verifier::begin(&self.keys, begin, expected) {
            Ok(walk) => walk,
            Err(finding) => {
                return Ok(Verification {
                    finding: Some(finding),
                    ..Verification::default()
                });
            }
        };
        let outcome = self.walk_on(&mut walk).await?;
        let mut seen = walk.into_seen();
        if let Err(finding) = outcome {
            seen.finding = Some(self.name_swap(finding).await?);
        }
        Ok(seen)
    }

    async fn walk_on(&self, walk: &mut Verifier<'_>) -> Result<Result<(), Finding>, StoreError> {
        loop {
            let links = self.store.links(walk.seen().head.place, STEP).await?;
            if links.is_empty() {
                break;
            }
            for link in &links {
                if let Err(finding) = walk.link(link) {
                    return Ok(Err(finding));
                }
            }
        }
        let mut after = i64::MIN;
        loop {
            let rows = self.store.unsealed(after, STEP).await?;
            let Some(last) = rows.last() else {
                return Ok(walk.end());
            };
            after = last.id;
            for row in &rows {
                if let Err(finding) = walk.unsealed(row) {
                    return Ok(Err(finding));
                }
            }
        }
    }

    /// Looks further on for an entry that was signed under the id of one that is not as it was: the two have changed
    /// places.
    async fn name_swap(&self, mut finding: Finding) -> Result<Finding, StoreError> {
        let (FindingKind::Altered | FindingKind::Inserted, Some(id)) = (finding.kind, finding.entry) else {
            return Ok(finding);
        };
        let mut place = finding.place.unwrap_or(i64::MAX);
        let mut after = i64::MIN;
        loop {
            let links = self.store.links(place, STEP).await?;
            let mut rows: Vec<_> = links.iter().filter_map(|link| link.entry.clone()).collect();
            if let Some(last) = links.last() {
                place = last.seal.place;
            } else {
                let unsealed = self.store.unsealed(after, STEP).await?;
                let Some(Unsealed { id: last, .. }) = unsealed.last() else {
                    return Ok(finding);
                };
                after = *last;
                rows.extend(unsealed.into_iter().filter_map(|row| row.entry));
            }
            if let Some(other) = rows.iter().find(|row| self.keys.belongs_to(row, id)) {
                finding.kind = FindingKind::Swapped;
                finding.other = Some(other.record.id);
                return Ok(finding);
            }
        }
    }
}

/// The chain is that of all customers.
fn refuse_scoped(ctx: &Ctx, permission: Permission) -> Result<(), Error> {
    if ctx.scope().is_some() {
        Err(ctx.denied(permission))
    } else {
        Ok(())
    }
}
