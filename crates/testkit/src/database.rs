//! A database of a test, the same to use on both backends.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::postgres::administrator::DropOnExit;
use crate::scratch::Scratch;
use crate::{postgres, sqlite};

/// The databases that the product runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in a temporary directory.
    Sqlite,
    /// A database in the cluster of this test process.
    Postgres,
}

impl Backend {
    /// Both.
    pub const ALL: [Backend; 2] = [Backend::Sqlite, Backend::Postgres];
}

/// A schema that is migrated once a process and copied for each test.
pub struct Template {
    key: &'static str,
    migrate: fn(String) -> BoxFuture<'static, ()>,
}

impl Template {
    /// `migrate` gets the URL of an empty database and fills it; it panics when it cannot. `key` names the result: two
    /// templates of one process with the same key are the same.
    pub const fn new(key: &'static str, migrate: fn(String) -> BoxFuture<'static, ()>) -> Self {
        Self { key, migrate }
    }

    pub(crate) fn key(&self) -> &'static str {
        self.key
    }

    pub(crate) async fn migrate(&self, url: String) {
        (self.migrate)(url).await;
    }
}

/// What the templates of this process were made into, by key; each is made once, whoever asks first.
#[derive(Debug)]
pub(crate) struct Templates<T>(Mutex<HashMap<&'static str, Arc<OnceCell<T>>>>);

impl<T> Templates<T> {
    pub(crate) fn cell(&self, template: &Template) -> Arc<OnceCell<T>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(template.key).or_insert_with(|| Arc::new(OnceCell::new())))
    }
}

impl<T> Default for Templates<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What goes when the database's user is done with it.
#[derive(Debug)]
pub(crate) enum Guard {
    /// The file.
    Sqlite { _directory: Scratch },
    /// The database in its cluster.
    Postgres { _database: DropOnExit },
}

/// A database for one test; removed when dropped.
#[derive(Debug)]
pub struct TestDatabase {
    /// Where it is: `sqlite://…` or `postgres://…`, with whatever credentials it needs.
    pub url: String,
    backend: Backend,
    _guard: Guard,
}

impl TestDatabase {
    pub(crate) fn new(backend: Backend, url: String, guard: Guard) -> Self {
        Self { url, backend, _guard: guard }
    }

    /// What kind of database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }
}

/// An empty database.
pub async fn database(backend: Backend, name_hint: &str) -> TestDatabase {
    match backend {
        Backend::Sqlite => sqlite::database(name_hint).await,
        Backend::Postgres => postgres::database(name_hint).await,
    }
}

/// A copy of `template`.
pub async fn database_from(backend: Backend, template: &Template, name_hint: &str) -> TestDatabase {
    match backend {
        Backend::Sqlite => sqlite::database_from(template, name_hint).await,
        Backend::Postgres => postgres::database_from(template, name_hint).await,
    }
}

/// `name_hint` as a part of a file's or a database's name: lower case, short, nothing that needs quotes.
pub(crate) fn identifier(name_hint: &str) -> String {
    let clean = name_hint.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    clean.take(24).collect()
}
