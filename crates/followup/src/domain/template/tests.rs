//! Tests of the templates: every shipped one as a customer gets it, the rules of conduct, and hostile values.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

const CASE: &str = "cases/00000000-0000-0000-0000-000000000001";

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Values for every key that a template uses.
fn all_values() -> BTreeMap<String, String> {
    values(&[
        ("amount", "EUR 12.50"),
        ("code", "K7QX-2P"),
        ("description", "Food and drink on board, worth EUR 15.00"),
        ("expires_at", "2026-02-09T00:00:00Z"),
        ("link", "https://example.com/s/surveys/00000000-0000-0000-0000-000000000003"),
        ("name", "Ada"),
        ("offer", "offers/00000000-0000-0000-0000-000000000002"),
        ("question", "On which day did the parcel arrive?"),
        ("summary", "1. Rebooking to any flight within 14 days\n2. EUR 80.00 back"),
        ("survey", "surveys/00000000-0000-0000-0000-000000000003"),
        ("topic", "your flight UA1545"),
    ])
}

fn needed_only(templates: &Templates, language: &str, name: &str) -> BTreeMap<String, String> {
    let needs = &templates.needs[&(language.to_owned(), name.to_owned())];
    all_values().into_iter().filter(|(key, _)| needs.required.contains(key)).collect()
}

fn shown(rendered: &Rendered) -> String {
    format!("Subject: {}\n\n{}", rendered.subject, rendered.body)
}

#[test]
fn every_template_reads_as_it_should_in_every_language() {
    let templates = Templates::shipped().unwrap();
    for language in ["en", "de"] {
        let mut pages = Vec::new();
        for name in templates.names() {
            let mut again = all_values();
            again.insert("again".to_owned(), "true".to_owned());
            let variants = [
                ("with all values", all_values()),
                ("with the required ones", needed_only(&templates, language, &name)),
                ("the second time", again),
            ];
            for (label, given) in variants.into_iter().take(if name == "apology" { 3 } else { 2 }) {
                let rendered = templates.render(&name, language, CASE, &given).unwrap();
                pages.push(format!("======== {name}, {label}\n{}", shown(&rendered)));
            }
        }
        insta::assert_snapshot!(language, pages.join("\n\n"));
    }
}

#[test]
fn every_template_exists_in_every_language_and_needs_the_same() {
    let templates = Templates::shipped().unwrap();
    for ((language, name), needs) in &templates.needs {
        let english = &templates.needs[&(FALLBACK.to_owned(), name.clone())];
        assert_eq!((&needs.required, &needs.optional), (&english.required, &english.optional), "{language}/{name}");
    }
    assert_eq!(templates.needs.len() % templates.names().len(), 0);
    let readme = include_str!("../../../README.md");
    for name in templates.names() {
        let needs = &templates.needs[&(FALLBACK.to_owned(), name.clone())];
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        for key in needs.required.iter().chain(&needs.optional) {
            assert!(row.contains(&format!("`{key}`")), "README: {name} {key}");
        }
    }
}

/// Words that blame, argue, hide or make a favour of it; and those that must be there.
#[test]
fn every_template_keeps_to_the_rules_of_conduct() {
    let never = [
        (
            "en",
            &[
                "unfortunately",
                "policy",
                "you should have",
                "you must",
                "you failed",
                "department",
                "colleague",
                "favour",
                "favor",
                "goodwill",
                "courtesy",
                "anything else we can do",
                "as you know",
                "actually",
                "however",
                "but we",
                "inconvenience",
                "any inconvenience",
                "are you sure",
                "boss",
            ][..],
        ),
        (
            "de",
            &[
                "leider",
                "richtlinie",
                "sie hätten tun",
                "sie müssen uns",
                "abteilung",
                "kolleg",
                "kulanz",
                "gefallen",
                "entgegenkommen",
                "wie sie wissen",
                "eigentlich",
                "unannehmlichkeit",
                "sind sie sicher",
                "chef",
            ][..],
        ),
    ];
    let always = [("en", [" i ", "thank"]), ("de", ["ich ", "dank"])];
    let templates = Templates::shipped().unwrap();
    for (language, name, _) in SHIPPED {
        for extra in [&[][..], &[("again", "true")]] {
            let mut given = all_values();
            given.extend(values(extra));
            let rendered = templates.render(name, language, CASE, &given).unwrap();
            let text = format!(" {} ", shown(&rendered).to_lowercase().replace('\n', " "));
            for (_, words) in never.iter().filter(|(of, _)| *of == language) {
                for word in *words {
                    assert!(!text.contains(word), "{language}/{name} says `{word}`");
                }
            }
            for (_, words) in always.iter().filter(|(of, _)| *of == language) {
                for word in words {
                    assert!(text.contains(word), "{language}/{name} does not say `{word}`");
                }
            }
            assert!(rendered.subject.chars().count() <= MAX_SUBJECT);
        }
    }
}

#[test]
fn the_apology_asks_nothing_and_offers_nothing() {
    let templates = Templates::shipped().unwrap();
    for language in ["en", "de"] {
        for again in ["", "true"] {
            let given = values(&[("again", again), ("topic", "your flight UA1545")]);
            let rendered = templates.render("apology", language, CASE, &given).unwrap();
            assert!(!shown(&rendered).contains('?'), "{language} {again}");
        }
    }
}

#[test]
fn a_language_falls_back_to_its_main_one_and_then_to_english() {
    let templates = Templates::shipped().unwrap();
    let subject = |language: &str| templates.render("check_in", language, CASE, &all_values()).unwrap().subject;
    assert_eq!(subject("de-AT"), subject("de"));
    assert_eq!(subject("DE"), subject("de"));
    assert_eq!(subject("pt-BR"), subject("en"));
    assert_eq!(subject(""), subject("en"));
    assert_ne!(subject("de"), subject("en"));
}

