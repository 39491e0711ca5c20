//! The OperationsService: durable calls, lanes, relay health and the audit chain of the services in this process.
//!
//! Owns no data: `durable::operations` does the work, in the database of the service that a name speaks of.

mod convert;
mod names;

use std::collections::BTreeMap;

use api::operations::operations_service_server::{OperationsService, OperationsServiceServer};
use api::operations::{
    Call, DiscardCallRequest, GetCallRequest, GetRelayHealthRequest, ListAuditRecordsRequest, ListAuditRecordsResponse,
    ListCallsRequest, ListCallsResponse, RelayHealth, RetryCallRequest, SkipMessageRequest, SkipMessageResponse,
};
use durable::operations::{self, CallCursor, CallFilter, SkipRequest, SkippedPlace};
use durable::{Engine, PageTokens, audit};
use kernel::{ErrorCode, PageSize, RequestKey, ServiceError, Violations};
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

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

    /// The engine of a service that a request names; all that is wrong with the request is told before that.
    fn engine(&self, violations: Violations, named: Option<Role>) -> Result<&Engine, ServiceError> {
        violations.finish()?;
        let service = named.ok_or_else(|| ServiceError::internal("a violation was recorded"))?;
        self.engines.get(&service).ok_or_else(|| {
            let text = format!("this process does not run {service}; ask one that does");
            ServiceError::new(ErrorCode::NotFound, api::reason::operations::SERVICE_NOT_HERE, text)
                .with("service", service.name())
        })
    }

    /// The engine, the message id and the parts of a change of one call.
    fn change(
        &self,
        name: &str,
        request_id: &str,
        reason: &str,
    ) -> Result<(&Engine, Uuid, String, String), ServiceError> {
        let mut violations = Violations::new();
        let request_id = violations.request_id(request_id);
        let reason = violations.text("reason", reason, 1, 512);
        let (engine, message_id) = self.call(name, violations)?;
        Ok((engine, message_id, request_id, reason))
    }

    /// The engine and the message id of a call's name.
    fn call(&self, name: &str, mut violations: Violations) -> Result<(&Engine, Uuid), ServiceError> {
        let (service, message_id) = names::call(name, &mut violations).unzip();
        let engine = self.engine(violations, service)?;
        Ok((engine, message_id.ok_or_else(|| ServiceError::internal("a violation was recorded"))?))
    }
}

/// What an operator says with a change; the canonical command that the request's hash is taken of.
#[derive(serde::Serialize)]
struct Change<'a> {
    name: &'a str,
    reason: &'a str,
}

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn list_calls(&self, request: Request<ListCallsRequest>) -> Result<Response<ListCallsResponse>, Status> {
        let context = chassis::context(&request)?;
        self.list(context, request.into_inner()).await.map(Response::new).map_err(chassis::to_status)
    }

    async fn get_call(&self, request: Request<GetCallRequest>) -> Result<Response<Call>, Status> {
        let context = chassis::context(&request)?;
        let (engine, message_id) = self.call(&request.get_ref().name, Violations::new()).map_err(chassis::to_status)?;
        let call = operations::get_call(engine, &context.tenant, message_id).await.map_err(chassis::to_status)?;
        Ok(Response::new(convert::call(engine.service(), call)))
    }

    async fn retry_call(&self, request: Request<RetryCallRequest>) -> Result<Response<Call>, Status> {
        let context = chassis::context(&request)?;
        let request = request.into_inner();
        let (engine, message_id, request_id, reason) =
            self.change(&request.name, &request.request_id, &request.reason).map_err(chassis::to_status)?;
        let hash = RequestKey::hash_of(&Change { name: &request.name, reason: &reason });
        let key = context.key(api::method::operations_service::RETRY_CALL, &request_id, hash);
        let service = engine.service();
        let answer = engine
            .mutate("operations.retry_call", key, move |tx| {
                let (context, reason) = (context.clone(), reason.clone());
                async move {
                    let call = operations::retry_in_tx(&tx, service, &context, message_id, &reason).await?;
                    Ok(convert::call(service, call))
                }
            })
            .await;
        answer.map(chassis::respond).map_err(chassis::to_status)
    }

    async fn discard_call(&self, request: Request<DiscardCallRequest>) -> Result<Response<Call>, Status> {
        let context = chassis::context(&request)?;
        let request = request.into_inner();
        let (engine, message_id, request_id, reason) =
            self.change(&request.name, &request.request_id, &request.reason).map_err(chassis::to_status)?;
        let hash = RequestKey::hash_of(&Change { name: &request.name, reason: &reason });
        let key = context.key(api::method::operations_service::DISCARD_CALL, &request_id, hash);
        let service = engine.service();
        let answer = engine
            .mutate("operations.discard_call", key, move |tx| {
                let (context, reason) = (context.clone(), reason.clone());
                async move {
                    let skip = |call: &operations::Call, skip_id: Uuid| skip_request(service, call, skip_id, &reason);
                    let call = operations::discard_in_tx(&tx, service, &context, message_id, &reason, skip).await?;
                    Ok(convert::call(service, call))
                }
            })
            .await;
        answer.map(chassis::respond).map_err(chassis::to_status)
    }

    async fn skip_message(
        &self,
        request: Request<SkipMessageRequest>,
    ) -> Result<Response<SkipMessageResponse>, Status> {
        let context = chassis::context(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let named = names::service("parent", &request.parent, &mut violations);
        let skip = convert::Skip::parse(request, &mut violations);
        let engine = self.engine(violations, named).map_err(chassis::to_status)?;
        let key =
            context.key(api::method::operations_service::SKIP_MESSAGE, &skip.request_id, RequestKey::hash_of(&skip));
        let service = engine.service();
        let answer = engine
            .mutate("operations.skip_message", key, move |tx| {
                let (context, skip) = (context.clone(), skip.clone());
                async move {
                    let place = SkippedPlace { sender: &skip.sender, lane: &skip.lane, seq: skip.lane_seq };
                    let last_seq = operations::skip_in_tx(&tx, service, &context, place, &skip.reason).await?;
                    Ok(SkipMessageResponse { last_seq })
                }
            })
            .await;
        answer.map(chassis::respond).map_err(chassis::to_status)
    }

    async fn get_relay_health(&self, request: Request<GetRelayHealthRequest>) -> Result<Response<RelayHealth>, Status> {
        let name = request.into_inner().name;
        let parent = name.strip_suffix("/relayHealth").unwrap_or(&name);
        let mut violations = Violations::new();
        let named = names::service("name", parent, &mut violations);
        let engine = self.engine(violations, named).map_err(chassis::to_status)?;
        let targets = operations::relay_health(engine).await.map_err(chassis::to_status)?;
        Ok(Response::new(convert::relay_health(engine.service(), targets)))
    }

    async fn list_audit_records(
        &self,
        request: Request<ListAuditRecordsRequest>,
    ) -> Result<Response<ListAuditRecordsResponse>, Status> {
        let context = chassis::context(&request)?;
        self.list_audit(context, request.into_inner()).await.map(Response::new).map_err(chassis::to_status)
    }
}

