//! The packs that judge for a tenant: those of the service, and those that the tenant has applied.
//!
//! Calls the store at most once in [`REFRESH`] for a tenant, and reads documents only when there is a new version: once,
//! however many ask at the same time, and on a thread that serves no requests. What always holds: what one replica applies,
//! every replica judges by after [`REFRESH`] at the latest, the one that applied it at once.

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
    /// Who reads the documents of a tenant now, and who waits for them.
    readers: Mutex<BTreeMap<TenantId, Arc<tokio::sync::Mutex<()>>>>,
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
        Self { base, tenants: Mutex::default(), readers: Mutex::default() }
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
            _ => return self.read(engine, tenant, revision, looked_at).await,
        };
        self.remember(tenant, Known { packs: packs.clone(), revision, looked_at });
        Ok(packs)
    }

    /// Reads the documents, unless somebody has while this one waited.
    async fn read(
        &self,
        engine: &Engine,
        tenant: &TenantId,
        revision: i64,
        looked_at: Instant,
    ) -> Result<PacksOfTenant, ServiceError> {
        let turn = self.turn(tenant);
        let _turn = turn.lock().await;
        if let Some(known) = self.known(tenant).filter(|known| known.revision >= revision) {
            return Ok(known.packs);
        }
        let stored = packs::list(engine.read(), tenant).await.map_err(TxError::from)?;
        let base = self.base.for_tenant(tenant.as_str());
        let parsed = tokio::task::spawn_blocking(move || PacksOfTenant::of(base, stored)).await;
        let packs = parsed.map_err(|error| ServiceError::internal(format!("packs cannot be read: {error}")))??;
        self.remember(tenant, Known { packs: packs.clone(), revision, looked_at });
        Ok(packs)
    }

    /// The turn to read a tenant's documents. Those that nobody waits for are forgotten.
    fn turn(&self, tenant: &TenantId) -> Arc<tokio::sync::Mutex<()>> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(readers.entry(tenant.clone()).or_default())
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::testing::{TEMPLATE, engine};

    const PACK: &str = include_str!("../../tests/it/storm-care.yaml");

    testkit::on_both_databases! {
        template: TEMPLATE;

        /// Many ask at once for a version that is new to this replica: its document is read once, for all of them.
        async fn a_new_version_is_read_once(database: testkit::TestDatabase) {
            let (engine, _) = engine(&database).await;
            let tenant = TenantId::default_tenant();
            let work = |tx: durable::Tx| {
                let tenant = tenant.clone();
                async move {
                    packs::lock_in_tx(&tx, &tenant).await?;
                    let stored = AppliedPack {
                        revision: packs::revision(tx.conn(), &tenant).await?,
                        pack: "storm-care".to_owned(),
                        version: "1".to_owned(),
                        document: PACK.to_owned(),
                        applied_by: "Ada".to_owned(),
                        applied_at: tx.now(),
                    };
                    Ok(packs::insert_in_tx(&tx, &tenant, &stored).await?)
                }
            };
            engine.run_tx("test", work).await.unwrap();
            let all = TenantPacks::new(PackSet::from_documents([]).unwrap());
            let asked = (0..20).map(|_| all.of(&engine, &tenant));
            let told: Vec<_> = futures::future::join_all(asked).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(told[0].applied.len(), 1);
            assert!(told.iter().all(|packs| Arc::ptr_eq(&packs.applied, &told[0].applied)));
            drop(all.turn(&tenant));
            assert_eq!(all.readers.lock().unwrap().len(), 1, "a turn is kept while somebody has it");
            drop(all.turn(&TenantId::parse("another").unwrap()));
            assert!(!all.readers.lock().unwrap().contains_key(&tenant));
        }
    }
}
