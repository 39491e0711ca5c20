//! Routing.
mod domain;
