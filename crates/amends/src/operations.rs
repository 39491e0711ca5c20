//! The OperationsService: durable calls, lanes, relay health and the audit chain of the services in this process.
//!
//! Owns no data: `durable::operations` does the work, in the database of the service that a name speaks of. Everything
//! is the caller's tenant's; a process-wide view is what the metrics are for.

mod convert;
mod list;
mod parse;

use std::collections::BTreeMap;

use api::operations::operations_service_server::{OperationsService, OperationsServiceServer};
use api::operations::{
    Call, DiscardCallRequest, GetCallRequest, GetRelayHealthRequest, ListAuditRecordsRequest, ListAuditRecordsResponse,
    ListCallsRequest, ListCallsResponse, RelayHealth, RetryCallRequest, SkipMessageRequest, SkipMessageResponse,
};
use durable::operations::{self, SkipRequest, SkippedPlace};
use durable::{Engine, PageTokens};
use kernel::{Answer, ErrorCode, RequestContext, RequestKey, ServiceError};
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use self::parse::{CallName, Change, Skip};
use crate::role::Role;

/// The service over the engines of this process.
pub struct Operations {
    engines: BTreeMap<Role, Engine>,
    page_tokens: PageTokens,
}

impl Operations {
    /// As a service to serve beside the others.
    pub fn service(engines: &BTreeMap<Role, Engine>, page_token_key: &str) -> chassis::Service {
        let operations = Self { engines: engines.clone(), page_tokens: PageTokens::new(page_token_key.as_bytes()) };
        chassis::Service {
            name: "operations",
            grpc_names: vec!["amends.operations.v1.OperationsService"],
            routes: tonic::service::Routes::new(OperationsServiceServer::new(operations)),
            jobs: Vec::new(),
            readiness: Vec::new(),
        }
    }

    /// The engine of a role, when this process runs it.
    fn engine(&self, role: Role) -> Result<&Engine, ServiceError> {
        self.engines.get(&role).ok_or_else(|| {
            let text = format!("this process does not run {role}; ask one that does");
            ServiceError::new(ErrorCode::NotFound, api::reason::operations::SERVICE_NOT_HERE, text)
                .with("service", role)
        })
    }

    async fn get(&self, context: RequestContext, request: GetCallRequest) -> Result<Call, ServiceError> {
        let CallName { role, message_id } = CallName::parse(&request.name)?;
        let engine = self.engine(role)?;
        let call = operations::get_call(engine, &context.tenant, message_id).await?;
        Ok(convert::call(engine.service(), call))
    }

    async fn retry(&self, context: RequestContext, request: RetryCallRequest) -> Result<Answer<Call>, ServiceError> {
        let change = Change::parse(&request.request_id, request.name, &request.reason)?;
        let engine = self.engine(change.call.role)?;
        let key = change.key(&context, api::method::operations_service::RETRY_CALL);
        let of = engine.clone();
        let work = move |tx| {
            let (context, change, engine) = (context.clone(), change.clone(), of.clone());
            async move {
                let call =
                    operations::retry_in_tx(&tx, &engine, &context, change.call.message_id, &change.reason).await?;
                Ok(convert::call(engine.service(), call))
            }
        };
        engine.mutate("operations.retry_call", key, work).await
    }

    async fn discard(
        &self,
        context: RequestContext,
        request: DiscardCallRequest,
    ) -> Result<Answer<Call>, ServiceError> {
        let change = Change::parse(&request.request_id, request.name, &request.reason)?;
        let engine = self.engine(change.call.role)?;
        let key = change.key(&context, api::method::operations_service::DISCARD_CALL);
        let of = engine.clone();
        let work = move |tx| {
            let (context, change, engine) = (context.clone(), change.clone(), of.clone());
            async move {
                let (service, reason) = (engine.service(), change.reason.as_str());
                let skip = |call: &operations::Call, skip_id: Uuid| skip_request(service, call, skip_id, reason);
                let call =
                    operations::discard_in_tx(&tx, &engine, &context, change.call.message_id, reason, skip).await?;
                Ok(convert::call(service, call))
            }
        };
        engine.mutate("operations.discard_call", key, work).await
    }

