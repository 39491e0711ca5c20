//! The step of a payout is cut off at every point and taken up again: it is paid once, and the books say so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use api::compensation::AdvancePayoutRequest;
use api::extension::ExecutePayoutRequest;
use async_trait::async_trait;
use durable::Engine;
use kernel::{Currency, Money, ResourceId, TenantId, VirtualClock};
use prost::Message as _;
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use super::*;
use crate::app::OpenRemedy;
use crate::app::ports::PayoutProvider;
use crate::config::Config;
use crate::domain::event::{Fact, FailureEvent, Severity};
use crate::domain::pack::set::PackSet;
use crate::domain::payout::PayoutState;
use crate::testing::{TEMPLATE, count, engine};

const OWN: &str = "service:compensation";

/// A provider that keeps its promise: one execution for each key that it knows, for as long as it says.
#[derive(Debug)]
struct Book {
    clock: VirtualClock,
    pages: Mutex<BTreeMap<String, Page>>,
}

#[derive(Clone, Debug, Default)]
struct Page {
    executions: u32,
    known_until: Timestamp,
    bodies: Vec<Vec<u8>>,
}

use kernel::Timestamp;

#[async_trait]
impl PayoutProvider for Book {
    async fn execute(&self, request: Vec<u8>) -> Finding {
        let key = ExecutePayoutRequest::decode(request.as_slice()).unwrap().payout_key;
        {
            let now = kernel::Clock::now(&self.clock);
            let mut pages = self.pages.lock().unwrap();
            let page = pages.entry(key).or_default();
            page.bodies.push(request);
            if page.executions == 0 || now >= page.known_until {
                page.executions += 1;
                page.known_until = now.plus(Config::default().provider.key_ttl);
            }
        }
        // The payout is made; whoever waits for the answer can still be cut off here.
        tokio::task::yield_now().await;
        Finding::Executed { reference: "book".to_owned(), amount: None }
    }

    async fn look_up(&self, key: String) -> Finding {
        tokio::task::yield_now().await;
        match self.pages.lock().unwrap().get(&key) {
            Some(_) => Finding::Executed { reference: "book".to_owned(), amount: None },
            None => Finding::NotFound,
        }
    }
}

struct World {
    app: App,
    engine: Engine,
    clock: VirtualClock,
    book: Arc<Book>,
}

impl World {
    async fn new(database: &testkit::TestDatabase) -> Self {
        let (engine, clock) = engine(database).await;
        let book = Arc::new(Book { clock: clock.clone(), pages: Mutex::default() });
        let config = Config::default();
        let app =
            App::start(&engine, &config, PackSet::shipped().unwrap(), Arc::clone(&book) as Arc<dyn PayoutProvider>);
        Self { app, engine, clock, book }
    }

    fn context(&self, client: &str) -> RequestContext {
        RequestContext::for_client(TenantId::default_tenant(), client)
    }

    /// A payout that is reserved, and the id of the call that takes its first step.
    async fn payout(&self, minor: i64) -> (Payout, String) {
        let amount = Money::new(Currency::parse("EUR").unwrap(), minor);
        let event = FailureEvent {
            kind: "bill.wrong".to_owned(),
            occurred_at: self.engine.now(),
            reference: "bill 17".to_owned(),
            facts: BTreeMap::from([("overcharged_amount".to_owned(), Fact::Money(amount))]),
        };
        let command = OpenRemedy {
            id: None,
            case: Uuid::from_u128(7).into(),
            customer: Uuid::from_u128(8).into(),
            event,
            severity: Severity::Low,
            payee: String::new(),
            recovery: crate::domain::gate::RecoveryContext::default(),
        };
        let key = self.engine.new_id().to_string();
        let opened = self.app.open_remedy(self.context("desk"), &key, command).await.unwrap().message;
        let payout = self.read(PayoutId::parse_name(&opened.payouts[0]).unwrap()).await;
        let first = own_calls::payout_step(&TenantId::default_tenant(), &payout, 1).to_string();
        (payout, first)
    }

