//! An offer that ended without a choice, because nobody answered or because the customer declined: what the law demands is
//! paid in money all the same.
//!
//! A voucher may stand in the place of that money only by a signed agreement (EU261 Article 7(3)); neither silence nor a no
//! is one. Where there is a real choice, as between a new flight and the price of the ticket, the law may say what holds
//! without an answer (14 CFR 260.6(b)(3), (4)), and its pack names that option; where it does not (EU261 Article 8),
//! nothing is chosen, and the choice stays owed.

use std::collections::BTreeSet;

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

/// What the law demands of an offer that ended without a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Money, of this option.
    Pays(ByLaw),
    /// That the customer may choose between these options, one of which is money.
    Choice(Vec<String>),
    /// Nothing that could be paid.
    Nothing,
}

/// What the law demands of an offer, of the lines that are still owed, whoever made the offer.
pub fn by_law(offer: &Offer, owed: &[&RemedyLine]) -> Demand {
    demanded_of(&offer.options, &offer.plus, owed)
}

/// What the law demands though the customer took goodwill of this offer, which waives nothing: of the offer itself, or else
/// of what the rules found, which an offer of goodwill leaves open.
pub fn beside_goodwill(offer: &Offer, assessment: &Assessment, owed: &[&RemedyLine]) -> Demand {
    match by_law(offer, owed) {
        Demand::Nothing => demanded_of(&assessment.choice_of, &assessment.plus, owed),
        found @ (Demand::Pays(_) | Demand::Choice(_)) => found,
    }
}

/// The choice that the law leaves to the customer, as the rules found it, with what the law gives along with it. `given` was
/// given already.
pub fn choice_of_law(assessment: &Assessment, given: &[RemedyLine]) -> (Vec<OfferOption>, Vec<RemedyLine>) {
    let law: Vec<_> = assessment.choice_of.iter().filter(|option| !is_beside_the_law(option)).cloned().collect();
    let plus: Vec<_> = assessment.plus.iter().filter(|line| line.basis == Basis::Statutory).cloned().collect();
    let (options, mut plus) = without_gestures(&law, &plus);
    plus.retain(|line| !given.iter().any(|given| given.id == line.id));
    (options, plus)
}

/// True for lines that decide the choice which the law leaves to the customer: what the law demands, or gives back a loss, but for
/// what rules give along with any choice.
pub fn chooses<'a>(given: impl IntoIterator<Item = &'a RemedyLine>, assessment: &Assessment) -> bool {
    let along = |line: &RemedyLine| assessment.plus.iter().any(|known| known.id == line.id);
    given.into_iter().any(|line| matches!(line.basis, Basis::Statutory | Basis::Restitution) && !along(line))
}

fn demanded_of(options: &[OfferOption], plus: &[RemedyLine], owed: &[&RemedyLine]) -> Demand {
    let is_owed = |line: &&RemedyLine| owed.contains(line);
    let named = due(options).find(|option| option.holds_after.is_some());
    let Some(option) = named.or_else(|| only_due(options)) else {
        let pays = |line: &RemedyLine| is_owed(&line) && matches!(line.benefit, Benefit::Money(_));
        if due(options).flat_map(|option| &option.lines).any(pays) {
            return Demand::Choice(due(options).map(|option| option.id.clone()).collect());
        }
        return Demand::Nothing;
    };
    let lines = money_by_law(option);
    if lines.is_empty() || !lines.iter().all(is_owed) {
        return Demand::Nothing;
    }
    let along = plus.iter().filter(|line| line.basis == Basis::Statutory && !line.is_instead_of_money());
    let lines = lines.into_iter().chain(along.filter(is_owed)).cloned().collect();
    Demand::Pays(ByLaw { option: option.id.clone(), lines })
}

/// The option that is left where there is no real choice: the only one that needs no signature and is more than goodwill. Of
/// several that hold the same of the law, as when an agreement adds to it, the one that holds least besides.
pub fn only_due(options: &[OfferOption]) -> Option<&OfferOption> {
    let least = due(options).min_by_key(|option| option.lines.len())?;
    let law = law_of(least);
    let is_only = due(options).count() == 1 || !law.is_empty() && due(options).all(|option| law_of(option) == law);
    is_only.then_some(least)
}

fn law_of(option: &OfferOption) -> BTreeSet<&str> {
    option.lines.iter().filter(|line| line.basis == Basis::Statutory).map(|line| line.id.as_str()).collect()
}

