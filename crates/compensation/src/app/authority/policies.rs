//! The policies that are in force, read in the transaction that decides by them. A version never changes, so that what
//! was read once need not be parsed again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use durable::{Tx, TxError};
use kernel::{ServiceError, TenantId};
use uuid::Uuid;

use crate::domain::policy::abuse::Abuse;
use crate::domain::policy::authority::Authority;
use crate::domain::policy::budgets::Budgets;
use crate::domain::policy::catalogue::Catalogue;
use crate::domain::policy::{self, PolicyKind, Rules};
use crate::store::policies::{self, StoredPolicy};

/// Most versions that are kept parsed; all are forgotten beyond it.
const KEPT: usize = 1_024;

/// Parsed versions by id.
#[derive(Debug, Default)]
pub(in crate::app) struct Policies {
    parsed: Mutex<HashMap<Uuid, Rules>>,
}

/// What decides for one tenant.
#[derive(Clone, Debug)]
pub(in crate::app) struct InForce {
    pub(in crate::app) authority: Arc<Authority>,
    pub(in crate::app) budgets: Arc<Budgets>,
    pub(super) abuse: Arc<Abuse>,
    pub(in crate::app) catalogue: Arc<Catalogue>,
}

impl InForce {
    /// Versions by kind, for the record.
    pub(super) fn versions(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (PolicyKind::Authority.as_str().to_owned(), self.authority.version.clone()),
            (PolicyKind::Budgets.as_str().to_owned(), self.budgets.version.clone()),
            (PolicyKind::Abuse.as_str().to_owned(), self.abuse.version.clone()),
            (PolicyKind::Catalogue.as_str().to_owned(), self.catalogue.version.clone()),
        ])
    }
}

impl Policies {
    /// What decides for these tenants now.
    pub(in crate::app) async fn in_force(
        &self,
        tx: &Tx,
        tenants: &BTreeSet<TenantId>,
    ) -> Result<BTreeMap<TenantId, InForce>, TxError> {
        if tenants.is_empty() {
            return Ok(BTreeMap::new());
        }
        let wanted: Vec<_> = tenants.iter().flat_map(|tenant| PolicyKind::ALL.map(|kind| (tenant, kind))).collect();
        let applied: BTreeMap<(String, PolicyKind), Uuid> = policies::in_force_in_tx(tx, &wanted)
            .await?
            .into_iter()
            .map(|(tenant, kind, id)| ((tenant, kind), id))
            .collect();
        let mut all = BTreeMap::new();
        for tenant in tenants {
            let (mut authority, mut budgets, mut abuse, mut catalogue) = (None, None, None, None);
            for kind in PolicyKind::ALL {
                let id = applied.get(&(tenant.to_string(), kind)).copied();
                match self.rules(tx, tenant, kind, id).await? {
                    Rules::Authority(rules) => authority = Some(rules),
                    Rules::Budgets(rules) => budgets = Some(rules),
                    Rules::Abuse(rules) => abuse = Some(rules),
                    Rules::Catalogue(rules) => catalogue = Some(rules),
                }
            }
            let (Some(authority), Some(budgets), Some(abuse), Some(catalogue)) = (authority, budgets, abuse, catalogue)
            else {
                return Err(ServiceError::internal(format!("{tenant} lacks a kind of policy")).into());
            };
            all.insert(tenant.clone(), InForce { authority, budgets, abuse, catalogue });
        }
        Ok(all)
    }

    /// What decides for one tenant now.
    pub(in crate::app) async fn of(&self, tx: &Tx, tenant: &TenantId) -> Result<InForce, TxError> {
        let mut all = self.in_force(tx, &BTreeSet::from([tenant.clone()])).await?;
        all.remove(tenant).ok_or_else(|| ServiceError::internal("a tenant without policies").into())
    }

    async fn rules(&self, tx: &Tx, tenant: &TenantId, kind: PolicyKind, id: Option<Uuid>) -> Result<Rules, TxError> {
        if let Some(rules) = self.parsed().get(&key_of(kind, id)) {
            return Ok(rules.clone());
        }
        let stored = match id {
            None => None,
            Some(id) => {
                let found = policies::get(tx.conn(), tenant, id).await?;
                Some(found.ok_or_else(|| ServiceError::internal("a policy that is in force has gone"))?)
            }
        };
        Ok(self.read(kind, stored.as_ref())?)
    }

    /// What a version says that was read; none: the shipped one.
    pub(super) fn read(&self, kind: PolicyKind, stored: Option<&StoredPolicy>) -> Result<Rules, ServiceError> {
        let key = key_of(kind, stored.map(|stored| stored.id));
        if let Some(rules) = self.parsed().get(&key) {
            return Ok(rules.clone());
        }
        let parsed = policy::parse(stored.map_or(kind.shipped(), |stored| stored.document.as_str()))
            .map_err(|problems| ServiceError::internal(format!("a stored policy is wrong: {problems:?}")))?;
        if parsed.kind() != kind {
            return Err(ServiceError::internal(format!("a policy of {} is stored as another", kind.as_str())));
        }
        let mut known = self.parsed();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, parsed.rules.clone());
        Ok(parsed.rules)
    }

    fn parsed(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Rules>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shipped ones go by ids that no applied one has.
fn key_of(kind: PolicyKind, id: Option<Uuid>) -> Uuid {
    id.unwrap_or_else(|| Uuid::from_u128(kind as u128 + 1))
}
