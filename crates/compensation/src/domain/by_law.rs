//! An offer that nobody answered: what the law demands is paid in money all the same.
//!
//! A voucher may stand in the place of that money only by a signed agreement (EU261 Article 7(3)); silence is none. Where
//! there is a real choice, as between a new flight and the price of the ticket, silence chooses nothing.

use super::assessment::Assessment;
use super::line::{Basis, Benefit, Consent, OfferOption, RemedyLine};
use super::offer::OfferState;
use super::policy::measure::owed_by_law;
use super::records::Offer;
use super::remedy::RemedyState;

/// The option that holds when nobody chooses, and what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByLaw {
    /// Its id.
    pub option: String,
    /// The lines that the law demands, of the option and of what comes along; gestures fall away with the choice.
    pub lines: Vec<RemedyLine>,
}

/// What the law demands of an offer, when that is one thing, and money: as far as the assessment owes it, whoever made the
/// offer.
pub fn by_law(offer: &Offer, assessment: &Assessment) -> Option<ByLaw> {
    let owed = owed_by_law(assessment, false);
    let is_owed = |line: &&RemedyLine| owed.contains(line);
    let is_due = |option: &&OfferOption| {
        option.consent == Consent::None && option.lines.iter().any(|line| line.basis != Basis::Gesture)
    };
    let mut due = offer.options.iter().filter(is_due);
    let (Some(option), None) = (due.next(), due.next()) else { return None };
    let lines: Vec<_> = option.lines.iter().filter(|line| line.basis == Basis::Statutory).collect();
    if lines.is_empty() || !lines.iter().all(|line| matches!(line.benefit, Benefit::Money(_)) && is_owed(line)) {
        return None;
    }
    let along = offer.plus.iter().filter(|line| line.basis == Basis::Statutory && !line.is_instead_of_money());
    let lines = lines.into_iter().chain(along.filter(is_owed)).cloned().collect();
    Some(ByLaw { option: option.id.clone(), lines })
}

