//! The checker: invariants over the four databases, whatever was killed, cut or repeated before.
//!
//! `I…` are the invariants of the reliability protocol: nothing lost, invented, reordered, left behind or paid twice.
//! Of those, I11 is seen as far as the databases know it: what a receiver has stored is what its sender was told. What a
//! client was told only the client knows.

mod acknowledged;
mod books;
mod calls;
mod counters;
mod decisions;
mod endings;
mod money;
mod tenants;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use amends::role::Role;
use durable::Engine;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, QueryResult, Statement};
use uuid::Uuid;

pub use self::acknowledged::{Acknowledged, Said};
use crate::databases::Databases;

/// What was found wrong, one line each.
#[derive(Debug, Default)]
pub struct Findings(Vec<String>);

impl Findings {
    pub(crate) fn add(&mut self, invariant: &str, text: impl fmt::Display) {
        self.0.push(format!("{invariant}: {text}"));
    }

    /// The findings.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// Fails the test when something was found wrong.
    #[track_caller]
    pub fn assert_none(&self) {
        assert!(self.0.is_empty(), "{} finding(s):\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// Looks into the databases of a suite.
pub struct Checker {
    databases: BTreeMap<Role, DatabaseConnection>,
}

/// What the checker counted on the way, to show that it looked at something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Durable calls delivered.
    pub delivered: u64,
    /// Lanes compared.
    pub lanes: u64,
    /// Payouts confirmed.
    pub payouts: u64,
    /// Ledger transactions.
    pub ledger_transactions: u64,
    /// Cases that have ended or wait for something.
    pub cases: u64,
}

impl Checker {
    /// Over the databases of a suite in this process.
    pub fn of_engines(engines: &BTreeMap<Role, Engine>) -> Self {
        Self { databases: engines.iter().map(|(role, engine)| (*role, engine.read().clone())).collect() }
    }

    /// Over the databases of a suite of processes, or of one that has stopped.
    pub async fn of_databases(databases: &Databases) -> Self {
        let mut connections = BTreeMap::new();
        for role in Role::ALL {
            connections.insert(role, databases.connect(role).await);
        }
        Self { databases: connections }
    }

    /// Looks at everything; the suite must be quiet.
    pub async fn check(&self) -> (Findings, Counted) {
        let mut findings = Findings::default();
        let mut counted = Counted::default();
        self.check_calls(&mut findings, &mut counted).await;
        self.check_money(&mut findings, &mut counted).await;
        findings.0.extend(self.check_books().await.0);
        self.check_decisions(&mut findings).await;
        self.check_tenants(&mut findings).await;
        self.check_endings(&mut findings, &mut counted).await;
        (findings, counted)
    }

    /// The leases that a role's processes hold now, dead ones too: the call and the lease's token.
    pub async fn leases(&self, role: Role) -> BTreeSet<(Uuid, i64)> {
        let rows = self.rows(role, "SELECT message_id, token FROM outbound_calls WHERE state = 'leased'").await;
        let lease = |row: &QueryResult| {
            let column = (durable::sql::column(row, "message_id"), durable::sql::column(row, "token"));
            (column.0.expect("an id"), column.1.expect("a token"))
        };
        rows.iter().map(lease).collect()
    }

    /// Durable calls of a role that had to be sent more than once.
    pub async fn sent_again(&self, role: Role) -> i64 {
        self.number(role, "SELECT count(*) AS n FROM outbound_calls WHERE attempts > 1").await
    }

    /// What is not final, for the message of a test that waited for it in vain.
    pub async fn undone(&self) -> String {
        let mut lines = Vec::new();
        for role in Role::ALL {
            let sql = format!(
                "SELECT state, target, method, coalesce(failing_as, '') AS failing, count(*) AS n, \
                 CAST(min(attempts) AS BIGINT) AS fewest, CAST(max(attempts) AS BIGINT) AS most, \
                 CAST(min(due_at - {now}) AS BIGINT) AS soonest FROM outbound_calls \
                 WHERE state IN ('leased', 'parked') OR (state = 'pending' AND (lane IS NOT NULL OR due_at <= {now})) \
                 GROUP BY 1, 2, 3, 4",
                now = self.now(role)
            );
            for row in self.rows(role, &sql).await {
                let text = |name: &str| durable::sql::column::<String>(&row, name).expect("text");
                let number = |name: &str| durable::sql::column::<i64>(&row, name).expect("a number");
                lines.push(format!(
                    "{role}: {} {} calls of {} to {}, failing as `{}`, {} to {} attempts, the first due in {} ms",
                    number("n"),
                    text("state"),
                    text("method"),
                    text("target"),
                    text("failing"),
                    number("fewest"),
                    number("most"),
                    number("soonest") / 1_000
                ));
            }
        }
        for row in self.rows(Role::Intake, "SELECT state AS name, count(*) AS n FROM cases GROUP BY 1").await {
            let count: (String, i64) = (
                durable::sql::column(&row, "name").expect("a state"),
                durable::sql::column(&row, "n").expect("a number"),
            );
            lines.push(format!("cases: {count:?}"));
        }
        lines.join("\n")
    }

    /// True when no durable call is due or being sent anywhere.
    pub async fn is_quiet(&self) -> bool {
        for role in Role::ALL {
            let busy = self.number(role, "SELECT count(*) AS n FROM outbound_calls WHERE state = 'leased' OR (state = 'pending' AND failing_since IS NOT NULL)").await
                + self.number(role, &format!("SELECT count(*) AS n FROM outbound_calls WHERE state = 'pending' AND due_at <= {}", self.now(role))).await;
            if busy > 0 {
                return false;
            }
        }
        true
    }

    fn now(&self, role: Role) -> &'static str {
        match self.databases[&role].get_database_backend() {
            sea_orm::DbBackend::Postgres => durable::sql::now_micros(durable::Backend::Postgres),
            _ => durable::sql::now_micros(durable::Backend::Sqlite),
        }
    }

    pub(crate) fn connection(&self, role: Role) -> &DatabaseConnection {
        &self.databases[&role]
    }

    pub(crate) async fn rows(&self, role: Role, sql: &str) -> Vec<QueryResult> {
        let connection = &self.databases[&role];
        connection
            .query_all_raw(Statement::from_string(connection.get_database_backend(), sql))
            .await
            .unwrap_or_else(|error| panic!("{role}: {sql}: {error}"))
    }

    /// The number `n` of a query's one row.
    pub async fn number(&self, role: Role, sql: &str) -> i64 {
        let rows = self.rows(role, sql).await;
        durable::sql::column(&rows[0], "n").expect("a number")
    }
}
