//! Routing.
mod domain;
mod store;
