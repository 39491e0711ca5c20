//! The LedgerService over gRPC: parses, calls one use case, converts.

use api::compensation as wire;
use api::compensation::ledger_service_server::LedgerService;
use chassis::status::to_status;
use chassis::{context, respond};
use tonic::{Request, Response, Status};

use super::ledger;
use crate::app::App;
use crate::domain::freeze::FreezeEvent;

/// The service on its use cases.
#[derive(Clone, Debug)]
pub(crate) struct LedgerApi {
    app: App,
}

impl LedgerApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl LedgerService for LedgerApi {
    async fn redeem_voucher(&self, request: Request<wire::RedeemVoucherRequest>) -> Reply<wire::VoucherRedemption> {
        let context = context(&request)?;
        let (request_id, command) = ledger::redeem(request.get_ref()).map_err(to_status)?;
        self.app.redeem_voucher(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn reverse_grant(&self, request: Request<wire::ReverseGrantRequest>) -> Reply<wire::GrantReversal> {
        let context = context(&request)?;
        let (request_id, command) = ledger::reverse(request.get_ref()).map_err(to_status)?;
        self.app.reverse_grant(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_grant_reversal(&self, request: Request<wire::GetGrantReversalRequest>) -> Reply<wire::GrantReversal> {
        let context = context(&request)?;
        let grant = ledger::reversal_name(&request.get_ref().name).map_err(to_status)?;
        self.app.get_grant_reversal(&context, grant).await.map(Response::new).map_err(to_status)
    }

    async fn get_voucher_liability(
        &self,
        request: Request<wire::GetVoucherLiabilityRequest>,
    ) -> Reply<wire::GetVoucherLiabilityResponse> {
        let context = context(&request)?;
        self.app.get_voucher_liability(&context).await.map(Response::new).map_err(to_status)
    }

    async fn record_capture(&self, request: Request<wire::RecordCaptureRequest>) -> Reply<wire::OrderFunds> {
        let context = context(&request)?;
        let (request_id, command) = ledger::capture(request.get_ref()).map_err(to_status)?;
        self.app.record_capture(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_order_funds(
        &self,
        request: Request<wire::GetOrderFundsRequest>,
    ) -> Reply<wire::GetOrderFundsResponse> {
        let context = context(&request)?;
        let order = ledger::order(&request.get_ref().order).map_err(to_status)?;
        let funds = self.app.get_order_funds(&context, &order).await.map_err(to_status)?;
        Ok(Response::new(wire::GetOrderFundsResponse { funds: Some(funds) }))
    }

    async fn freeze_payouts(&self, request: Request<wire::FreezePayoutsRequest>) -> Reply<wire::PayoutFreeze> {
        let context = context(&request)?;
        let wire::FreezePayoutsRequest { request_id, reason, changed_by } = request.get_ref();
        let (request_id, command) =
            ledger::switch(FreezeEvent::Freeze, (request_id, reason, changed_by)).map_err(to_status)?;
        self.app.switch_payouts(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn unfreeze_payouts(&self, request: Request<wire::UnfreezePayoutsRequest>) -> Reply<wire::PayoutFreeze> {
        let context = context(&request)?;
        let wire::UnfreezePayoutsRequest { request_id, reason, changed_by } = request.get_ref();
        let (request_id, command) =
            ledger::switch(FreezeEvent::Unfreeze, (request_id, reason, changed_by)).map_err(to_status)?;
        self.app.switch_payouts(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_payout_freeze(&self, request: Request<wire::GetPayoutFreezeRequest>) -> Reply<wire::PayoutFreeze> {
        let context = context(&request)?;
        ledger::freeze_name(&request.get_ref().name).map_err(to_status)?;
        self.app.get_payout_freeze(&context).await.map(Response::new).map_err(to_status)
    }
}
