//! What has been said to all customers and what came of it: for reports about the whole service.

use std::collections::BTreeMap;

use durable::Engine;
use kernel::ServiceError;

/// Counts over all tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages by template and state, e.g. `apology SENT`.
    pub messages: BTreeMap<String, u64>,
    /// Plans by state.
    pub plans: BTreeMap<String, u64>,
}

/// Counts messages and plans.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn totals(engine: &Engine) -> Result<Totals, ServiceError> {
    Ok(Totals {
        messages: engine
            .counts("SELECT template || ' ' || state AS name, count(*) AS n FROM messages GROUP BY template, state")
            .await?,
        plans: engine.counts("SELECT state AS name, count(*) AS n FROM plans GROUP BY state").await?,
    })
}
