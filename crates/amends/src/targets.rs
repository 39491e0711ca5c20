//! Where durable calls go, and what they show there: section `targets`.
//!
//! A token says who sends, so a service of the suite without one of its own is shown the sender's token of
//! `auth.tokens`: with one configuration for all roles, each of them knows its own.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use chassis::config::{AuthConfig, AuthMode, Problems, Secret, Validate};
use durable::Targets;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::SuiteConfig;
use crate::role::Role;

/// One target: an address, or a table with its address and its token.
#[derive(Clone, Debug)]
pub struct TargetConfig {
    /// `http://host:port`, or `dns:///host:port` for all addresses of a name in turn; the same with TLS.
    pub url: String,
    /// Bearer token that the target wants.
    pub token: Option<Secret>,
}

impl From<String> for TargetConfig {
    fn from(url: String) -> Self {
        Self { url, token: None }
    }
}

impl<'de> Deserialize<'de> for TargetConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// The longer way to write a target.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    #[serde(default)]
    token: Option<Secret>,
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = TargetConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as http://host:7070, or { url = \"…\", token = \"…\" }")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<Self::Value, E> {
        Ok(url.to_owned().into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let Table { url, token } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(TargetConfig { url, token })
    }
}

impl Validate for TargetConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Err(error) = chassis::check_address(&self.url) {
            problems.add("url", format!("{error:#}"));
        }
        let header_can_carry = |token: &Secret| {
            let text = token.expose();
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !self.token.as_ref().is_none_or(header_can_carry) {
            problems.add("token", "must be visible ASCII characters, at least one");
        }
    }
}

/// Channels to all targets, with what `sender` shows there.
///
/// # Errors
/// When an address is not one.
pub fn connect(config: &SuiteConfig, sender: Role) -> anyhow::Result<Targets> {
    let mut targets = Targets::new();
    for (name, target) in &config.targets {
        let channel = chassis::channel(&target.url, &config.client).with_context(|| format!("targets.{name}"))?;
        targets = match token(&config.targets, &config.auth, name, sender) {
            Some(token) => targets.with_token(name, channel, token.expose())?,
            None => targets.with(name, channel),
        };
    }
    Ok(targets)
}

/// The token that `sender` shows to the target `name`; none when nobody asks for one.
pub fn token<'a>(
    targets: &'a BTreeMap<String, TargetConfig>,
    auth: &'a AuthConfig,
    name: &str,
    sender: Role,
) -> Option<&'a Secret> {
    let own = targets.get(name).and_then(|target| target.token.as_ref());
    let is_ours = Role::ALL.into_iter().any(|role| role.name() == name);
    own.or_else(|| {
        let tokens = auth.tokens.values().filter(|_| is_ours && auth.mode == Some(AuthMode::Tokens));
        tokens.into_iter().find(|token| token.service.as_deref() == Some(sender.name())).map(|token| &token.token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
        [auth]\nmode = 'tokens'\n\
        [auth.tokens.suite-routing]\ntoken = 'routing-token-of-24-characters'\nservice = 'routing'\n\
        [targets]\n\
        intake = 'http://127.0.0.1:7070'\n\
        backend = 'https://backend.example.com'\n\
        [targets.routing]\nurl = 'dns:///routing:7070'\ntoken = 'secret-of-this-target'\n";

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<SuiteConfig, String> {
        let path = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(path.path(), file).expect("written");
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        chassis::config::load_from(Some(path.path()), "AMENDS_", environment, &[]).map_err(|error| {
            error.problems.iter().map(|p| format!("{}: {}", p.key, p.message)).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn a_target_is_an_address_or_a_table() {
        let config = load(FILE, &[]).expect("it is right");
        let shown = |name: &str, sender| token(&config.targets, &config.auth, name, sender).map(Secret::expose);
        assert_eq!(config.targets["routing"].url, "dns:///routing:7070");
        assert_eq!(shown("routing", Role::Intake), Some("secret-of-this-target"));
        assert_eq!(shown("intake", Role::Routing), Some("routing-token-of-24-characters"));
        // Nobody else's token, and nothing of the suite's to a stranger.
        assert_eq!((shown("intake", Role::Followup), shown("backend", Role::Routing)), (None, None));
        assert!(!format!("{config:?}").contains("secret-of-this-target"));
    }

    #[test]
    fn a_wrong_target_is_told_by_its_key_and_without_its_secret() {
        let values =
            "[targets]\nintake = 'somewhere'\nrouting = { url = 'http://routing:7070', token = 'two words' }\n";
        let shapes = "[targets]\nfollowup = { token = 'a-token' }\ncompensation = { url = 'dns:///c:1', tokn = 'x' }\n";
        for (file, expected) in [
            (values, ["targets.intake.url: `somewhere`", "targets.routing.token: must be visible ASCII"]),
            (shapes, ["targets.followup.url: is required", "targets.compensation.tokn: is not a key"]),
        ] {
            let found = load(file, &[]).expect_err("wrong");
            assert!(expected.iter().all(|text| found.contains(text)), "{found}");
            assert!(!found.contains("two words"), "{found}");
        }
    }

    #[test]
    fn the_environment_gives_a_token_to_a_table() {
        let file = "[targets.intake]\nurl = 'http://intake:7070'\n";
        let config = load(file, &[("AMENDS_TARGETS__INTAKE__TOKEN", "from-the-environment")]).expect("right");
        let token = config.targets["intake"].token.as_ref().map(Secret::expose);
        assert_eq!(
            (config.targets["intake"].url.as_str(), token),
            ("http://intake:7070", Some("from-the-environment"))
        );
    }
}
