//! Servers that answer as scripted and remember what they were asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use api::compensation::{
    GetSandboxSettlementRequest, GetSandboxSettlementResponse, ReconcileSettlementRequest, ReconcileSettlementResponse,
};
use api::intake::{AddAffectedRequest, AddAffectedResponse, AffectedResult, WatchCaseRequest, WatchCaseResponse};
use api::routing::{StreamAssignmentsRequest, StreamAssignmentsResponse};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use kernel::{ErrorCode, ServiceError};
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: &'static str,
    pub bytes: Vec<u8>,
    pub metadata: MetadataMap,
}

type Watch = Vec<Result<WatchCaseResponse, ServiceError>>;
type Answers = BTreeMap<&'static str, VecDeque<Result<Vec<u8>, ServiceError>>>;

/// What is answered, and what was asked. A method without an answer left refuses.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Mutex<Scripted>>);

#[derive(Debug, Default)]
struct Scripted {
    answers: Answers,
    watches: VecDeque<Watch>,
    seen: Vec<Seen>,
    replays: bool,
}

impl Script {
    /// Adds an answer of the method with this function name.
    pub fn answer(&self, method: &'static str, message: &impl Message) {
        self.0.lock().unwrap().answers.entry(method).or_default().push_back(Ok(message.encode_to_vec()));
    }

    /// Adds a refusal.
    pub fn refuse(&self, method: &'static str, error: ServiceError) {
        self.0.lock().unwrap().answers.entry(method).or_default().push_back(Err(error));
    }

    /// Adds a stream of a watched case; it ends after its last response.
    pub fn watch(&self, stream: Watch) {
        self.0.lock().unwrap().watches.push_back(stream);
    }

    /// Marks every answer as stored from an earlier time.
    pub fn replay(&self) {
        self.0.lock().unwrap().replays = true;
    }

    /// What was asked.
    pub fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().seen.clone()
    }

    /// The requests of one method.
    pub fn requests<Q: Message + Default>(&self, method: &str) -> Vec<Q> {
        let seen = self.seen();
        seen.iter().filter(|seen| seen.method == method).map(|seen| Q::decode(&seen.bytes[..]).unwrap()).collect()
    }

    fn take<Q: Message, R: Message + Default>(
        &self,
        method: &'static str,
        request: Request<Q>,
    ) -> Result<Response<R>, Status> {
        let mut scripted = self.0.lock().unwrap();
        let (metadata, _, message) = request.into_parts();
        scripted.seen.push(Seen { method, bytes: message.encode_to_vec(), metadata });
        let replays = scripted.replays;
        match scripted.answers.get_mut(method).and_then(VecDeque::pop_front) {
            Some(Ok(bytes)) => {
                let message = R::decode(&bytes[..]).unwrap();
                Ok(chassis::respond(kernel::Answer { message, replayed: replays }))
            }
            Some(Err(error)) => Err(chassis::to_status(error)),
            None => Err(chassis::to_status(ServiceError::new(ErrorCode::Unimplemented, "NOT_SCRIPTED", method))),
        }
    }
}

/// A running server; ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    pub address: String,
    pub script: Script,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Serves all services by one script.
    pub async fn start() -> Self {
        let script = Script::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = tonic::transport::Server::builder()
            .add_service(api::intake::intake_service_server::IntakeServiceServer::new(script.clone()))
            .add_service(api::routing::routing_service_server::RoutingServiceServer::new(script.clone()))
            .add_service(api::compensation::compensation_service_server::CompensationServiceServer::new(script.clone()))
            .add_service(api::compensation::ledger_service_server::LedgerServiceServer::new(script.clone()))
            .add_service(api::compensation::settlement_service_server::SettlementServiceServer::new(script.clone()))
            .add_service(api::compensation::recovery_service_server::RecoveryServiceServer::new(script.clone()))
            .add_service(api::compensation::authority_service_server::AuthorityServiceServer::new(script.clone()))
            .add_service(api::compensation::experiment_service_server::ExperimentServiceServer::new(script.clone()))
            .add_service(api::followup::follow_up_service_server::FollowUpServiceServer::new(script.clone()))
            .add_service(api::operations::operations_service_server::OperationsServiceServer::new(script.clone()));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { router.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap() });
        Self { address, script, _tasks: tasks }
    }
}

