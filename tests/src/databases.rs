//! The four databases of a suite under test.

use std::collections::BTreeMap;

use amends::role::Role;
use sea_orm::{ConnectOptions, DatabaseConnection};
use testkit::postgres::Cluster;
use testkit::{Backend, TestDatabase};

/// One database for each role; removed when dropped.
#[derive(Debug)]
pub struct Databases {
    databases: BTreeMap<Role, TestDatabase>,
}

impl Databases {
    /// Four empty databases.
    pub async fn create(backend: Backend, name_hint: &str) -> Self {
        let mut databases = BTreeMap::new();
        for role in Role::ALL {
            databases.insert(role, testkit::database(backend, &format!("{name_hint}_{role}")).await);
        }
        Self { databases }
    }

    /// Four empty databases of a PostgreSQL server of the test's own.
    pub async fn create_in(cluster: &Cluster, name_hint: &str) -> Self {
        let mut databases = BTreeMap::new();
        for role in Role::ALL {
            databases.insert(role, cluster.database(&format!("{name_hint}_{role}")).await);
        }
        Self { databases }
    }

    /// A connection past the services, to look at a role's database or to tamper with it.
    pub async fn connect(&self, role: Role) -> DatabaseConnection {
        let mut options = ConnectOptions::new(self.url(role));
        options.max_connections(2).sqlx_logging(false);
        sea_orm::Database::connect(options).await.expect("the database can be opened")
    }

    /// URL of a role's database.
    pub fn url(&self, role: Role) -> &str {
        &self.databases[&role].url
    }
}
