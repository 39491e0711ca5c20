//! Directories for tests, removed when the test ends, and at the latest when its process is gone.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// Waits for the end of its standard input, that is of the test process, then removes the directory. Ignores what a
/// terminal sends to stop the tests.
const SWEEP: &str = r#"trap '' INT TERM HUP QUIT; while read -r _; do :; done; rm -rf -- "$1""#;

/// The directory of this process, in which all others are, and the child that removes it.
struct Root {
    path: PathBuf,
    _sweeper: Child,
}

static ROOT: LazyLock<Root> = LazyLock::new(|| {
    let path = tempfile::Builder::new().prefix("amends-test-").tempdir().expect("a temporary directory").keep();
    let sweeper = Command::new("sh")
        .args(["-c", SWEEP, "sweep"])
        .arg(&path)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh can be started");
    Root { path, _sweeper: sweeper }
});

/// A directory of a test.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// A new, empty directory; `name_hint` appears in its name.
    pub fn new(name_hint: &str) -> Self {
        let prefix = format!("{}-", crate::database::identifier(name_hint));
        Self(tempfile::Builder::new().prefix(&prefix).tempdir_in(&ROOT.path).expect("a temporary directory"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
