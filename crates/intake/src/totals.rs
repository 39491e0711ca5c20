//! What all cases have come to: for reports about the whole service.

use std::collections::BTreeMap;

use durable::Engine;
use kernel::ServiceError;

/// Counts over all tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Cases by state.
    pub cases: BTreeMap<String, u64>,
    /// Cases that need a person.
    pub needs_attention: u64,
}

/// Counts cases.
///
/// # Errors
/// UNAVAILABLE when the database does not answer.
pub async fn totals(engine: &Engine) -> Result<Totals, ServiceError> {
    let attention = engine.counts("SELECT 'cases' AS name, count(*) AS n FROM cases WHERE needs_attention").await?;
    Ok(Totals {
        cases: engine.counts("SELECT state AS name, count(*) AS n FROM cases GROUP BY state").await?,
        needs_attention: attention.into_values().sum(),
    })
}
