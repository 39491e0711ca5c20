//! Facts, typed from their text.

use api::common::{Fact, fact};
use kernel::{Currency, Money};

use super::text::rfc_3339;

/// A fact and its key.
pub type Keyed = (String, Fact);

/// `key=value`; see [`fact_value`] for what the value becomes.
pub fn fact(text: &str) -> Result<Keyed, String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| "give KEY=VALUE, e.g. arrival_delay_minutes=200 or price=\"USD 12.50\"".to_owned())?;
    Ok((key.to_owned(), Fact { value: Some(fact_value(value)?) }))
}

/// `true` and `false`, whole numbers, amounts such as `USD 12.50` and RFC 3339 times become what they are; everything
/// else is text. A number with leading zeros or a plus is text too: it is an account or a phone number.
pub fn fact_value(text: &str) -> Result<fact::Value, String> {
    if let Ok(boolean) = text.parse() {
        return Ok(fact::Value::Boolean(boolean));
    }
    if let Some(integer) = text.parse::<i64>().ok().filter(|integer| integer.to_string() == text) {
        return Ok(fact::Value::Integer(integer));
    }
    if let Some(time) = rfc_3339(text) {
        return Ok(fact::Value::Time(time));
    }
    if let Some(money) = money(text) {
        return Ok(fact::Value::Money(chassis::wire::to_money(money?)));
    }
    Ok(fact::Value::Text(text.to_owned()))
}

/// An amount such as `USD 12.50`: `None` when it is no amount, an error when the currency cannot express it.
pub fn money(text: &str) -> Option<Result<Money, String>> {
    let (code, amount) = text.split_once(' ')?;
    Currency::parse(code)?;
    let (sign, digits) = amount.strip_prefix('-').map_or((1, amount), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let wrong = |why: String| Err(format!("`{text}` {why}"));
    let nanos = format!("{part:0<9}").parse::<i32>().ok().filter(|_| part.len() <= 9);
    let Some(nanos) = nanos else { return Some(wrong("is too fine".to_owned())) };
    let Ok(units) = whole.parse::<i64>() else { return Some(wrong("is out of range".to_owned())) };
    Some(Money::from_units_nanos(code, sign * units, sign as i32 * nanos).or_else(|error| wrong(error.to_string())))
}

/// An amount that must be one, e.g. `USD 12.50`.
///
/// # Errors
/// When it is none, or the currency cannot express it.
pub fn amount(text: &str) -> Result<api::google::r#type::Money, String> {
    let money = money(text).unwrap_or_else(|| Err(format!("`{text}` is no amount; give one such as \"EUR 12.50\"")));
    money.map(chassis::wire::to_money)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use api::google::r#type::Money as WireMoney;
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn a_fact_has_the_type_that_its_text_shows() {
        let money = |units, nanos| WireMoney { currency_code: "USD".into(), units, nanos };
        for (text, value) in [
            ("true", fact::Value::Boolean(true)),
            ("false", fact::Value::Boolean(false)),
            ("200", fact::Value::Integer(200)),
            ("-3", fact::Value::Integer(-3)),
            ("USD 12.50", fact::Value::Money(money(12, 500_000_000))),
            ("USD -0.05", fact::Value::Money(money(0, -50_000_000))),
            ("USD 7", fact::Value::Money(money(7, 0))),
            ("2026-03-01T12:00:00Z", fact::Value::Time(Timestamp { seconds: 1_772_366_400, nanos: 0 })),
        ] {
            assert_eq!(fact_value(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "",
            "True",
            "007",
            "+4915112345678",
            "12.50",
            "99999999999999999999",
            "USD",
            "usd 12.50",
            "ZZZ 1",
            "USD x",
            "USD 1.",
            "USD 1e3",
            "2026-03-01",
            "a=b",
        ] {
            assert_eq!(fact_value(text), Ok(fact::Value::Text(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn an_amount_that_its_currency_cannot_express_is_refused() {
        for (text, why) in [
            ("USD 12.505", "`USD 12.505` is finer than the currency's minor unit"),
            ("JPY 1.50", "`JPY 1.50` is finer than the currency's minor unit"),
            ("USD 1.0000000000", "`USD 1.0000000000` is too fine"),
            ("USD 1.0100000000", "`USD 1.0100000000` is too fine"),
            ("USD 9223372036854775807", "`USD 9223372036854775807` is out of range"),
            ("USD 99999999999999999999", "`USD 99999999999999999999` is out of range"),
        ] {
            assert_eq!(fact_value(text).unwrap_err(), why);
        }
    }

    #[test]
    fn a_key_ends_at_the_first_equals_sign() {
        let (key, value) = fact("note=a=b").unwrap();
        assert_eq!((key.as_str(), value.value), ("note", Some(fact::Value::Text("a=b".into()))));
        assert!(fact("note").is_err() && fact("=x").is_err());
    }
}
