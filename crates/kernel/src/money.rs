//! Money in integer minor units. Never a float, always checked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency with a number of minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency_code::Code);

mod iso_currency_code {
    //! Keeps the code as three bytes, so that a currency is `Copy`, ordered and cheap to hash.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Code(pub [u8; 3]);
}

impl Currency {
    /// A currency code in upper case. `None` for unknown codes and for those without minor units (XXX, gold …).
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        let known = iso_currency::Currency::from_code(code)?;
        known.exponent()?;
        Some(Self(iso_currency_code::Code(bytes)))
    }

    /// The three-letter code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0.0).unwrap_or_default()
    }

    /// Decimal places of the currency: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(&self) -> u32 {
        iso_currency::Currency::from_code(self.code()).and_then(iso_currency::Currency::exponent).map_or(0, u32::from)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::parse(&code).ok_or(MoneyError::UnknownCurrency)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

/// Why an amount could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an ISO 4217 code with minor units.
    #[error("is not an ISO 4217 currency code in upper case with minor units")]
    UnknownCurrency,
    /// `units` and `nanos` have different signs, or `nanos` is not below one unit.
    #[error("units and nanos must have the same sign, and nanos must lie between -999999999 and 999999999")]
    Shape,
    /// Finer than the currency's minor unit.
    #[error("is finer than the currency's minor unit")]
    TooFine,
    /// Larger than can be kept.
    #[error("is out of range")]
    OutOfRange,
    /// Two currencies in one sum.
    #[error("mixes currencies")]
    CurrencyMismatch,
}

/// An amount of one currency in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// The amount in minor units (cents).
    pub minor: i64,
}

impl Money {
    /// An amount in minor units.
    pub const fn new(currency: Currency, minor: i64) -> Self {
        Self { currency, minor }
    }

    /// From the parts of a `google.type.Money`; refuses what the currency cannot express.
    pub fn from_units_nanos(code: &str, units: i64, nanos: i32) -> Result<Self, MoneyError> {
        let currency = Currency::parse(code).ok_or(MoneyError::UnknownCurrency)?;
        if nanos.unsigned_abs() > 999_999_999 || (units > 0 && nanos < 0) || (units < 0 && nanos > 0) {
            return Err(MoneyError::Shape);
        }
        let scale = 10_i64.pow(currency.exponent());
        let nanos_per_minor = 1_000_000_000 / scale;
        if i64::from(nanos) % nanos_per_minor != 0 {
            return Err(MoneyError::TooFine);
        }
        let minor = units
            .checked_mul(scale)
            .and_then(|minor| minor.checked_add(i64::from(nanos) / nanos_per_minor))
            .ok_or(MoneyError::OutOfRange)?;
        Ok(Self { currency, minor })
    }

    /// The parts of a `google.type.Money`.
    pub fn to_units_nanos(self) -> (i64, i32) {
        let scale = 10_i64.pow(self.currency.exponent());
        (self.minor / scale, ((self.minor % scale) * (1_000_000_000 / scale)) as i32)
    }

    /// The sum, unless currencies differ or it does not fit.
    pub fn checked_add(self, other: Money) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { minor, ..self })
    }
}

impl fmt::Display for Money {
    /// As `EUR 12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent() as usize;
        let scale = 10_u64.pow(self.currency.exponent());
        let (whole, part) = (self.minor.unsigned_abs() / scale, self.minor.unsigned_abs() % scale);
        let sign = if self.minor < 0 { "-" } else { "" };
        write!(f, "{} {sign}{whole}", self.currency.code())?;
        if exponent > 0 {
            write!(f, ".{part:0exponent$}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_follow_the_currency() {
        let eur = |units, nanos| Money::from_units_nanos("EUR", units, nanos);
        assert_eq!(eur(12, 500_000_000).unwrap().minor, 1_250);
        assert_eq!(eur(-12, -500_000_000).unwrap().to_string(), "EUR -12.50");
        assert_eq!(eur(1, 5_000_000), Err(MoneyError::TooFine));
        assert_eq!(eur(1, -10_000_000), Err(MoneyError::Shape));
        assert_eq!(eur(0, 1_000_000_000), Err(MoneyError::Shape));
        assert_eq!(eur(0, i32::MIN), Err(MoneyError::Shape));
        assert_eq!(eur(i64::MAX, 0), Err(MoneyError::OutOfRange));
        assert_eq!(Money::from_units_nanos("JPY", 100, 0).unwrap().to_string(), "JPY 100");
        assert_eq!(Money::from_units_nanos("JPY", 100, 10_000_000), Err(MoneyError::TooFine));
        assert_eq!(Money::from_units_nanos("KWD", 1, 5_000_000).unwrap().minor, 1_005);
        for code in ["", "eur", "EURO", "XXX", "ZZZ", "EU\u{20ac}"] {
            assert_eq!(Money::from_units_nanos(code, 1, 0), Err(MoneyError::UnknownCurrency), "{code}");
        }
    }

    #[test]
    fn minor_units_are_those_of_iso_4217() {
        for (code, exponent, one) in [
            ("EUR", 2, "EUR 0.01"),
            ("JPY", 0, "JPY 1"),
            ("ISK", 0, "ISK 1"),
            ("VND", 0, "VND 1"),
            ("KWD", 3, "KWD 0.001"),
            ("BHD", 3, "BHD 0.001"),
            ("CLF", 4, "CLF 0.0001"),
            ("UYW", 4, "UYW 0.0001"),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!((currency.exponent(), Money::new(currency, 1).to_string().as_str()), (exponent, one));
            let nanos = 1_000_000_000 / 10_i32.pow(exponent);
            let (units, nanos) = if nanos == 1_000_000_000 { (1, 0) } else { (0, nanos) };
            assert_eq!(Money::from_units_nanos(code, units, nanos).unwrap().minor, 1, "{code}");
        }
        // Gold, test and no currency have no minor units.
        for code in ["XAU", "XTS", "XXX"] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
    }

    proptest! {
        #[test]
        fn wire_parts_survive_the_round_trip(minor in any::<i64>(), code in prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF"])) {
            let money = Money::new(Currency::parse(code).unwrap(), minor);
            let (units, nanos) = money.to_units_nanos();
            prop_assert_eq!(Money::from_units_nanos(code, units, nanos), Ok(money));
        }
    }
}
