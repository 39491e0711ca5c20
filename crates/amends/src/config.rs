//! The configuration of a process: one file for all roles, each role reads its own section.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chassis::ClientConfig;
use chassis::config::{AuthConfig, AuthMode, ConfigError, Problems, ServerConfig, TelemetryConfig, Validate};
use serde::Deserialize;

use crate::role::Role;
use crate::targets::{self, TargetConfig};

/// Prefix of the environment variables that override keys: `AMENDS_SERVER__LISTEN` is `server.listen`.
pub const ENV_PREFIX: &str = "AMENDS_";

/// Everything that a process needs to know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SuiteConfig {
    /// Ports, limits, TLS, drain.
    pub server: ServerConfig,
    /// Who may call.
    pub auth: AuthConfig,
    /// Logs.
    pub telemetry: TelemetryConfig,
    /// How this process connects to the targets.
    pub client: ClientConfig,
    /// Where durable calls go, by name: the services of the suite, milestone sinks.
    pub targets: BTreeMap<String, TargetConfig>,
    /// Section of intake.
    pub intake: intake::Config,
    /// Section of routing.
    pub routing: routing::Config,
    /// Section of compensation.
    pub compensation: compensation::Config,
    /// Section of follow-up.
    pub followup: followup::Config,
}

impl SuiteConfig {
    /// Loads the file, then the environment; checks what the given roles need to serve.
    ///
    /// # Errors
    /// All that is wrong, by key.
    pub fn load_to_serve(file: Option<&Path>, roles: &BTreeSet<Role>) -> Result<Self, ConfigError> {
        Self::judged(file, |config, problems| {
            config.validate_served(roles, problems);
            config.validate_roles(roles, problems);
        })
    }

    /// Loads the file, then the environment; checks what the given roles need to find their databases and each other.
    ///
    /// # Errors
    /// All that is wrong, by key.
    pub fn load(file: Option<&Path>, roles: &BTreeSet<Role>) -> Result<Self, ConfigError> {
        Self::judged(file, |config, problems| config.validate_roles(roles, problems))
    }

    fn judged(file: Option<&Path>, further: impl FnOnce(&Self, &mut Problems)) -> Result<Self, ConfigError> {
        let Unchecked(config) = chassis::config::load(file, ENV_PREFIX, &[])?;
        let mut problems = Problems::default();
        config.validate(&mut problems);
        further(&config, &mut problems);
        problems.finish()?;
        Ok(config)
    }

    /// What durable needs to know about a role's database, relay and page tokens.
    pub fn store(&self, role: Role) -> &durable::StoreConfig {
        match role {
            Role::Intake => &self.intake.store,
            Role::Routing => &self.routing.store,
            Role::Compensation => &self.compensation.store,
            Role::Followup => &self.followup.store,
        }
    }

    /// The same, to change it.
    pub fn store_mut(&mut self, role: Role) -> &mut durable::StoreConfig {
        match role {
            Role::Intake => &mut self.intake.store,
            Role::Routing => &mut self.routing.store,
            Role::Compensation => &mut self.compensation.store,
            Role::Followup => &mut self.followup.store,
        }
    }

    fn validate_roles(&self, roles: &BTreeSet<Role>, problems: &mut Problems) {
        for role in roles {
            problems.scope(role.name(), |problems| {
                // Each of them judges its store, too.
                match role {
                    Role::Intake => self.intake.validate(problems),
                    Role::Routing => self.routing.validate(problems),
                    Role::Compensation => self.compensation.validate(problems),
                    Role::Followup => self.followup.validate(problems),
                }
            });
        }
        self.validate_targets(roles, problems);
    }

    /// What only a process that serves needs: that somebody has said who may call, and tokens for calls to services
    /// that ask for them.
    fn validate_served(&self, roles: &BTreeSet<Role>, problems: &mut Problems) {
        problems.scope("auth", |problems| self.auth.validate_served(problems));
        if self.auth.mode != Some(AuthMode::Tokens) {
            return;
        }
        for sender in roles {
            for target in targets_of(*sender) {
                if targets::token(&self.targets, &self.auth, target, *sender).is_none() {
                    problems.add(
                        &format!("targets.{target}.token"),
                        format!("is required in auth.mode tokens, or one of auth.tokens with service = \"{sender}\""),
                    );
                }
            }
        }
    }

    fn validate_targets(&self, roles: &BTreeSet<Role>, problems: &mut Problems) {
        let needed: BTreeSet<&str> = roles.iter().flat_map(|role| targets_of(*role)).copied().collect();
        for target in needed {
            if !self.targets.contains_key(target) {
                problems.add(
                    &format!("targets.{target}"),
                    "is required: the address of that service, e.g. http://127.0.0.1:7070",
                );
            }
        }
    }
}

/// A configuration that is judged later, as a whole and for its roles at once.
#[derive(Deserialize)]
#[serde(transparent)]
struct Unchecked(SuiteConfig);

impl Validate for Unchecked {
    fn validate(&self, _problems: &mut Problems) {}
}

impl Validate for SuiteConfig {
    fn validate(&self, problems: &mut Problems) {
        problems.within("server", &self.server);
        problems.within("auth", &self.auth);
        problems.within("telemetry", &self.telemetry);
        problems.within("client", &self.client);
        problems.scope("targets", |problems| {
            for (name, target) in &self.targets {
                problems.within(name, target);
            }
        });
    }
}

/// Where a role's durable calls go: intake commands the spokes, the spokes report to intake, each calls itself later.
fn targets_of(role: Role) -> &'static [&'static str] {
    match role {
        Role::Intake => &[intake::NAME, routing::NAME, compensation::NAME, followup::NAME],
        Role::Routing => &[routing::NAME, intake::NAME],
        Role::Compensation => &[compensation::NAME, intake::NAME],
        Role::Followup => &[followup::NAME, intake::NAME],
    }
}
