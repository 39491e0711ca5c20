//! Where durable calls go: a channel, and credentials where the target wants them, by target name.

use std::collections::BTreeMap;
use std::fmt;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

/// The targets that a relay knows. It claims the calls to these and leaves all others to relays that know them.
#[derive(Clone, Default)]
pub struct Targets(BTreeMap<String, Target>);

/// One target.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) channel: Channel,
    pub(crate) authorization: Option<MetadataValue<Ascii>>,
}

impl Targets {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a target; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, channel: Channel) -> Self {
        self.0.insert(name.to_owned(), Target { channel, authorization: None });
        self
    }

    /// Adds a target that wants `authorization: Bearer <token>`.
    ///
    /// # Errors
    /// When the token has characters that no header can carry.
    pub fn with_token(mut self, name: &str, channel: Channel, token: &str) -> anyhow::Result<Self> {
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}")
            .parse()
            .map_err(|_| anyhow::anyhow!("the token for `{name}` has characters that no header can carry"))?;
        value.set_sensitive(true);
        self.0.insert(name.to_owned(), Target { channel, authorization: Some(value) });
        Ok(self)
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = (String, Target)> {
        self.0.into_iter()
    }
}

impl fmt::Debug for Targets {
    /// Names only: a token is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
