//! A recovery where everybody has to show a token: the customer's backend, and each service to the others.

use std::collections::BTreeSet;

use amends::config::SuiteConfig;
use amends::role::Role;
use amends_tests::checker::Checker;
use amends_tests::in_process::InProcess;
use api::intake::case::State;
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{
    AddAffectedRequest, Case, GetCaseRequest, GetCustomerTimelineRequest, OpenCaseRequest, ReportDisruptionRequest,
};
use chassis::config::{AuthMode, Secret, TokenConfig};
use testkit::Backend;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request};

use crate::support::{affected, customer, disruption, event, integer};

const SHOP: &str = "the-token-of-the-shop-only";

fn token_of(role: Role) -> String {
    format!("the-token-of-{role}-and-nobody-else")
}

/// Tokens for the shop and the four services.
fn with_tokens(config: &mut SuiteConfig) {
    config.auth.mode = Some(AuthMode::Tokens);
    let shop = TokenConfig { token: Secret::new(SHOP), tenant: Some("acme".to_owned()), service: None };
    config.auth.tokens.insert("shop".to_owned(), shop);
    for role in Role::ALL {
        let service =
            TokenConfig { token: Secret::new(token_of(role)), tenant: None, service: Some(role.name().to_owned()) };
        config.auth.tokens.insert(format!("suite-{role}"), service);
    }
}

fn as_shop<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer: MetadataValue<Ascii> = format!("Bearer {SHOP}").parse().expect("a header");
    request.metadata_mut().insert("authorization", bearer);
    request
}

async fn a_recovery_goes_through_when_everybody_shows_a_token(backend: Backend) {
    let suite = InProcess::start_with(backend, "auth", with_tokens).await;
    let mut intake = IntakeServiceClient::new(suite.channel());
    let failure = event("flight.delayed", testkit::TEST_EPOCH, [("arrival_delay_minutes", integer(181))]);
    let report =
        ReportDisruptionRequest { request_id: "report".to_owned(), disruption: Some(disruption("F1", failure)) };

    let stranger = intake.report_disruption(report.clone()).await.expect_err("nobody is known without a token");
    assert_eq!(stranger.code(), Code::Unauthenticated);

    let reported = intake.report_disruption(as_shop(report)).await.expect("the shop is known").into_inner();
    let batch = AddAffectedRequest {
        request_id: "batch".to_owned(),
        disruption: reported.name,
        affected: vec![affected("ann@example.com", [])],
    };
    let added = intake.add_affected(as_shop(futures::stream::iter([batch]))).await.expect("added").into_inner();
    let name = added.results.first().expect("a result").case.clone();
    suite.quiet().await;

    let case = intake.get_case(as_shop(GetCaseRequest { name: name.clone() })).await.expect("the case").into_inner();
    assert_eq!((case.state(), case.needs_attention), (State::FollowingUp, false), "{}", case.attention_reason);

    // Routing has nothing to tell about a recovery that needed nobody, but about a complaint.
    let complaint = OpenCaseRequest {
        request_id: "complaint".to_owned(),
        customer: Some(customer("ann@example.com")),
        case: Some(Case { event: Some(event("parcel.lost", testkit::TEST_EPOCH, [])), ..Case::default() }),
    };
    intake.open_case(as_shop(complaint)).await.expect("the complaint is taken");
    suite.quiet().await;
    let timeline = GetCustomerTimelineRequest { customer: case.customer.clone(), page_size: 200, ..Default::default() };
    let entries = intake.get_customer_timeline(as_shop(timeline)).await.expect("a timeline").into_inner().entries;
    let told: BTreeSet<String> = entries.into_iter().map(|entry| entry.source).collect();
    let all: BTreeSet<String> = Role::ALL.into_iter().map(|role| role.name().to_owned()).collect();
    assert_eq!(told, all, "every service told its part");

    let (findings, counted) = Checker::of_engines(&suite.engines).check().await;
    findings.assert_none();
    assert!(counted.delivered > 0, "the checker saw deliveries");
    suite.stop().await;
}

mod tokens_of_all_services {
    use testkit::Backend;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        super::a_recovery_goes_through_when_everybody_shows_a_token(Backend::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        super::a_recovery_goes_through_when_everybody_shows_a_token(Backend::Postgres).await;
    }
}
