//! What agents decide alone, what waits for somebody else, and who decides it.

use api::compensation as wire;
use api::compensation::remedy_line::Kind;
use api::compensation::{approval, offer, remedy};
use api::reason::compensation::{APPROVAL_NOT_PENDING, APPROVAL_PENDING, FOUR_EYES, ROLE_MAY_NOT_APPROVE};
use kernel::{ErrorCode, ServiceError};

use crate::harness::{
    DAY, Desk, TEMPLATE, again, as_client, case, error, event, minor, money_fact, of_tenant, option, remedy_of,
};

/// A case whose offer was declined: an agent may make another one.
pub async fn declined(desk: &Desk, number: u128) -> wire::Remedy {
    let facts = [("lifetime_value", money_fact("USD", 100_000))];
    let opened = desk.remedy(remedy_of(number, event(desk, "flight.cancelled", &facts))).await;
    desk.decline(&opened.offer, "no").await.unwrap();
    opened
}

/// An agent's offer; sent again under its request id while the service asks for that.
pub async fn offer_by(
    desk: &Desk,
    remedy: &str,
    agent: &str,
    role: &str,
    options: Vec<wire::Option>,
) -> Result<wire::Offer, ServiceError> {
    let request = wire::MakeOfferRequest {
        request_id: desk.fresh(),
        offer: Some(wire::Offer { remedy: remedy.to_owned(), options, ..wire::Offer::default() }),
        made_by: agent.to_owned(),
        role: role.to_owned(),
    };
    again(|| {
        let (mut api, request) = (desk.api.clone(), as_client(request.clone()));
        async move { api.make_offer(request).await }
    })
    .await
}

pub fn gift(amount: i64) -> Vec<wire::Option> {
    vec![option("gift", Kind::Money, Some(("USD", amount)))]
}

pub async fn waiting(desk: &Desk) -> Vec<wire::Approval> {
    let request = wire::ListApprovalsRequest::default();
    desk.authority.clone().list_approvals(as_client(request)).await.unwrap().into_inner().approvals
}

pub async fn approve(desk: &Desk, approval: &str, by: &str, role: &str) -> Result<wire::Approval, ServiceError> {
    let request = wire::ApproveOfferRequest {
        request_id: desk.fresh(),
        name: approval.to_owned(),
        decided_by: by.to_owned(),
        role: role.to_owned(),
    };
    again(|| {
        let (mut api, request) = (desk.authority.clone(), by_lead(request.clone()));
        async move { api.approve_offer(request).await }
    })
    .await
}

/// With the credentials of somebody else than who asks.
fn by_lead<T>(message: T) -> tonic::Request<T> {
    crate::harness::by("lead", message)
}

async fn reject(desk: &Desk, approval: &str, by: &str) -> Result<wire::Approval, ServiceError> {
    let request = wire::RejectOfferRequest {
        request_id: desk.fresh(),
        name: approval.to_owned(),
        decided_by: by.to_owned(),
        role: "lead".to_owned(),
        reason: "Too much for a late parcel.".to_owned(),
        alternative: "Offer USD 100.00.".to_owned(),
    };
    again(|| {
        let (mut api, request) = (desk.authority.clone(), by_lead(request.clone()));
        async move { api.reject_offer(request).await }
    })
    .await
}