impl Operations {
    async fn list(
        &self,
        context: kernel::RequestContext,
        request: ListCallsRequest,
    ) -> Result<ListCallsResponse, ServiceError> {
        let mut violations = Violations::new();
        let named = names::service("parent", &request.parent, &mut violations);
        let size = PageSize::parse(request.page_size, &mut violations);
        let state = convert::state_filter(request.state, &mut violations);
        let lane = violations.text("lane", &request.lane, 0, 128);
        let engine = self.engine(violations, named)?;
        let query = ("ListCalls", engine.service(), request.state, &lane);
        let after: Option<CallCursor> = self.page_tokens.open(&context.tenant, &query, &request.page_token)?;
        let filter = CallFilter { state, lane: (!lane.is_empty()).then(|| lane.clone()) };
        let mut calls = operations::list_calls(engine, &context.tenant, &filter, after, size.get() + 1).await?;
        let more = calls.len() as u64 > size.get();
        calls.truncate(usize::try_from(size.get()).unwrap_or(usize::MAX));
        let next_page_token = match calls.last().filter(|_| more) {
            Some(last) => self.page_tokens.seal(&context.tenant, &query, &(last.created_at.micros(), last.message_id)),
            None => String::new(),
        };
        Ok(ListCallsResponse {
            calls: calls.into_iter().map(|call| convert::call(engine.service(), call)).collect(),
            next_page_token,
        })
    }

    async fn list_audit(
        &self,
        context: kernel::RequestContext,
        request: ListAuditRecordsRequest,
    ) -> Result<ListAuditRecordsResponse, ServiceError> {
        let mut violations = Violations::new();
        let named = names::service("parent", &request.parent, &mut violations);
        let size = PageSize::parse(request.page_size, &mut violations);
        let engine = self.engine(violations, named)?;
        let query = ("ListAuditRecords", engine.service());
        let before: Option<i64> = self.page_tokens.open(&context.tenant, &query, &request.page_token)?;
        let unavailable = |error: sea_orm::DbErr| {
            ServiceError::unavailable(
                kernel::reason::STORAGE_UNAVAILABLE,
                "the database does not answer; try again",
                std::time::Duration::from_millis(500),
            )
            .caused_by(error)
        };
        let mut records = audit::list(engine.read(), &context.tenant, before.unwrap_or(i64::MAX), size.get() + 1)
            .await
            .map_err(unavailable)?;
        let chain_intact = audit::verify(engine.read(), &context.tenant).await.map_err(unavailable)?;
        let more = records.len() as u64 > size.get();
        records.truncate(usize::try_from(size.get()).unwrap_or(usize::MAX));
        let next_page_token = match records.last().filter(|_| more) {
            Some(last) => self.page_tokens.seal(&context.tenant, &query, &last.seq),
            None => String::new(),
        };
        Ok(ListAuditRecordsResponse {
            audit_records: records.into_iter().map(convert::audit_record).collect(),
            next_page_token,
            chain_intact,
        })
    }
}

/// The request that moves the receiver's lane past a discarded call.
fn skip_request(sender: &str, call: &operations::Call, skip_id: Uuid, reason: &str) -> SkipRequest {
    let (lane, lane_seq) = call.lane.clone().unwrap_or_default();
    let request = SkipMessageRequest {
        request_id: skip_id.to_string(),
        parent: format!("services/{}", call.target),
        sender: sender.to_owned(),
        lane,
        lane_seq,
        reason: reason.to_owned(),
    };
    SkipRequest { method: api::method::operations_service::SKIP_MESSAGE, body: request.encode_to_vec() }
}
