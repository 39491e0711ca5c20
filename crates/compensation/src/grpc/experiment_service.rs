//! The ExperimentService over gRPC: parses, calls one use case, converts.

use api::compensation as wire;
use api::compensation::experiment_service_server::ExperimentService;
use chassis::status::to_status;
use chassis::{context, respond};
use tonic::{Request, Response, Status};

use super::{experiment, names};
use crate::app::App;

/// The service on its use cases.
#[derive(Clone, Debug)]
pub(crate) struct ExperimentApi {
    app: App,
}

impl ExperimentApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ExperimentService for ExperimentApi {
    async fn apply_experiment(
        &self,
        request: Request<wire::ApplyExperimentRequest>,
    ) -> Reply<wire::ApplyExperimentResponse> {
        let context = context(&request)?;
        let (request_id, command) = experiment::apply(request.into_inner()).map_err(to_status)?;
        self.app.apply_experiment(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_experiment(&self, request: Request<wire::GetExperimentRequest>) -> Reply<wire::Experiment> {
        let context = context(&request)?;
        let id = experiment::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_experiment(&context, &id).await.map(Response::new).map_err(to_status)
    }

    async fn list_experiments(
        &self,
        request: Request<wire::ListExperimentsRequest>,
    ) -> Reply<wire::ListExperimentsResponse> {
        let context = context(&request)?;
        let size = experiment::list(request.get_ref()).map_err(to_status)?;
        let page = self.app.list_experiments(&context, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn stop_experiment(&self, request: Request<wire::StopExperimentRequest>) -> Reply<wire::Experiment> {
        let context = context(&request)?;
        let (request_id, command) = experiment::stop(request.get_ref()).map_err(to_status)?;
        self.app.stop_experiment(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn expire_experiment(&self, request: Request<wire::ExpireExperimentRequest>) -> Reply<wire::Experiment> {
        let context = context(&request)?;
        let (request_id, id) = experiment::expire(request.get_ref()).map_err(to_status)?;
        self.app.expire_experiment(context, &request_id, id).await.map(respond).map_err(to_status)
    }

    async fn get_experiment_report(
        &self,
        request: Request<wire::GetExperimentReportRequest>,
    ) -> Reply<wire::ExperimentReport> {
        let context = context(&request)?;
        let id = experiment::get(&request.get_ref().name).map_err(to_status)?;
        self.app.get_experiment_report(&context, &id).await.map(Response::new).map_err(to_status)
    }

    async fn record_outcome(&self, request: Request<wire::RecordOutcomeRequest>) -> Reply<wire::RecordOutcomeResponse> {
        let context = context(&request)?;
        let (request_id, command) = experiment::outcome(request.get_ref()).map_err(to_status)?;
        self.app.record_outcome(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn release_offer(&self, request: Request<wire::ReleaseOfferRequest>) -> Reply<wire::Remedy> {
        let context = context(&request)?;
        let request = request.get_ref();
        let (request_id, id) = names::mutation(&request.request_id, &request.name).map_err(to_status)?;
        self.app.release_offer(context, &request_id, id).await.map(respond).map_err(to_status)
    }
}
