//! The migrations after the first one, one a file.
//!
//! Calls `durable::ddl` and the schema manager. Always holds: a migration that was released is never edited, and each
//! one keeps the rows that it finds.

mod create_payout_freezes;

pub use create_payout_freezes::CreatePayoutFreezes;
