//! The contract's side: requests are parsed with all their violations, one use case is called, its answer leaves.

mod authority;
mod authority_service;
mod backtest;
mod backtest_report;
mod event;
mod experiment;
mod experiment_service;
mod ledger;
mod ledger_service;
mod line;
mod names;
mod offer;
mod pack;
mod pack_service;
mod policy_backtest;
mod recovery;
mod recovery_service;
mod remedy;
mod service;
mod settlement;
mod settlement_parse;

pub(crate) use authority_service::AuthorityApi;
pub(crate) use experiment_service::ExperimentApi;
pub(crate) use ledger_service::LedgerApi;
pub(crate) use pack_service::PackApi;
pub(crate) use recovery_service::RecoveryApi;
pub(crate) use service::CompensationApi;
pub(crate) use settlement::SettlementApi;
