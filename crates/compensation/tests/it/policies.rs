//! Policies are applied as documents: read strictly, versioned, dated, never edited.

use api::compensation as wire;
use api::reason::compensation::POLICY_VERSION_EXISTS;
use kernel::{ErrorCode, ServiceError};
use tonic::Response;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, error, of_tenant};

pub async fn apply(desk: &Desk, document: &str) -> Result<wire::ApplyPolicyResponse, ServiceError> {
    try_apply(desk, document, false).await
}

async fn try_apply(desk: &Desk, document: &str, dry_run: bool) -> Result<wire::ApplyPolicyResponse, ServiceError> {
    let request = wire::ApplyPolicyRequest {
        request_id: desk.fresh(),
        document: document.to_owned(),
        applied_by: "Cleo".to_owned(),
        dry_run,
    };
    desk.authority.clone().apply_policy(as_client(request)).await.map(Response::into_inner).map_err(error)
}

async fn in_force(desk: &Desk, name: &str) -> wire::Policy {
    let request = wire::GetPolicyRequest { name: name.to_owned() };
    desk.authority.clone().get_policy(as_client(request)).await.unwrap().into_inner()
}

fn abuse(version: &str, from: &str, at: u32) -> String {
    format!(
        "kind: ABUSE\nversion: {version}\neffective_from: {from}\nsignals:\n- {{dimension: CUSTOMER, at: {at}, window_days: 90}}\n"
    )
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_version_is_applied_once_and_never_edited(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let shipped = in_force(&desk, "policies/abuse").await;
        assert_eq!((shipped.version.as_str(), shipped.applied_by.as_str(), shipped.in_force_time), ("shipped-1", "", None));

        let document = abuse("a", "2000-01-01", 3);
        let dry = try_apply(&desk, &document, true).await.unwrap();
        assert!(!dry.applied);
        assert_eq!(dry.changes, [
            "signals[CUSTOMER].at: 10 becomes 3",
            "signals[PAYEE].at: 5 is gone",
            "signals[PAYEE].dimension: PAYEE is gone",
            "signals[PAYEE].window_days: 90 is gone",
            "signals[REFERENCE].at: 5 is gone",
            "signals[REFERENCE].dimension: REFERENCE is gone",
            "signals[REFERENCE].window_days: 365 is gone",
            "version: shipped-1 becomes a",
        ]);
        assert_eq!(in_force(&desk, "policies/abuse").await, shipped, "a dry run changes nothing");
        assert_eq!(desk.count("SELECT count(*) AS n FROM policies").await, 0);

        let applied = apply(&desk, &document).await.unwrap();
        assert!(applied.applied && applied.changes == dry.changes);
        let policy = applied.policy.unwrap();
        assert_eq!(policy.in_force_time, Some(chassis::wire::to_timestamp(desk.engine.now())), "never before now");
        assert_eq!(in_force(&desk, "policies/abuse").await, policy);
        let again = apply(&desk, &document).await.unwrap();
        assert!(!again.applied && again.changes.is_empty());
        assert_eq!(again.policy.unwrap(), policy);

        let edited = apply(&desk, &abuse("a", "2000-01-01", 4)).await.unwrap_err();
        assert_eq!((edited.code, edited.reason.as_str()), (ErrorCode::AlreadyExists, POLICY_VERSION_EXISTS));
        assert!(desk.sql("UPDATE policies SET document = ''").await.is_err());
        assert!(desk.sql("DELETE FROM policies").await.is_err());
        assert_eq!(desk.count("SELECT count(*) AS n FROM audit_records").await, 1);
        let other = wire::GetPolicyRequest { name: "policies/abuse".to_owned() };
        let other = desk.authority.clone().get_policy(of_tenant("other", "desk", other)).await.unwrap().into_inner();
        assert_eq!(other.version, "shipped-1");
    }

    async fn a_version_decides_from_its_day_on(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let tomorrow = desk.engine.now().plus(DAY).to_string();
        let (tomorrow, _) = tomorrow.split_once('T').unwrap();
        apply(&desk, &abuse("later", tomorrow, 3)).await.unwrap();
        assert_eq!(in_force(&desk, "policies/abuse").await.version, "shipped-1");
        apply(&desk, &abuse("today", "2000-01-01", 4)).await.unwrap();
        assert_eq!(in_force(&desk, "policies/abuse").await.version, "today");
        desk.clock.advance(DAY);
        assert_eq!(in_force(&desk, "policies/abuse").await.version, "later");
    }

    async fn all_problems_are_listed_and_nothing_is_stored(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let wrong = apply(&desk, &abuse("''", "soon", 1)).await.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::InvalidArgument);
        let told: Vec<_> = wrong.violations.iter().map(|v| format!("{} {} {}", v.field, v.reason, v.description)).collect();
        assert_eq!(told, [
            "document POLICY signals[0].at: must be 2 to 10000: what happens once is no repetition",
            "document POLICY version: must have 1 to 32 characters",
            "document POLICY effective_from: `soon` is not a day such as 2026-01-01",
        ]);
        let empty = wire::ApplyPolicyRequest::default();
        let empty = error(desk.authority.clone().apply_policy(as_client(empty)).await.unwrap_err());
        let fields: Vec<_> = empty.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "document", "applied_by"]);
        for table in ["policies", "inbound_requests", "audit_records"] {
            assert_eq!(desk.count(&format!("SELECT count(*) AS n FROM {table}")).await, 0, "{table}");
        }
    }

    /// Two documents under one version at once: one of them is applied, the other one is told.
    async fn two_documents_do_not_share_a_version(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let done = futures::future::join_all((0..20_u32).map(|number| {
            let desk = &desk;
            async move { apply(desk, &abuse("a", "2000-01-01", 2 + number % 2)).await }
        }))
        .await;
        assert_eq!(done.iter().flatten().filter(|done| done.applied).count(), 1);
        assert_eq!(done.iter().flatten().count(), 10);
        assert!(done.iter().filter_map(|done| done.as_ref().err()).all(|error| error.reason == POLICY_VERSION_EXISTS));
        assert_eq!(desk.count("SELECT count(*) AS n FROM policies").await, 1);
    }

    async fn applying_is_safe_to_repeat(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let request = wire::ApplyPolicyRequest { request_id: desk.fresh(), document: abuse("a", "2000-01-01", 3), applied_by: "Cleo".to_owned(), dry_run: false };
        let mut api = desk.authority.clone();
        let first = api.apply_policy(as_client(request.clone())).await.unwrap();
        let again = api.apply_policy(as_client(request.clone())).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
        assert_eq!(first.into_inner(), again.into_inner());
        let other = wire::ApplyPolicyRequest { dry_run: true, ..request };
        let reused = error(api.apply_policy(as_client(other)).await.unwrap_err());
        assert_eq!(reused.reason, api::reason::IDEMPOTENCY_KEY_REUSED);
    }
}
