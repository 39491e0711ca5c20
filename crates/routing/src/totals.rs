//! What the work of all cases has come to: for reports about the whole service.

use std::collections::BTreeMap;

use durable::Engine;
use kernel::ServiceError;

/// Counts over all tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Work items by state.
    pub work_items: BTreeMap<String, u64>,
    /// Clocks by kind and state, e.g. `RESOLVE MET`.
    pub clocks: BTreeMap<String, u64>,
}

/// Counts work items and clocks.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn totals(engine: &Engine) -> Result<Totals, ServiceError> {
    Ok(Totals {
        work_items: engine.counts("SELECT state AS name, count(*) AS n FROM work_items GROUP BY state").await?,
        clocks: engine
            .counts("SELECT kind || ' ' || state AS name, count(*) AS n FROM work_clocks GROUP BY kind, state")
            .await?,
    })
}