// Written out, because `async_trait` does not see methods that a macro makes.
macro_rules! mock {
    ($package:ident :: $module:ident :: $service:ident { $($call:ident: $request:ident => $response:ident,)* } $($extra:tt)*) => {
        impl api::$package::$module::$service for Script {
            $(fn $call<'a, 'b>(
                &'a self,
                request: Request<api::$package::$request>,
            ) -> BoxFuture<'b, Result<Response<api::$package::$response>, Status>>
            where
                'a: 'b,
                Self: 'b,
            {
                async move { self.take(stringify!($call), request) }.boxed()
            })*
            $($extra)*
        }
    };
}

mock! {
    intake::intake_service_server::IntakeService {
        resolve_customer: ResolveCustomerRequest => Customer,
        get_customer: GetCustomerRequest => Customer,
        open_case: OpenCaseRequest => OpenCaseResponse,
        get_case: GetCaseRequest => Case,
        list_cases: ListCasesRequest => ListCasesResponse,
        get_customer_timeline: GetCustomerTimelineRequest => GetCustomerTimelineResponse,
        ask_question: AskQuestionRequest => Case,
        record_finding: RecordFindingRequest => Case,
        set_requested_remedy: SetRequestedRemedyRequest => Case,
        reopen_case: ReopenCaseRequest => Case,
        report_disruption: ReportDisruptionRequest => Disruption,
        get_disruption: GetDisruptionRequest => Disruption,
    }

    type WatchCaseStream = BoxStream<'static, Result<WatchCaseResponse, Status>>;

    fn watch_case<'a, 'b>(
        &'a self,
        request: Request<WatchCaseRequest>,
    ) -> BoxFuture<'b, Result<Response<Self::WatchCaseStream>, Status>>
    where
        'a: 'b,
        Self: 'b,
    {
        async move {
            let watch = self.0.lock().unwrap().watches.pop_front();
            match watch {
                Some(watch) => {
                    let stream = futures::stream::iter(watch).map(|change| change.map_err(chassis::to_status));
                    Ok(Response::new(stream.boxed()))
                }
                None => self.take::<_, WatchCaseResponse>("watch_case", request).map(|_| unreachable!("never scripted")),
            }
        }
        .boxed()
    }

    fn add_affected<'a, 'b>(
        &'a self,
        request: Request<Streaming<AddAffectedRequest>>,
    ) -> BoxFuture<'b, Result<Response<AddAffectedResponse>, Status>>
    where
        'a: 'b,
        Self: 'b,
    {
        async move {
            let mut batches = request.into_inner();
            let mut results = Vec::new();
            while let Some(batch) = batches.message().await? {
                for affected in &batch.affected {
                    let identity = affected.customer.as_ref().unwrap().identities[0].value.clone();
                    results.push(AffectedResult { case: format!("cases/{identity}"), customer: String::new(), already_added: false });
                }
                // An answer is scripted for each batch that may fail.
                self.answer_if_none("add_affected");
                self.take::<_, AddAffectedResponse>("add_affected", Request::new(batch))?;
            }
            Ok(Response::new(AddAffectedResponse { results }))
        }
        .boxed()
    }
}

impl Script {
    fn answer_if_none(&self, method: &'static str) {
        if self.0.lock().unwrap().answers.get(method).is_none_or(VecDeque::is_empty) {
            self.answer(method, &AddAffectedResponse::default());
        }
    }
}

mock! {
    routing::routing_service_server::RoutingService {
        create_queue: CreateQueueRequest => Queue,
        get_queue: GetQueueRequest => Queue,
        list_queues: ListQueuesRequest => ListQueuesResponse,
        create_agent: CreateAgentRequest => Agent,
        get_agent: GetAgentRequest => Agent,
        list_agents: ListAgentsRequest => ListAgentsResponse,
        set_presence: SetPresenceRequest => Agent,
        open_work: OpenWorkRequest => WorkItem,
        get_work_item: GetWorkItemRequest => WorkItem,
        list_work_items: ListWorkItemsRequest => ListWorkItemsResponse,
        claim_work: ClaimWorkRequest => WorkItem,
        post_progress: PostProgressRequest => WorkItem,
        escalate_work: EscalateWorkRequest => WorkItem,
        complete_work: CompleteWorkRequest => WorkItem,
        check_clock: CheckClockRequest => WorkItem,
    }

    type StreamAssignmentsStream = BoxStream<'static, Result<StreamAssignmentsResponse, Status>>;

    fn stream_assignments<'a, 'b>(
        &'a self,
        _request: Request<StreamAssignmentsRequest>,
    ) -> BoxFuture<'b, Result<Response<Self::StreamAssignmentsStream>, Status>>
    where
        'a: 'b,
        Self: 'b,
    {
        async move { Ok(Response::new(futures::stream::empty().boxed())) }.boxed()
    }
}

