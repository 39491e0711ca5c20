//! Versions of packs that are in force for a share of the tenants: who is among them, what both are judged by, and that it
//! is told wherever the version is.

use std::path::Path;

use api::compensation as wire;
use compensation::CanaryConfig;

use crate::apply_pack::PACK;
use crate::harness::{Desk, TEMPLATE, config, event, integer, of_tenant, remedy};

fn second() -> String {
    PACK.replace("version: \"1\"", "version: \"2\"").replace("EUR 20.00", "EUR 30.00")
}

fn write(directory: &Path) {
    for (name, text) in [("storm-care", PACK.to_owned()), ("storm-care-2", second())] {
        std::fs::create_dir(directory.join(name)).unwrap();
        std::fs::write(directory.join(name).join("pack.yaml"), text).unwrap();
    }
}

fn canary(per_mille: u32) -> Vec<CanaryConfig> {
    vec![CanaryConfig { pack: "storm-care".to_owned(), version: "2".to_owned(), per_mille }]
}

fn tenants() -> Vec<String> {
    (0..12).map(|n| format!("tenant-{n}")).collect()
}

/// Version, amount and whether it is a canary, as Assess tells a tenant.
async fn assessed(desk: &Desk, tenant: &str) -> (String, i64, bool) {
    let request = wire::AssessRequest {
        event: Some(event(desk, "power.failed", &[("hours", integer(9))])),
        severity: 2,
        as_of_time: None,
    };
    let judged = desk.api.clone().assess(of_tenant(tenant, "shop", request)).await.unwrap().into_inner();
    let [decision] = judged.decisions.as_slice() else { panic!("{:?}", judged.decisions) };
    assert_eq!(decision.explanation.starts_with("By canary: version 2 is in force for a share"), decision.canary);
    let units = judged.automatic[0].amount.as_ref().unwrap().units;
    (decision.version.clone(), units, decision.canary)
}

async fn get(desk: &Desk, tenant: &str, version: &str) -> wire::Pack {
    let request = wire::GetPackRequest { name: "packs/storm-care".to_owned(), version: version.to_owned() };
    desk.packs.clone().get_pack(of_tenant(tenant, "shop", request)).await.unwrap().into_inner()
}

async fn open(desk: &Desk, tenant: &str, request: &wire::OpenRemedyRequest) -> wire::Remedy {
    desk.api.clone().open_remedy(of_tenant(tenant, "shop", request.clone())).await.unwrap().into_inner()
}

async fn with_share(database: &testkit::TestDatabase, per_mille: u32) -> Desk {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path());
    let mut config = config(database);
    config.packs.directory = Some(directory.path().to_owned());
    config.packs.canary = canary(per_mille);
    // The packs are read when the service starts.
    Desk::with(config).await
}

/// Applies the second version; whether that changed anything.
async fn apply(desk: &Desk, tenant: &str) -> bool {
    let request = wire::ApplyPackRequest {
        request_id: desk.fresh(),
        document: second(),
        dry_run: false,
        applied_by: "Ada".to_owned(),
    };
    let answer = desk.packs.clone().apply_pack(of_tenant(tenant, "shop", request.clone())).await.unwrap().into_inner();
    let again = desk.packs.clone().apply_pack(of_tenant(tenant, "shop", request)).await.unwrap().into_inner();
    assert_eq!(again, answer, "safe to repeat");
    answer.applied
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_share_of_the_tenants_is_judged_by_the_new_version(database: testkit::TestDatabase) {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path());
        let mut config = config(&database);
        config.packs.directory = Some(directory.path().to_owned());
        config.packs.canary = canary(500);
        let desk = Desk::with(config.clone()).await;
        // An embedded database serves one process.
        let replica = match desk.engine.db().backend() {
            durable::Backend::Postgres => Some(Desk::with(config).await),
            durable::Backend::Sqlite => None,
        };
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for tenant in tenants() {
            let current = get(&desk, &tenant, "").await;
            let known = get(&desk, &tenant, "2").await;
            let told = known.canary.unwrap();
            assert_eq!((told.share_per_mille, told.in_force), (500, current.version == "2"));
            assert_eq!(get(&desk, &tenant, "1").await.canary, None);
            let expected = if told.in_force { ("2".to_owned(), 30, true) } else { ("1".to_owned(), 20, false) };
            assert_eq!(assessed(&desk, &tenant).await, expected, "{tenant}");
            if let Some(replica) = &replica {
                assert_eq!(assessed(replica, &tenant).await, expected, "{tenant}: a replica finds the same");
            }
            let list = of_tenant(&tenant, "shop", wire::ListPacksRequest::default());
            let all = desk.api.clone().list_packs(list).await.unwrap().into_inner().packs;
            let own: Vec<_> = all.iter().filter(|pack| pack.name == "packs/storm-care").collect();
            let shown: Vec<_> = own.iter().map(|pack| (pack.version.as_str(), pack.canary)).collect();
            assert_eq!(shown, [("1", None), ("2", Some(told))], "both are listed, whoever is judged by them");
            if told.in_force { &mut inside } else { &mut outside }.push(tenant);
        }
        assert!(!inside.is_empty() && !outside.is_empty(), "{inside:?} {outside:?}");

        // What is given follows it, once, and is on record.
        for (tenant, version, is_canary) in [(&inside[0], "2", true), (&outside[0], "1", false)] {
            let request = desk.open_request(remedy(event(&desk, "power.failed", &[("hours", integer(9))])));
            let opened = open(&desk, tenant, &request).await;
            let decision = &opened.assessment.as_ref().unwrap().decisions[0];
            assert_eq!((decision.version.as_str(), decision.canary), (version, is_canary));
            assert_eq!(open(&desk, tenant, &request).await, opened, "safe to repeat");
            let name = wire::GetRemedyRequest { name: opened.name.clone() };
            let stored = desk.api.clone().get_remedy(of_tenant(tenant, "shop", name)).await.unwrap().into_inner();
            assert_eq!(stored.assessment, opened.assessment);
        }
    }

    /// Whoever does not want to wait applies the version: then it is the tenant's own, and no canary.
    async fn a_tenant_outside_may_apply_the_version(database: testkit::TestDatabase) {
        let desk = with_share(&database, 0).await;
        assert_eq!(assessed(&desk, "eager").await, ("1".to_owned(), 20, false));
        assert!(apply(&desk, "eager").await);
        assert_eq!(assessed(&desk, "eager").await, ("2".to_owned(), 30, false));
        assert_eq!(assessed(&desk, "another").await, ("1".to_owned(), 20, false), "nobody else is moved");
        assert_eq!(get(&desk, "eager", "2").await.canary, None);
    }

    /// For a tenant inside it is in force already.
    async fn applying_what_is_in_force_changes_nothing(database: testkit::TestDatabase) {
        let desk = with_share(&database, 1_000).await;
        assert_eq!(assessed(&desk, "eager").await, ("2".to_owned(), 30, true));
        assert!(!apply(&desk, "eager").await);
        assert_eq!(assessed(&desk, "eager").await, ("2".to_owned(), 30, true));
    }
}
