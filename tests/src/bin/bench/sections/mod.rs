//! What is measured, one section a file.

pub mod add_affected;
pub mod backtest;
mod compare;
pub mod get_case;
pub mod idle;
pub mod open_case;
pub mod relay;
pub mod replay;
pub mod sqlite;