mock! {
    compensation::compensation_service_server::CompensationService {
        assess: AssessRequest => Assessment,
        list_packs: ListPacksRequest => ListPacksResponse,
        open_remedy: OpenRemedyRequest => Remedy,
        get_remedy: GetRemedyRequest => Remedy,
        list_remedies: ListRemediesRequest => ListRemediesResponse,
        make_offer: MakeOfferRequest => Offer,
        get_offer: GetOfferRequest => Offer,
        list_offers: ListOffersRequest => ListOffersResponse,
        respond_to_offer: RespondToOfferRequest => Offer,
        expire_offer: ExpireOfferRequest => Offer,
        get_voucher: GetVoucherRequest => Voucher,
        list_vouchers: ListVouchersRequest => ListVouchersResponse,
        expire_voucher: ExpireVoucherRequest => Voucher,
        get_payout: GetPayoutRequest => Payout,
        list_payouts: ListPayoutsRequest => ListPayoutsResponse,
        advance_payout: AdvancePayoutRequest => Payout,
        list_ledger_transactions: ListLedgerTransactionsRequest => ListLedgerTransactionsResponse,
        get_ledger_balances: GetLedgerBalancesRequest => GetLedgerBalancesResponse,
    }
}

mock! {
    compensation::ledger_service_server::LedgerService {
        redeem_voucher: RedeemVoucherRequest => VoucherRedemption,
        reverse_grant: ReverseGrantRequest => GrantReversal,
        get_grant_reversal: GetGrantReversalRequest => GrantReversal,
        get_voucher_liability: GetVoucherLiabilityRequest => GetVoucherLiabilityResponse,
        record_capture: RecordCaptureRequest => OrderFunds,
        get_order_funds: GetOrderFundsRequest => GetOrderFundsResponse,
        freeze_payouts: FreezePayoutsRequest => PayoutFreeze,
        unfreeze_payouts: UnfreezePayoutsRequest => PayoutFreeze,
        get_payout_freeze: GetPayoutFreezeRequest => PayoutFreeze,
    }
}

mock! {
    compensation::settlement_service_server::SettlementService {
        record_provider_event: RecordProviderEventRequest => RecordProviderEventResponse,
        close_settlement: CloseSettlementRequest => CloseSettlementResponse,
        get_settlement_discrepancy: GetSettlementDiscrepancyRequest => SettlementDiscrepancy,
        list_settlement_discrepancies: ListSettlementDiscrepanciesRequest => ListSettlementDiscrepanciesResponse,
        resolve_settlement_discrepancy: ResolveSettlementDiscrepancyRequest => SettlementDiscrepancy,
        settle_payout: SettlePayoutRequest => PayoutSettlement,
        approve_payout_settlement: ApprovePayoutSettlementRequest => PayoutSettlement,
        reject_payout_settlement: RejectPayoutSettlementRequest => PayoutSettlement,
        get_payout_settlement: GetPayoutSettlementRequest => PayoutSettlement,
        list_payout_settlements: ListPayoutSettlementsRequest => ListPayoutSettlementsResponse,
    }

    type GetSandboxSettlementStream = BoxStream<'static, Result<GetSandboxSettlementResponse, Status>>;

    fn get_sandbox_settlement<'a, 'b>(
        &'a self,
        request: Request<GetSandboxSettlementRequest>,
    ) -> BoxFuture<'b, Result<Response<Self::GetSandboxSettlementStream>, Status>>
    where
        'a: 'b,
        Self: 'b,
    {
        async move {
            let page = self.take("get_sandbox_settlement", request)?.into_inner();
            Ok(Response::new(futures::stream::iter([Ok(page)]).boxed()))
        }
        .boxed()
    }

    fn reconcile_settlement<'a, 'b>(
        &'a self,
        request: Request<Streaming<ReconcileSettlementRequest>>,
    ) -> BoxFuture<'b, Result<Response<ReconcileSettlementResponse>, Status>>
    where
        'a: 'b,
        Self: 'b,
    {
        async move {
            let mut batches = request.into_inner();
            let mut sum = ReconcileSettlementResponse::default();
            while let Some(batch) = batches.message().await? {
                sum.file.clone_from(&batch.file);
                sum.lines += i64::try_from(batch.lines.len()).unwrap();
                sum.complete = batch.last;
                // An answer is scripted for each batch that may fail.
                self.answer_if_none("reconcile_settlement");
                self.take::<_, ReconcileSettlementResponse>("reconcile_settlement", Request::new(batch))?;
            }
            Ok(Response::new(sum))
        }
        .boxed()
    }
}

