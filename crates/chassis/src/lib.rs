//! What every process of the suite needs to be a good server: configuration, telemetry, one stack of layers around
//! all gRPC services, health, draining, and channels to others.
//!
//! Owns no domain noun and no SQL; calls nothing but the network. Always holds:
//! - every error that leaves carries `google.rpc.ErrorInfo` of our domain and no internal text;
//! - every call has a deadline, a tenant, a trace and one line in the access log;
//! - telemetry never delays or fails a call;
//! - shutting down ends by its hard deadline, whatever is still open.

mod client;
pub mod config;
mod context;
pub mod limits;
mod resolve;
mod service;
pub mod status;
pub mod wire;

pub use client::{channel, with_deadline};
pub use config::{ChassisConfig, ClientConfig};
pub use context::{context, header, respond};
pub use service::{Check, Job, Service};
pub use status::{from_status, to_status};
