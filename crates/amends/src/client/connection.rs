//! Where the suite is and who asks: the options that every client command has.

use std::path::PathBuf;

use chassis::ClientConfig;
use clap::{Args, ValueEnum};

use super::session::Session;

/// How answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned, for people.
    #[default]
    Text,
    /// The response message in protobuf's JSON mapping.
    Json,
}

/// Where the suite is, who asks, and how the answer is printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Address of the suite: http://, https:// or dns:///.
    #[arg(long, global = true, env = "AMENDS_ADDRESS", default_value = "http://127.0.0.1:7070")]
    pub address: String,
    /// The tenant that is asked about.
    #[arg(long, global = true, env = "AMENDS_TENANT", default_value = "default")]
    pub tenant: String,
    /// Bearer token, where the suite asks for one.
    #[arg(long, global = true, env = "AMENDS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Who asks, where no token says it; audit records show it. A request id is one client's own.
    #[arg(long, global = true, env = "AMENDS_CLIENT", default_value = "cli")]
    pub client: String,
    /// PEM file with the authorities that an https:// suite is trusted by.
    #[arg(long, global = true, env = "AMENDS_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// How answers are printed.
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub output: Format,
}

impl Connection {
    /// To the default tenant at `address`, as `client`.
    pub fn of(address: String, client: &str) -> Self {
        Self {
            address,
            tenant: "default".to_owned(),
            token: None,
            client: client.to_owned(),
            ca_file: None,
            output: Format::Text,
        }
    }

    /// A session; connects when it is first used.
    ///
    /// # Errors
    /// When the address, the tenant or the token cannot be what they should be.
    pub fn session(&self) -> anyhow::Result<Session> {
        let config = ClientConfig { ca_file: self.ca_file.clone(), ..ClientConfig::default() };
        let channel = chassis::channel(&self.address, &config)?;
        Session::new(channel, self)
    }
}
