//! What every process of the suite needs to be a good server: configuration, telemetry, one stack of layers around
//! all gRPC services, health, draining, and channels to others.
//!
//! Owns no domain noun and no SQL; calls nothing but the network. Always holds:
//! - every error that leaves carries `google.rpc.ErrorInfo` of our domain and no internal text;
//! - every call has a deadline, a tenant, a trace and one line in the access log;
//! - telemetry never delays or fails a call;
//! - shutting down ends by its hard deadline, whatever is still open.

mod admin;
mod client;
pub mod config;
mod context;
mod health;
mod jobs;
pub mod limits;
mod resolve;
mod serve;
mod server;
mod service;
pub mod status;
pub mod telemetry;
pub mod wire;

pub use client::{channel, check_address, with_deadline};
pub use config::{ChassisConfig, ClientConfig};
pub use context::{context, header, respond};
pub use serve::{Bound, ServeOptions, serve, shutdown_signal};
pub use server::trace::inject_trace;
pub use service::{Check, Job, Service};
pub use status::{from_status, front_reason, to_status};
pub use telemetry::{Telemetry, TelemetryOptions};
