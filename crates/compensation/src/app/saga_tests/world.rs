//! A service with its sandbox in the test's process, whose calls to itself are made part by part, each of which can fail
//! or be repeated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use api::compensation::AdvancePayoutRequest;
use api::method::compensation_service::ADVANCE_PAYOUT;
use chassis::config::Secret;
use durable::{Engine, Tx, sql};
use kernel::{Currency, Money, PayoutId, RequestContext, RequestKey, ResourceId, TenantId, Timestamp, VirtualClock};
use prost::Message as _;
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use crate::app::ports::PayoutProvider;
use crate::app::{App, DecideSettlement, OpenRemedy, SettlePayout};
use crate::config::Config;
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::pack::set::PackSet;
use crate::domain::payout::PayoutState;
use crate::domain::payout_settlement::Outcome;
use crate::domain::payout_step::{Payout, ProviderRules};
use crate::domain::safeguards::Safeguards;
use crate::provider::{InProcessSandbox, LoopBack};
use crate::sandbox::{Sandbox, WebhookEndpoint};
use crate::store::payouts;
use crate::testing::engine;

const OWN: &str = "service:compensation";
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// What goes wrong at one part of the saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process dies before the part; what was to be done comes again this much later.
    CrashBefore(Duration),
    /// The process dies right after the part.
    CrashAfter(Duration),
    /// The part is carried out twice.
    Repeat,
}

/// Where something goes wrong; parts are counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) part: usize,
    pub(super) fault: Option<Fault>,
}

impl Plan {
    pub(super) const NOTHING: Plan = Plan { part: 0, fault: None };
}

/// Counts the parts, and says what happens at each.
struct Parts {
    plan: Plan,
    done: usize,
    late: Duration,
}

impl Parts {
    /// How often the next part is carried out, and whether the process lives on.
    fn next(&mut self) -> (usize, bool) {
        let here = self.done == self.plan.part;
        self.done += 1;
        match self.plan.fault.filter(|_| here) {
            None => (1, true),
            Some(Fault::Repeat) => (2, true),
            Some(Fault::CrashBefore(late)) => {
                self.late = late;
                (0, false)
            }
            Some(Fault::CrashAfter(late)) => {
                self.late = late;
                (1, false)
            }
        }
    }
}

/// Carries out one part of the saga as often as the plan says; leaves the function when the process dies at it.
macro_rules! part {
    ($parts:expr, $act:expr) => {{
        let (times, lives) = $parts.next();
        let mut result = None;
        for _ in 0..times {
            let again = $act;
            result = result.or(Some(again));
        }
        match result {
            Some(result) if lives => result,
            _ => return false,
        }
    }};
}

pub(super) struct World {
    pub(super) app: App,
    pub(super) engine: Engine,
    pub(super) clock: VirtualClock,
    amounts: AtomicI64,
    /// Says, of what the machine could not find out, that it was not executed; nothing otherwise.
    pub(super) people_decide: bool,
    _told: Arc<LoopBack>,
}

impl World {
    pub(super) async fn new(database: &testkit::TestDatabase, safeguards: Safeguards) -> Self {
        let (engine, clock) = engine(database).await;
        let mut config = Config::default();
        config.provider.webhook_secrets = vec![Secret::new("a secret for tests only")];
        // Fewer steps until the key's time has passed; the provider learns of its executions within the settlement delay.
        (config.provider.retry_base, config.provider.retry_cap) = (HOUR / 2, 3 * HOUR);
        config.sandbox.lookup_lag = 23 * HOUR;
        let told = Arc::new(LoopBack::default());
        let secret = config.provider.webhooks().signing_secret().unwrap().to_vec();
        let sandbox = Sandbox::new(&engine, config.sandbox.clone())
            .with_webhooks(Arc::clone(&told) as Arc<dyn WebhookEndpoint>, &secret);
        let provider = Arc::new(InProcessSandbox::new(&engine, sandbox, config.provider.timeout));
        let rules = ProviderRules { safeguards, ..config.provider.rules() };
        let packs = PackSet::shipped().unwrap();
        let app = App::with_rules(&engine, &config, packs, provider as Arc<dyn PayoutProvider>, rules);
        told.connect(app.parts());
        Self { app, engine, clock, amounts: AtomicI64::new(1_000), people_decide: true, _told: told }
    }

