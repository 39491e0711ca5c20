//! The payout saga as a whole, with the sandbox for a provider: every part of it fails and is repeated in turn, and every
//! safeguard is taken away in turn. What holds is asked of the database and of the provider's own log.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checker;
mod each_part;
mod safeguards;
mod world;
