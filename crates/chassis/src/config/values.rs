//! Values that configurations are made of: durations as text, secrets.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// Text that never shows in logs.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text; for the place that uses it and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// For `#[serde(with = "duration")]`: durations as `250ms`, `10s`, `5m`, `1h 30m`.
pub mod duration {
    use std::time::Duration;

    use serde::de::Error;

    use super::{Deserialize, Deserializer};

    /// Reads a duration.
    ///
    /// # Errors
    /// When the text is not a duration or is negative.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok())
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration; write e.g. 250ms, 10s, 5m or 1h")))
    }
}