    pub(super) fn context(&self, client: &str) -> RequestContext {
        RequestContext::for_client(TenantId::default_tenant(), client)
    }

    /// A payout of an amount that no other one has, to be opened.
    fn order(&self, payee: &str) -> OpenRemedy {
        let minor = self.amounts.fetch_add(1, Ordering::SeqCst);
        let amount = Money::new(Currency::parse("EUR").unwrap(), minor);
        let event = FailureEvent {
            kind: "bill.wrong".to_owned(),
            occurred_at: self.engine.now(),
            reference: "bill 17".to_owned(),
            facts: BTreeMap::from([("overcharged_amount".to_owned(), Fact::Money(amount))]),
        };
        OpenRemedy {
            id: None,
            case: Uuid::from_u128(7).into(),
            customer: Uuid::from_u128(8).into(),
            event,
            severity: Severity::Low,
            payee: payee.to_owned(),
            recovery: crate::domain::gate::RecoveryContext { apologised: true, ..Default::default() },
        }
    }

    /// A payout that is reserved.
    pub(super) async fn reserved(&self, payee: &str) -> Payout {
        let key = self.engine.new_id().to_string();
        let opened = self.app.open_remedy(self.context("desk"), &key, self.order(payee)).await.unwrap().message;
        self.read(PayoutId::parse_name(&opened.payouts[0]).unwrap()).await
    }

    pub(super) async fn read(&self, id: PayoutId) -> Payout {
        payouts::get(self.engine.read(), &TenantId::default_tenant(), id).await.unwrap().unwrap()
    }

    /// The whole saga of one payout with what goes wrong; how many parts it had.
    pub(super) async fn saga(&self, payee: &str, plan: Plan) -> (PayoutId, usize) {
        let mut parts = Parts { plan, done: 0, late: Duration::ZERO };
        let (order, key) = (self.order(payee), self.engine.new_id().to_string());
        let mut opened = None;
        // Whoever was not answered asks again with the same request id.
        while opened.is_none() {
            self.open(&mut parts, &order, &key, &mut opened).await;
        }
        let id = opened.unwrap();
        self.clock.advance(std::mem::take(&mut parts.late));
        for _ in 0..400 {
            if !self.next_call(&mut parts, id).await && !self.people(&mut parts, id).await {
                return (id, parts.done);
            }
        }
        panic!("{id} ({payee}) does not come to an end: {:?}", self.read(id).await);
    }

    /// Takes a payout that is under way to its end; without a safeguard it may have none.
    pub(super) async fn finish(&self, id: PayoutId) {
        let mut parts = Parts { plan: Plan::NOTHING, done: 0, late: Duration::ZERO };
        for _ in 0..60 {
            if !self.next_call(&mut parts, id).await && !self.people(&mut parts, id).await {
                return;
            }
        }
    }

    /// Takes a payout as far as the machine alone can.
    pub(super) async fn machine(&self, id: PayoutId) {
        let mut parts = Parts { plan: Plan::NOTHING, done: 0, late: Duration::ZERO };
        while self.next_call(&mut parts, id).await {}
    }

    async fn open(&self, parts: &mut Parts, order: &OpenRemedy, key: &str, opened: &mut Option<PayoutId>) -> bool {
        let answer =
            part!(parts, { self.app.open_remedy(self.context("desk"), key, order.clone()).await.unwrap().message });
        *opened = PayoutId::parse_name(&answer.payouts[0]);
        true
    }

