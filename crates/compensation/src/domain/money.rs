//! Amounts as documents write them, and shares of amounts.

use kernel::{Currency, Money};

/// Reads `USD 15.00`: the code, one blank, and exactly the currency's decimal places.
pub fn parse_amount(text: &str) -> Option<Money> {
    let (code, number) = text.split_once(' ')?;
    let currency = Currency::parse(code)?;
    let exponent = currency.exponent() as usize;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() != exponent || number.ends_with('.') {
        return None;
    }
    format!("{whole}{part}").parse().ok().map(|minor| Money::new(currency, minor))
}

/// `percent` of an amount, rounded half up to the minor unit. `None` when it does not fit.
pub fn percent_of(amount: Money, percent: u32) -> Option<Money> {
    let hundredths = i128::from(amount.minor) * i128::from(percent);
    let minor = (hundredths + 50).div_euclid(100);
    i64::try_from(minor).ok().map(|minor| Money::new(amount.currency, minor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Money {
        parse_amount(text).expect("a valid amount")
    }

    #[test]
    fn amounts_are_read_strictly() {
        assert_eq!(amount("USD 15.00").minor, 1_500);
        assert_eq!(amount("JPY 1500").minor, 1_500);
        assert_eq!(amount("KWD 1.005").minor, 1_005);
        for wrong in [
            "USD 15",
            "USD 15.0",
            "USD 15.000",
            "USD -1.00",
            "USD 1,50",
            "usd 1.00",
            "USD  1.00",
            "1.00 USD",
            "JPY 1.",
            "USD .50",
            "USD 99999999999999999999.00",
            "",
        ] {
            assert_eq!(parse_amount(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn shares_are_rounded_half_up() {
        for (whole, percent, share) in
            [("USD 0.05", 10, 1), ("USD 0.04", 10, 0), ("USD 214.50", 100, 21_450), ("USD 33.33", 50, 1_667)]
        {
            assert_eq!(percent_of(amount(whole), percent).map(|m| m.minor), Some(share), "{percent} % of {whole}");
        }
        assert_eq!(percent_of(Money::new(amount("USD 0.01").currency, i64::MAX), 200), None);
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_as_it_is_written(minor in 0..i64::MAX, code in prop::sample::select(vec!["USD", "JPY", "KWD"])) {
            let money = Money::new(Currency::parse(code).expect("known"), minor);
            prop_assert_eq!(parse_amount(&money.to_string()), Some(money));
        }
    }
}
