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

    /// Durable calls that this service has received, by sender (`service:<name>`), those included whose receipts the
    /// sweep has removed.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub async fn calls_received(&self) -> Result<BTreeMap<String, u64>, ServiceError> {
        self.counts(
            "SELECT name, CAST(sum(n) AS BIGINT) AS n FROM (\
             SELECT client AS name, count(*) AS n FROM inbound_requests WHERE client LIKE 'service:%' GROUP BY client \
             UNION ALL SELECT client, requests FROM inbound_removed) AS received GROUP BY name",
        )
        .await
    }

    /// Timers and retries of this service that wait for their time.
    ///
    /// # Errors
    /// UNAVAILABLE when the database does not answer.
    pub async fn calls_waiting(&self) -> Result<u64, ServiceError> {
        let now = self.now().micros();
        let waiting = self
            .counts(&format!(
                "SELECT 'waiting' AS name, count(*) AS n FROM outbound_calls WHERE state = 'pending' AND due_at > {now}"
            ))
            .await?;
        Ok(waiting.into_values().sum())
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
