//! Settlement files: CSV with a header, read line by line and written the same way.
//!
//! Columns `payout_key`, `provider_reference`, `amount` (as many decimals as the currency has, or none), `currency`,
//! `execute_time` (RFC 3339); others are not looked at. Always holds: a file that was written is read back as it was;
//! a wrong line is told with its number; no more than one line is held.

use std::io::{Read, Write};

use api::compensation::SettlementLine;
use kernel::{Currency, Money};
use serde::{Deserialize, Serialize};

use super::values::time;

#[derive(Debug, Deserialize, Serialize)]
struct Row {
    payout_key: String,
    provider_reference: String,
    amount: String,
    currency: String,
    execute_time: String,
}

/// The lines of a file, each with its number: the header is none.
pub fn read<R: Read>(file: R) -> impl Iterator<Item = Result<SettlementLine, String>> {
    let rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file).into_deserialize::<Row>();
    (1..).zip(rows).map(|(number, row)| {
        let row = row.map_err(|error| format!("line {number}: {error}"))?;
        line(number, row).map_err(|why| format!("line {number}: {why}"))
    })
}

fn line(number: i64, row: Row) -> Result<SettlementLine, String> {
    let amount = amount(&row.currency, &row.amount)?;
    let execute_time = time(&row.execute_time).map_err(|why| format!("execute_time: {why}"))?;
    Ok(SettlementLine {
        number,
        payout_key: row.payout_key,
        provider_reference: row.provider_reference,
        amount: Some(chassis::wire::to_money(amount)),
        execute_time: Some(execute_time),
    })
}

/// An amount in decimals, never rounded.
fn amount(code: &str, text: &str) -> Result<Money, String> {
    let currency = Currency::parse(code).ok_or_else(|| format!("currency: `{code}` is not one of ISO 4217"))?;
    let wrong = || format!("amount: `{text}` is not a positive amount that {code} can express, e.g. 12.50");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let exponent = currency.exponent() as usize;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || !(part.is_empty() || part.len() == exponent) {
        return Err(wrong());
    }
    let minor: Option<i64> = format!("{whole}{part:0<exponent$}").parse().ok();
    minor.filter(|minor| *minor > 0).map(|minor| Money::new(currency, minor)).ok_or_else(wrong)
}

/// Writes lines as a file.
#[derive(Debug)]
pub struct Writing<W: Write>(csv::Writer<W>);

impl<W: Write> Writing<W> {
    /// To `file`; the header comes with the first line, or at the end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(file: W) -> csv::Result<Self> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(file);
        writer.write_record(["payout_key", "provider_reference", "amount", "currency", "execute_time"])?;
        Ok(Self(writer))
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When it cannot be written, or its amount is none.
    pub fn line(&mut self, line: &SettlementLine) -> anyhow::Result<()> {
        let money = line.amount.clone().unwrap_or_default();
        let amount = Money::from_units_nanos(&money.currency_code, money.units, money.nanos)?.to_string();
        let (currency, amount) = amount.split_once(' ').unwrap_or(("", &amount));
        let time = line.execute_time.and_then(|time| kernel::Timestamp::from_seconds_nanos(time.seconds, time.nanos));
        self.0.serialize(Row {
            payout_key: line.payout_key.clone(),
            provider_reference: line.provider_reference.clone(),
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            execute_time: time.map(|time| time.to_string()).unwrap_or_default(),
        })?;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const HEAD: &str = "payout_key,provider_reference,amount,currency,execute_time\n";

    #[test]
    fn what_is_written_is_read_back() {
        let text = format!("{HEAD}k1,r1,12.50,EUR,2026-08-31T10:15:00Z\nk2,\"r,2\",7,JPY,2026-08-31T10:15:00.25Z\n");
        let lines: Vec<_> = read(text.as_bytes()).collect::<Result<_, _>>().unwrap();
        assert_eq!((lines[0].number, lines[1].number), (1, 2));
        assert_eq!(lines[0].amount.as_ref().map(|money| (money.units, money.nanos)), Some((12, 500_000_000)));
        let mut written = Vec::new();
        let mut writing = Writing::new(&mut written).unwrap();
        lines.iter().for_each(|line| writing.line(line).unwrap());
        writing.end().unwrap();
        let again: Vec<_> = read(written.as_slice()).collect::<Result<_, _>>().unwrap();
        assert_eq!(again, lines);
        let whole = format!("{HEAD}k,r,3,BHD,2026-08-31T10:15:00Z\n");
        let money = read(whole.as_bytes()).next().unwrap().unwrap().amount.unwrap();
        assert_eq!((money.units, money.nanos), (3, 0), "no decimals are none");
    }

    #[test]
    fn a_wrong_line_is_told_with_its_number() {
        for (line, why) in [
            ("k,r,12.5,EUR,2026-08-31T10:15:00Z", "line 1: amount: `12.5` is not"),
            ("k,r,12.505,EUR,2026-08-31T10:15:00Z", "line 1: amount"),
            ("k,r,-1,EUR,2026-08-31T10:15:00Z", "line 1: amount"),
            ("k,r,0.00,EUR,2026-08-31T10:15:00Z", "line 1: amount"),
            ("k,r,1e3,EUR,2026-08-31T10:15:00Z", "line 1: amount"),
            ("k,r,99999999999999999999,EUR,2026-08-31T10:15:00Z", "line 1: amount"),
            ("k,r,1,ZZZ,2026-08-31T10:15:00Z", "line 1: currency: `ZZZ`"),
            ("k,r,1,EUR,yesterday", "line 1: execute_time"),
            ("k,r,1", "line 1: CSV"),
        ] {
            let text = format!("{HEAD}{line}\n");
            let error = read(text.as_bytes()).next().unwrap().unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
