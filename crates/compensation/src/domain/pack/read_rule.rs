//! Reading rules, their options and lines.

use std::time::Duration;

use super::document::{KindDocument, LineDocument, OptionDocument, RuleDocument};
use super::expression::Reads;
use super::read::Reader;
use super::read_amount::reads;
use super::{BenefitRule, LineRule, OptionRule, Rule, SetOff, Source};
use crate::domain::line::{Basis, Consent};

/// Most options of a choice, lines of an option, and lines that come with it.
const MAX_ITEMS: usize = 8;

impl Reader {
    pub(super) fn rule(
        &mut self,
        path: &str,
        document: RuleDocument,
        sources: &[Source],
        set_off: &[SetOff],
    ) -> Option<Rule> {
        self.text(&format!("{path}.description"), &document.description, 1, 512);
        self.text(&format!("{path}.article"), &document.article, 0, 120);
        self.kinds(&format!("{path}.on"), &document.on);
        let source = self.source(path, &document.source, sources);
        if !(document.set_off.is_empty() || set_off.iter().any(|group| group.group == document.set_off)) {
            self.problem(&format!("{path}.set_off"), format!("`{}` is not declared under set_off", document.set_off));
        }
        let gives = (document.automatic.len(), document.choice_of.len(), document.plus.len());
        match gives {
            (0, 0, _) => self.problem(path, "gives nothing: name lines under automatic or options under choice_of"),
            (_, 0, 1..) => self.problem(&format!("{path}.plus"), "needs choice_of: it comes with a chosen option"),
            _ => {}
        }
        if gives.0.max(gives.1).max(gives.2) > MAX_ITEMS {
            self.problem(path, format!("has more than {MAX_ITEMS} lines or options in one list"));
        }
        let mut line_ids = Vec::new();
        let automatic = self.lines(&format!("{path}.automatic"), document.automatic, Consent::None, &mut line_ids);
        let mut choice_of = self.options(&format!("{path}.choice_of"), document.choice_of, &mut line_ids);
        self.unanswered(path, &document.if_unanswered, document.answer_within_hours, &mut choice_of);
        let plus = self.lines(&format!("{path}.plus"), document.plus, Consent::None, &mut line_ids);
        let condition = self.condition(&format!("{path}.condition"), &document.condition)?;
        let mut rule = Rule {
            id: document.id,
            description: document.description,
            article: document.article,
            source,
            on: document.on,
            set_off: document.set_off,
            automatic,
            choice_of,
            plus,
            reads: condition.reads().clone(),
            condition,
        };
        let mut read = Reads::default();
        rule.lines().for_each(|line| read.add(&line_reads(line)));
        rule.reads.add(&read);
        Some(rule)
    }

    fn source(&mut self, path: &str, id: &str, sources: &[Source]) -> usize {
        if id.is_empty() {
            return 0;
        }
        let found = sources.iter().position(|source| source.id == id);
        if found.is_none() {
            self.problem(&format!("{path}.source"), format!("`{id}` is not the id of a source"));
        }
        found.unwrap_or_default()
    }

    /// The option that holds when nobody chooses: what the law demands in money, for which nobody has to sign.
    fn unanswered(&mut self, path: &str, chosen: &str, hours: Option<u32>, options: &mut [OptionRule]) {
        let place = format!("{path}.if_unanswered");
        let hours = match (chosen, hours) {
            ("", None) => return,
            ("", Some(_)) => return self.problem(&format!("{path}.answer_within_hours"), "needs if_unanswered"),
            (_, Some(hours @ 1..=8_760)) => hours,
            (_, _) => return self.problem(&format!("{path}.answer_within_hours"), "must be 1 to 8760"),
        };
        let Some(option) = options.iter_mut().find(|option| option.id == chosen) else {
            return self.problem(&place, format!("`{chosen}` is no option of the rule"));
        };
        let is_money = |line: &LineRule| matches!(line.benefit, BenefitRule::Money(_));
        let is_law = option.lines.iter().all(|line| line.basis == Basis::Statutory && is_money(line));
        if !is_law || option.consent != Consent::None {
            self.problem(
                &place,
                "names an option that is not money by law alone: only that is given without an answer",
            );
        }
        option.holds_after = Some(Duration::from_secs(u64::from(hours) * 3_600));
    }

