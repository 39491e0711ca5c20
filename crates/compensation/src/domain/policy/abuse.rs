//! When repeated gestures are looked at by a person first. A signal is an observation with its evidence, never a word
//! about the customer; it leads to approval, and what the law demands is never touched.

use kernel::{CaseId, CustomerId, RemedyId};

/// What is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Gestures for one customer.
    Customer,
    /// Customers whose gestures name one payee.
    Payee,
    /// Gestures for one customer and one reference.
    Reference,
}

impl Dimension {
    /// All.
    pub const ALL: [Dimension; 3] = [Self::Customer, Self::Payee, Self::Reference];

    /// As written in documents and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER",
            Self::Payee => "PAYEE",
            Self::Reference => "REFERENCE",
        }
    }

    /// The reverse of [`Dimension::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text)
    }
}

/// The largest number of a threshold: whoever has seen so many has seen enough to decide.
pub const MAX_AT: u32 = 10_000;

/// From how many on, in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// What is repeated.
    pub dimension: Dimension,
    /// The number, this one included, from which on a person looks first.
    pub at: u32,
    /// Length of the window, in days.
    pub window_days: u32,
}

/// The thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abuse {
    /// Version of the document.
    pub version: String,
    /// At most one for each dimension.
    pub thresholds: Vec<Threshold>,
}

/// A gesture as it is compared with others: one for each dimension that it has a value of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// What is compared.
    pub dimension: Dimension,
    /// With what it is compared.
    pub value: String,
    /// The remedy that gives.
    pub remedy: RemedyId,
    /// Its case.
    pub case: CaseId,
    /// Its customer.
    pub customer: CustomerId,
}

/// The claims of a remedy.
pub fn claims(remedy: RemedyId, case: CaseId, customer: CustomerId, payee: &str, reference: &str) -> Vec<Claim> {
    let values = [
        Some((Dimension::Customer, customer.to_string())),
        (!payee.is_empty()).then(|| (Dimension::Payee, payee.to_owned())),
        (!reference.is_empty()).then(|| (Dimension::Reference, format!("{customer} {reference}"))),
    ];
    let claim = |(dimension, value)| Claim { dimension, value, remedy, case, customer };
    values.into_iter().flatten().map(claim).collect()
}

/// What was seen in the window before, of others than this one, the newest [`MAX_AT`] at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Remedies with gestures.
    pub remedies: u32,
    /// Other customers.
    pub customers: u32,
}

/// An observation that a person looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The claim that it is about.
    pub claim: Claim,
    /// How many, this one included.
    pub count: u32,
    /// The threshold that was reached.
    pub threshold: Threshold,
}

impl Signal {
    /// What was observed, in words.
    pub fn reason(&self) -> String {
        let Threshold { at, window_days, .. } = self.threshold;
        let what = match self.claim.dimension {
            Dimension::Customer => "gestures for this customer",
            Dimension::Payee => "customers whose gestures go to this payee",
            Dimension::Reference => "gestures for this customer and this reference",
        };
        format!("{} {what} in {window_days} days; from {at} on a person looks first", self.count)
    }
}

impl Abuse {
    /// The threshold of a dimension.
    pub fn threshold(&self, dimension: Dimension) -> Option<Threshold> {
        self.thresholds.iter().copied().find(|threshold| threshold.dimension == dimension)
    }

    /// The signal of a claim, with what was seen before.
    pub fn signal(&self, claim: &Claim, seen: Seen) -> Option<Signal> {
        let threshold = self.threshold(claim.dimension)?;
        let before = match claim.dimension {
            Dimension::Customer | Dimension::Reference => seen.remedies,
            Dimension::Payee => seen.customers,
        };
        let count = before.saturating_add(1);
        (count >= threshold.at).then(|| Signal { claim: claim.clone(), count, threshold })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn of(payee: &str, reference: &str) -> Vec<Claim> {
        let id = Uuid::from_u128(7);
        claims(id.into(), id.into(), id.into(), payee, reference)
    }

    #[test]
    fn a_gesture_is_compared_by_what_it_has() {
        let dimensions =
            |payee, reference| of(payee, reference).iter().map(|claim| claim.dimension).collect::<Vec<_>>();
        assert_eq!(dimensions("", ""), [Dimension::Customer]);
        assert_eq!(dimensions("iban", "UA 1"), Dimension::ALL);
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::parse(dimension.as_str()), Some(dimension));
        }
        assert!(
            of("", "UA 1")[1].value.starts_with("customers/"),
            "a flight has many customers: that is no repetition"
        );
    }

    #[test]
    fn a_signal_comes_at_its_number_and_says_what_was_seen() {
        let at = |dimension, at| Threshold { dimension, at, window_days: 90 };
        let abuse =
            Abuse { version: "1".to_owned(), thresholds: vec![at(Dimension::Customer, 3), at(Dimension::Payee, 2)] };
        let claims = of("iban", "UA 1");
        let many = Seen { remedies: 2, customers: 0 };
        assert_eq!(abuse.signal(&claims[0], Seen { remedies: 1, customers: 9 }), None);
        let signal = abuse.signal(&claims[0], many).expect("the third");
        assert_eq!(signal.reason(), "3 gestures for this customer in 90 days; from 3 on a person looks first");
        assert_eq!(abuse.signal(&claims[1], many), None, "many gestures of one customer to one payee are no signal");
        assert_eq!(abuse.signal(&claims[1], Seen { remedies: 1, customers: 1 }).map(|signal| signal.count), Some(2));
        assert_eq!(abuse.signal(&claims[2], Seen { remedies: u32::MAX, customers: 0 }), None, "no threshold is set");
        assert!(abuse.signal(&claims[0], Seen { remedies: u32::MAX, customers: 0 }).is_some());
    }
}
