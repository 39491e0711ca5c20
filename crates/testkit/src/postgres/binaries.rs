//! Where the PostgreSQL server's programs are.

use std::path::{Path, PathBuf};

/// Names the directory of `initdb` and `postgres`; asked before all others.
pub(super) const BIN_VARIABLE: &str = "AMENDS_TEST_PG_BIN";

/// Names a running server by its URL; its role may create databases.
pub(super) const URL_VARIABLE: &str = "AMENDS_TEST_DATABASE_URL";

#[expect(clippy::disallowed_methods, reason = "the two settings of the test kit, and PATH")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The directory that holds `initdb` and `postgres`, or how to get one.
pub(super) fn directory() -> Result<PathBuf, String> {
    find(variable(BIN_VARIABLE).map(PathBuf::from), variable("PATH").as_deref(), Path::new("/usr/lib/postgresql"))
}

fn find(named: Option<PathBuf>, path: Option<&str>, debian: &Path) -> Result<PathBuf, String> {
    if let Some(named) = named {
        return if holds_server(&named) {
            Ok(named)
        } else {
            Err(format!("{BIN_VARIABLE}={} holds no initdb and postgres", named.display()))
        };
    }
    let on_path = path.into_iter().flat_map(std::env::split_paths).find(|directory| holds_server(directory));
    on_path.or_else(|| newest_of_debian(debian)).ok_or_else(|| {
        format!(
            "no PostgreSQL server programs (initdb, postgres) on PATH or in {}/*/bin. Run `make test`, which installs \
             them, or the Debian package `postgresql`; or set {BIN_VARIABLE} to their directory (`.ci/postgres-bin` \
             finds or installs one and prints it), or {URL_VARIABLE} to the URL of a running server",
            debian.display()
        )
    })
}

/// `<root>/<major version>/bin`, the highest version.
fn newest_of_debian(root: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(root).ok()?.filter_map(Result::ok).filter_map(|entry| {
        let version = entry.file_name().to_str()?.parse::<u32>().ok()?;
        Some((version, entry.path().join("bin")))
    });
    versions.filter(|(_, bin)| holds_server(bin)).max().map(|(_, bin)| bin)
}

fn holds_server(directory: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(directory: &Path) -> PathBuf {
        std::fs::create_dir_all(directory).expect("a directory can be made");
        for program in ["initdb", "postgres"] {
            std::fs::write(directory.join(program), "").expect("a file can be written");
        }
        directory.to_path_buf()
    }

    #[test]
    fn the_named_directory_wins_and_is_never_replaced_in_silence() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let named = install(&root.path().join("named"));
        let on_path = install(&root.path().join("path"));
        assert_eq!(find(Some(named.clone()), on_path.to_str(), root.path()), Ok(named));
        let missing = root.path().join("missing");
        let error = find(Some(missing), on_path.to_str(), root.path()).expect_err("not replaced by the one on PATH");
        assert!(error.contains(BIN_VARIABLE), "{error}");
    }

    #[test]
    fn path_comes_before_debian_and_debian_gives_the_newest() {
        let root = tempfile::tempdir().expect("a temporary directory");
        install(&root.path().join("debian/9/bin"));
        let newest = install(&root.path().join("debian/15/bin"));
        std::fs::create_dir_all(root.path().join("debian/17/bin")).expect("a client without a server");
        let debian = root.path().join("debian");
        assert_eq!(find(None, Some("/nonexistent"), &debian), Ok(newest));
        let on_path = install(&root.path().join("path"));
        assert_eq!(find(None, on_path.to_str(), &debian), Ok(on_path));
    }

    #[test]
    fn without_any_it_says_how_to_get_one() {
        let error = find(None, None, Path::new("/nonexistent")).expect_err("there is none");
        for hint in ["make test", "package `postgresql`", BIN_VARIABLE, URL_VARIABLE] {
            assert!(error.contains(hint), "{hint}: {error}");
        }
    }
}
