//! Whether the database has space left: no, from the first write that found none until a write works again.
//!
//! While it has none the service is not ready, so that callers go elsewhere; what it is asked all the same it answers
//! with RESOURCE_EXHAUSTED `STORAGE_FULL`, and nothing that was acknowledged is lost.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::DbErr;

use crate::error::{DbFailure, classify};
use crate::{Engine, sql};

/// Written and removed again to see whether there is space: more than fits into what pages have left.
const PROBE_BYTES: usize = 64 * 1024;

/// What is known of the space.
#[derive(Debug, Default)]
pub(crate) struct Space {
    full: AtomicBool,
}

impl Space {
    /// Takes note of a failure.
    pub(crate) fn note(&self, error: &DbErr) {
        if classify(error) == DbFailure::Full && !self.full.swap(true, Ordering::SeqCst) {
            tracing::error!(%error, "the database has no space left; the service is not ready until a write works");
        }
    }
}

impl Engine {
    /// True from the first write that found no space until one works; [`Engine::ready`] tries one.
    pub fn is_full(&self) -> bool {
        self.space().full.load(Ordering::SeqCst)
    }

    /// Says whether the database answers and, after a write that found no space, whether it has space again.
    ///
    /// # Errors
    /// What is wrong, for an operator.
    pub async fn ready(&self) -> Result<(), String> {
        self.db().ping().await.map_err(|_| "the database does not answer".to_owned())?;
        if !self.is_full() {
            return Ok(());
        }
        let id = self.new_id();
        let probe = self.run_tx("durable.probe_space", |tx| async move {
            let insert = "INSERT INTO space_probes (id, filler) VALUES ($1, $2)";
            tx.execute(sql::statement(tx.backend(), insert, [id.into(), vec![0_u8; PROBE_BYTES].into()])).await?;
            let delete = "DELETE FROM space_probes WHERE id = $1";
            tx.execute(sql::statement(tx.backend(), delete, [id.into()])).await?;
            Ok(())
        });
        probe.await.map_err(|_| "the database has no space left".to_owned())?;
        if self.space().full.swap(false, Ordering::SeqCst) {
            tracing::info!("the database has space again");
        }
        Ok(())
    }
}
