//! Every state of a payout beside every kind of line.

use kernel::Currency;
use uuid::Uuid;

use super::*;
use crate::domain::payout_step::tests::payout;

fn line(minor: i64, code: &str) -> Line {
    Line {
        number: 3,
        key: "key".to_owned(),
        reference: "ref".to_owned(),
        amount: Money::new(Currency::parse(code).expect("known"), minor),
        executed_at: Timestamp::from_seconds(0),
    }
}

fn kind(verdict: &Verdict) -> Option<DiscrepancyKind> {
    match verdict {
        Verdict::Fits | Verdict::Adopts => None,
        Verdict::Differs(kind, why) => {
            assert!(!why.is_empty());
            Some(*kind)
        }
    }
}

#[test]
fn a_line_fits_adopts_or_says_why_not() {
    use DiscrepancyKind as K;
    for state in PayoutState::ALL {
        let payout = Payout { state, reference: "ref".to_owned(), ..payout() };
        let expected = match state {
            PayoutState::Confirmed => Verdict::Fits,
            PayoutState::Submitting | PayoutState::Unknown | PayoutState::Manual => Verdict::Adopts,
            PayoutState::Reserved | PayoutState::Declined | PayoutState::Voided => {
                assert_eq!(kind(&judge(&line(1_250, "EUR"), Some(&payout), None)), Some(K::NotExpected));
                continue;
            }
        };
        assert_eq!(judge(&line(1_250, "EUR"), Some(&payout), None), expected, "{state:?}");
    }
    for state in PayoutState::ALL {
        let payout = Payout { state, reference: "ref".to_owned(), ..payout() };
        for (minor, code) in [(1_251, "EUR"), (1_249, "EUR"), (1_250, "USD")] {
            assert_eq!(kind(&judge(&line(minor, code), Some(&payout), None)), Some(K::WrongAmount), "{state:?}");
        }
        let taken = Place { file: "f".to_owned(), line: 1 };
        assert_eq!(kind(&judge(&line(1_250, "EUR"), Some(&payout), Some(&taken))), Some(K::Duplicate), "{state:?}");
    }
    let other = Payout { state: PayoutState::Confirmed, reference: "other".to_owned(), ..payout() };
    assert_eq!(kind(&judge(&line(1_250, "EUR"), Some(&other), None)), Some(K::WrongReference));
    assert_eq!(kind(&judge(&line(1_250, "EUR"), None, None)), Some(K::UnknownPayout));
    for kind in K::ALL {
        assert_eq!(K::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(payout().id, PayoutId::from(Uuid::from_u128(1)));
}

#[test]
fn a_day_is_a_day_in_utc() {
    let day = Day::parse("2026-03-29").expect("a day");
    assert_eq!(day.until.since(day.from).as_secs(), 86_400, "no clock is put forward in UTC");
    assert_eq!(day.from.to_string(), "2026-03-29T00:00:00Z");
    assert_eq!(Day::parse("2024-02-29").map(|day| day.until.to_string()), Some("2024-03-01T00:00:00Z".to_owned()));
    for wrong in ["", "2026-3-29", "2026-02-29", "2026-03-29T00:00:00Z", "29.03.2026", " 2026-03-29"] {
        assert_eq!(Day::parse(wrong), None, "{wrong}");
    }
}