mock! {
    compensation::recovery_service_server::RecoveryService {
        get_gate_decision: GetGateDecisionRequest => GateDecision,
        override_gate: OverrideGateRequest => GateDecision,
        record_apology: RecordApologyRequest => Remedy,
        counter_offer: CounterOfferRequest => Offer,
    }
}

mock! {
    followup::follow_up_service_server::FollowUpService {
        send_message: SendMessageRequest => Message,
        get_message: GetMessageRequest => Message,
        list_messages: ListMessagesRequest => ListMessagesResponse,
        deliver_message: DeliverMessageRequest => Message,
        start_plan: StartPlanRequest => Plan,
        get_plan: GetPlanRequest => Plan,
        list_plans: ListPlansRequest => ListPlansResponse,
        stop_plan: StopPlanRequest => Plan,
        run_plan_step: RunPlanStepRequest => Plan,
        get_survey: GetSurveyRequest => Survey,
        list_surveys: ListSurveysRequest => ListSurveysResponse,
        submit_survey: SubmitSurveyRequest => Survey,
        get_outcome: GetOutcomeRequest => Outcome,
    }
}

mock! {
    compensation::authority_service_server::AuthorityService {
        apply_policy: ApplyPolicyRequest => ApplyPolicyResponse,
        get_policy: GetPolicyRequest => Policy,
        backtest_policy: BacktestPolicyRequest => BacktestPolicyResponse,
        list_catalogue_items: ListCatalogueItemsRequest => ListCatalogueItemsResponse,
        list_approvals: ListApprovalsRequest => ListApprovalsResponse,
        get_approval: GetApprovalRequest => Approval,
        approve_offer: ApproveOfferRequest => Approval,
        reject_offer: RejectOfferRequest => Approval,
        expire_approval: ExpireApprovalRequest => Approval,
        list_autonomous_decisions: ListAutonomousDecisionsRequest => ListAutonomousDecisionsResponse,
        list_abuse_signals: ListAbuseSignalsRequest => ListAbuseSignalsResponse,
    }
}

mock! {
    compensation::experiment_service_server::ExperimentService {
        apply_experiment: ApplyExperimentRequest => ApplyExperimentResponse,
        get_experiment: GetExperimentRequest => Experiment,
        list_experiments: ListExperimentsRequest => ListExperimentsResponse,
        stop_experiment: StopExperimentRequest => Experiment,
        expire_experiment: ExpireExperimentRequest => Experiment,
        get_experiment_report: GetExperimentReportRequest => ExperimentReport,
        record_outcome: RecordOutcomeRequest => RecordOutcomeResponse,
        release_offer: ReleaseOfferRequest => Remedy,
    }
}

mock! {
    operations::operations_service_server::OperationsService {
        list_calls: ListCallsRequest => ListCallsResponse,
        get_call: GetCallRequest => Call,
        retry_call: RetryCallRequest => Call,
        discard_call: DiscardCallRequest => Call,
        skip_message: SkipMessageRequest => SkipMessageResponse,
        get_relay_health: GetRelayHealthRequest => RelayHealth,
        list_audit_records: ListAuditRecordsRequest => ListAuditRecordsResponse,
    }
}
