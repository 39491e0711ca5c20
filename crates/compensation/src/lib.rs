//! The compensation service: works out what is owed, puts choices to customers, and gives exactly once.

pub mod domain;