async fn decisions(desk: &Desk, agent: &str) -> Vec<wire::AutonomousDecision> {
    let request = wire::ListAutonomousDecisionsRequest { agent: agent.to_owned(), ..Default::default() };
    let answer = desk.authority.clone().list_autonomous_decisions(as_client(request)).await.unwrap();
    answer.into_inner().autonomous_decisions
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn what_is_within_the_limits_is_the_agents_own_decision(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        let made = offer_by(&desk, &opened.name, "Ada", "", gift(50_000)).await.unwrap();
        assert_eq!(made.state(), offer::State::Open);
        let decided = decisions(&desk, "Ada").await;
        assert_eq!(decided.len(), 1);
        let decision = &decided[0];
        assert_eq!((decision.offer.as_str(), decision.role.as_str()), (made.name.as_str(), "agent"));
        assert_eq!((decision.policy_version.as_str(), minor(&decision.costs[0])), ("shipped-2", 50_000));
        assert_eq!(minor(decision.lifetime_value.as_ref().unwrap()), 100_000);
        assert_eq!(minor(decision.retained_value.as_ref().unwrap()), 50_000);
        assert!(decisions(&desk, "Bob").await.is_empty());
        let later = wire::ListAutonomousDecisionsRequest {
            start_time: Some(chassis::wire::to_timestamp(desk.engine.now().plus(DAY))),
            ..Default::default()
        };
        let later = desk.authority.clone().list_autonomous_decisions(as_client(later)).await.unwrap().into_inner();
        assert!(later.autonomous_decisions.is_empty());
        assert!(waiting(&desk).await.is_empty());
    }

    async fn above_the_limits_somebody_else_decides(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        let asked = offer_by(&desk, &opened.name, "Ada", "", gift(50_001)).await.unwrap();
        assert_eq!(asked.state(), offer::State::PendingApproval);
        assert_eq!(desk.get_offer(&asked.name).await.state(), offer::State::PendingApproval);
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Declined);
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_DECLINED"], "the customer does not know of it");
        assert_eq!(desk.accept(&asked.name, "gift").await.unwrap_err().code, ErrorCode::NotFound);
        assert!(decisions(&desk, "").await.is_empty());

        let waits = waiting(&desk).await;
        assert_eq!(waits.len(), 1);
        let name = waits[0].name.as_str();
        assert_eq!((waits[0].offer.as_str(), waits[0].requested_by.as_str()), (asked.name.as_str(), "Ada"));
        assert_eq!(
            waits[0].reasons,
            ["MONEY of USD 500.01 for this case would be above USD 500.00: USD 0.00 before, USD 500.01 now"]
        );
        let second = offer_by(&desk, &opened.name, "Bob", "", gift(100)).await.unwrap_err();
        assert_eq!((second.reason.as_str(), second.metadata["approval"].as_str()), (APPROVAL_PENDING, name));

        for who in ["Ada", " ada"] {
            assert_eq!(approve(&desk, name, who, "lead").await.unwrap_err().reason, FOUR_EYES, "{who}");
        }
        let refused = approve(&desk, name, "Bob", "agent").await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::PermissionDenied, ROLE_MAY_NOT_APPROVE));
        let approved = approve(&desk, name, "Bob", "lead").await.unwrap();
        assert_eq!((approved.state(), approved.decided_by.as_str()), (approval::State::Approved, "Bob"));
        let open = desk.get_offer(&asked.name).await;
        assert_eq!((open.state(), open.made_by.as_str()), (offer::State::Open, "Ada"));
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_DECLINED", "OFFER_MADE"]);
        let again = approve(&desk, name, "Cleo", "lead").await.unwrap_err();
        assert_eq!((again.reason.as_str(), again.metadata["state"].as_str()), (APPROVAL_NOT_PENDING, "APPROVED"));
        desk.accept(&asked.name, "gift").await.unwrap();
        desk.run_due().await;
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
        assert_eq!(desk.count("SELECT count(*) AS n FROM audit_records").await, 2);
        desk.assert_ledger_balances().await;
    }

    async fn a_no_says_why_and_what_instead_and_nobody_is_no_answer(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        let asked = offer_by(&desk, &opened.name, "Ada", "", gift(60_000)).await.unwrap();
        let name = waiting(&desk).await.remove(0).name;
        let bare = wire::RejectOfferRequest { request_id: desk.fresh(), name: name.clone(), decided_by: "Bob".to_owned(), role: "lead".to_owned(), ..Default::default() };
        let bare = error(desk.authority.clone().reject_offer(by_lead(bare)).await.unwrap_err());
        let fields: Vec<_> = bare.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["reason", "alternative"]);
        assert_eq!(reject(&desk, &name, "ADA").await.unwrap_err().reason, FOUR_EYES);
        // Another name with the credentials of who asked is no other person.
        let request = wire::ApproveOfferRequest {
            request_id: desk.fresh(),
            name: name.clone(),
            decided_by: "Bob".to_owned(),
            role: "lead".to_owned(),
        };
        let two_names = desk.authority.clone().approve_offer(as_client(request.clone())).await.unwrap_err();
        assert_eq!(error(two_names).reason, FOUR_EYES);
        let direct = "UPDATE approval_requests SET state = 'APPROVED', decided_by = 'Bob', decided_client = 'desk'";
        assert!(desk.sql(direct).await.is_err(), "the database refuses it too");
        let rejected = reject(&desk, &name, "Bob").await.unwrap();
        assert_eq!((rejected.state(), rejected.alternative.as_str()), (approval::State::Rejected, "Offer USD 100.00."));
        assert_eq!(desk.get_offer(&asked.name).await.state(), offer::State::Rejected);
        assert_eq!(desk.told(&case(7)).await, ["OFFER_MADE", "OFFER_DECLINED"]);

        // The alternative is within the limits; what was rejected did not count.
        offer_by(&desk, &opened.name, "Ada", "", gift(10_000)).await.unwrap();
        let other = declined(&desk, 8).await;
        let late = offer_by(&desk, &other.name, "Ada", "", gift(60_000)).await.unwrap();
        let name = waiting(&desk).await.remove(0).name;
        let expire = || wire::ExpireApprovalRequest { request_id: desk.fresh(), name: name.clone() };
        let early = desk.authority.clone().expire_approval(as_client(expire())).await.unwrap().into_inner();
        assert_eq!(early.state(), approval::State::Pending);
        desk.clock.advance(DAY * 3);
        assert_eq!(approve(&desk, &name, "Bob", "lead").await.unwrap_err().metadata["state"], "EXPIRED");
        desk.run_due().await;
        assert!(waiting(&desk).await.is_empty());
        assert_eq!(desk.get_offer(&late.name).await.state(), offer::State::Rejected);
        let of_case = wire::ListApprovalsRequest { case: case(8), ..Default::default() };
        let listed = desk.authority.clone().list_approvals(as_client(of_case)).await.unwrap().into_inner().approvals;
        assert_eq!(listed.iter().map(wire::Approval::state).collect::<Vec<_>>(), [approval::State::Expired]);
    }

    /// Sums of case, customer and agent's day; what is not taken is given back, and a day or a window makes room again.
    async fn limits_sum_over_case_customer_and_day(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        let first = offer_by(&desk, &opened.name, "Ada", "", gift(50_000)).await.unwrap();
        desk.decline(&first.name, "more").await.unwrap();
        let two = vec![option("a", Kind::Money, Some(("USD", 50_000))), option("b", Kind::Money, Some(("USD", 20_000)))];
        let second = offer_by(&desk, &opened.name, "Ada", "", two).await.unwrap();
        assert_eq!(second.state(), offer::State::Open, "what was declined does not count any more");
        desk.accept(&second.name, "b").await.unwrap();
        let counted = "SELECT sum(amount) AS n FROM spending_days WHERE scope = 'CASE'";
        assert_eq!(desk.count(&format!("SELECT CAST(n AS BIGINT) AS n FROM ({counted}) AS sums")).await, 20_000);
        assert_eq!(desk.count("SELECT count(*) AS n FROM spending_counted").await, 0);

        // The same customer in other cases: USD 1,000 in 30 days, of which 200 are gone.
        let customer = opened.customer.clone();
        let again = |number: u128| {
            let event = api::common::FailureEvent { reference: format!("UA {number}"), ..event(&desk, "flight.cancelled", &[]) };
            wire::Remedy { customer: customer.clone(), ..remedy_of(number, event) }
        };
        for (number, amount, state) in [(8, 50_000, offer::State::Open), (9, 30_000, offer::State::Open), (10, 1, offer::State::PendingApproval)] {
            let opened = desk.remedy(again(number)).await;
            desk.decline(&opened.offer, "no").await.unwrap();
            let made = offer_by(&desk, &opened.name, "Ada", "", gift(amount)).await.unwrap();
            assert_eq!(made.state(), state, "{number}");
        }
        assert!(waiting(&desk).await[0].reasons[0].contains("for this customer in 30 days"));
        desk.clock.advance(DAY * 30);
        let opened = desk.remedy(again(11)).await;
        desk.decline(&opened.offer, "no").await.unwrap();
        assert_eq!(offer_by(&desk, &opened.name, "Ada", "", gift(50_000)).await.unwrap().state(), offer::State::Open);
    }

    /// Roles decide; statutory lines need nobody, as far as the law demands them.
    async fn roles_have_limits_of_their_own_and_the_law_has_none(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        for (number, role, amount, state) in [
            (7, "lead", 250_000, offer::State::Open),
            (8, "lead", 250_001, offer::State::PendingApproval),
            (9, "chef", 1, offer::State::PendingApproval),
        ] {
            let opened = declined(&desk, number).await;
            let made = offer_by(&desk, &opened.name, "Ada", role, gift(amount)).await.unwrap();
            assert_eq!(made.state(), state, "{role} {amount}");
        }
        // Nothing is owed by law here: to call a line statutory does not make it so.
        let opened = declined(&desk, 10).await;
        let mut options = gift(1);
        options[0].lines[0].basis = wire::remedy_line::Basis::Statutory.into();
        let made = offer_by(&desk, &opened.name, "Ada", "", options).await.unwrap();
        assert_eq!(made.state(), offer::State::PendingApproval);
        let euros = vec![option("gift", Kind::Money, Some(("JPY", 1)))];
        let opened = declined(&desk, 11).await;
        assert_eq!(offer_by(&desk, &opened.name, "Ada", "", euros).await.unwrap().state(), offer::State::PendingApproval);
    }

    /// A hundred offers at once, each within the limits alone: the agent's day has room for twenty.
    async fn a_hundred_offers_at_once_do_not_slip_under_a_limit(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut remedies = Vec::new();
        for number in 0..100 {
            remedies.push(declined(&desk, 100 + number).await.name);
        }
        let offers = remedies.iter().map(|remedy| offer_by(&desk, remedy, "Ada", "", gift(50_000)));
        let made = futures::future::join_all(offers).await;
        let states: Vec<_> = made.iter().map(|offer| offer.as_ref().unwrap().state()).collect();
        assert_eq!(states.iter().filter(|state| **state == offer::State::Open).count(), 20);
        assert_eq!(states.iter().filter(|state| **state == offer::State::PendingApproval).count(), 80);
        let used = "SELECT CAST(sum(amount) AS BIGINT) AS n FROM spending_days WHERE scope = 'AGENT'";
        assert_eq!(desk.count(used).await, 1_000_000);
        assert_eq!(waiting(&desk).await.len(), 50, "a page of them");
        assert_eq!(decisions(&desk, "Ada").await.len(), 20);
    }

    /// Fifty yes and fifty no of different people at once: one decision, one effect.
    async fn one_decision_of_many_at_once_counts(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        offer_by(&desk, &opened.name, "Ada", "", gift(60_000)).await.unwrap();
        let name = waiting(&desk).await.remove(0).name;
        let decided = futures::future::join_all((0..100).map(|number| {
            let (desk, name, who) = (&desk, &name, format!("lead {number}"));
            async move { if number % 2 == 0 { approve(desk, name, &who, "lead").await } else { reject(desk, name, &who).await } }
        }))
        .await;
        let taken: Vec<_> = decided.iter().flatten().collect();
        assert_eq!(taken.len(), 1);
        assert!(decided.iter().filter_map(|done| done.as_ref().err()).all(|refused| refused.reason == APPROVAL_NOT_PENDING));
        let open = i64::from(taken[0].state() == approval::State::Approved);
        assert_eq!(desk.count("SELECT count(*) AS n FROM offers WHERE state = 'OPEN'").await, open);
    }

    /// The database holds four eyes by itself, and a decision is never rewritten.
    async fn the_database_refuses_what_the_domain_would(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        offer_by(&desk, &opened.name, "Ada", "", gift(60_000)).await.unwrap();
        for change in [
            "UPDATE approval_requests SET state = 'APPROVED', decided_by = 'Ada'",
            "UPDATE approval_requests SET state = 'APPROVED', decided_by = ' aDA '",
            "UPDATE approval_requests SET state = 'APPROVED', decided_by = requested_by",
            "UPDATE approval_requests SET state = 'APPROVED'",
            "UPDATE approval_requests SET state = 'REJECTED', decided_by = 'Bob'",
            "UPDATE approval_requests SET requested_by = 'Bob'",
            "UPDATE approval_requests SET requested_by = 'Bob', state = 'APPROVED', decided_by = 'Ada'",
            "UPDATE approval_requests SET options = '[]'",
            "UPDATE approval_requests SET decided_by = 'Bob'",
        ] {
            assert!(desk.sql(change).await.is_err(), "{change}");
        }
        let name = waiting(&desk).await.remove(0).name;
        approve(&desk, &name, "Bob", "lead").await.unwrap();
        for change in [
            "UPDATE approval_requests SET state = 'REJECTED', rejection = 'x', alternative = 'y'",
            "UPDATE approval_requests SET decided_by = 'Cleo'",
            "UPDATE spending_days SET amount = -1",
        ] {
            assert!(desk.sql(change).await.is_err(), "{change}");
        }
    }

    async fn every_decision_is_safe_to_repeat(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        offer_by(&desk, &opened.name, "Ada", "", gift(60_000)).await.unwrap();
        let name = waiting(&desk).await.remove(0).name;
        let mut api = desk.authority.clone();
        let yes = wire::ApproveOfferRequest { request_id: desk.fresh(), name: name.clone(), decided_by: "Bob".to_owned(), role: "lead".to_owned() };
        let first = api.approve_offer(by_lead(yes.clone())).await.unwrap();
        let again = api.approve_offer(by_lead(yes.clone())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(first.into_inner(), again.into_inner());
        let other = wire::ApproveOfferRequest { decided_by: "Cleo".to_owned(), ..yes };
        let reused = error(api.approve_offer(by_lead(other)).await.unwrap_err());
        assert_eq!(reused.reason, api::reason::IDEMPOTENCY_KEY_REUSED);
        assert_eq!(desk.count("SELECT count(*) AS n FROM offers").await, 2);

        let other = declined(&desk, 8).await;
        offer_by(&desk, &other.name, "Ada", "", gift(60_000)).await.unwrap();
        let name = waiting(&desk).await.remove(0).name;
        let no = wire::RejectOfferRequest { request_id: desk.fresh(), name: name.clone(), decided_by: "Bob".to_owned(), role: "lead".to_owned(), reason: "r".to_owned(), alternative: "a".to_owned() };
        let first = api.reject_offer(by_lead(no.clone())).await.unwrap().into_inner();
        assert_eq!(first, api.reject_offer(by_lead(no)).await.unwrap().into_inner());
        let end = wire::ExpireApprovalRequest { request_id: desk.fresh(), name };
        let first = api.expire_approval(as_client(end.clone())).await.unwrap().into_inner();
        assert_eq!(first, api.expire_approval(as_client(end)).await.unwrap().into_inner());
        assert_eq!(first.state(), approval::State::Rejected);
    }

    async fn another_tenant_sees_and_decides_nothing(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 7).await;
        let asked = offer_by(&desk, &opened.name, "Ada", "", gift(60_000)).await.unwrap();
        let name = waiting(&desk).await.remove(0).name;
        let mut api = desk.authority.clone();
        let foreign = |request: wire::GetApprovalRequest| of_tenant("other", "desk", request);
        let refused = error(api.get_approval(foreign(wire::GetApprovalRequest { name: name.clone() })).await.unwrap_err());
        assert_eq!(refused.code, ErrorCode::NotFound);
        let yes = wire::ApproveOfferRequest { request_id: desk.fresh(), name, decided_by: "Bob".to_owned(), role: "lead".to_owned() };
        assert_eq!(error(api.approve_offer(of_tenant("other", "desk", yes)).await.unwrap_err()).code, ErrorCode::NotFound);
        let get = wire::GetOfferRequest { name: asked.name };
        assert_eq!(error(desk.api.clone().get_offer(of_tenant("other", "desk", get)).await.unwrap_err()).code, ErrorCode::NotFound);
        let list = wire::ListApprovalsRequest::default();
        assert!(api.list_approvals(of_tenant("other", "desk", list)).await.unwrap().into_inner().approvals.is_empty());
    }

    async fn bad_requests_list_all_that_is_wrong(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut api = desk.authority.clone();
        let found = |error: ServiceError| error.violations.iter().map(|v| format!("{} {}", v.field, v.reason)).collect::<Vec<_>>();
        let refused = error(api.approve_offer(by_lead(wire::ApproveOfferRequest::default())).await.unwrap_err());
        assert_eq!(found(refused), ["request_id REQUIRED", "name REQUIRED", "decided_by REQUIRED", "role REQUIRED"]);
        let list = wire::ListApprovalsRequest { page_size: -1, page_token: String::new(), state: 99, case: "x".to_owned() };
        let refused = error(api.list_approvals(as_client(list)).await.unwrap_err());
        assert_eq!(found(refused), ["case RESOURCE_NAME", "state UNKNOWN_ENUM_VALUE", "page_size NEGATIVE"]);
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let list = wire::ListAutonomousDecisionsRequest { page_size: -1, agent: "x".repeat(129), start_time: at(10), end_time: at(10), ..Default::default() };
        let refused = error(api.list_autonomous_decisions(as_client(list)).await.unwrap_err());
        assert_eq!(found(refused), ["agent LENGTH", "end_time TIMESTAMP_RANGE", "page_size NEGATIVE"]);
        let refused = error(api.get_policy(as_client(wire::GetPolicyRequest { name: "policies/luck".to_owned() })).await.unwrap_err());
        assert_eq!(found(refused), ["name RESOURCE_NAME"]);
        let list = wire::ListAbuseSignalsRequest { customer: "x".to_owned(), page_size: -1, page_token: String::new() };
        let refused = error(api.list_abuse_signals(as_client(list)).await.unwrap_err());
        assert_eq!(found(refused), ["customer RESOURCE_NAME", "page_size NEGATIVE"]);
        assert_eq!(desk.count("SELECT count(*) AS n FROM inbound_requests").await, 0);
    }
}
