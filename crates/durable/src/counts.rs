//! Counts of rows by name, for reports about a whole service. Scans: not for a hot path.

use std::collections::BTreeMap;

use kernel::ServiceError;
use sea_orm::{ConnectionTrait as _, DbErr, Statement};

use crate::error::to_service_error;
use crate::{Engine, sql};

impl Engine {
    /// Runs a query whose rows are `name` (text) and `n` (a count).
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub async fn counts(&self, query: &str) -> Result<BTreeMap<String, u64>, ServiceError> {
        self.read_counts(query).await.map_err(|error| to_service_error(&error))
    }

    /// Durable calls that this service has received, by sender (`service:<name>`).
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub async fn calls_received(&self) -> Result<BTreeMap<String, u64>, ServiceError> {
        self.counts(
            "SELECT client AS name, count(*) AS n FROM inbound_requests WHERE client LIKE 'service:%' GROUP BY client",
        )
        .await
    }

    async fn read_counts(&self, query: &str) -> Result<BTreeMap<String, u64>, DbErr> {
        let rows = self.read().query_all_raw(Statement::from_string(self.db().backend().dialect(), query)).await?;
        rows.iter()
            .map(|row| {
                let n: i64 = sql::column(row, "n")?;
                Ok((sql::column(row, "name")?, u64::try_from(n).unwrap_or(0)))
            })
            .collect()
    }
}
