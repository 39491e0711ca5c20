//! A compensation service in the test's process, called through its gRPC routes. No relay runs: the test itself makes
//! the calls that the service recorded to itself, when the virtual clock says that they are due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::common::{Fact, FailureEvent, fact};
use api::compensation as wire;
use api::compensation::authority_service_client::AuthorityServiceClient;
use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::experiment_service_client::ExperimentServiceClient;
use api::compensation::ledger_service_client::LedgerServiceClient;
use api::compensation::pack_service_client::PackServiceClient;
use api::compensation::recovery_service_client::RecoveryServiceClient;
use api::compensation::settlement_service_client::SettlementServiceClient;
use api::extension::{Milestone, ReportMilestonesRequest};
use api::method::authority_service::EXPIRE_APPROVAL;
use api::method::compensation_service::{ADVANCE_PAYOUT, EXPIRE_OFFER, EXPIRE_VOUCHER};
use api::method::experiment_service::{EXPIRE_EXPERIMENT, RELEASE_OFFER};
use api::method::settlement_service::CLOSE_SETTLEMENT;
use compensation::sandbox::{Execution, executions};
use durable::{Db, Engine, EngineParts, Targets, sql};
use kernel::{ErrorCode, RandomIds, RequestContext, ServiceError, TenantId, Timestamp, VirtualClock};
use prost::Message as _;
use sea_orm::ConnectionTrait as _;
use testkit::{Template, TestDatabase};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub static TEMPLATE: Template = Template::new("compensation", |url| {
    Box::pin(async move {
        let config = durable::DatabaseConfig { url, ..durable::DatabaseConfig::default() };
        let db = Db::connect(&config).await.expect("the template can be opened");
        durable::migrate(&db, compensation::migrations()).await.expect("the template can be migrated");
        db.close().await;
    })
});

pub const DAY: Duration = Duration::from_secs(86_400);

/// The service under test.
pub struct Desk {
    pub api: CompensationServiceClient<Routes>,
    pub settlements: SettlementServiceClient<Routes>,
    pub ledger: LedgerServiceClient<Routes>,
    pub authority: AuthorityServiceClient<Routes>,
    pub experiments: ExperimentServiceClient<Routes>,
    pub packs: PackServiceClient<Routes>,
    pub recovery: RecoveryServiceClient<Routes>,
    pub engine: Engine,
    pub clock: VirtualClock,
}

pub fn config(database: &TestDatabase) -> compensation::Config {
    let mut config = compensation::Config::default();
    config.store.database.url = database.url.clone();
    config.store.database.max_connections = 24;
    config.store.page_token_key = "a key for tests only".to_owned();
    config
}

/// A call that the service recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub message_id: Uuid,
    pub method: String,
    pub state: String,
    pub due_at: Timestamp,
    pub lane: Option<String>,
    pub body: Vec<u8>,
}

impl Desk {
    pub async fn open(database: &TestDatabase) -> Self {
        Self::with(config(database)).await
    }

    pub async fn with(config: compensation::Config) -> Self {
        Self::with_targets(config, targets()).await.0
    }

    /// The desk, and the jobs that nobody runs unless a test does.
    pub async fn with_targets(config: compensation::Config, targets: Targets) -> (Self, Vec<chassis::Job>) {
        let clock = testkit::virtual_clock();
        let parts = EngineParts {
            service: compensation::NAME,
            db: Db::connect(&config.store.database).await.unwrap(),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(RandomIds),
            config: config.store.engine.clone(),
        };
        let (service, engine) = compensation::build(config, parts, targets).unwrap();
        let ledger = LedgerServiceClient::new(service.routes.clone());
        let authority = AuthorityServiceClient::new(service.routes.clone());
        let experiments = ExperimentServiceClient::new(service.routes.clone());
        let packs = PackServiceClient::new(service.routes.clone());
        let settlements = SettlementServiceClient::new(service.routes.clone());
        let recovery = RecoveryServiceClient::new(service.routes.clone());
        let api = CompensationServiceClient::new(service.routes);
        (Self { api, settlements, ledger, authority, experiments, packs, recovery, engine, clock }, service.jobs)
    }

