//! The PackService over gRPC.

use api::compensation as wire;
use api::compensation::pack_service_server::PackService;
use chassis::context;
use tonic::{Request, Response, Status, Streaming};

use super::backtest;
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
        context(&request)?;
        Ok(Response::new(backtest::run(self.app.clone(), request.into_inner())))
    }
}
