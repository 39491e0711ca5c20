//! The gRPC face of routing: parse, call one use case, convert.

mod agents;
mod names;
mod queues;
mod service;
mod work_items;

pub(crate) use service::RoutingApi;
