//! ApplyPack and GetPack: versions that tenants put into force, told in full before and on record after.

use std::time::Duration;

use api::compensation as wire;
use api::reason::compensation::PACK_VERSION_TAKEN;
use api::reason::{IDEMPOTENCY_KEY_REUSED, INVALID_FIELDS, RESOURCE_NOT_FOUND};
use kernel::ServiceError;
use tonic::Response;

use crate::authority::{approve, waiting};
use crate::harness::{DAY, Desk, TEMPLATE, as_client, error, event, integer, of_tenant, option, remedy};

/// A pack that judges nothing else of what the service ships.
pub const PACK: &str = include_str!("storm-care.yaml");

fn version(version: &str, amount: &str) -> String {
    PACK.replace("version: \"1\"", &format!("version: \"{version}\"")).replace("EUR 20.00", amount)
}

fn apply(desk: &Desk, document: &str, dry_run: bool) -> wire::ApplyPackRequest {
    wire::ApplyPackRequest {
        request_id: desk.fresh(),
        document: document.to_owned(),
        dry_run,
        applied_by: "Ada".to_owned(),
    }
}

async fn send(desk: &Desk, request: wire::ApplyPackRequest) -> Result<wire::ApplyPackResponse, ServiceError> {
    desk.packs.clone().apply_pack(as_client(request)).await.map(Response::into_inner).map_err(error)
}

async fn get(desk: &Desk, name: &str, version: &str) -> Result<wire::Pack, ServiceError> {
    let request = wire::GetPackRequest { name: name.to_owned(), version: version.to_owned() };
    desk.packs.clone().get_pack(as_client(request)).await.map(Response::into_inner).map_err(error)
}

