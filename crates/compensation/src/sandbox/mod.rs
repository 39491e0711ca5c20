//! A payout provider that moves no money: for development, for tests, and for those who have no provider yet.
//!
//! Plays an outside system: it knows nothing of remedies, has a log of its own (`sandbox_executions`) that it writes in
//! transactions of its own, and misbehaves on request. What always holds: what its log says was executed was executed,
//! and a key that it still knows never executes twice. A key that it has forgotten does, as with a real provider; the
//! log counts it. It can tell of what it did by webhooks, true or not, and by its settlement, which is always true.

mod behaviour;
mod config;
mod execute;
mod log;
mod server;
mod webhook;

pub use behaviour::Behaviour;
pub use config::SandboxConfig;
pub use execute::Sandbox;
pub use log::{Execution, Payment, executions, payments};
pub use server::service;
pub use webhook::{Webhook, WebhookEndpoint, sign};