/// True for an option of goodwill alone, for which nobody signs: whoever takes it has waived nothing.
pub fn is_beside_the_law(option: &OfferOption) -> bool {
    let is_goodwill = |line: &RemedyLine| line.basis.is_gesture() || line.basis == Basis::Time;
    option.consent == Consent::None && option.lines.iter().all(is_goodwill)
}

/// What the law demands of an option, when all of that is money; nothing otherwise.
pub fn money_by_law(option: &OfferOption) -> Vec<&RemedyLine> {
    let lines: Vec<_> = option.lines.iter().filter(|line| line.basis == Basis::Statutory).collect();
    if lines.iter().all(|line| matches!(line.benefit, Benefit::Money(_))) { lines } else { Vec::new() }
}

/// The options that need no signature and are more than goodwill.
fn due(options: &[OfferOption]) -> impl Iterator<Item = &OfferOption> {
    options.iter().filter(|option| option.consent == Consent::None && !is_beside_the_law(option))
}

/// The choice without its gestures, for an offer that comes without our apology: an apology may be late, the law is not.
pub fn without_gestures(options: &[OfferOption], plus: &[RemedyLine]) -> (Vec<OfferOption>, Vec<RemedyLine>) {
    let fair = |lines: &[RemedyLine]| -> Vec<RemedyLine> {
        lines.iter().filter(|line| !line.basis.is_gesture()).cloned().collect()
    };
    let options = options.iter().map(|option| OfferOption { lines: fair(&option.lines), ..option.clone() });
    (options.filter(|option| !option.lines.is_empty()).collect(), fair(plus))
}

/// True when the law demands money among these options: they do not wait for an apology beyond its time.
pub fn pays_by_law(options: &[OfferOption]) -> bool {
    let mut lines = options.iter().flat_map(|option| &option.lines);
    lines.any(|line| line.basis == Basis::Statutory && matches!(line.benefit, Benefit::Money(_)))
}