    async fn skip(
        &self,
        context: RequestContext,
        request: SkipMessageRequest,
    ) -> Result<Answer<SkipMessageResponse>, ServiceError> {
        let skip = Skip::parse(request)?;
        let engine = self.engine(skip.receiver)?;
        may_skip(&context, &skip.sender)?;
        let method = api::method::operations_service::SKIP_MESSAGE;
        let key = context.key(method, &skip.request_id, RequestKey::hash_of(&skip));
        let service = engine.service();
        let work = move |tx| {
            let (context, skip) = (context.clone(), skip.clone());
            async move {
                let place = SkippedPlace { sender: &skip.sender, lane: &skip.lane, seq: skip.lane_seq };
                let last_seq = operations::skip_in_tx(&tx, service, &context, place, &skip.reason).await?;
                Ok(SkipMessageResponse { last_seq })
            }
        };
        engine.mutate("operations.skip_message", key, work).await
    }

    async fn relay_health(
        &self,
        context: RequestContext,
        request: GetRelayHealthRequest,
    ) -> Result<RelayHealth, ServiceError> {
        let engine = self.engine(parse::relay_health(&request.name)?)?;
        let targets = operations::relay_health(engine, &context.tenant).await?;
        Ok(convert::relay_health(engine.service(), targets))
    }
}

/// A service speaks for its own lanes alone; a client that is no service is an operator of its tenant.
fn may_skip(context: &RequestContext, sender: &str) -> Result<(), ServiceError> {
    match context.client.strip_prefix("service:") {
        Some(service) if service != sender => Err(ServiceError::new(
            ErrorCode::PermissionDenied,
            api::reason::operations::NOT_THE_SENDER,
            format!("{service} may not skip places in the lanes of {sender}"),
        )
        .with("sender", sender)),
        Some(_) | None => Ok(()),
    }
}

/// The request that moves the receiver's lane past a discarded call; `None` for a sink outside of the suite, which has
/// no OperationsService to ask.
fn skip_request(sender: &str, call: &operations::Call, skip_id: Uuid, reason: &str) -> Option<SkipRequest> {
    let receiver = Role::ALL.into_iter().find(|role| role.name() == call.target)?;
    let (lane, lane_seq) = call.lane.clone()?;
    let request = SkipMessageRequest {
        request_id: skip_id.to_string(),
        parent: format!("services/{receiver}"),
        sender: sender.to_owned(),
        lane,
        lane_seq,
        reason: reason.to_owned(),
    };
    Some(SkipRequest { method: api::method::operations_service::SKIP_MESSAGE, body: request.encode_to_vec() })
}

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn list_calls(&self, request: Request<ListCallsRequest>) -> Result<Response<ListCallsResponse>, Status> {
        let context = chassis::context(&request)?;
        self.list(context, request.into_inner()).await.map(Response::new).map_err(chassis::to_status)
    }

    async fn get_call(&self, request: Request<GetCallRequest>) -> Result<Response<Call>, Status> {
        let context = chassis::context(&request)?;
        self.get(context, request.into_inner()).await.map(Response::new).map_err(chassis::to_status)
    }

    async fn retry_call(&self, request: Request<RetryCallRequest>) -> Result<Response<Call>, Status> {
        let context = chassis::context(&request)?;
        self.retry(context, request.into_inner()).await.map(chassis::respond).map_err(chassis::to_status)
    }

    async fn discard_call(&self, request: Request<DiscardCallRequest>) -> Result<Response<Call>, Status> {
        let context = chassis::context(&request)?;
        self.discard(context, request.into_inner()).await.map(chassis::respond).map_err(chassis::to_status)
    }

    async fn skip_message(
        &self,
        request: Request<SkipMessageRequest>,
    ) -> Result<Response<SkipMessageResponse>, Status> {
        let context = chassis::context(&request)?;
        self.skip(context, request.into_inner()).await.map(chassis::respond).map_err(chassis::to_status)
    }

    async fn get_relay_health(&self, request: Request<GetRelayHealthRequest>) -> Result<Response<RelayHealth>, Status> {
        let context = chassis::context(&request)?;
        self.relay_health(context, request.into_inner()).await.map(Response::new).map_err(chassis::to_status)
    }

    async fn list_audit_records(
        &self,
        request: Request<ListAuditRecordsRequest>,
    ) -> Result<Response<ListAuditRecordsResponse>, Status> {
        let context = chassis::context(&request)?;
        self.list_audit(context, request.into_inner()).await.map(Response::new).map_err(chassis::to_status)
    }
}