    pub fn fresh(&self) -> String {
        self.engine.new_id().to_string()
    }

    pub async fn remedy(&self, remedy: wire::Remedy) -> wire::Remedy {
        let request = self.open_request(remedy);
        self.api.clone().open_remedy(as_client(request)).await.unwrap().into_inner()
    }

    pub fn open_request(&self, remedy: wire::Remedy) -> wire::OpenRemedyRequest {
        wire::OpenRemedyRequest { request_id: self.fresh(), remedy_id: String::new(), remedy: Some(remedy) }
    }

    pub async fn get_remedy(&self, name: &str) -> wire::Remedy {
        let request = wire::GetRemedyRequest { name: name.to_owned() };
        self.api.clone().get_remedy(as_client(request)).await.unwrap().into_inner()
    }

    pub async fn get_offer(&self, name: &str) -> wire::Offer {
        let request = wire::GetOfferRequest { name: name.to_owned() };
        self.api.clone().get_offer(as_client(request)).await.unwrap().into_inner()
    }

    pub async fn get_payout(&self, name: &str) -> wire::Payout {
        let request = wire::GetPayoutRequest { name: name.to_owned() };
        self.api.clone().get_payout(as_client(request)).await.unwrap().into_inner()
    }

    pub async fn get_voucher(&self, name: &str) -> wire::Voucher {
        let request = wire::GetVoucherRequest { name: name.to_owned() };
        self.api.clone().get_voucher(as_client(request)).await.unwrap().into_inner()
    }

    pub async fn accept(&self, offer: &str, option: &str) -> Result<wire::Offer, ServiceError> {
        self.respond(offer, Answer::AcceptOption(option.to_owned())).await
    }

    pub async fn decline(&self, offer: &str, reason: &str) -> Result<wire::Offer, ServiceError> {
        let decline =
            wire::Decline { reason: reason.to_owned(), fair_ask: "Twice of it".to_owned(), ..wire::Decline::default() };
        self.respond(offer, Answer::Decline(decline)).await
    }

    /// Declines with an amount that would be fair.
    pub async fn ask(&self, offer: &str, amount: (&str, i64)) -> Result<wire::Offer, ServiceError> {
        let decline = wire::Decline { fair_ask_amount: Some(money(amount.0, amount.1)), ..wire::Decline::default() };
        self.respond(offer, Answer::Decline(decline)).await
    }

    async fn respond(&self, offer: &str, response: Answer) -> Result<wire::Offer, ServiceError> {
        let request = wire::RespondToOfferRequest {
            request_id: self.fresh(),
            name: offer.to_owned(),
            response: Some(response),
            consent: String::new(),
        };
        self.api.clone().respond_to_offer(as_client(request)).await.map(Response::into_inner).map_err(error)
    }

    pub async fn make_offer(&self, remedy: &str, options: Vec<wire::Option>) -> Result<wire::Offer, ServiceError> {
        let offer = wire::Offer { remedy: remedy.to_owned(), options, ..wire::Offer::default() };
        let request = wire::MakeOfferRequest {
            request_id: self.fresh(),
            offer: Some(offer),
            made_by: "Ada".to_owned(),
            role: String::new(),
        };
        self.api.clone().make_offer(as_client(request)).await.map(Response::into_inner).map_err(error)
    }

    /// A wrong bill's refund to `payee`: a remedy with one payout that is reserved.
    pub async fn refund(&self, payee: &str, amount: (&str, i64)) -> (wire::Remedy, wire::Payout) {
        let facts = [("overcharged_amount", money_fact(amount.0, amount.1))];
        let remedy = wire::Remedy { payee: payee.to_owned(), ..remedy(event(self, "bill.wrong", &facts)) };
        let remedy = self.remedy(remedy).await;
        let payout = self.get_payout(&remedy.payouts[0]).await;
        (remedy, payout)
    }

