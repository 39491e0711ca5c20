//! The migrations after the first one, one a file.
//!
//! Calls `durable::ddl` and the schema manager. Always holds: a migration that was released is never edited, and each
//! one keeps the rows that it finds.

mod add_catalogue;
mod add_deciders;
mod add_gate;
mod add_given;
mod add_no_fault;
mod add_offer_end;
mod close_ledger_transactions;
mod create_applied_packs;
mod create_authority;
mod create_captures;
mod create_experiments;
mod create_order_vouchers;
mod create_payout_freezes;
mod find_old_rows;
mod guard_records;
mod rebuild;
mod seed_ledger_totals;
mod total_ledger;
mod validate_no_fault;
mod validate_widened;
mod widen_ledger;

pub use add_catalogue::AddCatalogue;
pub use add_deciders::AddDeciders;
pub use add_gate::AddGate;
pub use add_given::AddGiven;
pub use add_no_fault::AddNoFault;
pub use add_offer_end::AddOfferEnd;
pub use close_ledger_transactions::CloseLedgerTransactions;
pub use create_applied_packs::CreateAppliedPacks;
pub use create_authority::CreateAuthority;
pub use create_captures::CreateCaptures;
pub use create_experiments::CreateExperiments;
pub use create_order_vouchers::CreateOrderVouchers;
pub use create_payout_freezes::CreatePayoutFreezes;
pub use find_old_rows::FindOldRows;
pub use guard_records::GuardRecords;
pub use seed_ledger_totals::SeedLedgerTotals;
pub use total_ledger::TotalLedger;
pub use validate_no_fault::ValidateNoFault;
pub use validate_widened::ValidateWidened;
pub use widen_ledger::WidenLedger;
