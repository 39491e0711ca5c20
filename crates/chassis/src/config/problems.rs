//! Collects everything that is wrong with a configuration, so that it is mended in one go.

use std::fmt;

/// One wrong key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Full key, e.g. `server.listen`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The problems found so far, with the section that new ones are put under.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    path: Vec<String>,
}

impl Problems {
    /// Records a problem of `key` in the current section.
    pub fn add(&mut self, key: &str, message: impl Into<String>) {
        let key = self.path.iter().map(String::as_str).chain((!key.is_empty()).then_some(key)).collect::<Vec<_>>();
        self.found.push(Problem { key: key.join("."), message: message.into() });
    }

    /// Validates `section` under its key.
    pub fn within(&mut self, key: &str, section: &(impl Validate + ?Sized)) {
        self.path.push(key.to_owned());
        section.validate(self);
        self.path.pop();
    }

    /// Runs `check` with `key` added to the path.
    pub fn scope(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        self.path.push(key.to_owned());
        check(self);
        self.path.pop();
    }

    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `Err` with all of them, or `Ok` when there are none.
    pub fn finish(self) -> Result<(), ConfigError> {
        if self.found.is_empty() { Ok(()) } else { Err(ConfigError { problems: self.found }) }
    }
}

/// A configuration that can judge itself.
pub trait Validate {
    /// Records every problem; must not stop at the first.
    fn validate(&self, problems: &mut Problems);
}

/// All that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The problems, in the order of the keys.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "the configuration has {count} {}:", if count == 1 { "problem" } else { "problems" })?;
        for Problem { key, message } in &self.problems {
            write!(f, "\n  {key}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
