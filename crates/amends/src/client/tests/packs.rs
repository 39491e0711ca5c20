//! What can be done with packs without a service: test them, and say what changed. How canaries and costs are shown.

use std::fs;
use std::path::Path;

use api::compensation::assessment::Decision;
use api::compensation::{Assessment, DecisionValue, ListPacksResponse, Pack, Remedy, pack};
use api::google::r#type::Money;
use compensation::domain::pack::set::SHIPPED;
use tempfile::TempDir;

use super::run;
use super::server::Server;

/// A directory with a shipped pack after these replacements.
fn changed(id: &str, replacements: &[(&str, &str)]) -> TempDir {
    let (_, pack, vectors) = SHIPPED.into_iter().find(|(shipped, ..)| *shipped == id).unwrap();
    let text = replacements.iter().fold(pack.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pack.yaml"), text).unwrap();
    fs::write(directory.path().join("vectors.yaml"), vectors).unwrap();
    directory
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn shipped_packs_pass_their_vectors() {
    let server = Server::start().await;
    let ran = run(&server, &["pack", "test"]).await;
    let lines: Vec<&str> = ran.answer().lines().collect();
    assert_eq!(lines.len(), SHIPPED.len() + 1, "{ran:?}");
    assert!(lines[1..].iter().all(|line| line.ends_with(" 0")), "{ran:?}");
    assert!(lines.iter().any(|line| line.starts_with("care-klm@1.1.0 ")), "{ran:?}");
    assert!(server.script.seen().is_empty(), "no service is asked");
}

#[tokio::test]
async fn a_vector_that_fails_is_told_and_so_is_the_end() {
    let server = Server::start().await;
    let directory = changed("care-klm", &[("USD 15.00", "USD 16.00")]);
    let ran = run(&server, &["pack", "test", name(directory.path())]).await;
    assert_eq!(ran.error, "1 of 1 packs failed, with 3 problems");
    assert!(ran.out.contains("181 minutes give a voucher: owed is"), "{ran:?}");
    let json = run(&server, &["pack", "test", name(directory.path()), "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["packs"][0]["failures"].as_array().unwrap().len(), 3);

    fs::write(directory.path().join("vectors.yaml"), "vectors: []").unwrap();
    assert!(run(&server, &["pack", "test", name(directory.path())]).await.out.contains("vectors.yaml has no vector"));
    fs::remove_file(directory.path().join("vectors.yaml")).unwrap();
    assert!(run(&server, &["pack", "test", name(directory.path())]).await.out.contains("has no vectors.yaml"));
    fs::write(directory.path().join("pack.yaml"), "id: x").unwrap();
    assert!(run(&server, &["pack", "test", name(directory.path())]).await.out.contains("missing field"));
    fs::remove_file(directory.path().join("pack.yaml")).unwrap();
    assert!(run(&server, &["pack", "test", name(directory.path())]).await.error.contains("there is no pack.yaml"));
}

#[tokio::test]
async fn the_directories_of_a_directory_are_tested_by_name() {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    for (id, pack, vectors) in SHIPPED {
        let below = directory.path().join(id);
        fs::create_dir(&below).unwrap();
        fs::write(below.join("pack.yaml"), pack).unwrap();
        fs::write(below.join("vectors.yaml"), vectors).unwrap();
    }
    let ran = run(&server, &["pack", "test", name(directory.path())]).await;
    assert_eq!(ran.answer().lines().count(), SHIPPED.len() + 1);
}

#[tokio::test]
async fn what_changed_is_told_in_words() {
    let server = Server::start().await;
    let directory = changed("care-klm", &[("USD 15.00", "USD 20.00"), ("version: 1.1.0", "version: 2.0.0")]);
    let ran = run(&server, &["pack", "diff", "care-klm@1.1.0", name(directory.path())]).await;
    let mut lines = ran.answer().lines();
    assert_eq!(lines.next(), Some("care-klm@1.1.0 to care-klm@2.0.0: 2 changes"));
    assert_eq!(lines.next(), Some("changed  version"));
    assert_eq!(lines.next(), Some("           from 1.1.0 to 2.0.0"));
    assert_eq!(lines.next(), Some("changed  rule delay-over-three-hours, line food-and-drink, amount, fixed"));
    assert_eq!(lines.next(), Some("           from USD 15.00 to USD 20.00 (+33.3 %)"));
    let same = run(&server, &["pack", "diff", "packs/care-klm", "care-klm@1.1.0"]).await;
    assert_eq!(same.answer(), "care-klm@1.1.0 to care-klm@1.1.0: no changes\n");
    let json = run(&server, &["pack", "diff", "care-klm", name(directory.path()), "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(json.answer()).unwrap();
    assert_eq!(json["changes"][0]["what"], "version");
    // A draft by its pack and version, and by its directory.
    let draft = run(&server, &["pack", "diff", "packs/eu261@2026-06-draft-3", "eu261-reform-2026"]).await;
    assert_eq!(draft.answer(), "eu261@2026-06-draft-3 to eu261@2026-06-draft-3: no changes\n");
    let reform = run(&server, &["pack", "diff", "eu261", "eu261@2026-06-draft-3"]).await;
    assert!(reform.answer().starts_with("eu261@1.1.1 to eu261@2026-06-draft-3: "), "{reform:?}");
    let unknown = run(&server, &["pack", "diff", "care-klm@9", "care-klm"]).await;
    assert!(unknown.error.starts_with("care-klm@9 is neither a file, nor"), "{unknown:?}");
}

#[tokio::test]
async fn a_canary_is_shown_with_its_share() {
    let server = Server::start().await;
    let with = |share_per_mille, in_force| Pack {
        name: "packs/eu261".into(),
        version: "2".into(),
        canary: Some(pack::Canary { share_per_mille, in_force }),
        ..Pack::default()
    };
    let packs = vec![with(125, true), with(500, false)];
    server.script.answer("list_packs", &ListPacksResponse { packs, ..Default::default() });
    let listed = run(&server, &["pack", "list"]).await;
    for expected in ["12.5 % of the tenants, this one among them", "50 % of the tenants, not this one"] {
        assert!(listed.answer().contains(expected), "{listed:?}");
    }
}

#[tokio::test]
async fn a_remedy_shows_what_it_costs_and_by_which_canary() {
    let server = Server::start().await;
    let eur = |units| Money { currency_code: "EUR".into(), units, nanos: 0 };
    let decision = Decision {
        pack: "packs/eu261".into(),
        version: "2".into(),
        rule: "eu261-delay".into(),
        applies: true,
        canary: true,
        ..Decision::default()
    };
    let value =
        DecisionValue { costs: vec![eur(250)], lifetime_value: Some(eur(2_000)), retained_value: Some(eur(1_750)) };
    let assessment = Assessment { decisions: vec![decision], value: Some(value), ..Assessment::default() };
    server.script.answer("get_remedy", &Remedy { assessment: Some(assessment), ..Remedy::default() });
    let shown = run(&server, &["remedy", "get", "remedies/01980000-0000-7000-8000-000000000009"]).await;
    for expected in ["EUR 250.00", "EUR 2000.00", "EUR 1750.00", "packs/eu261@2 (canary) eu261-delay applies"] {
        assert!(shown.answer().contains(expected), "{expected}: {shown:?}");
    }
}
