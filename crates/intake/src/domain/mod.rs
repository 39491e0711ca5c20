//! What intake knows about cases, customers and the recovery, as pure values and functions.
//!
//! Calls nothing but kernel: no I/O, no clock, no ids of its own; the time and new ids come in as arguments. Always
//! holds: a case changes only through [`recovery`], and a state only through a verb of [`case_state::State`].

pub mod attention;
pub mod case;
pub mod case_state;
pub mod command;
pub mod customer;
pub mod directory;
pub mod disruption;
pub mod entry;
pub mod event;
pub mod milestone;
pub mod reaction;
pub mod recovery;
pub mod refusal;
pub mod steps;
pub mod story_limit;
mod text_enum;
mod wording;

#[cfg(test)]
mod tests;