#[test]
fn what_is_missing_is_named() {
    let templates = Templates::shipped().unwrap();
    let given = values(&[("summary", " \u{202e}\t"), ("unknown", "x")]);
    assert_eq!(
        templates.render("offer", "de", CASE, &given),
        Err(UnusableValues::Missing { missing: ["expires_at", "offer", "summary"].map(str::to_owned).to_vec() })
    );
    let unknown = templates.render("apologie", "en", CASE, &given).unwrap_err();
    assert_eq!(unknown.to_string(), "is not a template; there are apology, check_in, offer, payout, question, voucher");
}

#[test]
fn hostile_values_stay_text() {
    let templates = Templates::shipped().unwrap();
    for hostile in [
        "{{ case }}",
        "{% for x in range(100000) %}x{% endfor %}",
        "{{ 7 * 7 }}",
        "{# comment #}",
        "<script>alert(1)</script> & \"quotes\"",
    ] {
        let given = values(&[("topic", hostile), ("question", hostile)]);
        let rendered = templates.render("question", "en", CASE, &given).unwrap();
        assert!(rendered.body.contains(hostile), "{hostile}");
        assert!(rendered.subject.contains(hostile), "{hostile}");
    }
}

#[test]
fn no_value_makes_a_second_header_or_turns_the_reading_direction() {
    let templates = Templates::shipped().unwrap();
    let given = values(&[
        ("topic", "late\r\nBcc: all@example.com\r\n\r\nHi \u{202e}evil\u{2066}\u{0}\u{7}"),
        ("question", "a\r\n.\r\nb"),
    ]);
    let rendered = templates.render("question", "en", CASE, &given).unwrap();
    assert_eq!(rendered.subject, "A question about late Bcc: all@example.com Hi evil, so that I can help you");
    assert!(rendered.body.contains("a\n.\nb"));
    assert!(!rendered.body.contains(['\r', '\0', '\u{7}', '\u{202e}', '\u{2066}']));
}

#[test]
fn a_megabyte_is_too_much_and_a_long_topic_is_cut_in_the_subject() {
    let templates = Templates::shipped().unwrap();
    let megabyte = "x".repeat(1024 * 1024);
    let given = values(&[("topic", &megabyte), ("question", &megabyte)]);
    assert_eq!(templates.render("question", "en", CASE, &given), Err(UnusableValues::TooMuch));
    let long = "x".repeat(2_000);
    let given = values(&[("topic", &long), ("question", &long)]);
    let rendered = templates.render("question", "en", CASE, &given).unwrap();
    assert_eq!(rendered.subject.chars().count(), MAX_SUBJECT);
}

#[test]
fn a_template_that_never_ends_runs_out_of_fuel() {
    let source =
        "Subject: x\n\n{% set x = ('x' * 300)|list %}{% for a in x %}{% for b in x %}.{% endfor %}{% endfor %}";
    let templates = Templates::parse(&[("en", "endless", source)]).unwrap();
    assert_eq!(templates.render("endless", "en", CASE, &BTreeMap::new()), Err(UnusableValues::TooMuch));
}

#[test]
fn a_bad_template_file_says_what_is_wrong_with_it() {
    for (source, problem) in [
        ("Subject: x\nbody", "there is no empty line after the headers"),
        ("Optional: x\n\nbody {{ x }}", "there is no Subject"),
        ("Subject: x\nReply-To: y\n\nbody", "`Reply-To: y` is not a header; there are Subject and Optional"),
        ("Subject: x\nOptional: y\n\nbody", "the optional value y is not used"),
    ] {
        let error = Templates::parse(&[("en", "bad", source)]).unwrap_err();
        assert_eq!(error.to_string(), format!("template en/bad: {problem}"));
    }
    let error = Templates::parse(&[("en", "bad", "Subject: x\n\n{% if %}")]).unwrap_err();
    assert!(error.to_string().starts_with("template en/bad: syntax error"), "{error}");
}

#[test]
fn a_day_is_written_in_the_language_of_the_template() {
    let source = "Subject: x\n\n{{ at | day }}";
    let templates = Templates::parse(&[("en", "d", source), ("de", "d", source)]).unwrap();
    let body = |language: &str, at: &str| templates.render("d", language, CASE, &values(&[("at", at)])).unwrap().body;
    assert_eq!(body("en", "2026-03-05T23:59:59.5Z"), "5 March 2026");
    assert_eq!(body("de", "2026-03-05T23:59:59.5Z"), "5. März 2026");
    assert_eq!(body("de", "2026-12-31"), "31. Dezember 2026");
    assert_eq!(body("en", "soon"), "soon");
}

proptest! {
    #[test]
    fn no_value_breaks_a_message(topic in any::<String>(), question in "\\PC{1,40}") {
        let templates = Templates::shipped().unwrap();
        let given = values(&[("topic", &topic), ("question", &question)]);
        match templates.render("question", "en", CASE, &given) {
            Ok(rendered) => {
                prop_assert!(!rendered.subject.contains(['\r', '\n']));
                prop_assert!(!rendered.subject.is_empty());
                prop_assert!(rendered.body.ends_with("Your reference: cases/00000000-0000-0000-0000-000000000001"));
            }
            Err(error) => {
                prop_assert_eq!(error, UnusableValues::Missing { missing: vec!["question".to_owned()] });
            }
        }
    }
}
