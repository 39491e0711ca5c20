//! Streams a case: at once as it is, then after every change, until it is final.

use api::intake::WatchCaseResponse;
use futures::stream::{self, BoxStream, StreamExt as _};
use kernel::{CaseId, RequestContext, ServiceError};

use super::watches::Watch;
use super::{App, unread};
use crate::domain::case::Case;
use crate::domain::entry::Recorded;
use crate::store::{cases, entries};
use crate::view;

/// Entries in one response at most; a longer story comes in several, at once.
const ENTRIES: u64 = 500;

/// What a watcher has seen.
struct Seen {
    engine: durable::Engine,
    watch: Watch,
    version: i64,
    seq: i64,
    ended: bool,
}

impl App {
    /// The stream; each response has the entries since the one before.
    pub(crate) async fn watch_case(
        &self,
        context: &RequestContext,
        id: CaseId,
    ) -> Result<BoxStream<'static, Result<WatchCaseResponse, ServiceError>>, ServiceError> {
        // Watched before it is read, so that no change can fall in between.
        let watch = self.watches.watch((context.tenant.clone(), id))?;
        let case = cases::case_get(self.engine.read(), &context.tenant, id).await.map_err(unread)?;
        case.ok_or_else(|| ServiceError::not_found(id))?;
        let seen = Seen { engine: self.engine.clone(), watch, version: 0, seq: 0, ended: false };
        Ok(stream::try_unfold(seen, Seen::next).boxed())
    }
}

impl Seen {
    async fn next(mut self) -> Result<Option<(WatchCaseResponse, Self)>, ServiceError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            let case = self.read_case().await?;
            if case.version > self.version || case.entry_count > self.seq {
                let news = self.read_entries(&case).await?;
                self.version = case.version;
                self.seq = news.last().map_or(case.entry_count, |last| last.entry.seq);
                self.ended = case.state.is_final() && self.seq == case.entry_count;
                let entries = news.iter().map(view::entry).collect();
                return Ok(Some((WatchCaseResponse { case: Some(view::case(&case)), entries }, self)));
            }
            self.watch.look_again().await;
        }
    }

    async fn read_case(&self) -> Result<Case, ServiceError> {
        let (tenant, id) = &self.watch.case;
        let case = cases::case_get(self.engine.read(), tenant, *id).await.map_err(unread)?;
        case.ok_or_else(|| ServiceError::not_found(id))
    }

    /// Up to the state that is shown: a later entry belongs to the next response.
    async fn read_entries(&self, case: &Case) -> Result<Vec<Recorded>, ServiceError> {
        let (tenant, id) = &self.watch.case;
        let (connection, backend) = (self.engine.read(), self.engine.db().backend());
        let read = entries::entries_after(connection, backend, tenant, *id, self.seq, ENTRIES).await.map_err(unread)?;
        Ok(read.into_iter().filter(|recorded| recorded.entry.seq <= case.entry_count).collect())
    }
}
