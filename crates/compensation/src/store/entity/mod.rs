//! The tables as sea-orm sees them.

pub mod offer;
pub mod payout;
pub mod remedy;
pub mod voucher;
