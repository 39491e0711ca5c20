//! Bad input: all violations at once, and nothing is written.

use api::common::{Fact, FailureEvent, fact};
use api::compensation as wire;
use kernel::{ErrorCode, ServiceError};
use tonic::Response;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, by, case, error, event, money, remedy};

async fn open(desk: &Desk, request: wire::OpenRemedyRequest) -> Result<wire::Remedy, ServiceError> {
    desk.api.clone().open_remedy(as_client(request)).await.map(Response::into_inner).map_err(error)
}

fn found(error: &ServiceError) -> Vec<String> {
    assert_eq!(error.code, ErrorCode::InvalidArgument, "{error}");
    error.violations.iter().map(|v| format!("{} {}", v.field, v.reason)).collect()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_thoroughly_bad_remedy_lists_everything(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let value = |value| Fact { value: Some(value) };
        let bad = FailureEvent {
            kind: "Flight Cancelled".to_owned(),
            occurred_at: Some(prost_types::Timestamp { seconds: i64::MIN, nanos: -1 }),
            reference: "x".repeat(129),
            facts: [
                ("Bad-Key", value(fact::Value::Integer(1))),
                ("empty", Fact { value: None }),
                ("price", value(fact::Value::Money(api::google::r#type::Money { currency_code: "eur".to_owned(), units: 1, nanos: 0 }))),
                ("text", value(fact::Value::Text("a\0b".to_owned()))),
                ("time", value(fact::Value::Time(prost_types::Timestamp { seconds: 0, nanos: 1_000_000_000 }))),
            ]
            .into_iter()
            .map(|(key, fact)| (key.to_owned(), fact))
            .collect(),
        };
        let request = wire::OpenRemedyRequest {
            request_id: "has blanks".to_owned(),
            remedy_id: "0198F3A0-0000-7000-8000-000000000001".to_owned(),
            remedy: Some(wire::Remedy {
                case: "cases/7".to_owned(),
                customer: String::new(),
                event: Some(bad),
                severity: 99,
                payee: "p".repeat(255),
                ..wire::Remedy::default()
            }),
        };
        let refused = open(&desk, request).await.unwrap_err();
        assert_eq!(found(&refused), [
            "request_id REQUEST_ID",
            "remedy_id UUID",
            "remedy.case RESOURCE_NAME",
            "remedy.customer REQUIRED",
            "remedy.event.kind EVENT_KIND",
            "remedy.event.occurred_at TIMESTAMP_RANGE",
            "remedy.event.occurred_at CLOCK_SKEW",
            "remedy.event.reference LENGTH",
            "remedy.event.facts[Bad-Key] FACT_KEY",
            "remedy.event.facts[empty] REQUIRED",
            "remedy.event.facts[price].money UNKNOWN_CURRENCY",
            "remedy.event.facts[text].text NUL_CHARACTER",
            "remedy.event.facts[time].time TIMESTAMP_RANGE",
            "remedy.severity UNKNOWN_ENUM_VALUE",
            "remedy.payee LENGTH",
        ]);
        let empty = open(&desk, wire::OpenRemedyRequest::default()).await.unwrap_err();
        assert_eq!(found(&empty), ["request_id REQUIRED", "remedy REQUIRED"]);
        let mut many = event(&desk, "a", &[]);
        many.facts = (0..65).map(|n| (format!("f{n}"), Fact { value: Some(fact::Value::Integer(n)) })).collect();
        let refused = open(&desk, desk.open_request(remedy(many))).await.unwrap_err();
        assert_eq!(found(&refused), ["remedy.event.facts TOO_MANY_ITEMS"]);
        for table in ["remedies", "outbound_calls", "inbound_requests"] {
            assert_eq!(desk.count(&format!("SELECT count(*) AS n FROM {table}")).await, 0, "{table}");
        }
    }

    /// A caller's clock may be five minutes ahead; a durable call may have been under way for years.
    async fn an_event_of_another_time_is_refused_unless_a_service_brings_it(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let at = |at: kernel::Timestamp| {
            let mut event = event(&desk, "flight.cancelled", &[]);
            event.occurred_at = Some(chassis::wire::to_timestamp(at));
            desk.open_request(remedy(event))
        };
        let now = desk.engine.now();
        let five = std::time::Duration::from_secs(300);
        assert!(open(&desk, at(now.plus(five))).await.is_ok());
        for wrong in [now.plus(five).plus(std::time::Duration::from_micros(1)), now.minus(DAY * 3_653)] {
            let refused = open(&desk, at(wrong)).await.unwrap_err();
            assert_eq!(found(&refused), ["remedy.event.occurred_at CLOCK_SKEW"]);
            assert!(desk.api.clone().open_remedy(by("service:intake", at(wrong))).await.is_ok());
        }
    }

    async fn a_thoroughly_bad_offer_lists_everything(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let line = |id: &str, basis, kind, amount: Option<i64>, percent| wire::RemedyLine {
            id: id.to_owned(),
            basis,
            kind,
            description: String::new(),
            amount: amount.map(|minor| money("EUR", minor)),
            percent,
            arithmetic: "x".repeat(513),
            ..wire::RemedyLine::default()
        };
        let request = wire::MakeOfferRequest {
            request_id: desk.fresh(),
            offer: Some(wire::Offer {
                remedy: "remedies/x".to_owned(),
                options: vec![
                    wire::Option { id: "a".to_owned(), description: "A".to_owned(), lines: vec![line("l", 9, 1, Some(0), 5)], ..wire::Option::default() },
                    wire::Option { id: "a".to_owned(), description: String::new(), lines: vec![line("l", 1, 3, Some(5), 101)], ..wire::Option::default() },
                ],
                plus: vec![line("", 1, 4, None, 0)],
                expire_time: Some(chassis::wire::to_timestamp(desk.engine.now())),
                ..wire::Offer::default()
            }),
            made_by: " ".to_owned(), role: String::new(),
        };
        let refused = error(desk.api.clone().make_offer(as_client(request)).await.unwrap_err());
        let all = found(&refused);
        for expected in [
            "made_by REQUIRED",
            "offer.remedy RESOURCE_NAME",
            "offer.options[0].lines[0].basis UNKNOWN_ENUM_VALUE",
            "offer.options[0].lines[0].percent NOT_ALLOWED",
            "offer.options[0].lines[0].amount AMOUNT_RANGE",
            "offer.options[0].lines[0].description REQUIRED",
            "offer.options[0].lines[0].arithmetic LENGTH",
            "offer.options[1].id DUPLICATE",
            "offer.options[1].description REQUIRED",
            "offer.options[1].lines[0].id DUPLICATE",
            "offer.options[1].lines[0].amount NOT_ALLOWED",
            "offer.options[1].lines[0].percent PERCENT_RANGE",
            "offer.plus[0].id REQUIRED",
            "offer.expire_time TIMESTAMP_RANGE",
        ] {
            assert!(all.iter().any(|violation| violation == expected), "{expected} is not in {all:?}");
        }
    }

    async fn names_pages_and_answers_are_checked(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut api = desk.api.clone();
        for name in ["", "remedies/7", "remedies/00000000-0000-0000-0000-000000000000", "offers/0198f3a0-0000-7000-8000-000000000001"] {
            let refused = error(api.get_remedy(as_client(wire::GetRemedyRequest { name: name.to_owned() })).await.unwrap_err());
            assert_eq!(refused.violations[0].field, "name", "{name}");
        }
        let list = wire::ListOffersRequest { case: "x".to_owned(), page_size: -1, page_token: String::new() };
        let refused = error(api.list_offers(as_client(list)).await.unwrap_err());
        assert_eq!(found(&refused), ["case RESOURCE_NAME", "page_size NEGATIVE"]);
        let list = wire::ListLedgerTransactionsRequest { case: "x".to_owned(), page_size: -1, page_token: String::new() };
        let refused = error(api.list_ledger_transactions(as_client(list)).await.unwrap_err());
        assert_eq!(found(&refused), ["case RESOURCE_NAME", "page_size NEGATIVE"]);
        let refused = error(api.respond_to_offer(as_client(wire::RespondToOfferRequest::default())).await.unwrap_err());
        assert_eq!(found(&refused), ["request_id REQUIRED", "name REQUIRED", "response REQUIRED"]);
        let refused = error(api.advance_payout(as_client(wire::AdvancePayoutRequest::default())).await.unwrap_err());
        assert_eq!(found(&refused), ["request_id REQUIRED", "name REQUIRED"]);
        let refused = error(api.assess(as_client(wire::AssessRequest::default())).await.unwrap_err());
        assert_eq!(found(&refused), ["event REQUIRED"]);
        let largest = wire::ListRemediesRequest { case: case(7), page_size: i32::MAX, page_token: String::new() };
        assert!(api.list_remedies(as_client(largest)).await.is_ok());
    }
}
