//! Puts a version of a pack into force for a tenant.

use std::sync::Arc;

use api::compensation as wire_api;
use api::method::pack_service::APPLY_PACK;
use api::reason::compensation::PACK_VERSION_TAKEN;
use durable::audit::{self, AuditEntry};
use durable::{Tx, TxError};
use kernel::{Answer, RequestContext, RequestKey, ServiceError, Timestamp, Violations};
use serde::Serialize;

use super::App;
use super::tenant_packs::PacksOfTenant;
use crate::domain::pack::canary::Canary;
use crate::domain::pack::diff::{Change, diff};
use crate::domain::pack::{Pack, document};
use crate::store::packs::{self, AppliedPack};
use crate::wire;

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ApplyPack {
    pub(crate) document: String,
    pub(crate) dry_run: bool,
    pub(crate) applied_by: String,
}

/// What applying does.
struct Plan {
    pack: Arc<Pack>,
    /// False when the version is in force already.
    is_new: bool,
    /// The share of the tenants that it is in force for; what is applied is no canary.
    canary: Option<Canary>,
    compared_with: String,
    changes: Vec<Change>,
}

impl App {
    /// Applies a pack, or says what applying it would do.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with everything that is wrong with the document; FAILED_PRECONDITION `PACK_VERSION_TAKEN`.
    #[tracing::instrument(skip_all, name = "compensation.apply_pack")]
    pub(crate) async fn apply_pack(
        &self,
        context: RequestContext,
        request_id: &str,
        command: ApplyPack,
    ) -> Result<Answer<wire_api::ApplyPackResponse>, ServiceError> {
        let pack = Arc::new(read(&command.document)?);
        if command.dry_run {
            let stored = packs::list(self.engine.read(), &context.tenant).await.map_err(TxError::from)?;
            let plan = plan(&self.tenant_packs.of_rows(&context.tenant, stored)?, pack)?;
            return Ok(Answer::fresh(response(&plan, None)));
        }
        let key = context.key(APPLY_PACK, request_id, RequestKey::hash_of(&command));
        let (app, tenant) = (self.clone(), context.tenant.clone());
        let work = move |tx: Tx| {
            let (app, context, command, pack) = (app.clone(), context.clone(), command.clone(), Arc::clone(&pack));
            async move {
                let tenant = &context.tenant;
                packs::lock_in_tx(&tx, tenant).await?;
                let known = app.tenant_packs.of_rows(tenant, packs::list(tx.conn(), tenant).await?)?;
                let plan = plan(&known, pack)?;
                if !plan.is_new {
                    let applied =
                        known.applied(&plan.pack.id, &plan.pack.version).map(|applied| applied.stored.clone());
                    return Ok(response(&Plan { is_new: false, ..plan }, applied.as_ref()));
                }
                let stored = AppliedPack {
                    revision: packs::revision(tx.conn(), tenant).await?,
                    pack: plan.pack.id.clone(),
                    version: plan.pack.version.clone(),
                    document: command.document,
                    applied_by: command.applied_by,
                    applied_at: tx.now(),
                };
                packs::insert_in_tx(&tx, tenant, &stored).await?;
                let mut response = response(&plan, Some(&stored));
                response.applied = true;
                let entry = AuditEntry {
                    actor: format!("{} ({})", stored.applied_by, context.client),
                    action: "PACK_APPLIED",
                    subject: format!("{}@{}", wire::pack_name(&stored.pack), stored.version),
                    reason: summary(&plan),
                };
                audit::append_in_tx(&tx, tenant, entry).await?;
                Ok(response)
            }
        };
        let answer = self.engine.mutate("compensation.apply_pack", key, work).await;
        self.tenant_packs.forget(&tenant);
        answer
    }

    /// A version of a pack, with its document.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub(crate) async fn get_pack(
        &self,
        context: &RequestContext,
        id: &str,
        version: &str,
    ) -> Result<wire_api::Pack, ServiceError> {
        let known = self.tenant_packs.of(&self.engine, &context.tenant).await?;
        let found = if version.is_empty() {
            let last = || known.set.packs().iter().rev().find(|pack| pack.id == id);
            known.set.version_at(id, self.now()).or_else(last)
        } else {
            known.set.version(id, version)
        };
        let missing = || ServiceError::not_found(format!("{}@{version}", wire::pack_name(id)).trim_end_matches('@'));
        let pack = found.ok_or_else(missing)?;
        let stored = known.applied(id, &pack.version).map(|applied| &applied.stored);
        Ok(with_document(pack, known.set.canary_of(pack), stored))
    }
}

