//! The API port: accept loop, TLS, HTTP/2 limits, and the layers around every call.
//!
//! Owns its listener's connections and tasks; calls the services' routes. Always holds: a call has a deadline, a
//! place among a bounded number, a caller, one record; a connection has handshake timeouts and an age.

pub(crate) mod accept;
mod answer;
mod auth;
pub(crate) mod call;
pub(crate) mod connection;
mod frames;
mod front;
pub(crate) mod methods;
mod rates;
pub(crate) mod record;
mod shares;
pub(crate) mod tasks;
pub(crate) mod tls;
pub(crate) mod trace;
