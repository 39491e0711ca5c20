//! What arguments are made of, and how text becomes a value of the API.

mod args;
mod fact;
mod offer;
mod text;

pub use args::{Etag, EventArgs, Paging, Repeatable, SeverityArg, fact_map};
pub use fact::{Keyed, amount, fact, fact_value};
pub use offer::{option, with_ids};
pub use text::{call, contact, duration, identity, name, queue, service, time};
