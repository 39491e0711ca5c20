//! What an agent offers, written in one argument: `money:EUR 50.00`, `service:Rebooking=A seat on the next flight`.

use api::compensation::{Option as Choice, RemedyLine, remedy_line};

use super::fact::money;

/// `KIND:VALUE[=DESCRIPTION]` with the kinds money, voucher, discount, service and item, an item of the catalogue.
pub fn option(text: &str) -> Result<RemedyLine, String> {
    let wrong = || {
        "give money:EUR 50.00, voucher:EUR 80.00, discount:20, service:WORDS or item:ID, and =DESCRIPTION".to_owned()
    };
    let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (value, description) = rest.split_once('=').unwrap_or((rest, ""));
    let amount = || match money(value) {
        Some(Ok(amount)) => Ok(amount),
        Some(Err(why)) => Err(why),
        None => Err(format!("`{value}` is no amount such as EUR 50.00")),
    };
    let mut line = RemedyLine { basis: remedy_line::Basis::Gesture.into(), ..RemedyLine::default() };
    let kind = match kind {
        "money" => {
            line.description = format!("{} paid to you", amount()?);
            line.amount = Some(chassis::wire::to_money(amount()?));
            remedy_line::Kind::Money
        }
        "voucher" => {
            line.description = format!("A voucher of {}", amount()?);
            line.amount = Some(chassis::wire::to_money(amount()?));
            remedy_line::Kind::Voucher
        }
        "discount" => {
            let percent = value.parse().ok().filter(|percent| (1..=100).contains(percent));
            line.percent = percent.ok_or_else(|| format!("`{value}` is no percentage of 1 to 100"))?;
            line.description = format!("{} % off your next purchase", line.percent);
            remedy_line::Kind::Discount
        }
        "service" if !value.is_empty() => {
            line.description = value.to_owned();
            remedy_line::Kind::Service
        }
        // Its words are the catalogue's, unless others are wanted.
        "item" if !value.is_empty() => {
            line.catalogue_item = format!("catalogueItems/{value}");
            remedy_line::Kind::Service
        }
        _ => return Err(wrong()),
    };
    line.kind = kind.into();
    if !description.is_empty() {
        line.description = description.to_owned();
    }
    Ok(line)
}

/// One option for each line, with the ids 1, 2, 3 …
pub fn with_ids(lines: &[RemedyLine]) -> Vec<Choice> {
    (1..)
        .zip(lines)
        .map(|(id, line): (usize, _)| Choice {
            id: id.to_string(),
            description: words_for(line),
            lines: vec![RemedyLine { id: id.to_string(), ..line.clone() }],
            ..Choice::default()
        })
        .collect()
}

/// What an option says: as its line, or what the id of an item says, `Free upgrade` for `free-upgrade`.
fn words_for(line: &RemedyLine) -> String {
    if !line.description.is_empty() {
        return line.description.clone();
    }
    let id = line.catalogue_item.trim_start_matches("catalogueItems/").replace('-', " ");
    let mut letters = id.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_option_is_a_kind_a_value_and_words_for_the_customer() {
        let money = option("money:EUR 50.00").unwrap();
        assert_eq!((money.kind(), money.description.as_str()), (remedy_line::Kind::Money, "EUR 50.00 paid to you"));
        assert_eq!(money.amount.map(|amount| amount.units), Some(50));
        let voucher = option("voucher:EUR 80.00=For your next trip").unwrap();
        assert_eq!((voucher.kind(), voucher.description.as_str()), (remedy_line::Kind::Voucher, "For your next trip"));
        assert_eq!(option("discount:20").unwrap().percent, 20);
        assert_eq!(option("service:Rebooking").unwrap().description, "Rebooking");
        let item = option("item:free-upgrade").unwrap();
        assert_eq!(
            (item.kind(), item.catalogue_item.as_str()),
            (remedy_line::Kind::Service, "catalogueItems/free-upgrade")
        );
        assert_eq!(
            (item.description.as_str(), with_ids(std::slice::from_ref(&item))[0].description.as_str()),
            ("", "Free upgrade")
        );
        assert_eq!(option("item:free-upgrade=Seat 1A").unwrap().description, "Seat 1A");
    }

    #[test]
    fn a_wrong_option_says_what_is_wrong_with_it() {
        assert_eq!(option("money:50").unwrap_err(), "`50` is no amount such as EUR 50.00");
        assert_eq!(option("discount:0").unwrap_err(), "`0` is no percentage of 1 to 100");
        assert_eq!(option("discount:101").unwrap_err(), "`101` is no percentage of 1 to 100");
        for wrong in ["EUR 50.00", "cake:1", "service:", "item:"] {
            assert!(option(wrong).unwrap_err().starts_with("give money:EUR 50.00"), "{wrong}");
        }
    }

    #[test]
    fn options_are_numbered() {
        let options = with_ids(&[option("discount:20").unwrap(), option("service:Rebooking").unwrap()]);
        let ids: Vec<_> = options.iter().map(|option| (option.id.as_str(), option.lines[0].id.as_str())).collect();
        assert_eq!(ids, [("1", "1"), ("2", "2")]);
    }
}