async fn owed(desk: &Desk, hours: i64, as_of: Option<kernel::Timestamp>) -> Vec<String> {
    let request = wire::AssessRequest {
        event: Some(event(desk, "power.failed", &[("hours", integer(hours))])),
        severity: 2,
        as_of_time: as_of.map(chassis::wire::to_timestamp),
    };
    let judged = desk.api.clone().assess(as_client(request)).await.unwrap().into_inner();
    judged.automatic.iter().map(|line| format!("{} {:?}", line.rule, line.amount.as_ref().map(|m| m.units))).collect()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_version_is_in_force_once_it_is_applied_and_on_record(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        assert!(owed(&desk, 6, None).await.is_empty());
        let before = desk.engine.now();
        desk.clock.advance(DAY);

        let dry = send(&desk, apply(&desk, PACK, true)).await.unwrap();
        assert!(!dry.applied && dry.compared_with.is_empty() && owed(&desk, 6, None).await.is_empty());
        assert_eq!(desk.count("SELECT count(*) AS n FROM applied_packs").await, 0);

        let request = apply(&desk, PACK, false);
        let applied = send(&desk, request.clone()).await.unwrap();
        assert!(applied.applied);
        assert_eq!(owed(&desk, 6, None).await, ["storm-care/storm-hours Some(20)"]);
        assert!(owed(&desk, 5, None).await.is_empty(), "the boundary holds");
        let judged = desk.remedy(remedy(event(&desk, "power.failed", &[("hours", integer(9))]))).await;
        assert_eq!(judged.vouchers.len(), 1, "remedies are judged by it as well");

        // Safe to repeat, and the same document again changes nothing.
        assert_eq!(send(&desk, request.clone()).await.unwrap(), applied);
        let again = send(&desk, apply(&desk, PACK, false)).await.unwrap();
        assert!(!again.applied && again.changes.is_empty());
        assert_eq!(desk.count("SELECT count(*) AS n FROM applied_packs").await, 1);
        assert_eq!(desk.count("SELECT count(*) AS n FROM audit_records WHERE action = 'PACK_APPLIED'").await, 1);
        let other = wire::ApplyPackRequest { document: version("2", "EUR 1.00"), ..request };
        assert_eq!(send(&desk, other).await.unwrap_err().reason, IDEMPOTENCY_KEY_REUSED);

        // What was known before it was applied still is what was known.
        assert!(owed(&desk, 6, Some(before)).await.is_empty());
        let first = owed(&desk, 6, Some(desk.engine.now())).await;
        assert_eq!(first, owed(&desk, 6, Some(desk.engine.now())).await);
        assert_eq!(first.len(), 1);
    }

    async fn versions_are_never_edited_and_say_what_changed(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        send(&desk, apply(&desk, PACK, false)).await.unwrap();
        let edited = send(&desk, apply(&desk, &PACK.replace("20.00", "30.00"), false)).await.unwrap_err();
        assert_eq!(edited.reason, PACK_VERSION_TAKEN);

        desk.clock.advance(DAY);
        let second = send(&desk, apply(&desk, &version("2", "EUR 30.00"), false)).await.unwrap();
        assert_eq!((second.compared_with.as_str(), second.applied), ("1", true));
        let words: Vec<_> = second.changes.iter().map(|change| format!("{} {}", change.what, change.words)).collect();
        assert!(words.iter().any(|text| text.contains("EUR 20.00") && text.contains("EUR 30.00")), "{words:?}");
        assert_eq!(owed(&desk, 6, None).await, ["storm-care/storm-hours Some(30)"]);

        assert_eq!(get(&desk, "packs/storm-care", "").await.unwrap().version, "2");
        let first = get(&desk, "packs/storm-care", "1").await.unwrap();
        assert_eq!((first.document.as_str(), first.applied_by.as_str()), (PACK, "Ada"));
        assert!(first.apply_time.is_some());
        let shipped = get(&desk, "packs/eu261", "").await.unwrap();
        assert!(shipped.document.contains("id: eu261") && shipped.apply_time.is_none() && shipped.jurisdiction == "EU");
        assert_eq!(shipped.status(), wire::pack::Status::Active, "not the draft");
        assert_eq!(get(&desk, "packs/storm-care", "3").await.unwrap_err().reason, RESOURCE_NOT_FOUND);
        assert_eq!(get(&desk, "packs/nothing", "").await.unwrap_err().reason, RESOURCE_NOT_FOUND);
        assert_eq!(get(&desk, "storm-care", "").await.unwrap_err().reason, INVALID_FIELDS);

        let all = desk.api.clone().list_packs(as_client(wire::ListPacksRequest::default())).await.unwrap().into_inner();
        let own = all.packs.iter().filter(|pack| pack.name == "packs/storm-care").count();
        assert_eq!(own, 2, "both versions are listed");
    }

    async fn everything_that_is_wrong_is_told_and_nothing_is_changed(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let bad = PACK.replace("hours >= 6", "hours >= word && gone").replace("EUR 20.00", "EUR 20").replace("[our own promise]", "[]");
        let refused = send(&desk, apply(&desk, &bad, false)).await.unwrap_err();
        let found: Vec<_> = refused.violations.iter().map(|violation| violation.description.clone()).collect();
        for problem in ["sources: name at least one", "reads `word`", "reads `gone`", "is not a positive amount"] {
            assert!(found.iter().any(|text| text.contains(problem)), "{problem}: {found:?}");
        }
        let taken = PACK.replace("storm-hours", "delay-over-three-hours");
        let refused = send(&desk, apply(&desk, &taken, true)).await.unwrap_err();
        assert!(refused.violations[0].description.contains("is also a rule of care-klm"), "{refused:?}");
        let empty = wire::ApplyPackRequest { applied_by: String::new(), ..apply(&desk, "", false) };
        let refused = send(&desk, empty).await.unwrap_err();
        let fields: Vec<_> = refused.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["document", "applied_by"]);
        assert_eq!(desk.count("SELECT count(*) AS n FROM applied_packs").await, 0);
    }

    /// Another replica judges by it within the bound, and another tenant never does.
    async fn replicas_follow_and_tenants_are_apart(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        // An embedded database serves one process.
        let second = match desk.engine.db().backend() {
            durable::Backend::Postgres => Some(Desk::open(&database).await),
            durable::Backend::Sqlite => None,
        };
        let replica = second.as_ref().unwrap_or(&desk);
        assert!(owed(replica, 6, None).await.is_empty());
        send(&desk, apply(&desk, PACK, false)).await.unwrap();
        testkit::eventually("the replica judges by the new version", Duration::from_secs(20), || async {
            (owed(replica, 6, None).await.len() == 1).then_some(())
        })
        .await;
        let foreign = of_tenant("other", "shop", wire::GetPackRequest { name: "packs/storm-care".to_owned(), version: String::new() });
        let refused = error(desk.packs.clone().get_pack(foreign).await.unwrap_err());
        assert_eq!(refused.reason, RESOURCE_NOT_FOUND);
    }

    async fn two_at_once_become_two_versions(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let requests: Vec<_> = (1..=6).map(|n| apply(&desk, &version(&n.to_string(), &format!("EUR {n}.00")), false)).collect();
        let answers = futures::future::join_all(requests.into_iter().map(|request| send(&desk, request))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.applied)), "{answers:?}");
        assert_eq!(desk.count("SELECT count(DISTINCT revision) AS n FROM applied_packs").await, 6);
        let same: Vec<_> = (0..4).map(|_| apply(&desk, &version("7", "EUR 7.00"), false)).collect();
        let answers = futures::future::join_all(same.into_iter().map(|request| send(&desk, request))).await;
        assert_eq!(answers.iter().filter(|answer| answer.as_ref().unwrap().applied).count(), 1);
    }

    /// A voucher in the place of what the law demands is chosen with a signature that is on record, or not at all.
    async fn what_the_law_demands_is_swapped_only_by_signature(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let remedy = desk.remedy(remedy(event(&desk, "flight.cancelled", &[]))).await;
        desk.decline(&remedy.offer, "Money, please").await.unwrap();
        let mut voucher = option("voucher", wire::remedy_line::Kind::Voucher, Some(("EUR", 30_000)));
        voucher.lines[0].basis = wire::remedy_line::Basis::Statutory.into();
        let refused = desk.make_offer(&remedy.name, vec![voucher.clone()]).await.unwrap_err();
        assert_eq!(refused.violations[0].reason, "STATUTORY_IN_MONEY");
        voucher.consent = wire::option::Consent::Signed.into();
        let cash = option("cash", wire::remedy_line::Kind::Money, Some(("EUR", 25_000)));
        let asked = desk.make_offer(&remedy.name, vec![cash, voucher]).await.unwrap();
        // No rule owes it: that the law does is for somebody else to agree.
        let approval = waiting(&desk).await.remove(0);
        approve(&desk, &approval.name, "Grace", "lead").await.unwrap();
        let offer = desk.get_offer(&asked.name).await;
        assert_eq!(offer.options[1].consent(), wire::option::Consent::Signed);

        let refused = desk.accept(&offer.name, "voucher").await.unwrap_err();
        assert_eq!((refused.reason.as_str(), refused.violations[0].field.as_str()), (INVALID_FIELDS, "consent"));
        assert_eq!(desk.get_offer(&offer.name).await.state(), wire::offer::State::Open);
        let request = wire::RespondToOfferRequest {
            request_id: desk.fresh(),
            name: offer.name.clone(),
            response: Some(wire::respond_to_offer_request::Response::AcceptOption("voucher".to_owned())),
            consent: "archive/2013/0042.pdf".to_owned(),
        };
        for _ in 0..2 {
            let answer = desk.api.clone().respond_to_offer(as_client(request.clone())).await.unwrap().into_inner();
            assert_eq!(answer.accepted_option, "voucher");
        }
        let signed = "SELECT count(*) AS n FROM audit_records WHERE action = 'OFFER_CONSENT_SIGNED' AND reason LIKE '%0042.pdf'";
        assert_eq!(desk.count(signed).await, 1);
    }
}