    /// Calls to `target`, in the order of their recording.
    pub async fn recorded(&self, target: &str) -> Vec<Recorded> {
        let sql = "SELECT message_id, method, state, due_at, lane, body FROM outbound_calls WHERE target = $1 \
                   ORDER BY created_at, lane, lane_seq, due_at, message_id";
        let backend = self.engine.db().backend();
        let rows = self.engine.read().query_all_raw(sql::statement(backend, sql, [target.into()])).await.unwrap();
        let read = |row: &sea_orm::QueryResult| Recorded {
            message_id: sql::column(row, "message_id").unwrap(),
            method: sql::column(row, "method").unwrap(),
            state: sql::column(row, "state").unwrap(),
            due_at: Timestamp::from_micros(sql::column(row, "due_at").unwrap()),
            lane: sql::column(row, "lane").unwrap(),
            body: sql::column(row, "body").unwrap(),
        };
        rows.iter().map(read).collect()
    }

    /// What intake was told about a case, in order.
    pub async fn milestones(&self, case: &str) -> Vec<Milestone> {
        let calls = self.recorded("intake").await;
        let of_case = calls.iter().filter(|call| call.lane.as_deref() == Some(case));
        of_case
            .flat_map(|call| {
                let request = ReportMilestonesRequest::decode(call.body.as_slice()).unwrap();
                assert_eq!(request.request_id, call.message_id.to_string());
                request.milestones
            })
            .collect()
    }

    /// The kinds of a case's milestones, without their prefix.
    pub async fn told(&self, case: &str) -> Vec<String> {
        let milestones = self.milestones(case).await;
        milestones.iter().map(|told| told.kind().as_str_name().trim_start_matches("KIND_").to_owned()).collect()
    }

    /// Makes the service's calls to itself that are due, until none is; the number made.
    pub async fn run_due(&self) -> usize {
        let mut made = 0;
        loop {
            let calls = self.recorded(compensation::NAME).await;
            let due: Vec<_> =
                calls.into_iter().filter(|call| call.state == "pending" && call.due_at <= self.engine.now()).collect();
            if due.is_empty() {
                return made;
            }
            for call in due {
                self.deliver(&call).await.unwrap();
                made += 1;
            }
        }
    }

    /// Moves the clock to the next call that the service recorded to itself, and makes what is due; false when nothing
    /// is left.
    pub async fn run_next(&self) -> bool {
        let Some(next) = self.next_due().await else { return false };
        self.clock.advance_to(next);
        self.run_due().await > 0
    }

    /// When the next call that the service recorded to itself is due.
    pub async fn next_due(&self) -> Option<Timestamp> {
        let calls = self.recorded(compensation::NAME).await;
        calls.iter().filter(|call| call.state == "pending").map(|call| call.due_at).min()
    }

    /// Makes one of the service's calls to itself, as the relay would.
    pub async fn deliver(&self, call: &Recorded) -> Result<(), ServiceError> {
        let mut api = self.api.clone();
        let body = call.body.as_slice();
        let own = "service:compensation";
        let answer = match call.method.as_str() {
            ADVANCE_PAYOUT => api.advance_payout(by(own, decode(body))).await.map(drop),
            EXPIRE_APPROVAL => {
                let mut authority = self.authority.clone();
                authority.expire_approval(by(own, decode(body))).await.map(drop)
            }
            EXPIRE_EXPERIMENT => {
                let mut experiments = self.experiments.clone();
                experiments.expire_experiment(by(own, decode(body))).await.map(drop)
            }
            RELEASE_OFFER => self.experiments.clone().release_offer(by(own, decode(body))).await.map(drop),
            EXPIRE_OFFER => api.expire_offer(by(own, decode(body))).await.map(drop),
            EXPIRE_VOUCHER => api.expire_voucher(by(own, decode(body))).await.map(drop),
            CLOSE_SETTLEMENT => self.settlements.clone().close_settlement(by(own, decode(body))).await.map(drop),
            other => panic!("{other} is not called by the service itself"),
        };
        answer.map_err(error)?;
        let sql = "UPDATE outbound_calls SET state = 'done' WHERE message_id = $1 AND state = 'pending'";
        let id = call.message_id;
        self.sql_with(sql, id).await.unwrap();
        Ok(())
    }

