//! The FollowUpService over gRPC: parses, calls one use case, converts.

use std::sync::Arc;

use api::followup as pb;
use api::followup::follow_up_service_server::FollowUpService;
use api::method::follow_up_service as method;
use chassis::{context, respond, to_status};
use kernel::{CaseId, RequestKey};
use tonic::{Request, Response, Status};

use super::{fields, message, plan, survey};
use crate::app::App;
use crate::wire;

/// The service.
#[derive(Clone)]
pub(crate) struct Service {
    app: Arc<App>,
}

impl Service {
    /// Serves these use cases.
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl FollowUpService for Service {
    async fn send_message(&self, request: Request<pb::SendMessageRequest>) -> Result<Response<pb::Message>, Status> {
        let context = context(&request)?;
        let (request_id, command) = message::send(request.into_inner(), &self.app).map_err(to_status)?;
        let key = context.key(method::SEND_MESSAGE, &request_id, RequestKey::hash_of(&command));
        self.app.send_message(context, key, command).await.map(respond).map_err(to_status)
    }

    async fn get_message(&self, request: Request<pb::GetMessageRequest>) -> Result<Response<pb::Message>, Status> {
        let context = context(&request)?;
        let id = fields::only_name("name", &request.get_ref().name).map_err(to_status)?;
        let message = self.app.get_message(&context, id).await.map_err(to_status)?;
        Ok(Response::new(wire::message(&message)))
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let page = fields::page(&request.case, request.page_size, request.page_token).map_err(to_status)?;
        let (messages, next_page_token) = self.app.list_messages(&context, &page).await.map_err(to_status)?;
        let messages = messages.iter().map(wire::message).collect();
        Ok(Response::new(pb::ListMessagesResponse { messages, next_page_token }))
    }

    async fn deliver_message(
        &self,
        request: Request<pb::DeliverMessageRequest>,
    ) -> Result<Response<pb::Message>, Status> {
        let context = context(&request)?;
        let (request_id, command) = message::deliver(request.get_ref()).map_err(to_status)?;
        let key = context.key(method::DELIVER_MESSAGE, &request_id, RequestKey::hash_of(&command));
        self.app.deliver_message(context, key, command).await.map(respond).map_err(to_status)
    }

    async fn start_plan(&self, request: Request<pb::StartPlanRequest>) -> Result<Response<pb::Plan>, Status> {
        let context = context(&request)?;
        let (request_id, command) = plan::start(request.into_inner()).map_err(to_status)?;
        let key = context.key(method::START_PLAN, &request_id, RequestKey::hash_of(&command));
        self.app.start_plan(context, key, command).await.map(respond).map_err(to_status)
    }

    async fn get_plan(&self, request: Request<pb::GetPlanRequest>) -> Result<Response<pb::Plan>, Status> {
        let context = context(&request)?;
        let id = fields::only_name("name", &request.get_ref().name).map_err(to_status)?;
        let plan = self.app.get_plan(&context, id).await.map_err(to_status)?;
        Ok(Response::new(wire::plan(&plan)))
    }

    async fn list_plans(
        &self,
        request: Request<pb::ListPlansRequest>,
    ) -> Result<Response<pb::ListPlansResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let page = fields::page(&request.case, request.page_size, request.page_token).map_err(to_status)?;
        let (plans, next_page_token) = self.app.list_plans(&context, &page).await.map_err(to_status)?;
        let plans = plans.iter().map(wire::plan).collect();
        Ok(Response::new(pb::ListPlansResponse { plans, next_page_token }))
    }

    async fn stop_plan(&self, request: Request<pb::StopPlanRequest>) -> Result<Response<pb::Plan>, Status> {
        let context = context(&request)?;
        let (request_id, command) = plan::stop(request.get_ref()).map_err(to_status)?;
        let key = context.key(method::STOP_PLAN, &request_id, RequestKey::hash_of(&command));
        self.app.stop_plan(context, key, command).await.map(respond).map_err(to_status)
    }

    async fn run_plan_step(&self, request: Request<pb::RunPlanStepRequest>) -> Result<Response<pb::Plan>, Status> {
        let context = context(&request)?;
        let (request_id, command) = plan::step(request.get_ref()).map_err(to_status)?;
        let key = context.key(method::RUN_PLAN_STEP, &request_id, RequestKey::hash_of(&command));
        self.app.run_plan_step(context, key, command).await.map(respond).map_err(to_status)
    }

    async fn get_survey(&self, request: Request<pb::GetSurveyRequest>) -> Result<Response<pb::Survey>, Status> {
        let context = context(&request)?;
        let id = fields::only_name("name", &request.get_ref().name).map_err(to_status)?;
        let survey = self.app.get_survey(&context, id).await.map_err(to_status)?;
        Ok(Response::new(wire::survey(&survey)))
    }

    async fn list_surveys(
        &self,
        request: Request<pb::ListSurveysRequest>,
    ) -> Result<Response<pb::ListSurveysResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let page = fields::page(&request.case, request.page_size, request.page_token).map_err(to_status)?;
        let (surveys, next_page_token) = self.app.list_surveys(&context, &page).await.map_err(to_status)?;
        let surveys = surveys.iter().map(wire::survey).collect();
        Ok(Response::new(pb::ListSurveysResponse { surveys, next_page_token }))
    }

    async fn submit_survey(&self, request: Request<pb::SubmitSurveyRequest>) -> Result<Response<pb::Survey>, Status> {
        let context = context(&request)?;
        let (request_id, command) = survey::submit(request.get_ref()).map_err(to_status)?;
        let key = context.key(method::SUBMIT_SURVEY, &request_id, RequestKey::hash_of(&command));
        self.app.submit_survey(context, key, command).await.map(respond).map_err(to_status)
    }

    async fn get_outcome(&self, request: Request<pb::GetOutcomeRequest>) -> Result<Response<pb::Outcome>, Status> {
        let context = context(&request)?;
        let case: CaseId = fields::only_name("case", &request.get_ref().case).map_err(to_status)?;
        let outcome = self.app.get_outcome(&context, case).await.map_err(to_status)?;
        Ok(Response::new(wire::outcome(&outcome)))
    }
}