    async fn read(&self, id: PayoutId) -> Payout {
        payouts::get(self.engine.read(), &TenantId::default_tenant(), id).await.unwrap().unwrap()
    }

    fn step(
        &self,
        id: PayoutId,
        request_id: &str,
    ) -> impl Future<Output = Result<Answer<api::compensation::Payout>, ServiceError>> {
        let context = self.context(OWN);
        let key = context.key(ADVANCE_PAYOUT, request_id, RequestKey::hash_of(&(id, false)));
        let app = self.app.clone();
        async move { app.step(context, key, id, false).await }
    }

    /// What the relay does: makes every call of the payout that is pending, when it is due, until none is left.
    async fn recover(&self, id: PayoutId) {
        for _ in 0..20 {
            let sql = "SELECT body, due_at FROM outbound_calls WHERE target = 'compensation' AND state = 'pending' \
                       ORDER BY due_at";
            let statement = durable::sql::statement(self.engine.db().backend(), sql, []);
            let rows = self.engine.read().query_all_raw(statement).await.unwrap();
            let calls = rows.iter().map(|row| {
                let body: Vec<u8> = durable::sql::column(row, "body").unwrap();
                let due_at = Timestamp::from_micros(durable::sql::column(row, "due_at").unwrap());
                (AdvancePayoutRequest::decode(body.as_slice()).unwrap(), due_at)
            });
            let of_payout: Vec<_> = calls.filter(|(request, _)| request.name == id.to_string()).collect();
            let Some((request, due_at)) = of_payout.into_iter().next() else { return };
            self.clock.advance_to(due_at);
            self.step(id, &request.request_id).await.unwrap();
            let done = "UPDATE outbound_calls SET state = 'done' WHERE state = 'pending' AND message_id = $1";
            let message = Uuid::parse_str(&request.request_id).unwrap();
            let work = |tx: Tx| async move {
                Ok(tx.execute(durable::sql::statement(tx.backend(), done, [message.into()])).await?)
            };
            self.engine.run_tx("test.done", work).await.unwrap();
        }
        panic!("{id} does not come to an end");
    }

    /// Paid once, with the same bytes each time, and booked as paid.
    async fn assert_paid_once(&self, id: PayoutId, told: &str) {
        let payout = self.read(id).await;
        assert_eq!(payout.state, PayoutState::Confirmed, "{told}");
        let page = self.book.pages.lock().unwrap()[&payout.key].clone();
        assert_eq!(page.executions, 1, "{told}");
        assert!(page.bodies.iter().all(|body| *body == payout.request), "{told}");
        let booked = format!("SELECT count(*) AS n FROM ledger_transactions WHERE subject = '{id}'");
        assert_eq!(count(&self.engine, &booked).await, 2, "reserved and posted: {told}");
        let voided = format!("{booked} AND kind = 'PAYOUT_VOIDED'");
        assert_eq!(count(&self.engine, &voided).await, 0, "{told}");
    }
}

