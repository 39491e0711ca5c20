//! The experiments that run for a tenant.
//!
//! Calls the store at most once in [`REFRESH`] for a tenant, so that opening a remedy costs no query of its own. What
//! always holds: what one replica starts or stops, every replica knows after [`REFRESH`] at the latest, the one that did
//! it at once. Whether an experiment still runs is asked again in the transaction that assigns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use durable::{Engine, TxError};
use kernel::{ServiceError, TenantId};

use crate::app::tenant_packs::REFRESH;
use crate::domain::experiment::{Experiment, document};
use crate::store::experiments::{self, StoredExperiment};

/// Most tenants that are remembered; more are read again when they come.
const MAX_TENANTS: usize = 10_000;

/// What is remembered of tenants.
#[derive(Debug, Default)]
pub(in crate::app) struct TenantExperiments {
    tenants: Mutex<BTreeMap<TenantId, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    running: Arc<[Arc<Experiment>]>,
    revision: i64,
    looked_at: Instant,
}

/// An experiment as its stored document says.
pub(super) fn read(stored: &StoredExperiment) -> Result<Experiment, ServiceError> {
    let wrong = |problems: Vec<String>| ServiceError::internal(format!("{}: {}", stored.id, problems.join("; ")));
    document::parse(&stored.document).map_err(wrong)
}

impl TenantExperiments {
    /// The experiments that run for a tenant.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub(in crate::app) async fn of(
        &self,
        engine: &Engine,
        tenant: &TenantId,
    ) -> Result<Arc<[Arc<Experiment>]>, ServiceError> {
        let known = self.known(tenant);
        if let Some(known) = &known
            && known.looked_at.elapsed() < REFRESH
        {
            return Ok(Arc::clone(&known.running));
        }
        let looked_at = Instant::now();
        let revision = experiments::revision(engine.read(), tenant).await.map_err(TxError::from)?;
        let running: Arc<[Arc<Experiment>]> = match known {
            Some(known) if known.revision == revision => known.running,
            _ if revision == 0 => Arc::new([]),
            _ => {
                let stored = experiments::running(engine.read(), tenant).await.map_err(TxError::from)?;
                stored.iter().map(|stored| read(stored).map(Arc::new)).collect::<Result<_, _>>()?
            }
        };
        self.remember(tenant, Known { running: Arc::clone(&running), revision, looked_at });
        Ok(running)
    }

    /// Forgets a tenant, whose experiments have changed.
    pub(super) fn forget(&self, tenant: &TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    fn known(&self, tenant: &TenantId) -> Option<Known> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    fn remember(&self, tenant: &TenantId, known: Known) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MAX_TENANTS && !tenants.contains_key(tenant) {
            tenants.pop_first();
        }
        tenants.insert(tenant.clone(), known);
    }
}
