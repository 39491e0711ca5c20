//! The PackService over gRPC.

use api::compensation as wire;
use api::compensation::pack_service_server::PackService;
use chassis::status::to_status;
use chassis::{context, respond};
use tonic::{Request, Response, Status, Streaming};

use super::{backtest, pack};
use crate::app::App;

/// The service on its use cases.
#[derive(Clone, Debug)]
pub(crate) struct PackApi {
    app: App,
}

impl PackApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl PackService for PackApi {
    type BacktestPackStream = backtest::Answers;

    async fn backtest_pack(
        &self,
        request: Request<Streaming<wire::BacktestPackRequest>>,
    ) -> Result<Response<Self::BacktestPackStream>, Status> {
        let context = context(&request)?;
        Ok(Response::new(backtest::run(self.app.clone(), context, request.into_inner())))
    }

    async fn apply_pack(
        &self,
        request: Request<wire::ApplyPackRequest>,
    ) -> Result<Response<wire::ApplyPackResponse>, Status> {
        let context = context(&request)?;
        let (request_id, command) = pack::apply(request.into_inner()).map_err(to_status)?;
        self.app.apply_pack(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_pack(&self, request: Request<wire::GetPackRequest>) -> Result<Response<wire::Pack>, Status> {
        let context = context(&request)?;
        let (id, version) = pack::get(request.get_ref()).map_err(to_status)?;
        self.app.get_pack(&context, id, version).await.map(Response::new).map_err(to_status)
    }
}