/// Runs a future until it has been polled `polls` times, then drops it where it is; true when it ended before.
async fn cut_off<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|task| {
        if polled == polls {
            return Poll::Ready(false);
        }
        polled += 1;
        match future.as_mut().poll(task) {
            Poll::Ready(_) => Poll::Ready(true),
            // The next poll comes when the future is woken, or is the last one.
            Poll::Pending if polled == polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// Between any two of begin, send, record and answer.
    async fn a_step_that_is_cut_off_between_its_parts_is_taken_up(database: testkit::TestDatabase) {
        let world = World::new(&database).await;
        for parts in 0..=3_i64 {
            let (payout, first) = world.payout(100 + parts).await;
            let context = world.context(OWN);
            if parts >= 1 {
                let (begun, step) = world.app.begin(&context, &first, payout.id, false).await.unwrap().unwrap();
                if parts >= 2 {
                    let finding = world.app.carry_out(&begun, step).await;
                    if parts >= 3 {
                        world.app.record(&context, &begun, finding).await.unwrap();
                    }
                }
            }
            // The same call comes again, since nobody answered it; then what was planned.
            world.step(payout.id, &first).await.unwrap();
            world.recover(payout.id).await;
            world.assert_paid_once(payout.id, &format!("cut off after {parts} parts")).await;
        }
    }

    /// At every await of the whole step, one after the other. An await whose answer is there already is no place to cut
    /// off at, which a busy machine decides: the step has ended for good when it has ended so many times in a row.
    async fn a_step_that_is_cut_off_anywhere_is_taken_up(database: testkit::TestDatabase) {
        let world = World::new(&database).await;
        let (mut cut, mut ended) = (0, 0);
        for number in 0..200_usize {
            let (payout, first) = world.payout(1_000 + i64::try_from(number).unwrap()).await;
            let has_ended = cut_off(world.step(payout.id, &first), cut).await;
            world.recover(payout.id).await;
            world.assert_paid_once(payout.id, &format!("cut off after {cut} polls")).await;
            (cut, ended) = if has_ended { (cut, ended + 1) } else { (cut + 1, 0) };
            if ended == 5 {
                break;
            }
        }
        assert!(cut >= 8, "the step was cut off at {cut} points only");
    }

    /// A process that slept through the key's time between intent and send looks up instead of sending.
    async fn nothing_is_sent_after_the_keys_time(database: testkit::TestDatabase) {
        let world = World::new(&database).await;
        let (payout, first) = world.payout(5_000).await;
        let context = world.context(OWN);
        let (begun, step) = world.app.begin(&context, &first, payout.id, false).await.unwrap().unwrap();
        assert_eq!(step, Step::Send);
        world.clock.advance_to(begun.key_valid_until.unwrap());
        let finding = world.app.carry_out(&begun, step).await;
        assert_eq!(finding, Finding::NotFound);
        assert!(world.book.pages.lock().unwrap().is_empty(), "not a byte was sent");
        world.app.record(&context, &begun, finding).await.unwrap();
        assert_eq!(world.read(payout.id).await.state, PayoutState::Unknown);
    }

    /// Two processes with the same payout: whoever begins second finds it begun; what the first brings late is taken
    /// when it is a success, and changes nothing otherwise.
    async fn an_overtaken_step_brings_success_or_nothing(database: testkit::TestDatabase) {
        let world = World::new(&database).await;
        for (minor, late) in [
            (6_000, Finding::Executed { reference: "late".to_owned(), amount: None }),
            (6_001, Finding::Declined { reason: "late".to_owned() }),
            (6_002, Finding::Lost { why: "late".to_owned() }),
        ] {
            let (payout, first) = world.payout(minor).await;
            let context = world.context(OWN);
            let (slow, _) = world.app.begin(&context, &first, payout.id, false).await.unwrap().unwrap();
            assert!(world.app.begin(&context, &first, payout.id, false).await.unwrap().is_none(), "begun already");
            world.clock.advance(Duration::from_secs(60));
            let second = own_calls::payout_step(&context.tenant, &payout, 2).to_string();
            let (fast, step) = world.app.begin(&context, &second, payout.id, false).await.unwrap().unwrap();
            let paid_late = matches!(late, Finding::Executed { .. });
            world.app.record(&context, &slow, late).await.unwrap();
            let state = world.read(payout.id).await.state;
            assert_eq!(state, if paid_late { PayoutState::Confirmed } else { PayoutState::Submitting });
            let finding = world.app.carry_out(&fast, step).await;
            world.app.record(&context, &fast, finding).await.unwrap();
            world.recover(payout.id).await;
            world.assert_paid_once(payout.id, &minor.to_string()).await;
        }
    }
}
