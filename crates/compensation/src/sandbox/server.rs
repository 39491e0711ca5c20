//! The sandbox as a gRPC `PayoutProvider`, for other processes.

use api::extension::payout_provider_server::{PayoutProvider, PayoutProviderServer, SERVICE_NAME};
use api::extension::{ExecutePayoutRequest, ExecutePayoutResponse, LookUpPayoutRequest, LookUpPayoutResponse};
use chassis::{Service, to_status};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::Sandbox;

/// The sandbox, ready to be served.
pub fn service(sandbox: Sandbox) -> Service {
    let server = PayoutProviderServer::new(Server(sandbox)).max_decoding_message_size(chassis::limits::MESSAGE_BYTES);
    Service {
        name: "sandbox",
        grpc_names: vec![SERVICE_NAME],
        routes: Routes::new(server),
        jobs: Vec::new(),
        readiness: Vec::new(),
    }
}

struct Server(Sandbox);

#[tonic::async_trait]
impl PayoutProvider for Server {
    async fn execute_payout(
        &self,
        request: Request<ExecutePayoutRequest>,
    ) -> Result<Response<ExecutePayoutResponse>, Status> {
        self.0.execute(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn look_up_payout(
        &self,
        request: Request<LookUpPayoutRequest>,
    ) -> Result<Response<LookUpPayoutResponse>, Status> {
        self.0.look_up(request.into_inner()).await.map(Response::new).map_err(to_status)
    }
}
