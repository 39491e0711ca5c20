//! The AuthorityService over gRPC: parses, calls one use case, converts.

use api::compensation as wire;
use api::compensation::authority_service_server::AuthorityService;
use chassis::status::to_status;
use chassis::{context, respond};
use tonic::{Request, Response, Status};

use super::{authority, names, policy_backtest};
use crate::app::App;

/// The service on its use cases.
#[derive(Clone, Debug)]
pub(crate) struct AuthorityApi {
    app: App,
}

impl AuthorityApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AuthorityService for AuthorityApi {
    async fn apply_policy(&self, request: Request<wire::ApplyPolicyRequest>) -> Reply<wire::ApplyPolicyResponse> {
        let context = context(&request)?;
        let (request_id, command) = authority::apply(request.get_ref()).map_err(to_status)?;
        self.app.apply_policy(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn backtest_policy(
        &self,
        request: Request<wire::BacktestPolicyRequest>,
    ) -> Reply<wire::BacktestPolicyResponse> {
        let context = context(&request)?;
        let query = policy_backtest::query(request.get_ref()).map_err(to_status)?;
        let backtested = self.app.backtest_policy(&context, query).await.map_err(to_status)?;
        Ok(Response::new(policy_backtest::response(backtested)))
    }

    async fn get_policy(&self, request: Request<wire::GetPolicyRequest>) -> Reply<wire::Policy> {
        let context = context(&request)?;
        let kind = authority::policy(&request.get_ref().name).map_err(to_status)?;
        self.app.get_policy(&context, kind).await.map(Response::new).map_err(to_status)
    }

    async fn list_catalogue_items(
        &self,
        request: Request<wire::ListCatalogueItemsRequest>,
    ) -> Reply<wire::ListCatalogueItemsResponse> {
        let context = context(&request)?;
        let (remedy, size) = authority::catalogue_items(request.get_ref()).map_err(to_status)?;
        let page = self.app.list_catalogue_items(&context, remedy, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn list_approvals(&self, request: Request<wire::ListApprovalsRequest>) -> Reply<wire::ListApprovalsResponse> {
        let context = context(&request)?;
        let (state, case, size) = authority::approvals(request.get_ref()).map_err(to_status)?;
        let page = self.app.list_approvals(&context, (state, case), size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn get_approval(&self, request: Request<wire::GetApprovalRequest>) -> Reply<wire::Approval> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_approval(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn approve_offer(&self, request: Request<wire::ApproveOfferRequest>) -> Reply<wire::Approval> {
        let context = context(&request)?;
        let (request_id, command) = authority::approve(request.get_ref()).map_err(to_status)?;
        self.app.decide_approval(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn reject_offer(&self, request: Request<wire::RejectOfferRequest>) -> Reply<wire::Approval> {
        let context = context(&request)?;
        let (request_id, command) = authority::reject(request.get_ref()).map_err(to_status)?;
        self.app.decide_approval(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn expire_approval(&self, request: Request<wire::ExpireApprovalRequest>) -> Reply<wire::Approval> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (request_id, id) = names::mutation(&request.request_id, &request.name).map_err(to_status)?;
        self.app.expire_approval(context, &request_id, id).await.map(respond).map_err(to_status)
    }

    async fn list_autonomous_decisions(
        &self,
        request: Request<wire::ListAutonomousDecisionsRequest>,
    ) -> Reply<wire::ListAutonomousDecisionsResponse> {
        let context = context(&request)?;
        let (filter, size) = authority::decisions(request.get_ref()).map_err(to_status)?;
        let page = self.app.list_autonomous_decisions(&context, filter, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn list_abuse_signals(
        &self,
        request: Request<wire::ListAbuseSignalsRequest>,
    ) -> Reply<wire::ListAbuseSignalsResponse> {
        let context = context(&request)?;
        let (customer, size) = authority::signals(request.get_ref()).map_err(to_status)?;
        let page = self.app.list_abuse_signals(&context, customer, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }
}
