//! The RoutingService over gRPC: parses, calls one use case, converts.

use std::pin::Pin;

use api::routing as wire;
use api::routing::routing_service_server::RoutingService;
use chassis::status::to_status;
use chassis::{context, respond};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tonic::{Request, Response, Status};

use super::{agents, queues, work_items};
use crate::app::App;

/// The service on its use cases.
#[derive(Clone)]
pub(crate) struct RoutingApi {
    app: App,
}

impl RoutingApi {
    /// Serves these use cases.
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RoutingService for RoutingApi {
    async fn create_queue(&self, request: Request<wire::CreateQueueRequest>) -> Reply<wire::Queue> {
        let context = context(&request)?;
        let (request_id, command) = queues::create(request.into_inner()).map_err(to_status)?;
        self.app.create_queue(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_queue(&self, request: Request<wire::GetQueueRequest>) -> Reply<wire::Queue> {
        let context = context(&request)?;
        let id = queues::get(request.get_ref()).map_err(to_status)?;
        self.app.get_queue(&context, &id).await.map(Response::new).map_err(to_status)
    }

    async fn list_queues(&self, request: Request<wire::ListQueuesRequest>) -> Reply<wire::ListQueuesResponse> {
        let context = context(&request)?;
        let size = queues::page(request.get_ref().page_size).map_err(to_status)?;
        let page = self.app.list_queues(&context, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn create_agent(&self, request: Request<wire::CreateAgentRequest>) -> Reply<wire::Agent> {
        let context = context(&request)?;
        let (request_id, command) = agents::create(request.into_inner()).map_err(to_status)?;
        self.app.create_agent(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_agent(&self, request: Request<wire::GetAgentRequest>) -> Reply<wire::Agent> {
        let context = context(&request)?;
        let id = agents::name("name", &request.get_ref().name).map_err(to_status)?;
        self.app.get_agent(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_agents(&self, request: Request<wire::ListAgentsRequest>) -> Reply<wire::ListAgentsResponse> {
        let context = context(&request)?;
        let size = queues::page(request.get_ref().page_size).map_err(to_status)?;
        let page = self.app.list_agents(&context, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn set_presence(&self, request: Request<wire::SetPresenceRequest>) -> Reply<wire::Agent> {
        let context = context(&request)?;
        let (request_id, command) = agents::set_presence(request.get_ref()).map_err(to_status)?;
        self.app.set_presence(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn open_work(&self, request: Request<wire::OpenWorkRequest>) -> Reply<wire::WorkItem> {
        let context = context(&request)?;
        let (request_id, command) = work_items::open(request.into_inner()).map_err(to_status)?;
        self.app.open_work(context, request_id, command).await.map(respond).map_err(to_status)
    }

    async fn get_work_item(&self, request: Request<wire::GetWorkItemRequest>) -> Reply<wire::WorkItem> {
        let context = context(&request)?;
        let id = work_items::get(request.get_ref()).map_err(to_status)?;
        self.app.get_work_item(&context, id).await.map(Response::new).map_err(to_status)
    }

    async fn list_work_items(
        &self,
        request: Request<wire::ListWorkItemsRequest>,
    ) -> Reply<wire::ListWorkItemsResponse> {
        let context = context(&request)?;
        let (size, filter) = work_items::list(request.get_ref()).map_err(to_status)?;
        let page = self.app.list_work_items(&context, &filter, size, &request.get_ref().page_token).await;
        page.map(Response::new).map_err(to_status)
    }

    async fn claim_work(&self, request: Request<wire::ClaimWorkRequest>) -> Reply<wire::WorkItem> {
        let context = context(&request)?;
        let (request_id, command) = work_items::claim(request.get_ref()).map_err(to_status)?;
        self.app.claim_work(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    type StreamAssignmentsStream = Pin<Box<dyn Stream<Item = Result<wire::StreamAssignmentsResponse, Status>> + Send>>;

    async fn stream_assignments(
        &self,
        request: Request<wire::StreamAssignmentsRequest>,
    ) -> Reply<Self::StreamAssignmentsStream> {
        let context = context(&request)?;
        let agent = agents::name("agent", &request.get_ref().agent).map_err(to_status)?;
        let assigned = self.app.stream_assignments(context, agent).await.map_err(to_status)?;
        let responses =
            assigned.map_ok(|work| wire::StreamAssignmentsResponse { work_item: Some(work) }).map_err(to_status);
        Ok(Response::new(responses.boxed()))
    }

    async fn post_progress(&self, request: Request<wire::PostProgressRequest>) -> Reply<wire::WorkItem> {
        let context = context(&request)?;
        let (request_id, command) = work_items::post(request.into_inner(), self.app.now()).map_err(to_status)?;
        self.app.post_progress(context, request_id, command).await.map(respond).map_err(to_status)
    }

    async fn escalate_work(&self, request: Request<wire::EscalateWorkRequest>) -> Reply<wire::WorkItem> {
        let context = context(&request)?;
        let (request_id, command) = work_items::escalate(request.get_ref()).map_err(to_status)?;
        self.app.escalate_work(context, &request_id, command).await.map(respond).map_err(to_status)
    }

    async fn complete_work(&self, request: Request<wire::CompleteWorkRequest>) -> Reply<wire::WorkItem> {
        let context = context(&request)?;
        let (request_id, command) = work_items::complete(request.get_ref()).map_err(to_status)?;
        self.app.complete_work(context, request_id, command).await.map(respond).map_err(to_status)
    }

    async fn check_clock(&self, request: Request<wire::CheckClockRequest>) -> Reply<wire::WorkItem> {
        let context = context(&request)?;
        let (request_id, command) = work_items::check(request.get_ref()).map_err(to_status)?;
        self.app.check_clock(context, request_id, command).await.map(respond).map_err(to_status)
    }
}
