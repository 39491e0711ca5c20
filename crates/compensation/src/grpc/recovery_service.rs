//! The RecoveryService over gRPC: parses, calls one use case, converts.

use api::compensation as wire;
use api::compensation::recovery_service_server::RecoveryService;
use chassis::status::to_status;
use chassis::{context, respond};
use tonic::{Request, Response, Status};

use super::{names, recovery};
use crate::app::App;

/// The service on its use cases.
#[derive(Clone, Debug)]
pub(crate) struct RecoveryApi {
    app: App,
}

impl RecoveryApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RecoveryService for RecoveryApi {
    async fn get_gate_decision(&self, request: Request<wire::GetGateDecisionRequest>) -> Reply<wire::GateDecision> {
        let context = context(&request)?;
        let id = names::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_gate_decision(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn override_gate(&self, request: Request<wire::OverrideGateRequest>) -> Reply<wire::GateDecision> {
        let context = context(&request)?;
        let (request_id, command) = recovery::override_gate(request.into_inner()).map_err(to_status)?;
        self.app.override_gate(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn record_apology(&self, request: Request<wire::RecordApologyRequest>) -> Reply<wire::Remedy> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (request_id, id) = names::mutation(&request.request_id, &request.name).map_err(to_status)?;
        self.app.record_apology(context, &request_id, id).await.map(respond).map_err(to_status)
    }

    async fn counter_offer(&self, request: Request<wire::CounterOfferRequest>) -> Reply<wire::Offer> {
        let context = context(&request)?;
        let (request_id, command) = recovery::counter(request.into_inner(), self.app.now()).map_err(to_status)?;
        self.app.counter_offer(context, &request_id, command).await.map(respond).map_err(to_status)
    }
}