    fn options(&mut self, path: &str, documents: Vec<OptionDocument>, line_ids: &mut Vec<String>) -> Vec<OptionRule> {
        let mut ids = Vec::new();
        let mut options = Vec::new();
        for (index, option) in documents.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.unique(&path, &mut ids, &option.id);
            self.text(&format!("{path}.description"), &option.description, 1, 512);
            if !(1..=MAX_ITEMS).contains(&option.lines.len()) {
                let found = option.lines.len();
                self.problem(&format!("{path}.lines"), format!("has {found} lines; allowed are 1 to {MAX_ITEMS}"));
            }
            let lines = self.lines(&format!("{path}.lines"), option.lines, option.consent, line_ids);
            let OptionDocument { id, description, consent, .. } = option;
            options.push(OptionRule { id, description, consent, holds_after: None, lines });
        }
        options
    }

    fn lines(
        &mut self,
        path: &str,
        documents: Vec<LineDocument>,
        consent: Consent,
        ids: &mut Vec<String>,
    ) -> Vec<LineRule> {
        let mut lines = Vec::new();
        for (index, document) in documents.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.unique(&path, ids, &document.id);
            self.text(&format!("{path}.description"), &document.description, 1, 300);
            self.text(&format!("{path}.article"), &document.article, 0, 120);
            let instead_of_money = matches!(document.kind, KindDocument::Voucher | KindDocument::Discount);
            if document.basis == Basis::Statutory && instead_of_money && consent != Consent::Signed {
                self.problem(
                    &path,
                    "gives a voucher for what the law demands: put it into an option with `consent: SIGNED`",
                );
            }
            if document.never_expires && !instead_of_money {
                self.problem(&path, "never expires, which only a voucher or a discount can say");
            }
            if let Some(item) = &document.catalogue_item {
                self.id(&format!("{path}.catalogue_item"), item);
                if document.kind != KindDocument::Service {
                    self.problem(
                        &format!("{path}.catalogue_item"),
                        "is for SERVICE only: the catalogue prices services",
                    );
                }
            }
            lines.extend(self.line(&path, document));
        }
        lines
    }

    fn line(&mut self, path: &str, document: LineDocument) -> Option<LineRule> {
        let when = document.when.map(|source| self.condition(&format!("{path}.when"), &source));
        let benefit = match (document.kind, document.amount, document.percent) {
            (KindDocument::Money, Some(amount), None) => self.amount(path, amount).map(BenefitRule::Money),
            (KindDocument::Voucher, Some(amount), None) => self.amount(path, amount).map(BenefitRule::Voucher),
            (KindDocument::Discount, None, Some(percent @ 1..=100)) => Some(BenefitRule::Discount(percent)),
            (KindDocument::Service, None, None) => Some(BenefitRule::Service),
            (KindDocument::Money | KindDocument::Voucher, _, _) => {
                self.problem(path, "needs an amount, and no percent beside it");
                None
            }
            (KindDocument::Discount, _, _) => {
                self.problem(path, "needs a percent of 1 to 100, and no amount");
                None
            }
            (KindDocument::Service, _, _) => {
                self.problem(path, "is a service: it has neither amount nor percent");
                None
            }
        };
        let when = match when {
            Some(None) => return None,
            Some(Some(when)) => Some(when),
            None => None,
        };
        let is_worth_money = matches!(document.kind, KindDocument::Money | KindDocument::Voucher);
        let is_refundable = document.basis == Basis::Statutory && is_worth_money;
        if document.refund && !is_refundable {
            self.problem(
                &format!("{path}.refund"),
                "marks MONEY that is STATUTORY, and a VOUCHER in its place; money of RESTITUTION is a refund without it, \
                 the rest never is",
            );
        }
        Some(LineRule {
            id: document.id,
            basis: document.basis,
            benefit: benefit?,
            description: document.description,
            article: document.article,
            when,
            refund: document.refund,
            assumption: document.assumption,
            never_expires: document.never_expires,
            catalogue_item: document.catalogue_item,
        })
    }
}

/// What a line reads.
pub(super) fn line_reads(line: &LineRule) -> Reads {
    let mut read = match &line.benefit {
        BenefitRule::Money(amount) | BenefitRule::Voucher(amount) => reads(amount),
        BenefitRule::Discount(_) | BenefitRule::Service => Reads::default(),
    };
    if let Some(when) = &line.when {
        read.add(when.reads());
    }
    read
}
