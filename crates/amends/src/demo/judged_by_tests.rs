//! What the demo does to a pack so that it judges the flights, and what it says about that.

use jiff::civil::date;

use super::*;
use crate::client::values::fact;
use crate::demo::flights::Flights;

fn prepared(id: &str, given: &[&str]) -> anyhow::Result<(JudgedBy, PackSet)> {
    let flights = Flights::load()?;
    let storm = flights.on_days(date(2013, 2, 8), date(2013, 2, 9));
    let given = given.iter().map(|text| fact(text)).collect::<Result<_, _>>().map_err(|error| anyhow!(error))?;
    let directory = tempfile::tempdir()?;
    let judged_by = JudgedBy::prepare(id, given, storm, directory.path())?;
    let yaml = std::fs::read_to_string(judged_by.directory.join(id).join("pack.yaml"))?;
    let packs = PackSet::from_documents([(id, yaml.as_str())]).map_err(|problems| anyhow!("{problems:?}"))?;
    Ok((judged_by, packs))
}

fn late(minutes: i64, destination: &str) -> FailureEvent {
    let at: jiff::Timestamp = "2013-02-08T18:00:00Z".parse().expect("a time");
    let text = |text: &str| DomainFact::Text(text.to_owned());
    FailureEvent {
        kind: "flight.delayed".to_owned(),
        occurred_at: kernel::Timestamp::from_micros(at.as_microsecond()),
        reference: String::new(),
        facts: [
            ("origin".to_owned(), text("JFK")),
            ("destination".to_owned(), text(destination)),
            ("arrival_delay_minutes".to_owned(), DomainFact::Integer(minutes)),
        ]
        .into(),
    }
}

#[test]
fn a_pack_for_other_journeys_judges_these_and_says_what_was_set_aside() {
    let (judged_by, packs) = prepared("eu261", &[]).expect("it is shipped");
    let [where_it_applies] = judged_by.set_aside.as_slice() else { panic!("{:?}", judged_by.set_aside) };
    assert!(where_it_applies.starts_with("where it applies: from_here"), "{where_it_applies}");
    assert!(
        judged_by.assumed.iter().any(|said| said.starts_with("extraordinary = false: ")),
        "{:?}",
        judged_by.assumed
    );
    assert!(judged_by.unknown.iter().any(|said| said.starts_with("ticket_price: ")), "{:?}", judged_by.unknown);
    assert!(
        !judged_by.unknown.iter().any(|said| said.starts_with("distance_km")),
        "it is worked out from the airports"
    );
    let all = [judged_by.assumed, judged_by.unknown].concat();
    assert!(!all.iter().any(|said| said.starts_with("volunteered")), "only what flights of these kinds need: {all:?}");
    // Boston 300 km, Los Angeles 3,974 km: the tariff by distance is the pack's own.
    for (minutes, destination, owed) in [
        (179, "BOS", None),
        (180, "BOS", Some("EUR 250.00")),
        (180, "LAX", Some("EUR 300.00")),
        (240, "LAX", Some("EUR 600.00")),
    ] {
        let assessment = packs.assess(&late(minutes, destination), Severity::Medium);
        let money = assessment.automatic.iter().map(|line| line.benefit.to_string());
        assert_eq!(
            money.collect::<Vec<_>>().first().map(|text| &text["MONEY ".len()..]),
            owed,
            "{minutes} {destination}"
        );
    }
}

#[test]
fn a_pack_for_these_flights_is_left_as_it_is() {
    let (judged_by, packs) = prepared("care-klm", &[]).expect("it is shipped");
    assert!(judged_by.set_aside.is_empty(), "{:?}", judged_by.set_aside);
    assert_eq!(judged_by.unknown.len(), 1, "{:?}", judged_by.unknown);
    assert_eq!(packs.assess(&late(181, "BOS"), Severity::Medium).automatic.len(), 1);
    // New York is in the United States: only the day is too early.
    let (judged_by, _) = prepared("us-dot-260", &[]).expect("it is shipped");
    assert_eq!(judged_by.set_aside, ["its first day, 2024-10-28"]);
}

#[test]
fn a_fact_that_the_caller_gives_is_neither_assumed_nor_unknown() {
    let (judged_by, _) = prepared("ca-appr", &["within_control=true", "carrier_size=LARGE"]).expect("it is shipped");
    assert_eq!(
        judged_by.given.iter().map(|(key, fact)| format!("{key} {}", shown(fact))).collect::<Vec<_>>(),
        ["within_control true", "carrier_size LARGE"]
    );
    let others = judged_by.unknown.iter().filter(|said| !said.starts_with("informed_at: "));
    assert_eq!(others.count(), 0, "{:?}", judged_by.unknown);
    assert_eq!(shown(&fact("price=USD 12.05").expect("a fact").1), "USD 12.05");
}

#[test]
fn a_pack_that_is_not_there_or_not_for_flights_is_refused_with_those_that_are() {
    for (id, complaint) in [("moon", "there is no pack moon"), ("uk-ofcom", "pack uk-ofcom does not judge flights")] {
        let error = prepared(id, &[]).expect_err(id).to_string();
        assert!(error.contains(complaint) && error.contains("eu261"), "{error}");
        assert!(!error.contains("parcel-care"), "{error}");
    }
}
