//! Routing.
mod app;
mod config;
mod domain;
mod store;
mod view;
pub use config::Config;
/// The name.
pub const NAME: &str = "routing";