/// What the last offer of a remedy gave: by the customer's choice, or by law. An offer that ended before that was written
/// down with it gave its accepted option, or what the law demands when nobody answered.
pub fn given_by(offer: &Offer, assessment: &Assessment, remedy: RemedyState) -> Vec<RemedyLine> {
    if let Some(given) = &offer.given {
        return given.clone();
    }
    match (offer.state, remedy) {
        (OfferState::Expired, RemedyState::Granting | RemedyState::Settled | RemedyState::NeedsAttention) => {
            match by_law(offer, &owed_by_law(assessment, false)) {
                Demand::Pays(by_law) => by_law.lines,
                Demand::Choice(_) | Demand::Nothing => Vec::new(),
            }
        }
        _ => offer.accepted_lines(),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::domain::offer::OfferEvent;

    fn eur(minor: i64) -> Money {
        Money::new(Currency::parse("EUR").expect("a currency"), minor)
    }

    fn option(id: &str, consent: Consent, lines: &[&RemedyLine]) -> OfferOption {
        let lines = lines.iter().map(|line| (*line).clone()).collect();
        OfferOption { id: id.to_owned(), description: String::new(), lines, consent, holds_after: None }
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
            given: None,
            made_by: String::new(),
            expires_at: Timestamp::from_seconds(10),
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
            ended_at: None,
        }
    }

    fn owing(options: &[OfferOption], plus: &[RemedyLine]) -> Assessment {
        Assessment { choice_of: options.to_vec(), plus: plus.to_vec(), ..Assessment::default() }
    }

    fn demanded(offer: &Offer, assessment: &Assessment) -> Demand {
        by_law(offer, &owed_by_law(assessment, false))
    }

    fn found(options: &[OfferOption], plus: &[RemedyLine]) -> Option<(String, Vec<String>)> {
        match demanded(&offer(options, plus), &owing(options, plus)) {
            Demand::Pays(by_law) => Some((by_law.option, by_law.lines.into_iter().map(|line| line.id).collect())),
            Demand::Choice(_) | Demand::Nothing => None,
        }
    }

    fn choice(options: &[OfferOption]) -> Vec<String> {
        match demanded(&offer(options, &[]), &owing(options, &[])) {
            Demand::Choice(options) => options,
            Demand::Pays(_) | Demand::Nothing => Vec::new(),
        }
    }

    #[test]
    fn the_money_holds_and_what_needs_a_signature_falls_away() {
        let cash = RemedyLine::plain("cash", Basis::Statutory, Benefit::Money(eur(25_000)));
        let voucher = RemedyLine::plain("voucher", Basis::Statutory, Benefit::Voucher(eur(35_000)));
        let gift = RemedyLine::plain("gift", Basis::Gesture, Benefit::Voucher(eur(1_000)));
        let meal = RemedyLine::plain("meal", Basis::Statutory, Benefit::Service);
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
        let refund = RemedyLine::plain("refund", Basis::Statutory, Benefit::Money(eur(25_000)));
        let flight = RemedyLine::plain("flight", Basis::Statutory, Benefit::Service);
        let back = RemedyLine::plain("back", Basis::Restitution, Benefit::Money(eur(25_000)));
        let refund = option("refund", Consent::None, &[&refund]);
        let rebook = RemedyLine::plain("rebook", Basis::Restitution, Benefit::Service);
        for other in [option("other", Consent::None, &[&flight]), option("other", Consent::None, &[&rebook])] {
            assert_eq!(choice(&[refund.clone(), other.clone()]), ["refund", "other"]);
            // Unless the law says what holds then.
            let named = OfferOption { holds_after: Some(std::time::Duration::from_secs(1)), ..refund.clone() };
            let holds = Some(("refund".to_owned(), vec!["refund".to_owned()]));
            assert_eq!(found(&[other.clone(), named.clone()], &[]), holds);
            // What was paid already is owed no more.
            assert_eq!(by_law(&offer(&[other, named], &[]), &[]), Demand::Nothing);
        }
        // What an agreement adds to the law's money makes no choice of it: whichever is taken, the law's is in it.
        let gift = RemedyLine::plain("gift", Basis::Gesture, Benefit::Money(eur(1_000)));
        let with_gift = OfferOption { lines: [refund.lines.clone(), vec![gift.clone()]].concat(), ..refund.clone() };
        let fair = OfferOption { id: "fair".to_owned(), ..with_gift };
        let holds = Some(("refund".to_owned(), vec!["refund".to_owned()]));
        assert_eq!(found(&[fair.clone(), refund.clone()], &[]), holds);
        assert_eq!(choice(&[fair, refund.clone(), option("other", Consent::None, &[&flight])]).len(), 3);
        let time = RemedyLine::plain("time", Basis::Time, Benefit::Money(eur(1_000)));
        assert_eq!(
            found(&[option("time", Consent::None, &[&time, &gift]), refund], &[]),
            holds,
            "goodwill stands beside it"
        );
        for nothing in [option("flight", Consent::None, &[&flight]), option("back", Consent::None, &[&back])] {
            assert_eq!(demanded(&offer(std::slice::from_ref(&nothing), &[]), &owing(&[nothing], &[])), Demand::Nothing);
        }
        let services = [option("a", Consent::None, &[&flight]), option("b", Consent::None, &[&rebook])];
        assert_eq!(demanded(&offer(&services, &[]), &owing(&services, &[])), Demand::Nothing);
    }

    /// Goodwill waives nothing: what the law demands is looked for in the offer, and in what the rules found when the offer has
    /// none of it.
    #[test]
    fn goodwill_leaves_open_what_the_law_demands() {
        let refund = RemedyLine::plain("refund", Basis::Statutory, Benefit::Money(eur(25_000)));
        let flight = RemedyLine::plain("flight", Basis::Statutory, Benefit::Service);
        let meal = RemedyLine::plain("meal", Basis::Statutory, Benefit::Service);
        let gift = RemedyLine::plain("gift", Basis::Gesture, Benefit::Voucher(eur(1_000)));
        let voucher = RemedyLine::plain("voucher", Basis::Statutory, Benefit::Voucher(eur(25_000)));
        let choice = [
            option("refund", Consent::None, &[&refund, &gift]),
            option("flight", Consent::None, &[&flight]),
            option("voucher", Consent::Signed, &[&voucher]),
            option("gift", Consent::None, &[&gift]),
        ];
        let rules = owing(&choice, &[meal.clone(), gift.clone()]);
        let beside = |offer: &Offer, owed: &[&RemedyLine]| beside_goodwill(offer, &rules, owed);
        let choose = Demand::Choice(vec!["refund".to_owned(), "flight".to_owned()]);
        let goodwill = offer(&choice[3..], &[]);
        assert_eq!(beside(&goodwill, &[&refund]), choose, "of the rules");
        assert_eq!(beside(&offer(&choice, &[]), &[&refund]), choose, "of the offer");
        assert_eq!(beside(&goodwill, &[]), Demand::Nothing, "it was paid");
        let only = offer(&[option("refund", Consent::None, &[&refund]), choice[3].clone()], &[]);
        assert!(matches!(beside(&only, &[&refund]), Demand::Pays(by_law) if by_law.option == "refund"));
        assert_eq!(beside_goodwill(&goodwill, &Assessment::default(), &[&refund]), Demand::Nothing);

        let (options, plus) = choice_of_law(&rules, std::slice::from_ref(&gift));
        let law = [
            option("refund", Consent::None, &[&refund]),
            option("flight", Consent::None, &[&flight]),
            option("voucher", Consent::Signed, &[&voucher]),
        ];
        assert_eq!((options.as_slice(), plus.as_slice()), (law.as_slice(), std::slice::from_ref(&meal)));
        assert_eq!(choice_of_law(&rules, &[meal]).1, []);
    }

    #[test]
    fn what_the_law_demands_or_gives_back_a_loss_decides_the_choice() {
        let meal = RemedyLine::plain("meal", Basis::Statutory, Benefit::Service);
        let rules = owing(&[], std::slice::from_ref(&meal));
        for (basis, decides) in [
            (Basis::Statutory, true),
            (Basis::Restitution, true),
            (Basis::Time, false),
            (Basis::Gesture, false),
            (Basis::NoFaultGoodwill, false),
        ] {
            let line = RemedyLine::plain("line", basis, Benefit::Service);
            assert_eq!(chooses([&line], &rules), decides, "{basis:?}");
            assert_eq!(chooses([&meal, &line], &rules), decides, "{basis:?}");
        }
        assert!(!chooses([&meal], &rules) && !chooses([], &rules), "a meal comes along with any choice");
    }

    #[test]
    fn a_choice_without_an_apology_has_no_gestures() {
        let cash = RemedyLine::plain("cash", Basis::Statutory, Benefit::Money(eur(25_000)));
        let rebook = RemedyLine::plain("rebook", Basis::Restitution, Benefit::Service);
        let gift = RemedyLine::plain("gift", Basis::Gesture, Benefit::Voucher(eur(1_000)));
        let options = [
            option("cash", Consent::None, &[&cash, &gift]),
            option("gift", Consent::None, &[&gift]),
            option("rebook", Consent::None, &[&rebook]),
        ];
        let (fair, along) = without_gestures(&options, &[gift, rebook.clone()]);
        assert_eq!(fair, [option("cash", Consent::None, &[&cash]), option("rebook", Consent::None, &[&rebook])]);
        assert_eq!(along, [rebook]);
        assert!(pays_by_law(&options));
        assert!(!pays_by_law(&options[1..]));
        let meal = RemedyLine::plain("meal", Basis::Statutory, Benefit::Service);
        let fair = RemedyLine::plain("fair", Basis::Restitution, Benefit::Money(eur(1_000)));
        assert!(!pays_by_law(&[option("meal", Consent::None, &[&meal]), option("fair", Consent::None, &[&fair])]));
    }

    #[test]
    fn only_what_the_assessment_owes_is_demanded() {
        let cash = RemedyLine::plain("cash", Basis::Statutory, Benefit::Money(eur(25_000)));
        let more = RemedyLine::plain("cash", Basis::Statutory, Benefit::Money(eur(25_001)));
        let owed = owing(&[option("money", Consent::None, &[&cash])], &[]);
        let made = |line: &RemedyLine| offer(&[option("money", Consent::None, &[line])], &[]);
        assert!(matches!(demanded(&made(&cash), &owed), Demand::Pays(_)));
        assert_eq!(demanded(&made(&more), &owed), Demand::Nothing);
        assert_eq!(demanded(&made(&cash), &Assessment::default()), Demand::Nothing);
    }

    #[test]
    fn what_was_given_is_the_choice_or_else_the_demand() {
        let cash = RemedyLine::plain("cash", Basis::Statutory, Benefit::Money(eur(25_000)));
        let voucher = RemedyLine::plain("voucher", Basis::Statutory, Benefit::Voucher(eur(35_000)));
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
        assert_eq!(given_by(&it, &owed, RemedyState::Settled), std::slice::from_ref(&voucher));
        it.given = Some(vec![cash.clone()]);
        assert_eq!(given_by(&it, &owed, RemedyState::Settled), [cash], "what was written down holds");
    }
}
