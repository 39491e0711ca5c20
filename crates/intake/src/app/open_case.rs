//! Opens cases for what customers tell, a group of requests at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::intake::OpenCaseResponse;
use api::method::intake_service::OPEN_CASE;
use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError};
use kernel::{Answer, CaseId, CustomerId, RequestContext, RequestKey, ServiceError, TenantId};
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::{App, customers, journey};
use crate::domain::case::{Case, CaseDraft};
use crate::domain::customer::{Customer, CustomerDraft};
use crate::domain::recovery;
use crate::store::{self, CustomerKey, cases, entries};
use crate::view;

/// How far back the answer looks, so that nobody has to tell the story twice.
const RECENT: Duration = Duration::from_secs(72 * 3_600);
/// Entries that the answer shows at most.
const RECENT_ENTRIES: u32 = 20;

/// A complaint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenCaseDraft {
    /// Who was let down.
    pub(crate) customer: CustomerDraft,
    /// By what.
    pub(crate) case: CaseDraft,
}

/// One request.
#[derive(Debug)]
pub(crate) struct OpenCase {
    context: RequestContext,
    draft: OpenCaseDraft,
    case: CaseId,
    new_customer: CustomerId,
}

impl App {
    /// Opens a case; the recovery starts by itself.
    #[tracing::instrument(skip_all, name = "intake.open_case", fields(amends.case = tracing::field::Empty))]
    pub(crate) async fn open_case(
        &self,
        context: RequestContext,
        request_id: &str,
        draft: OpenCaseDraft,
    ) -> Result<Answer<OpenCaseResponse>, ServiceError> {
        let key = context.key(OPEN_CASE, request_id, RequestKey::hash_of(&draft));
        let (case, new_customer) = (self.engine.new_id().into(), self.engine.new_id().into());
        let answer = self.open_case.submit(key, OpenCase { context, draft, case, new_customer }).await?;
        if let Some(case) = &answer.message.case {
            tracing::Span::current().record("amends.case", case.name.as_str());
        }
        Ok(answer)
    }
}

/// Carries out a group.
pub(super) struct OpenCases;

#[async_trait]
impl GroupCommand for OpenCases {
    const NAME: &'static str = "intake.open_case";
    type Command = OpenCase;
    type Response = OpenCaseResponse;

    async fn apply(
        &self,
        tx: &Tx,
        commands: &[&OpenCase],
    ) -> Result<Vec<Result<OpenCaseResponse, ServiceError>>, TxError> {
        let wanted = commands
            .iter()
            .flat_map(|command| command.draft.customer.identities.iter().map(|id| (command.context.tenant.clone(), id)))
            .collect();
        let mut directories = store::customers::directories(tx, &wanted).await?;
        let mut stored: BTreeSet<CustomerKey> = BTreeSet::new();
        let mut resolved: Vec<Result<Customer, ServiceError>> = Vec::with_capacity(commands.len());
        for command in commands {
            let directory = directories.entry(command.context.tenant.clone()).or_default();
            let drafts = [(&command.draft.customer, command.new_customer)];
            let customer = customers::resolve(directory, &drafts, tx.now(), |_| "customer".to_owned());
            let customer = customer.and_then(|mut all| {
                all.pop().ok_or_else(|| ServiceError::internal("one draft was not resolved to one customer"))
            });
            if let Ok(customer) = &customer
                && directory.was_stored(customer.id)
            {
                stored.insert((command.context.tenant.clone(), customer.id));
            }
            resolved.push(customer);
        }
        let since = tx.now().minus(RECENT);
        let mut group =
            Group { recent: entries::recent_entries(tx, &stored, since, RECENT_ENTRIES).await?, ..Group::default() };
        let mut answers = Vec::with_capacity(commands.len());
        for (command, customer) in commands.iter().zip(resolved) {
            answers.push(customer.map(|customer| group.open(tx, command, &customer)));
        }
        store::customers::directories_store(tx, &directories)?;
        cases::cases_insert(tx, &group.cases)?;
        group.outcome.store(tx)?;
        Ok(answers)
    }
}

/// What the requests of a group have done so far.
#[derive(Default)]
struct Group {
    cases: Vec<(TenantId, Case)>,
    outcome: Outcome,
    recent: BTreeMap<CustomerKey, Vec<crate::domain::entry::Recorded>>,
}

impl Group {
    fn open(&mut self, tx: &Tx, command: &OpenCase, customer: &Customer) -> OpenCaseResponse {
        let OpenCase { context, draft, .. } = command;
        let case = Case::of_complaint(command.case, customer.id, &draft.case, journey(context), tx.now());
        let reaction = recovery::on_opened(case, tx.now());
        let (case, new_entries) = self.outcome.take(tx, context, customer, reaction);
        let recent = self.recent.entry((context.tenant.clone(), customer.id)).or_default();
        let response =
            OpenCaseResponse { case: Some(view::case(&case)), recent: recent.iter().map(view::entry).collect() };
        // The next request of the group for this customer sees this one, as if it had come alone.
        recent.extend(new_entries);
        recent.sort_by_key(|entry| std::cmp::Reverse(entry.place()));
        recent.truncate(RECENT_ENTRIES as usize);
        self.cases.push((context.tenant.clone(), case));
        response
    }
}
