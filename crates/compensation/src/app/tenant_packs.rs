//! The packs that judge for a tenant: those of the service, and those that the tenant has applied.
//!
//! Calls the store at most once in [`REFRESH`] for a tenant, and reads documents only when there is a new version. What
//! always holds: what one replica applies, every replica judges by after [`REFRESH`] at the latest, the one that applied it
//! at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use durable::{Engine, TxError};
use kernel::{ServiceError, TenantId, Timestamp};

use crate::domain::pack::set::PackSet;
use crate::domain::pack::{Pack, document};
use crate::store::packs::{self, AppliedPack};

/// How long a replica may judge by packs that another one has replaced.
pub(crate) const REFRESH: Duration = Duration::from_secs(1);
/// Most tenants that are remembered; more are read again when they come.
const MAX_TENANTS: usize = 10_000;

/// The packs of the service, and what is remembered of tenants.
#[derive(Debug)]
pub(crate) struct TenantPacks {
    base: PackSet,
    tenants: Mutex<BTreeMap<TenantId, Known>>,
}

/// What is known of a tenant.
#[derive(Clone, Debug)]
struct Known {
    packs: PacksOfTenant,
    revision: i64,
    looked_at: Instant,
}

/// The packs that judge for one tenant. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct PacksOfTenant {
    /// All of them together.
    pub(crate) set: PackSet,
    /// Those of the service, with the canaries that the tenant is among.
    base: PackSet,
    applied: Arc<[Applied]>,
}

/// A version that the tenant has applied.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    /// As it is stored.
    pub(crate) stored: AppliedPack,
    /// As it judges.
    pub(crate) pack: Arc<Pack>,
}

impl PacksOfTenant {
    fn of(base: PackSet, stored: Vec<AppliedPack>) -> Result<Self, ServiceError> {
        let mut applied = Vec::with_capacity(stored.len());
        for stored in stored {
            let pack = document::parse(&stored.document)
                .map_err(|problems| ServiceError::internal(format!("{}: {}", stored.pack, problems.join("; "))))?;
            applied.push(Applied { stored, pack: Arc::new(pack) });
        }
        let set = base.with_applied(applied.iter().map(|applied| &applied.pack));
        Ok(Self { set, base, applied: applied.into() })
    }

    /// As they were known at a time.
    pub(crate) fn known_at(&self, at: Timestamp) -> PackSet {
        let known = self.applied.iter().filter(|applied| applied.stored.applied_at <= at);
        self.base.with_applied(known.map(|applied| &applied.pack))
    }

    /// A version that the tenant has applied.
    pub(crate) fn applied(&self, id: &str, version: &str) -> Option<&Applied> {
        self.applied.iter().find(|applied| applied.stored.pack == id && applied.stored.version == version)
    }
}

impl TenantPacks {
    /// With the packs of the service.
    pub(crate) fn new(base: PackSet) -> Self {
        Self { base, tenants: Mutex::default() }
    }

    /// The packs that judge for a tenant.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub(crate) async fn of(&self, engine: &Engine, tenant: &TenantId) -> Result<PacksOfTenant, ServiceError> {
        let known = self.known(tenant);
        if let Some(known) = &known
            && known.looked_at.elapsed() < REFRESH
        {
            return Ok(known.packs.clone());
        }
        let looked_at = Instant::now();
        let revision = packs::revision(engine.read(), tenant).await.map_err(TxError::from)?;
        let packs = match known {
            Some(known) if known.revision == revision => known.packs,
            _ if revision == 0 => self.of_rows(tenant, Vec::new())?,
            _ => self.of_rows(tenant, packs::list(engine.read(), tenant).await.map_err(TxError::from)?)?,
        };
        self.remember(tenant, Known { packs: packs.clone(), revision, looked_at });
        Ok(packs)
    }

    /// The packs that judge for a tenant, as its rows say now.
    pub(crate) fn of_rows(&self, tenant: &TenantId, stored: Vec<AppliedPack>) -> Result<PacksOfTenant, ServiceError> {
        PacksOfTenant::of(self.base.for_tenant(tenant.as_str()), stored)
    }

    /// Forgets a tenant, whose packs have changed.
    pub(crate) fn forget(&self, tenant: &TenantId) {
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