/// What the last offer of a remedy gave: by the customer's choice, or by law once nobody had chosen.
pub fn given_by(offer: &Offer, assessment: &Assessment, remedy: RemedyState) -> Vec<RemedyLine> {
    match (offer.state, remedy) {
        (OfferState::Expired, RemedyState::Granting | RemedyState::Settled | RemedyState::NeedsAttention) => {
            by_law(offer, assessment).map(|by_law| by_law.lines).unwrap_or_default()
        }
        _ => offer.accepted_lines(),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::domain::line::Origin;
    use crate::domain::offer::OfferEvent;

    fn line(id: &str, basis: Basis, benefit: Benefit) -> RemedyLine {
        let (description, arithmetic) = (String::new(), String::new());
        RemedyLine { id: id.to_owned(), basis, benefit, description, arithmetic, origin: Origin::default() }
    }

    fn eur(minor: i64) -> Money {
        Money::new(Currency::parse("EUR").expect("a currency"), minor)
    }

    fn option(id: &str, consent: Consent, lines: &[&RemedyLine]) -> OfferOption {
        let lines = lines.iter().map(|line| (*line).clone()).collect();
        OfferOption { id: id.to_owned(), description: String::new(), lines, consent }
    }

    fn offer(options: &[OfferOption], plus: &[RemedyLine]) -> Offer {
        Offer {
            id: Uuid::from_u128(1).into(),
            remedy: Uuid::from_u128(2).into(),
            case: Uuid::from_u128(3).into(),
            state: OfferState::Open,
            options: options.to_vec(),
            plus: plus.to_vec(),
            accepted_option: String::new(),
            decline_reason: String::new(),
            fair_ask: String::new(),
            fair_amount: None,
            counter_to: None,
            counter_offer: None,
            explanation: String::new(),
            made_by: String::new(),
            expires_at: Timestamp::from_seconds(10),
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
        }
    }

    fn owing(options: &[OfferOption], plus: &[RemedyLine]) -> Assessment {
        Assessment { choice_of: options.to_vec(), plus: plus.to_vec(), ..Assessment::default() }
    }

    fn found(options: &[OfferOption], plus: &[RemedyLine]) -> Option<(String, Vec<String>)> {
        let by_law = by_law(&offer(options, plus), &owing(options, plus))?;
        Some((by_law.option, by_law.lines.into_iter().map(|line| line.id).collect()))
    }

    #[test]
    fn the_money_holds_and_what_needs_a_signature_falls_away() {
        let cash = line("cash", Basis::Statutory, Benefit::Money(eur(25_000)));
        let voucher = line("voucher", Basis::Statutory, Benefit::Voucher(eur(35_000)));
        let gift = line("gift", Basis::Gesture, Benefit::Voucher(eur(1_000)));
        let meal = line("meal", Basis::Statutory, Benefit::Service);
        let (money, signed) =
            (option("money", Consent::None, &[&cash, &gift]), option("voucher", Consent::Signed, &[&voucher]));
        let only = |lines: &[&str]| Some(("money".to_owned(), lines.iter().map(|id| (*id).to_owned()).collect()));
        for options in [
            vec![money.clone(), signed.clone()],
            vec![signed.clone(), money.clone()],
            vec![money.clone()],
            // A gesture does not stand beside it.
            vec![option("gift", Consent::None, &[&gift]), money.clone()],
        ] {
            assert_eq!(found(&options, &[]), only(&["cash"]));
        }
        let along = [gift, meal, voucher];
        assert_eq!(found(&[money, signed.clone()], &along), only(&["cash", "meal"]));
        assert_eq!(found(&[signed], &[]), None, "nothing but a voucher was ever on the table");
    }

    #[test]
    fn where_there_is_a_real_choice_silence_chooses_nothing() {
        let refund = line("refund", Basis::Statutory, Benefit::Money(eur(25_000)));
        let flight = line("flight", Basis::Statutory, Benefit::Service);
        let back = line("back", Basis::Restitution, Benefit::Money(eur(25_000)));
        let refund = option("refund", Consent::None, &[&refund]);
        let rebook = line("rebook", Basis::Restitution, Benefit::Service);
        assert_eq!(found(&[refund.clone(), option("flight", Consent::None, &[&flight])], &[]), None);
        assert_eq!(found(&[refund.clone(), option("rebook", Consent::None, &[&rebook])], &[]), None);
        assert_eq!(found(&[option("flight", Consent::None, &[&flight])], &[]), None);
        assert_eq!(found(&[option("back", Consent::None, &[&back])], &[]), None);
        assert_eq!(found(&[refund.clone(), refund], &[]), None);
    }

    #[test]
    fn only_what_the_assessment_owes_is_demanded() {
        let cash = line("cash", Basis::Statutory, Benefit::Money(eur(25_000)));
        let more = line("cash", Basis::Statutory, Benefit::Money(eur(25_001)));
        let owed = owing(&[option("money", Consent::None, &[&cash])], &[]);
        let made = |line: &RemedyLine| offer(&[option("money", Consent::None, &[line])], &[]);
        assert!(by_law(&made(&cash), &owed).is_some());
        assert_eq!(by_law(&made(&more), &owed), None);
        assert_eq!(by_law(&made(&cash), &Assessment::default()), None);
    }

    #[test]
    fn what_was_given_is_the_choice_or_else_the_demand() {
        let cash = line("cash", Basis::Statutory, Benefit::Money(eur(25_000)));
        let voucher = line("voucher", Basis::Statutory, Benefit::Voucher(eur(35_000)));
        let options = [option("money", Consent::None, &[&cash]), option("voucher", Consent::Signed, &[&voucher])];
        let (mut it, owed) = (offer(&options, &[]), owing(&options, &[]));
        assert_eq!(given_by(&it, &owed, RemedyState::Offered), []);
        it.take(OfferEvent::Expire, it.expires_at).expect("it is open");
        for state in RemedyState::ALL {
            let gave = matches!(state, RemedyState::Granting | RemedyState::Settled | RemedyState::NeedsAttention);
            let lines = if gave { vec![cash.clone()] } else { vec![] };
            assert_eq!(given_by(&it, &owed, state), lines, "{state:?}");
        }
        (it.state, it.accepted_option) = (OfferState::Accepted, "voucher".to_owned());
        assert_eq!(given_by(&it, &owed, RemedyState::Settled), [voucher]);
    }
}
