//! Lines and options of offers, as requests carry them.

use std::collections::BTreeSet;

use api::compensation as wire;
use chassis::wire::positive_money;
use kernel::Violations;

use crate::domain::line::{Basis, Benefit, CatalogueItem, Consent, OfferOption, Origin, RemedyLine};

const MAX_ITEMS: usize = 8;

/// Options and what comes with them: ids of options are unique, and so are ids of lines in the whole offer.
pub(super) fn choice(
    options: Vec<wire::Option>,
    plus: Vec<wire::RemedyLine>,
    violations: &mut Violations,
) -> (Vec<OfferOption>, Vec<RemedyLine>) {
    violations.count("options", options.len(), 1, MAX_ITEMS);
    let (mut option_ids, mut line_ids) = (BTreeSet::new(), BTreeSet::new());
    let mut parsed = Vec::new();
    for (index, option) in options.into_iter().enumerate().take(MAX_ITEMS) {
        violations.within(format!("options[{index}]"), |violations| {
            let id = unique(&option.id, &mut option_ids, violations);
            let description = violations.text("description", &option.description, 1, 512);
            let consent = consent(option.consent, violations);
            let lines = lines("lines", option.lines, consent, &mut line_ids, violations);
            parsed.push(OfferOption { id, description, lines, consent, holds_after: None });
        });
    }
    let plus = lines("plus", plus, Consent::None, &mut line_ids, violations);
    (parsed, plus)
}

fn lines(
    field: &str,
    given: Vec<wire::RemedyLine>,
    consent: Consent,
    ids: &mut BTreeSet<String>,
    violations: &mut Violations,
) -> Vec<RemedyLine> {
    violations.count(field, given.len(), 0, MAX_ITEMS);
    let mut parsed = Vec::new();
    for (index, given) in given.into_iter().enumerate().take(MAX_ITEMS) {
        parsed.extend(violations.within(format!("{field}[{index}]"), |violations| {
            let line = line(given, ids, violations)?;
            if line.is_instead_of_money() && consent != Consent::Signed {
                let description =
                    "is what the law demands: give MONEY, or a SERVICE, or set the option's consent to SIGNED";
                violations.add("kind", "STATUTORY_IN_MONEY", description);
            }
            Some(line)
        }));
    }
    parsed
}

fn line(given: wire::RemedyLine, ids: &mut BTreeSet<String>, violations: &mut Violations) -> Option<RemedyLine> {
    let id = unique(&given.id, ids, violations);
    let basis = basis(given.basis, violations);
    let benefit = benefit(&given, violations);
    let item = catalogue_item(&given, violations);
    // Without words of its own it has those of its item.
    let description = violations.text("description", &given.description, usize::from(item.is_none()), 512);
    let arithmetic = violations.text("arithmetic", &given.arithmetic, 0, 512);
    let is_law = basis == Some(Basis::Statutory) && matches!(benefit, Some(Benefit::Money(_) | Benefit::Voucher(_)));
    if given.refund && !is_law {
        violations.add("refund", "NOT_ALLOWED", "is for STATUTORY and MONEY, or a VOUCHER in its place");
    }
    let refund = given.refund;
    Some(RemedyLine {
        id,
        basis: basis?,
        benefit: benefit?,
        description,
        arithmetic,
        origin: Origin { item, ..Origin::default() },
        refund,
    })
}

fn catalogue_item(given: &wire::RemedyLine, violations: &mut Violations) -> Option<CatalogueItem> {
    use wire::remedy_line::Kind;
    if given.catalogue_item.is_empty() {
        return None;
    }
    if given.kind != i32::from(Kind::Service) {
        violations.add("catalogue_item", "NOT_ALLOWED", "is for SERVICE only");
    }
    let id = given.catalogue_item.strip_prefix("catalogueItems/").filter(|id| (1..=60).contains(&id.len()));
    if id.is_none() {
        violations.add("catalogue_item", "RESOURCE_NAME", "must be catalogueItems/{id}");
    }
    id.map(|id| CatalogueItem { id: id.to_owned(), ..CatalogueItem::default() })
}

fn consent(value: i32, violations: &mut Violations) -> Consent {
    match wire::option::Consent::try_from(value) {
        Ok(wire::option::Consent::Unspecified) => Consent::None,
        Ok(wire::option::Consent::Signed) => Consent::Signed,
        Err(_) => {
            violations.add("consent", "UNKNOWN_ENUM_VALUE", "must be SIGNED, or absent");
            Consent::None
        }
    }
}

fn unique(id: &str, ids: &mut BTreeSet<String>, violations: &mut Violations) -> String {
    let id = violations.text("id", id, 1, 128);
    if !id.is_empty() && !ids.insert(id.clone()) {
        violations.add("id", "DUPLICATE", "is taken by another one of this offer");
    }
    id
}

fn basis(value: i32, violations: &mut Violations) -> Option<Basis> {
    use wire::remedy_line::Basis as Wire;
    match violations.known_enum("basis", value, "RESTITUTION, TIME, GESTURE, STATUTORY, NO_FAULT_GOODWILL")? {
        Wire::Restitution => Some(Basis::Restitution),
        Wire::Time => Some(Basis::Time),
        Wire::Gesture => Some(Basis::Gesture),
        Wire::Statutory => Some(Basis::Statutory),
        Wire::NoFaultGoodwill => Some(Basis::NoFaultGoodwill),
        Wire::Unspecified => None,
    }
}

fn benefit(given: &wire::RemedyLine, violations: &mut Violations) -> Option<Benefit> {
    use wire::remedy_line::Kind;
    let kind = violations.known_enum("kind", given.kind, "MONEY, VOUCHER, DISCOUNT, SERVICE")?;
    if !matches!(kind, Kind::Money | Kind::Voucher) && given.amount.is_some() {
        violations.add("amount", "NOT_ALLOWED", "is for MONEY and VOUCHER only");
    }
    if kind == Kind::Discount {
        if !(1..=100).contains(&given.percent) {
            violations.add("percent", "PERCENT_RANGE", "must be 1 to 100");
        }
    } else if given.percent != 0 {
        violations.add("percent", "NOT_ALLOWED", "is for DISCOUNT only");
    }
    match kind {
        Kind::Money => positive_money("amount", given.amount.as_ref(), violations).map(Benefit::Money),
        Kind::Voucher => positive_money("amount", given.amount.as_ref(), violations).map(Benefit::Voucher),
        Kind::Discount => u32::try_from(given.percent).ok().map(Benefit::Discount),
        Kind::Service => Some(Benefit::Service),
        Kind::Unspecified => None,
    }
}
