//! How large a pack's document may be, and what its names look like.

use super::tests::GOOD;
use super::*;

/// Each bound of a document from both sides.
#[test]
fn a_document_has_its_bounds() {
    let read = |text: &str| parse(text).map(|_| ()).map_err(|problems| problems.join("; "));
    let full = format!("{GOOD}#{}", "x".repeat(read::MAX_DOCUMENT - GOOD.len() - 1));
    assert_eq!((full.len(), read(&full)), (read::MAX_DOCUMENT, Ok(())));
    assert_eq!(read(&format!("{full}x")), Err("has 262145 bytes; at most 262144 are allowed".to_owned()));

    let rule = |id: &str, condition: &str| {
        format!(
            "  - {{ id: {id}, description: D, condition: '{condition}', \
             automatic: [{{ id: a, basis: TIME, kind: SERVICE, description: A }}] }}\n"
        )
    };
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let inputs = |count: usize| {
        let more = many(count - 4, &|n| format!("  - {{ name: more_{n}, type: INTEGER }}\n"));
        GOOD.replace("terms:\n", &format!("{more}terms:\n"))
    };
    let terms = |count: usize| {
        let more = many(count - 1, &|n| format!("  - {{ name: more_{n}, is: km > {n} }}\n"));
        GOOD.replace("set_off:\n", &format!("{more}set_off:\n"))
    };
    let rules = |count: usize| format!("{GOOD}{}", many(count - 1, &|n| rule(&format!("more-{n}"), "true")));
    for (document, what) in [(&inputs as &dyn Fn(usize) -> String, "inputs"), (&terms, "terms"), (&rules, "rules")] {
        assert_eq!(read(&document(64)), Ok(()), "{what}");
        assert_eq!(read(&document(65)), Err(format!("{what}: has more than 64 {what}")));
    }
    let without = GOOD.split("rules:\n").next().unwrap_or_default().to_owned() + "rules: []\n";
    assert_eq!(read(&without), Err("rules: has no rule".to_owned()));
    assert_eq!(read(&without.replace("ACTIVE", "WITHDRAWN")), Ok(()), "which takes the place of an earlier version");

    // All conditions together take 20,000 steps at most. Each yes more takes two: itself, and what joins it to the rest.
    let list = (0..43).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let steps = |yeses: usize| {
        let large = many(10, &|n| rule(&format!("large-{n}"), &format!("[{list}].all(x, km in [{list}])")));
        format!("{GOOD}{large}{}{}", rule("one", "true"), rule("rest", &vec!["true"; yeses].join(" && ")))
    };
    let told = read(&steps(450)).expect_err("too many");
    let number = told.strip_prefix("rules: take up to ").and_then(|rest| rest.split(' ').next());
    let taken: usize = number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{told}"));
    let fits = 450 - (taken - 20_000) / 2;
    assert_eq!(read(&steps(fits)), Ok(()));
    assert_eq!(read(&steps(fits + 1)), Err("rules: take up to 20002 steps together; at most 20000".to_owned()));
}

#[test]
fn kinds_names_and_ids_are_plain() {
    let read = |find: &str, replace: &str| {
        assert!(GOOD.contains(find), "{find}");
        parse(&GOOD.replace(find, replace)).map(|_| ()).map_err(|problems| problems.join("; "))
    };
    let kinds = |kind: &str| read("inputs:\n", &format!("event_kinds: ['{kind}']\ninputs:\n"));
    let longest = "a".repeat(63);
    for right in ["flight.delayed", "a", "1", "a_1.b_2.c", longest.as_str()] {
        assert_eq!(kinds(right), Ok(()));
    }
    let too_long = "a".repeat(64);
    for wrong in ["", ".", "a.", ".a", "a..b", "Flight", "a-b", "é", too_long.as_str()] {
        let told = format!("event_kinds: `{wrong}` is not a kind of event such as flight.delayed");
        assert_eq!(kinds(wrong), Err(told));
    }
    let term = |name: &str| read("set_off:\n", &format!("  - {{ name: '{name}', is: km > 1 }}\nset_off:\n"));
    for right in ["a", "a1_", longest.as_str()] {
        assert_eq!(term(right), Ok(()));
    }
    for wrong in ["", "1a", "_a", "A", "a-b", "aé", "event", "LOW", too_long.as_str()] {
        let told = format!("terms[1].name: `{wrong}` is not 1 to 63 characters of a-z, 0-9 and '_', from a letter on");
        assert_eq!(term(wrong), Err(told));
    }
    for taken in ["far", "price"] {
        assert_eq!(term(taken), Err(format!("terms[1].name: `{taken}` is taken")));
    }
    let id = |id: &str| read("id: r\n", &format!("id: '{id}'\n"));
    let longest = "a".repeat(60);
    for right in ["a", "a1-", longest.as_str()] {
        assert_eq!(id(right), Ok(()));
    }
    for wrong in ["", "1a", "-a", "Aa", "a_b", "aé", &"a".repeat(61)] {
        let told = format!("rules[0].id: `{wrong}` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on");
        assert_eq!(id(wrong), Err(told));
    }
    let words = |words: &str| read("display_name: P", &format!("display_name: '{words}'"));
    assert!(words(&"é".repeat(200)).is_ok() && words(&"é".repeat(201)).is_err() && words("").is_err());
}
