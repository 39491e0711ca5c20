//! A method's yardstick: what one call writes, recorded from the service itself, as scripts on a database of their own
//! that have been shown to write it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use api::intake::intake_service_client::IntakeServiceClient;
use kernel::{Clock as _, SystemClock};
use tonic::transport::Channel;

use super::recording;
use super::script::{self, Recorded, Scripts, Write};
use super::{Pgbench, script::for_each_client};
use crate::bench::Bench;
use crate::load::{add_affected, open_case, report_disruption, token};
use crate::node::Deployment;
use crate::postgres::{self, Databases};

/// The service whose database is written to.
const SERVICE: &str = "intake";
/// Clients for which rows of their own are made.
const CLIENTS: usize = 200;
/// Clients and transactions of the trial that shows what a script writes.
const TRIAL: (usize, usize) = (2, 10);

/// Scripts and where they run.
pub struct Yardstick {
    /// Runs them.
    pub pgbench: Pgbench,
    /// Write what one call writes.
    pub scripts: Scripts,
    /// What that is.
    pub writes: Vec<Write>,
    /// What belonged to the one call.
    pub recorded: Recorded,
    _databases: Databases,
}

impl Yardstick {
    /// For `OpenCase` of a new customer.
    pub async fn of_open_case(bench: &Bench) -> anyhow::Result<Self> {
        let recorder = Recorder::start(bench).await?;
        let mut intake = recorder.intake.clone();
        // The first call of a database may write what no later one does.
        let earlier = token(bench.next_run(), 0, 0);
        intake.open_case(open_case(&earlier, SystemClock.now())).await?;
        let (token, now) = (token(bench.next_run(), 0, 0), SystemClock.now());
        intake.open_case(open_case(&token, now)).await?;
        let recorded = Recorded { token: token.clone(), at: now.micros(), of_client: Vec::new() };
        let writes = recorder.writes(&token).await?;
        Self::new(bench, writes, recorded, None).await
    }

    /// For `AddAffected` of one new customer; each client has a disruption of its own.
    pub async fn of_add_affected(bench: &Bench) -> anyhow::Result<Self> {
        let recorder = Recorder::start(bench).await?;
        let mut intake = recorder.intake.clone();
        let (external_id, token, now) =
            (token(bench.next_run(), 0, 0), token(bench.next_run(), 0, 0), SystemClock.now());
        let disruption = intake.report_disruption(report_disruption(&external_id, now)).await?.into_inner().name;
        let earlier = add_affected(&external_id, &disruption, 1);
        intake.add_affected(futures::stream::iter([earlier])).await?;
        let request = add_affected(&token, &disruption, 1);
        intake.add_affected(futures::stream::iter([request])).await?;
        let id = disruption.rsplit('/').next().context("a disruption has a name")?.to_owned();
        let row = recorder.row("disruptions", &id).await?;
        let recorded = Recorded { token: token.clone(), at: now.micros(), of_client: vec![id, external_id] };
        let writes = recorder.writes(&token).await?;
        Self::new(bench, writes, recorded, Some(row)).await
    }

    async fn new(bench: &Bench, writes: Vec<Write>, recorded: Recorded, row: Option<Write>) -> anyhow::Result<Self> {
        let databases = bench.postgres()?.databases("pgbench", &[SERVICE]).await;
        Deployment::new("pgbench", &databases.urls())?.migrate().await?;
        let url = databases.url(SERVICE).to_owned();
        if let Some(row) = row {
            let rows = for_each_client(&row, &recorded, CLIENTS);
            postgres::execute(&mut postgres::connect(&url).await?, &rows).await?;
        }
        let scripts = script::scripts(&writes, &recorded);
        let yardstick = Self { pgbench: Pgbench::new(&url)?, scripts, writes, recorded, _databases: databases };
        for script in [&yardstick.scripts.separate, &yardstick.scripts.one_statement] {
            yardstick.check(&url, script).await?;
        }
        Ok(yardstick)
    }

    /// Fails unless `script` adds as many rows to each table as the call does.
    async fn check(&self, url: &str, script: &str) -> anyhow::Result<()> {
        let mut connection = postgres::connect(url).await?;
        let mut before = BTreeMap::new();
        for table in self.rows().into_keys() {
            before.insert(table, postgres::rows(&mut connection, table).await?);
        }
        let (clients, transactions) = TRIAL;
        self.pgbench.repeat(script, clients, transactions).await.with_context(|| script.to_owned())?;
        for (table, rows) in self.rows() {
            let added = postgres::rows(&mut connection, table).await? - before[table];
            let expected = i64::try_from(rows * clients * transactions)?;
            anyhow::ensure!(added == expected, "the script adds {added} rows to {table}, not {expected}:\n{script}");
        }
        Ok(())
    }

    /// How many rows one call adds to each table.
    fn rows(&self) -> BTreeMap<&str, usize> {
        let mut rows = BTreeMap::new();
        for write in &self.writes {
            *rows.entry(write.table()).or_default() += usize::from(matches!(write, Write::Insert { .. }));
        }
        rows
    }

    /// What one call writes, in words.
    pub fn describe(&self) -> String {
        let added =
            self.rows().into_iter().filter(|(_, rows)| *rows > 0).map(|(table, rows)| format!("{rows} {table}"));
        let changed = self.writes.iter().filter_map(|write| match write {
            Write::Update { table, .. } => Some(format!("1 change of {table}")),
            Write::Insert { .. } => None,
        });
        added.chain(changed).collect::<Vec<_>>().join(", ")
    }
}

/// A service on a database that records what it writes.
struct Recorder {
    intake: IntakeServiceClient<Channel>,
    databases: Databases,
    _process: amends_tests::running::Running,
    _deployment: Deployment,
}

impl Recorder {
    async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let databases = bench.postgres()?.databases("recording", &[SERVICE]).await;
        let deployment = Deployment::new("recording", &databases.urls())?;
        deployment.migrate().await?;
        recording::install(&mut postgres::connect(databases.url(SERVICE)).await?).await?;
        let process = deployment.serve(&[SERVICE], &[]).await?;
        let intake = IntakeServiceClient::connect(deployment.address(SERVICE)).await?;
        Ok(Self { intake, databases, _process: process, _deployment: deployment })
    }

    async fn writes(&self, request_id: &str) -> anyhow::Result<Vec<Write>> {
        recording::writes(&mut postgres::connect(self.databases.url(SERVICE)).await?, request_id).await
    }

    async fn row(&self, table: &str, id: &str) -> anyhow::Result<Write> {
        recording::existing(&mut postgres::connect(self.databases.url(SERVICE)).await?, table, id).await
    }
}
