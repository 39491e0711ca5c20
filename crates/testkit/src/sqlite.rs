//! SQLite databases: one file in a directory of its own for each test.

use std::path::Path;
use std::sync::LazyLock;

use crate::database::{Backend, Guard, Template, Templates, TestDatabase};
use crate::scratch::Scratch;

/// The migrated files.
static TEMPLATES: LazyLock<Templates<Scratch>> = LazyLock::new(Templates::default);

/// An empty database.
pub async fn database(name_hint: &str) -> TestDatabase {
    open(Scratch::new(name_hint))
}

/// A copy of `template`'s database.
pub async fn database_from(template: &Template, name_hint: &str) -> TestDatabase {
    let cell = TEMPLATES.cell(template);
    let source = cell
        .get_or_init(|| async {
            let directory = Scratch::new(template.key());
            template.migrate(url(directory.path())).await;
            directory
        })
        .await;
    let copy = Scratch::new(name_hint);
    // With the write-ahead log, in case the migrator left its connection open.
    for entry in std::fs::read_dir(source.path()).expect("the template's directory can be read") {
        let entry = entry.expect("the template's directory can be read");
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("the template can be copied");
    }
    open(copy)
}

fn open(directory: Scratch) -> TestDatabase {
    TestDatabase::new(Backend::Sqlite, url(directory.path()), Guard::Sqlite { _directory: directory })
}

fn url(directory: &Path) -> String {
    format!("sqlite://{}?mode=rwc", directory.join("test.sqlite").display())
}
