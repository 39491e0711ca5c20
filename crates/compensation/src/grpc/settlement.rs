//! The SettlementService over gRPC: parses, calls one use case, converts.

use std::pin::Pin;

use api::compensation as wire;
use api::compensation::settlement_service_server::SettlementService;
use chassis::status::to_status;
use chassis::{context, respond};
use futures::Stream;
use futures::stream::try_unfold;
use kernel::{PageSize, Violations};
use tonic::{Request, Response, Status, Streaming};

use super::{names, settlement_parse as parse};
use crate::app::{App, Place};

/// The service on its use cases.
#[derive(Clone, Debug)]
pub(crate) struct SettlementApi {
    app: App,
}

impl SettlementApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SettlementService for SettlementApi {
    async fn record_provider_event(
        &self,
        request: Request<wire::RecordProviderEventRequest>,
    ) -> Reply<wire::RecordProviderEventResponse> {
        let context = context(&request)?;
        let (request_id, command) = parse::event(request.into_inner()).map_err(to_status)?;
        self.app.record_provider_event(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn reconcile_settlement(
        &self,
        request: Request<Streaming<wire::ReconcileSettlementRequest>>,
    ) -> Reply<wire::ReconcileSettlementResponse> {
        let context = context(&request)?;
        let mut batches = request.into_inner();
        let (mut stream, mut sum) = (parse::Stream::default(), wire::ReconcileSettlementResponse::default());
        while let Some(batch) = batches.message().await? {
            let (request_id, command) = stream.batch(batch).map_err(to_status)?;
            let taken = self.app.reconcile_settlement(context.clone(), &request_id, command).await;
            let taken = taken.map_err(to_status)?.message;
            sum.file = taken.file;
            sum.lines += taken.lines;
            sum.lines_taken_before += taken.lines_taken_before;
            sum.lines_matched += taken.lines_matched;
            sum.payouts_adopted += taken.payouts_adopted;
            sum.discrepancies += taken.discrepancies;
            sum.complete = taken.complete;
        }
        stream.end().map_err(to_status)?;
        Ok(Response::new(sum))
    }

    async fn close_settlement(
        &self,
        request: Request<wire::CloseSettlementRequest>,
    ) -> Reply<wire::CloseSettlementResponse> {
        let context = context(&request)?;
        let (request_id, file) = parse::close(request.into_inner()).map_err(to_status)?;
        self.app.close_settlement(context, &request_id, file).await.map(respond).map_err(to_status)
    }

    async fn get_settlement_discrepancy(
        &self,
        request: Request<wire::GetSettlementDiscrepancyRequest>,
    ) -> Reply<wire::SettlementDiscrepancy> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_settlement_discrepancy(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_settlement_discrepancies(
        &self,
        request: Request<wire::ListSettlementDiscrepanciesRequest>,
    ) -> Reply<wire::ListSettlementDiscrepanciesResponse> {
        let context = context(&request)?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let size = PageSize::parse(request.page_size, &mut violations);
        violations.finish().map_err(to_status)?;
        let token = &request.page_token;
        let page = self.app.list_settlement_discrepancies(&context, request.show_resolved, size, token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn resolve_settlement_discrepancy(
        &self,
        request: Request<wire::ResolveSettlementDiscrepancyRequest>,
    ) -> Reply<wire::SettlementDiscrepancy> {
        let context = context(&request)?;
        let (request_id, command) = parse::resolve(request.into_inner()).map_err(to_status)?;
        self.app.resolve_settlement_discrepancy(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn settle_payout(&self, request: Request<wire::SettlePayoutRequest>) -> Reply<wire::PayoutSettlement> {
        let context = context(&request)?;
        let (request_id, command) = parse::settle(request.into_inner()).map_err(to_status)?;
        self.app.settle_payout(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn approve_payout_settlement(
        &self,
        request: Request<wire::ApprovePayoutSettlementRequest>,
    ) -> Reply<wire::PayoutSettlement> {
        let context = context(&request)?;
        let wire::ApprovePayoutSettlementRequest { request_id, name, reason } = request.into_inner();
        let (request_id, command) = parse::decide(&request_id, &name, &reason).map_err(to_status)?;
        self.app.approve_payout_settlement(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn reject_payout_settlement(
        &self,
        request: Request<wire::RejectPayoutSettlementRequest>,
    ) -> Reply<wire::PayoutSettlement> {
        let context = context(&request)?;
        let wire::RejectPayoutSettlementRequest { request_id, name, reason } = request.into_inner();
        let (request_id, command) = parse::decide(&request_id, &name, &reason).map_err(to_status)?;
        self.app.reject_payout_settlement(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_payout_settlement(
        &self,
        request: Request<wire::GetPayoutSettlementRequest>,
    ) -> Reply<wire::PayoutSettlement> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_payout_settlement(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_payout_settlements(
        &self,
        request: Request<wire::ListPayoutSettlementsRequest>,
    ) -> Reply<wire::ListPayoutSettlementsResponse> {
        let context = context(&request)?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let payout = names::name("payout", &request.payout, &mut violations);
        let size = PageSize::parse(request.page_size, &mut violations);
        let payout = names::done(violations, payout).map_err(to_status)?;
        let page = self.app.list_payout_settlements(&context, payout, size, &request.page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    type GetSandboxSettlementStream =
        Pin<Box<dyn Stream<Item = Result<wire::GetSandboxSettlementResponse, Status>> + Send + 'static>>;

    async fn get_sandbox_settlement(
        &self,
        request: Request<wire::GetSandboxSettlementRequest>,
    ) -> Reply<Self::GetSandboxSettlementStream> {
        let context = context(&request)?;
        let day = parse::day_of(&request.get_ref().day).map_err(to_status)?;
        let app = self.app.clone();
        let lines = try_unfold((app, context, day, Place::default()), |(app, context, day, mut place)| async move {
            let lines = app.sandbox_settlement(&context, &day, &mut place).await.map_err(to_status)?;
            let answer = wire::GetSandboxSettlementResponse { lines };
            Ok((!answer.lines.is_empty()).then_some((answer, (app, context, day, place))))
        });
        Ok(Response::new(Box::pin(lines)))
    }
}
