//! The reasons that comments promise and the constants that services answer with are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use amends_api::reason;

use crate::assert_none;
use crate::contract::{Contract, is_upper_snake, quoted};

/// Words in backticks that are no error reasons.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("UPPER_SNAKE", "the shape of a timeline entry's kind"),
    ("CASE_OPENED", "a kind of timeline entry"),
    ("STATE_CHANGED", "a kind of timeline entry"),
    ("PAYOUT_RESERVED", "a kind of ledger transaction"),
    ("PAYOUT_POSTED", "a kind of ledger transaction"),
    ("PAYOUT_VOIDED", "a kind of ledger transaction"),
    ("VOUCHER_ISSUED", "a kind of ledger transaction"),
    ("VOUCHER_EXPIRED", "a kind of ledger transaction"),
    ("VOUCHER_REDEEMED", "a kind of ledger transaction"),
    ("VOUCHER_REVERSED", "a kind of ledger transaction"),
    ("PAYOUT_REVERSED", "a kind of ledger transaction"),
    ("RETRY_CALL", "an action of the audit"),
    ("CALL_PARKED", "why a payout, a message or a timer needs attention, in a milestone"),
    ("CALL_RETRIED", "why a timer needs none any more, in a milestone"),
    ("CALL_DISCARDED", "why a timer needs none any more, in a milestone"),
    ("CLOCK_SKEW", "the reason of a violation"),
];

/// Reasons that kernel defines, read from its source, which has no list of them.
fn general() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel/src/error.rs");
    fs::read_to_string(source)
        .expect("kernel's errors are there")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": &str = "))
        .map(|(name, value)| {
            assert_eq!(format!("\"{name}\";"), value, "a reason is spelt like its constant");
            name.to_owned()
        })
        .collect()
}

/// Words in backticks that look like reasons, by the service's part of the package that uses them.
fn mentioned(contract: &Contract) -> BTreeMap<String, BTreeSet<String>> {
    let mut out = BTreeMap::<String, BTreeSet<String>>::new();
    for file in contract.files() {
        let service = file.package_name().split('.').nth(1).unwrap_or_default().to_owned();
        let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
        let words = out.entry(service).or_default();
        for location in &info.location {
            words.extend(quoted(location.leading_comments()).filter(|word| is_upper_snake(word)).map(str::to_owned));
        }
    }
    out
}

/// What is mentioned and not defined, or defined and not mentioned.
fn differences(
    mentioned: &BTreeMap<String, BTreeSet<String>>,
    defined: &[(&str, &[&str])],
    general: &BTreeSet<String>,
    other_words: &[(&str, &str)],
) -> Vec<String> {
    let mut out = Vec::new();
    for (service, words) in mentioned {
        let own = defined.iter().find(|(name, _)| name == service).map_or(&[][..], |(_, reasons)| reasons);
        for word in words {
            let known = own.contains(&word.as_str()) || general.contains(word);
            if !known && !other_words.iter().any(|(other, _)| other == word) {
                out.push(format!("{service}: `{word}` has no constant in api::reason::{service}"));
            }
        }
    }
    for (service, reasons) in defined {
        for reason in *reasons {
            if general.contains(*reason) {
                out.push(format!("{service}: {reason} is one of the general ones"));
            }
            if !mentioned.get(*service).is_some_and(|words| words.contains(*reason)) {
                out.push(format!("{service}: {reason} is in no comment of its protos"));
            }
        }
    }
    for (word, _) in other_words {
        if !mentioned.values().any(|words| words.contains(*word)) {
            out.push(format!("`{word}` is in no comment any more"));
        }
    }
    out
}

#[test]
fn comments_and_constants_name_the_same_reasons() {
    let contract = Contract::decode(amends_api::FILE_DESCRIPTOR_SET);
    let found = differences(&mentioned(&contract), reason::BY_SERVICE, &general(), OTHER_WORDS);
    assert_none("differences between comments and reasons", &found);
}

#[test]
fn a_reason_fits_error_info() {
    let general = general();
    assert!(general.contains(reason::INVALID_FIELDS), "the general reasons are re-exported");
    let own = reason::BY_SERVICE.iter().flat_map(|(_, reasons)| reasons.iter().map(|reason| (*reason).to_owned()));
    for reason in general.iter().cloned().chain(own) {
        assert!(is_upper_snake(&reason) && reason.len() <= 63, "{reason}");
    }
}

#[test]
fn the_readme_explains_every_general_reason() {
    let readme = include_str!("../../../../proto/README.md");
    let explained: BTreeSet<_> = quoted(readme).filter(|word| is_upper_snake(word)).map(str::to_owned).collect();
    let silent: Vec<_> = general().difference(&explained).cloned().collect();
    assert_none("general reasons that proto/README.md does not explain", &silent);
}

#[test]
fn each_difference_is_reported() {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    let mentioned = BTreeMap::from([("intake".to_owned(), words(&["KNOWN", "GENERAL", "NEW", "KIND"]))]);
    let found = differences(
        &mentioned,
        &[("intake", &["KNOWN", "OLD", "GENERAL"]), ("routing", &["KNOWN"])],
        &words(&["GENERAL"]),
        &[("KIND", ""), ("STALE", "")],
    );
    assert_eq!(
        found,
        [
            "intake: `NEW` has no constant in api::reason::intake",
            "intake: OLD is in no comment of its protos",
            "intake: GENERAL is one of the general ones",
            "routing: KNOWN is in no comment of its protos",
            "`STALE` is in no comment any more",
        ]
    );
}