    /// The own calls of a payout that are not done, the next due one first.
    pub(super) async fn pending(&self, id: PayoutId) -> Vec<(AdvancePayoutRequest, Timestamp)> {
        let text = "SELECT body, due_at FROM outbound_calls WHERE target = 'compensation' AND state = 'pending' \
                    AND method = $1 ORDER BY due_at, message_id";
        let statement = sql::statement(self.engine.db().backend(), text, [ADVANCE_PAYOUT.into()]);
        let rows = self.engine.read().query_all_raw(statement).await.unwrap();
        let calls = rows.iter().map(|row| {
            let body: Vec<u8> = sql::column(row, "body").unwrap();
            let due_at = Timestamp::from_micros(sql::column(row, "due_at").unwrap());
            (AdvancePayoutRequest::decode(body.as_slice()).unwrap(), due_at)
        });
        calls.filter(|(request, _)| request.name == id.to_string()).collect()
    }

    /// Makes the next own call of a payout, as the relay does: it comes again until it is answered. False without one.
    async fn next_call(&self, parts: &mut Parts, id: PayoutId) -> bool {
        let Some((request, due_at)) = self.pending(id).await.into_iter().next() else { return false };
        self.clock.advance_to(due_at.max(self.engine.now()));
        if self.call(parts, id, &request).await {
            self.done(&request.request_id).await;
        } else {
            self.clock.advance(std::mem::take(&mut parts.late));
        }
        true
    }

    async fn call(&self, parts: &mut Parts, id: PayoutId, request: &AdvancePayoutRequest) -> bool {
        let context = self.context(OWN);
        let key = context.key(ADVANCE_PAYOUT, &request.request_id, RequestKey::hash_of(&(id, request.look_up)));
        let begun = part!(parts, { self.app.begin(&context, &request.request_id, id, request.look_up).await.unwrap() });
        if let Some((payout, step)) = begun {
            let finding = part!(parts, self.app.carry_out(&payout, step).await);
            part!(parts, self.app.record(&context, &payout, finding.clone()).await.unwrap());
        }
        let answers = part!(parts, self.app.answer(&context, key.clone(), id).await.unwrap().message);
        assert_eq!(answers.name, id.to_string());
        true
    }

    async fn done(&self, request_id: &str) {
        let text = "UPDATE outbound_calls SET state = 'done' WHERE state = 'pending' AND message_id = $1";
        let message = Uuid::parse_str(request_id).unwrap();
        let work = |tx: Tx| async move { Ok(tx.execute(sql::statement(tx.backend(), text, [message.into()])).await?) };
        self.engine.run_tx("test.done", work).await.unwrap();
    }

    /// Two people decide about a payout that is MANUAL, by what the machine tells them. False when there is nothing to
    /// decide.
    async fn people(&self, parts: &mut Parts, id: PayoutId) -> bool {
        let payout = self.read(id).await;
        if payout.state != PayoutState::Manual || !self.people_decide {
            return false;
        }
        let (outcome, reference) =
            if payout.reference.is_empty() { (Outcome::NotExecuted, "") } else { (Outcome::Executed, "seen") };
        let (reference, evidence) = (reference.to_owned(), payout.reason);
        let command = SettlePayout { payout: id, outcome, reference, evidence };
        let key = format!("settle-{}", id.uuid());
        while !self.decide(parts, &command, &key).await {}
        true
    }

    async fn decide(&self, parts: &mut Parts, command: &SettlePayout, key: &str) -> bool {
        let (ada, bob) = (self.context("ada"), self.context("bob"));
        let proposed =
            part!(parts, { self.app.settle_payout(ada.clone(), key, command.clone()).await.unwrap().message });
        let settlement = ResourceId::parse_name(&proposed.name).unwrap();
        let agreed = DecideSettlement { settlement, reason: "I have seen it".to_owned() };
        part!(parts, self.app.approve_payout_settlement(bob.clone(), key, agreed.clone()).await.unwrap());
        true
    }
}
