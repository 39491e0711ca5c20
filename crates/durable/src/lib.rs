//! What makes a service's promises durable: its database, retried transactions, idempotent mutations, group commit,
//! durable calls with lanes and timers, the relay that sends them, the audit chain, page tokens, the migration gate.
//!
//! Calls PostgreSQL or SQLite through sea-orm, and other services' public RPCs through a raw gRPC client. Knows no
//! domain noun and no proto of ours. What always holds:
//!
//! - A mutation's effect, its stored answer, its place in its lane and the durable calls that it causes commit together.
//! - The same request key never has a second effect, and always gets the same answer.
//! - Nothing but SQL happens inside a transaction, and every transaction may run more than once.

mod bulk;
mod config;
mod counts;
mod db;
mod deferred;
mod engine;
mod error;
mod group;
mod inbound;
mod measures;
mod migrate;
mod mutate;
mod outbound;
mod page_token;
mod relay;
mod schema;
mod space;
mod sweep;
mod tx;
mod writer;

pub mod audit;
pub mod operations;
pub mod sql;

pub use bulk::{Bulk, ColumnType};
pub use config::{DatabaseConfig, EngineConfig, StoreConfig};
pub use db::{Backend, Db};
pub use deferred::Write;
pub use engine::{Engine, EngineParts};
pub use error::{DbFailure, TxError, classify, is_unique_violation};
pub use migrate::{Migrations, migrate, pending_migrations};
pub use outbound::{Due, OutboundCall};
pub use page_token::PageTokens;
pub use relay::{
    Quiescence, RawCodec, RejectionHandler, Relay, RelayConfig, TargetHealth, Targets, UndeliveredCall, Unparked,
    quiescence,
};
pub use schema::{ddl, migrations as durable_migrations};
pub use sweep::{KeptAnswers, Swept};
pub use tx::Tx;
pub use writer::{GroupCommand, Writer};
