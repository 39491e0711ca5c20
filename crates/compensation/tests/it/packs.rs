//! Assess and ListPacks: what is owed, and why.

use api::compensation as wire;
use api::compensation::pack::Status;
use tonic::Response;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, config, error, event, integer, money_fact, targets};

async fn assess(desk: &Desk, event: api::common::FailureEvent) -> wire::Assessment {
    let request = wire::AssessRequest { event: Some(event), severity: 3, as_of_time: None };
    desk.api.clone().assess(as_client(request)).await.map(Response::into_inner).map_err(error).unwrap()
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// 180 minutes are not more than 180; every rule of every pack says what it decided and with which inputs.
    async fn a_delay_is_judged_strictly_and_changes_nothing(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        for (minutes, owed) in [(179, 0), (180, 0), (181, 1)] {
            let judged = assess(&desk, event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(minutes))])).await;
            assert_eq!(judged.automatic.len(), owed, "{minutes} minutes");
            assert_eq!(judged.decisions.iter().filter(|d| d.pack == "packs/care-klm").count(), 2);
            let decision = judged.decisions.iter().find(|d| d.rule == "delay-over-three-hours").unwrap();
            assert_eq!((decision.applies, decision.pack.as_str()), (owed == 1, "packs/care-klm"));
            assert_eq!(decision.inputs["arrival_delay_minutes"], minutes.to_string());
        }
        for table in ["remedies", "vouchers", "outbound_calls", "inbound_requests"] {
            assert_eq!(desk.count(&format!("SELECT count(*) AS n FROM {table}")).await, 0, "{table}");
        }
    }

    async fn a_cancellation_explains_its_amounts_and_what_is_missing(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let judged = assess(&desk, event(&desk, "flight.cancelled", &[("ticket_price", money_fact("USD", 21_450))])).await;
        let options: Vec<_> = judged.choice_of.iter().map(|option| option.id.as_str()).collect();
        assert_eq!(options, ["rebook", "refund"]);
        let refund = &judged.choice_of[1].lines[0];
        assert!(refund.arithmetic.starts_with("ticket_price USD 214.50 x 100 % x 1 (passengers) = USD 214.50"), "{}", refund.arithmetic);
        assert!(judged.plus[0].arithmetic.contains("the pack's own assumption"), "{}", judged.plus[0].arithmetic);
        let same = assess(&desk, event(&desk, "flight.cancelled", &[("ticket_price", money_fact("USD", 21_450))])).await;
        assert_eq!(judged, same);

        let delayed = assess(&desk, event(&desk, "flight.delayed", &[])).await;
        assert!(delayed.summary.contains("The fact `arrival_delay_minutes` is missing."), "{}", delayed.summary);
    }

    /// The packs of a directory judge beside those that are shipped.
    async fn packs_are_listed_by_page_and_come_from_a_directory_too(database: testkit::TestDatabase) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("late")).unwrap();
        let pack = "{ id: late, display_name: L, version: \"1\", status: DRAFT, effective_from: \"2020-01-01\", \
            sources: [s], rules: [{ id: late-gesture, description: D., condition: \"event.severity >= HIGH\", automatic: \
            [{ id: v, basis: TIME, kind: VOUCHER, description: V, amount: { fixed: EUR 1.00 } }] }] }";
        std::fs::write(directory.path().join("late/pack.yaml"), pack).unwrap();
        let mut config = config(&database);
        config.packs.directory = Some(directory.path().to_owned());
        let desk = Desk::with(config).await;
        let shipped = compensation::domain::pack::set::SHIPPED.len();

        let list = |page_size, page_token: &str| wire::ListPacksRequest { page_size, page_token: page_token.to_owned() };
        let (mut packs, mut token, mut pages) = (Vec::new(), String::new(), 0);
        while pages == 0 || !token.is_empty() {
            let page = desk.api.clone().list_packs(as_client(list(2, &token))).await.unwrap().into_inner();
            assert!(page.packs.len() <= 2 && pages <= shipped, "{page:?}");
            packs.extend(page.packs);
            (token, pages) = (page.next_page_token, pages + 1);
        }
        assert_eq!(packs.len(), shipped + 1);
        assert!(packs.is_sorted_by_key(|pack| pack.name.clone()), "by name");
        assert_eq!(packs.iter().find(|pack| pack.name == "packs/late").unwrap().status(), Status::Draft);
        let parcels = packs.iter().find(|pack| pack.name == "packs/parcel-care").unwrap();
        assert!(parcels.rules.iter().any(|rule| rule.condition == "event.kind == \"parcel.lost\""));

        let judged = assess(&desk, event(&desk, "power.failed", &[])).await;
        assert!(judged.automatic.is_empty(), "a draft decides nothing");
        assert!(judged.decisions.iter().any(|d| d.rule == "late-gesture" && d.applies));

        // Judging changes nothing: an event of long ago is explained as of its day, one that has not come is refused.
        let at = |time| wire::AssessRequest {
            event: Some(api::common::FailureEvent {
                occurred_at: Some(chassis::wire::to_timestamp(time)),
                ..event(&desk, "flight.cancelled", &[])
            }),
            severity: 0,
            as_of_time: None,
        };
        let old = desk.engine.now().minus(DAY * 366 * 14);
        let judged = desk.api.clone().assess(as_client(at(old))).await.unwrap().into_inner();
        assert!(judged.decisions.iter().any(|decision| !decision.explanation.is_empty()), "{judged:?}");
        let opening = desk.open_request(crate::harness::remedy(at(old).event.unwrap()));
        let refused = desk.api.clone().open_remedy(as_client(opening)).await.map_err(error).unwrap_err();
        assert_eq!(refused.violations[0].reason, "CLOCK_SKEW");
        let refused = desk.api.clone().assess(as_client(at(desk.engine.now().plus(DAY)))).await.map_err(error).unwrap_err();
        assert_eq!(refused.violations[0].reason, "CLOCK_SKEW");
        assert_eq!(refused.violations[0].description, "must not be later than five minutes from now");
    }

    /// A service does not start on a pack that is wrong, and says what is wrong with it.
    async fn a_wrong_pack_is_told_before_anything_is_served(database: testkit::TestDatabase) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("bad")).unwrap();
        std::fs::write(directory.path().join("bad/pack.yaml"), "id: bad\ncolour: red\n").unwrap();
        let mut config = config(&database);
        config.packs.directory = Some(directory.path().to_owned());
        let parts = durable::EngineParts {
            service: compensation::NAME,
            db: durable::Db::connect(&config.store.database).await.unwrap(),
            clock: std::sync::Arc::new(testkit::virtual_clock()),
            ids: std::sync::Arc::new(kernel::RandomIds),
            config: config.store.engine.clone(),
        };
        let refused = compensation::build(config, parts, targets()).expect_err("must not start");
        let text = refused.to_string();
        assert!(text.contains("bad/pack.yaml") && text.contains("unknown field `colour`"), "{text}");
    }
}