/// The pack, or everything that is wrong with its document.
fn read(document: &str) -> Result<Pack, ServiceError> {
    document::parse(document).map_err(refused)
}

fn refused(problems: Vec<String>) -> ServiceError {
    let mut violations = Violations::new();
    for problem in problems {
        violations.add("document", "PACK_DOCUMENT", problem);
    }
    violations.finish().err().unwrap_or_else(|| ServiceError::internal("a document is wrong without a problem"))
}

fn plan(known: &PacksOfTenant, pack: Arc<Pack>) -> Result<Plan, ServiceError> {
    if let Some(same) = known.set.version(&pack.id, &pack.version) {
        // One that judges for other tenants only can be applied by this one.
        let canary = known.set.canary_of(same);
        let judges_elsewhere = canary.is_some_and(|canary| !canary.in_force);
        if same.document == pack.document && judges_elsewhere {
            return new_version(known, pack);
        }
        if same.document == pack.document {
            let (compared_with, canary) = (pack.version.clone(), canary.cloned());
            return Ok(Plan { pack, is_new: false, canary, compared_with, changes: Vec::new() });
        }
        let message = format!(
            "{} has another document under version {}; give this one a version of its own",
            wire::pack_name(&pack.id),
            pack.version
        );
        return Err(ServiceError::precondition(PACK_VERSION_TAKEN, message).with("version", &pack.version));
    }
    let problems = known.set.problems_with(&pack);
    if !problems.is_empty() {
        return Err(refused(problems));
    }
    new_version(known, pack)
}

fn new_version(known: &PacksOfTenant, pack: Arc<Pack>) -> Result<Plan, ServiceError> {
    let before = before(known, &pack, pack.in_force.0);
    let (compared_with, changes) = match before {
        Some(before) => {
            (before.version.clone(), diff(&before.document, &pack.document).map_err(ServiceError::internal)?)
        }
        None => (String::new(), Vec::new()),
    };
    Ok(Plan { pack, is_new: true, canary: None, compared_with, changes })
}

/// The version that a new one takes over from: the one that judges its first day, or else the last.
fn before<'a>(known: &'a PacksOfTenant, pack: &Pack, first_day: Timestamp) -> Option<&'a Arc<Pack>> {
    let last = || known.set.packs().iter().rev().find(|known| known.id == pack.id);
    known.set.version_at(&pack.id, first_day).or_else(last)
}

fn summary(plan: &Plan) -> String {
    let changes: Vec<_> = plan.changes.iter().map(|change| format!("{}: {}", change.what, change.words)).collect();
    let from = if plan.compared_with.is_empty() { String::new() } else { format!(" after {}", plan.compared_with) };
    let text = format!("{} {}{from}. {}", plan.pack.id, plan.pack.version, changes.join("; "));
    text.trim_end().chars().take(1_000).collect()
}

fn with_document(pack: &Pack, canary: Option<&Canary>, stored: Option<&AppliedPack>) -> wire_api::Pack {
    wire_api::Pack {
        document: pack.document.clone(),
        apply_time: stored.map(|stored| chassis::wire::to_timestamp(stored.applied_at)),
        applied_by: stored.map(|stored| stored.applied_by.clone()).unwrap_or_default(),
        ..wire::pack(pack, canary)
    }
}

fn response(plan: &Plan, stored: Option<&AppliedPack>) -> wire_api::ApplyPackResponse {
    let changes = plan.changes.iter().map(|change| wire_api::apply_pack_response::Change {
        what: change.what.clone(),
        words: format!("{}: {}", change.kind, change.words),
    });
    wire_api::ApplyPackResponse {
        pack: Some(with_document(&plan.pack, plan.canary.as_ref(), stored)),
        applied: false,
        compared_with: plan.compared_with.clone(),
        changes: changes.collect(),
    }
}