    async fn sql_with(&self, sql: &'static str, id: Uuid) -> Result<u64, ServiceError> {
        let work =
            |tx: durable::Tx| async move { Ok(tx.execute(sql::statement(tx.backend(), sql, [id.into()])).await?) };
        self.engine.run_tx("test", work).await
    }

    /// Runs a statement in a transaction of its own.
    pub async fn sql(&self, text: &str) -> Result<u64, ServiceError> {
        let work = |tx: durable::Tx| async move { Ok(tx.execute(sql::statement(tx.backend(), text, [])).await?) };
        self.engine.run_tx("test", work).await
    }

    /// The one number that a query gives.
    pub async fn count(&self, text: &str) -> i64 {
        let backend = self.engine.db().backend();
        let rows = self.engine.read().query_all_raw(sql::statement(backend, text, [])).await.unwrap();
        sql::column(&rows[0], "n").unwrap()
    }

    /// The sandbox's log, by payout key.
    pub async fn executed(&self) -> BTreeMap<String, Execution> {
        let log = executions(self.engine.read()).await.unwrap();
        log.into_iter().map(|entry| (entry.payout_key.clone(), entry)).collect()
    }

    /// Debits less credits of every account in every currency, where they are not zero.
    pub async fn balances(&self) -> BTreeMap<String, i64> {
        let request = wire::GetLedgerBalancesRequest {};
        let answer = self.api.clone().get_ledger_balances(as_client(request)).await.unwrap().into_inner();
        let balances = answer.balances.into_iter().map(|balance| {
            let (debits, credits) = (balance.debits.unwrap(), balance.credits.unwrap());
            let name = format!("{} {}", balance.account, debits.currency_code);
            (name, minor(&debits) - minor(&credits))
        });
        balances.filter(|(_, balance)| *balance != 0).collect()
    }

    pub async fn assert_ledger_balances(&self) {
        let unbalanced = "SELECT count(*) AS n FROM (SELECT transaction_id FROM ledger_entries \
             GROUP BY tenant_id, transaction_id, currency \
             HAVING sum(CASE side WHEN 'DEBIT' THEN amount_minor ELSE -amount_minor END) <> 0) AS broken";
        assert_eq!(self.count(unbalanced).await, 0);
        // Each payout state has its exact ledger shape.
        for (states, reservation) in [
            ("'RESERVED', 'SUBMITTING', 'UNKNOWN', 'MANUAL'", "PENDING"),
            ("'CONFIRMED'", "POSTED"),
            ("'DECLINED', 'VOIDED'", "VOIDED"),
        ] {
            let wrong = format!(
                "SELECT count(*) AS n FROM payouts p LEFT JOIN ledger_reservations r \
                 ON r.tenant_id = p.tenant_id AND r.payout_id = p.id \
                 WHERE p.state IN ({states}) AND (r.state IS NULL OR r.state <> '{reservation}')"
            );
            assert_eq!(self.count(&wrong).await, 0, "{reservation}");
        }
    }
}

type Answer = wire::respond_to_offer_request::Response;

pub fn targets() -> Targets {
    // Nobody listens there.
    let nowhere = chassis::channel("http://127.0.0.1:1", &chassis::ClientConfig::default()).unwrap();
    Targets::new().with(compensation::NAME, nowhere.clone()).with("intake", nowhere)
}

