//! The CompensationService over gRPC: parses, calls one use case, converts.

use api::compensation as wire;
use api::compensation::compensation_service_server::CompensationService;
use chassis::status::to_status;
use chassis::{context, respond};
use kernel::{PageSize, RequestContext, Timestamp, Violations};
use tonic::{Request, Response, Status};

use super::{names, offer, remedy};
use crate::app::App;

/// The service on its use cases.
#[derive(Clone, Debug)]
pub(crate) struct CompensationApi {
    app: App,
}

impl CompensationApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }

    /// The time that a caller's event is compared with; a durable call's sender has looked at it.
    fn now_for(&self, context: &RequestContext) -> Option<Timestamp> {
        (!context.client.starts_with("service:")).then(|| self.app.now())
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl CompensationService for CompensationApi {
    async fn assess(&self, request: Request<wire::AssessRequest>) -> Reply<wire::Assessment> {
        let context = context(&request)?;
        let now = self.now_for(&context);
        let (event, severity, as_of) = remedy::assess(request.into_inner(), now).map_err(to_status)?;
        let assessment = self.app.assess(&context, &event, severity, as_of).await.map_err(to_status)?;
        Ok(Response::new(crate::wire::assessment(&assessment)))
    }

    async fn list_packs(&self, request: Request<wire::ListPacksRequest>) -> Reply<wire::ListPacksResponse> {
        let context = context(&request)?;
        let mut violations = Violations::new();
        let size = PageSize::parse(request.get_ref().page_size, &mut violations);
        violations.finish().map_err(to_status)?;
        let page = self.app.list_packs(&context, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn open_remedy(&self, request: Request<wire::OpenRemedyRequest>) -> Reply<wire::Remedy> {
        let context = context(&request)?;
        let now = self.now_for(&context);
        let (request_id, command) = remedy::open(request.into_inner(), now).map_err(to_status)?;
        self.app.open_remedy(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_remedy(&self, request: Request<wire::GetRemedyRequest>) -> Reply<wire::Remedy> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_remedy(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_remedies(&self, request: Request<wire::ListRemediesRequest>) -> Reply<wire::ListRemediesResponse> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (case, size) = names::list(&request.case, request.page_size).map_err(to_status)?;
        let page = self.app.list_remedies(&context, case, size, &request.page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn make_offer(&self, request: Request<wire::MakeOfferRequest>) -> Reply<wire::Offer> {
        let context = context(&request)?;
        let (request_id, command) = offer::make(request.into_inner(), self.app.now()).map_err(to_status)?;
        self.app.make_offer(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_offer(&self, request: Request<wire::GetOfferRequest>) -> Reply<wire::Offer> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_offer(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_offers(&self, request: Request<wire::ListOffersRequest>) -> Reply<wire::ListOffersResponse> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (case, size) = names::list(&request.case, request.page_size).map_err(to_status)?;
        let page = self.app.list_offers(&context, case, size, &request.page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn respond_to_offer(&self, request: Request<wire::RespondToOfferRequest>) -> Reply<wire::Offer> {
        let context = context(&request)?;
        let (request_id, command) = offer::respond(request.into_inner()).map_err(to_status)?;
        self.app.respond_to_offer(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn expire_offer(&self, request: Request<wire::ExpireOfferRequest>) -> Reply<wire::Offer> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (request_id, id) = names::mutation(&request.request_id, &request.name).map_err(to_status)?;
        self.app.expire_offer(context, &request_id, id).await.map(respond).map_err(to_status)
    }

    async fn get_voucher(&self, request: Request<wire::GetVoucherRequest>) -> Reply<wire::Voucher> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_voucher(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_vouchers(&self, request: Request<wire::ListVouchersRequest>) -> Reply<wire::ListVouchersResponse> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (case, size) = names::list(&request.case, request.page_size).map_err(to_status)?;
        let page = self.app.list_vouchers(&context, case, size, &request.page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn expire_voucher(&self, request: Request<wire::ExpireVoucherRequest>) -> Reply<wire::Voucher> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (request_id, id) = names::mutation(&request.request_id, &request.name).map_err(to_status)?;
        self.app.expire_voucher(context, &request_id, id).await.map(respond).map_err(to_status)
    }

    async fn get_payout(&self, request: Request<wire::GetPayoutRequest>) -> Reply<wire::Payout> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_payout(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_payouts(&self, request: Request<wire::ListPayoutsRequest>) -> Reply<wire::ListPayoutsResponse> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (case, size) = names::list(&request.case, request.page_size).map_err(to_status)?;
        let page = self.app.list_payouts(&context, case, size, &request.page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn advance_payout(&self, request: Request<wire::AdvancePayoutRequest>) -> Reply<wire::Payout> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (request_id, id) = names::mutation(&request.request_id, &request.name).map_err(to_status)?;
        self.app.advance_payout(context, &request_id, id, request.look_up).await.map(respond).map_err(to_status)
    }

    async fn list_ledger_transactions(
        &self,
        request: Request<wire::ListLedgerTransactionsRequest>,
    ) -> Reply<wire::ListLedgerTransactionsResponse> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (case, size) = names::list_any(&request.case, request.page_size).map_err(to_status)?;
        let page = self.app.list_ledger_transactions(&context, case, size, &request.page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn get_ledger_balances(
        &self,
        request: Request<wire::GetLedgerBalancesRequest>,
    ) -> Reply<wire::GetLedgerBalancesResponse> {
        let context = context(&request)?;
        self.app.get_ledger_balances(&context).await.map(Response::new).map_err(to_status)
    }
}
