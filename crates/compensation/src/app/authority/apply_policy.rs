//! A version of a policy is applied: read strictly, compared with what is in force, and never edited afterwards.

use api::compensation::ApplyPolicyResponse;
use api::method::authority_service::APPLY_POLICY;
use api::reason::compensation::POLICY_VERSION_EXISTS;
use durable::Tx;
use durable::audit::{self, AuditEntry};
use kernel::{Answer, ErrorCode, RequestContext, RequestKey, ServiceError, Violations};
use serde::Serialize;

use super::super::App;
use super::reads::PolicyShown;
use crate::authority_wire as wire;
use crate::domain::policy::{self, Policy, diff};
use crate::store::policies::{self, StoredPolicy};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ApplyPolicy {
    pub(crate) document: String,
    pub(crate) applied_by: String,
    pub(crate) dry_run: bool,
}

impl App {
    /// Applies a version of a policy, or says what it would change.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with everything that is wrong with the document; ALREADY_EXISTS `POLICY_VERSION_EXISTS`.
    #[tracing::instrument(skip_all, name = "compensation.apply_policy")]
    pub(crate) async fn apply_policy(
        &self,
        context: RequestContext,
        request_id: &str,
        command: ApplyPolicy,
    ) -> Result<Answer<ApplyPolicyResponse>, ServiceError> {
        let read = read_document(&command.document)?;
        let key = context.key(APPLY_POLICY, request_id, RequestKey::hash_of(&command));
        let id = self.engine.new_id();
        let work = move |tx: Tx| {
            let (context, command, read) = (context.clone(), command.clone(), read.clone());
            async move {
                let (tenant, kind) = (&context.tenant, read.kind());
                let before = policies::in_force(tx.conn(), tenant, kind, tx.now()).await?;
                let in_force = before.as_ref().map_or(kind.shipped(), |stored| stored.document.as_str());
                let changes = diff::changes(in_force, &command.document);
                let policy = StoredPolicy {
                    id,
                    kind,
                    version: read.version.clone(),
                    document: command.document.clone(),
                    // Never before now: what was decided is not judged again.
                    in_force_from: read.effective_at.max(tx.now()),
                    applied_by: command.applied_by.clone(),
                    created_at: tx.now(),
                };
                let known = policies::version(tx.conn(), tenant, kind, &policy.version).await?;
                let known = match known {
                    None if command.dry_run || policies::insert_in_tx(&tx, tenant, &policy).await? => None,
                    // Somebody else was faster.
                    None => policies::version(tx.conn(), tenant, kind, &policy.version).await?,
                    known => known,
                };
                let applied = known.is_none() && !command.dry_run;
                let policy = match known {
                    Some(known) if known.document == policy.document => known,
                    Some(_) => return Err(taken(kind.id(), &policy.version).into()),
                    None => policy,
                };
                if applied {
                    let entry = AuditEntry {
                        actor: format!("{} ({})", command.applied_by, context.client),
                        action: "POLICY_APPLIED",
                        subject: format!("policies/{} {}", kind.id(), policy.version),
                        reason: changes.join("; "),
                    };
                    audit::append_in_tx(&tx, tenant, entry).await?;
                }
                let policy = Some(wire::policy(&PolicyShown::Applied(policy)));
                Ok(ApplyPolicyResponse { policy, changes, applied })
            }
        };
        self.engine.mutate("compensation.apply_policy", key, work).await
    }
}

/// Reads a document strictly.
pub(super) fn read_document(document: &str) -> Result<Policy, ServiceError> {
    policy::parse(document).map_err(|problems| {
        let mut violations = Violations::new();
        for problem in problems {
            violations.add("document", "POLICY", problem);
        }
        violations.finish().err().unwrap_or_else(|| ServiceError::internal("a wrong policy without a problem"))
    })
}

fn taken(kind: &str, version: &str) -> ServiceError {
    let message =
        format!("version {version} of policies/{kind} is another document; give this one a version of its own");
    ServiceError::new(ErrorCode::AlreadyExists, POLICY_VERSION_EXISTS, message).with("version", version)
}