fn decode<M: prost::Message + Default>(body: &[u8]) -> M {
    M::decode(body).unwrap()
}

pub fn as_client<T>(message: T) -> Request<T> {
    by("desk", message)
}

pub fn by<T>(client: &str, message: T) -> Request<T> {
    of_tenant("default", client, message)
}

pub fn of_tenant<T>(tenant: &str, client: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let tenant = TenantId::parse(tenant).unwrap();
    request.extensions_mut().insert(RequestContext::for_client(tenant, client));
    request
}

pub fn error(status: Status) -> ServiceError {
    chassis::from_status(&status).unwrap_or_else(|| panic!("not an error of ours: {status:?}"))
}

/// Sends a request again while the database is too busy to say, as clients do: the same request with the same id.
pub async fn again<M, F: Future<Output = Result<Response<M>, Status>>>(
    send: impl Fn() -> F,
) -> Result<M, ServiceError> {
    loop {
        match send().await.map(Response::into_inner).map_err(error) {
            Err(busy) if matches!(busy.code, ErrorCode::Unavailable | ErrorCode::Aborted) => {}
            answer => return answer,
        }
    }
}

/// An event that happened now.
pub fn event(desk: &Desk, kind: &str, facts: &[(&str, Fact)]) -> FailureEvent {
    FailureEvent {
        kind: kind.to_owned(),
        occurred_at: Some(chassis::wire::to_timestamp(desk.engine.now())),
        reference: "UA 1545".to_owned(),
        facts: facts.iter().map(|(key, fact)| ((*key).to_owned(), fact.clone())).collect(),
    }
}

pub fn integer(value: i64) -> Fact {
    Fact { value: Some(fact::Value::Integer(value)) }
}

pub fn yes_no(value: bool) -> Fact {
    Fact { value: Some(fact::Value::Boolean(value)) }
}

pub fn text_fact(value: &str) -> Fact {
    Fact { value: Some(fact::Value::Text(value.to_owned())) }
}

pub fn money_fact(code: &str, minor: i64) -> Fact {
    Fact { value: Some(fact::Value::Money(money(code, minor))) }
}

pub fn money(code: &str, minor: i64) -> api::google::r#type::Money {
    chassis::wire::to_money(kernel::Money::new(kernel::Currency::parse(code).unwrap(), minor))
}

pub fn minor(money: &api::google::r#type::Money) -> i64 {
    kernel::Money::from_units_nanos(&money.currency_code, money.units, money.nanos).unwrap().minor
}

pub fn case(number: u128) -> String {
    format!("cases/{}", Uuid::from_u128(number))
}

/// A remedy of case 7 to ask for.
pub fn remedy(event: FailureEvent) -> wire::Remedy {
    remedy_of(7, event)
}

pub fn remedy_of(number: u128, event: FailureEvent) -> wire::Remedy {
    wire::Remedy {
        case: case(number),
        customer: format!("customers/{}", Uuid::from_u128(number + 1_000)),
        event: Some(event),
        severity: api::common::Severity::Medium.into(),
        recovery: Some(wire::RecoveryContext { apologised: true, ..wire::RecoveryContext::default() }),
        ..wire::Remedy::default()
    }
}

/// An option with one line.
pub fn option(id: &str, kind: wire::remedy_line::Kind, amount: Option<(&str, i64)>) -> wire::Option {
    let line = wire::RemedyLine {
        id: format!("{id}-line"),
        basis: wire::remedy_line::Basis::Gesture.into(),
        kind: kind.into(),
        description: format!("Something for {id}"),
        amount: amount.map(|(code, minor)| money(code, minor)),
        percent: i32::from(kind == wire::remedy_line::Kind::Discount) * 10,
        ..wire::RemedyLine::default()
    };
    wire::Option {
        id: id.to_owned(),
        description: format!("Option {id}"),
        lines: vec![line],
        ..wire::Option::default()
    }
}
