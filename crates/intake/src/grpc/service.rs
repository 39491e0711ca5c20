//! The IntakeService over gRPC: parses, calls one use case, converts.

use std::sync::Arc;

use api::intake as pb;
use api::intake::intake_service_server::IntakeService;
use chassis::{context, respond, to_status};
use futures::stream::{BoxStream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::{case, customer, disruption, fields, list};
use crate::app::App;

/// The service.
#[derive(Clone)]
pub(crate) struct Intake {
    app: Arc<App>,
}

impl Intake {
    /// Serves these use cases.
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl IntakeService for Intake {
    type WatchCaseStream = BoxStream<'static, Result<pb::WatchCaseResponse, Status>>;

    async fn resolve_customer(
        &self,
        request: Request<pb::ResolveCustomerRequest>,
    ) -> Result<Response<pb::Customer>, Status> {
        let context = context(&request)?;
        let (request_id, draft) = customer::resolve(request.get_ref()).map_err(to_status)?;
        self.app.resolve_customer(context, &request_id, draft).await.map(respond).map_err(to_status)
    }

    async fn get_customer(&self, request: Request<pb::GetCustomerRequest>) -> Result<Response<pb::Customer>, Status> {
        let context = context(&request)?;
        let id = fields::only_name("name", &request.get_ref().name).map_err(to_status)?;
        self.app.get_customer(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn open_case(&self, request: Request<pb::OpenCaseRequest>) -> Result<Response<pb::OpenCaseResponse>, Status> {
        let context = context(&request)?;
        let (request_id, draft) = case::open(request.get_ref(), self.app.now()).map_err(to_status)?;
        self.app.open_case(context, &request_id, draft).await.map(respond).map_err(to_status)
    }

    async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> Result<Response<pb::Case>, Status> {
        let context = context(&request)?;
        let id = fields::only_name("name", &request.get_ref().name).map_err(to_status)?;
        self.app.get_case(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_cases(
        &self,
        request: Request<pb::ListCasesRequest>,
    ) -> Result<Response<pb::ListCasesResponse>, Status> {
        let context = context(&request)?;
        let list = list::cases(request.into_inner()).map_err(to_status)?;
        self.app.list_cases(&context, &list).await.map(Response::new).map_err(to_status)
    }

    async fn watch_case(
        &self,
        request: Request<pb::WatchCaseRequest>,
    ) -> Result<Response<Self::WatchCaseStream>, Status> {
        let context = context(&request)?;
        let id = fields::only_name("name", &request.get_ref().name).map_err(to_status)?;
        let changes = self.app.watch_case(&context, id).await.map_err(to_status)?;
        Ok(Response::new(changes.map(|change| change.map_err(to_status)).boxed()))
    }

    async fn get_customer_timeline(
        &self,
        request: Request<pb::GetCustomerTimelineRequest>,
    ) -> Result<Response<pb::GetCustomerTimelineResponse>, Status> {
        let context = context(&request)?;
        let ask = list::timeline(request.into_inner()).map_err(to_status)?;
        self.app.get_customer_timeline(&context, &ask).await.map(Response::new).map_err(to_status)
    }

    async fn ask_question(&self, request: Request<pb::AskQuestionRequest>) -> Result<Response<pb::Case>, Status> {
        let context = context(&request)?;
        let (request_id, ask) = case::question(request.get_ref()).map_err(to_status)?;
        self.app.ask_question(context, &request_id, ask).await.map(respond).map_err(to_status)
    }

    async fn record_finding(&self, request: Request<pb::RecordFindingRequest>) -> Result<Response<pb::Case>, Status> {
        let context = context(&request)?;
        let (request_id, finding) = case::finding(request.get_ref()).map_err(to_status)?;
        self.app.record_finding(context, &request_id, finding).await.map(respond).map_err(to_status)
    }

    async fn set_requested_remedy(
        &self,
        request: Request<pb::SetRequestedRemedyRequest>,
    ) -> Result<Response<pb::Case>, Status> {
        let context = context(&request)?;
        let (request_id, wish) = case::requested_remedy(request.get_ref()).map_err(to_status)?;
        self.app.set_requested_remedy(context, &request_id, wish).await.map(respond).map_err(to_status)
    }

    async fn reopen_case(&self, request: Request<pb::ReopenCaseRequest>) -> Result<Response<pb::Case>, Status> {
        let context = context(&request)?;
        let (request_id, reason) = case::reopen(request.get_ref()).map_err(to_status)?;
        self.app.reopen_case(context, &request_id, reason).await.map(respond).map_err(to_status)
    }

    async fn report_disruption(
        &self,
        request: Request<pb::ReportDisruptionRequest>,
    ) -> Result<Response<pb::Disruption>, Status> {
        let context = context(&request)?;
        let (request_id, content) = disruption::report(request.get_ref(), self.app.now()).map_err(to_status)?;
        self.app.report_disruption(context, &request_id, content).await.map(respond).map_err(to_status)
    }

    async fn get_disruption(
        &self,
        request: Request<pb::GetDisruptionRequest>,
    ) -> Result<Response<pb::Disruption>, Status> {
        let context = context(&request)?;
        let id = fields::only_name("name", &request.get_ref().name).map_err(to_status)?;
        self.app.get_disruption(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn add_affected(
        &self,
        request: Request<Streaming<pb::AddAffectedRequest>>,
    ) -> Result<Response<pb::AddAffectedResponse>, Status> {
        let context = context(&request)?;
        let mut batches = request.into_inner();
        let (mut stream, mut all) = (disruption::Stream::default(), pb::AddAffectedResponse::default());
        while let Some(batch) = batches.message().await? {
            let (request_id, add) = stream.batch(&batch).map_err(to_status)?;
            let added = self.app.add_affected(context.clone(), &request_id, add).await.map_err(to_status)?;
            all.results.extend(added.message.results);
        }
        stream.end().map_err(to_status)?;
        Ok(Response::new(all))
    }
}
