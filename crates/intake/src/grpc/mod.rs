//! The wire: requests become commands with every violation listed, use cases answer, errors become statuses.

mod case;
mod customer;
mod disruption;
mod event;
mod fields;
mod list;
mod milestone;
mod service;
mod sink;

pub(crate) use service::Intake;
pub(crate) use sink::Sink;
