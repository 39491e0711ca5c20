//! What is owed, in words and numbers: lines with where they come from, what each rule decided, and what would change it.

use std::fmt::Write as _;

use api::compensation::assessment::{Decision, Shadow};
use api::compensation::{ApplyPackResponse, Assessment, Option as Choice, Pack, RemedyLine, pack, remedy_line};
use api::google::r#type::Money;

use super::words::{amounts, date_time, money, word};
use super::{Page, Render, Sheet, Table};

impl Render for Assessment {
    fn render(&self, page: &mut Page) {
        page.line(&self.summary);
        if !self.automatic.is_empty() {
            page.heading("Given at once:");
            lines(page, &self.automatic);
        }
        if !self.choice_of.is_empty() {
            page.heading("The customer chooses one of:");
            choices(page, &self.choice_of);
        }
        if !self.plus.is_empty() {
            page.heading("Together with the choice:");
            lines(page, &self.plus);
        }
        for shadow in &self.shadow {
            shadowed(page, shadow);
        }
        if let Some(value) = &self.value {
            let mut sheet = Sheet::default();
            let costs = amounts(&value.costs);
            sheet
                .add("costs at most", costs)
                .add("lifetime value", money(value.lifetime_value.as_ref()))
                .add("kept if the customer stays", money(value.retained_value.as_ref()));
            page.sheet(&sheet);
        }
        page.heading("Why:");
        if self.decisions.is_empty() {
            page.line("no rule was asked");
        }
        let (telling, silent): (Vec<_>, Vec<_>) = self.decisions.iter().partition(|decision| is_telling(decision));
        telling.into_iter().for_each(|decision| explained(page, decision));
        for decision in silent {
            page.line(&format!("{} does not apply: {}", rule(decision), decision.explanation));
        }
    }
}

/// It gives something, would give something, or might.
fn is_telling(decision: &Decision) -> bool {
    let may_change = !decision.would_change.is_empty() || !decision.missing.is_empty();
    decision.applies || !decision.set_off_by.is_empty() || may_change
}

fn rule(decision: &Decision) -> String {
    let rule = if decision.rule.is_empty() { String::new() } else { format!(" {}", decision.rule) };
    let canary = if decision.canary { " (canary)" } else { "" };
    format!("{}@{}{canary}{rule}", decision.pack, decision.version)
}

fn explained(page: &mut Page, decision: &Decision) {
    let article = if decision.article.is_empty() { String::new() } else { format!(" ({})", decision.article) };
    let verdict = match (decision.applies, decision.set_off_by.as_str()) {
        (true, "") => "applies".to_owned(),
        (_, "") => "does not apply".to_owned(),
        (_, other) => format!("gives way to {other}"),
    };
    page.line(&format!("{}{article} {verdict}", rule(decision)));
    page.block(&decision.explanation);
    let inputs: Vec<_> = decision.inputs.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    for (label, text) in
        [("read", inputs.join(", ")), ("missing", decision.missing.join(", ")), ("source", decision.source.clone())]
    {
        if !text.is_empty() {
            page.block(&format!("{label}: {text}"));
        }
    }
    for change in &decision.would_change {
        page.block(&format!(
            "with {} = {} instead of {}: {}",
            change.input, change.other, change.current, change.gives
        ));
    }
}

fn shadowed(page: &mut Page, shadow: &Shadow) {
    page.heading(&format!("The draft {}@{} would give:", shadow.pack, shadow.version));
    lines(page, &shadow.automatic);
    choices(page, &shadow.choice_of);
    lines(page, &shadow.plus);
}

/// Lines, one after the other.
pub(super) fn lines(page: &mut Page, lines: &[RemedyLine]) {
    for line in lines {
        page.block(&line_words(line));
    }
}

/// A line: what it is, what it is for, and why.
pub(super) fn line_words(line: &RemedyLine) -> String {
    let value = match line.percent {
        0 => money(line.amount.as_ref()),
        percent => format!("{percent} %"),
    };
    let kind = word(line.kind, remedy_line::Kind::as_str_name);
    let basis = word(line.basis, remedy_line::Basis::as_str_name);
    let mut words = [kind, value, basis].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    for more in [&line.description, &line.arithmetic, &line.article] {
        if !more.is_empty() {
            words.push_str(": ");
            words.push_str(more);
        }
    }
    if !line.catalogue_item.is_empty() {
        let told = |amount: &Option<Money>| amount.as_ref().map_or("not known".to_owned(), |known| money(Some(known)));
        let (costs, worth) = (told(&line.cost), told(&line.perceived_value));
        let _ = write!(words, " [{}: costs {costs}, is worth {worth}]", line.catalogue_item);
    }
    words
}

/// Options with their lines.
pub(super) fn choices(page: &mut Page, options: &[Choice]) {
    for option in options {
        page.block(&format!("{}: {}", option.id, option.description));
        for line in &option.lines {
            page.block(&format!("  {}", line_words(line)));
        }
    }
}

/// The share of the tenants that a version is in force for; empty when it is for all.
pub(super) fn canary(pack: &Pack) -> String {
    let Some(canary) = &pack.canary else { return String::new() };
    let share = canary.share_per_mille;
    let percent = format!("{}.{} % of the tenants", share / 10, share % 10).replace(".0 %", " %");
    format!("{percent}, {}", if canary.in_force { "this one among them" } else { "not this one" })
}

impl Render for Pack {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("pack", &self.name)
            .add("version", &self.version)
            .add("what", &self.display_name)
            .add("status", word(self.status, pack::Status::as_str_name))
            .add("jurisdiction", &self.jurisdiction)
            .add("from", &self.effective_from)
            .add("to", &self.effective_to)
            .add("reviewed", &self.reviewed)
            .add("applied", date_time(self.apply_time.as_ref()))
            .add("applied by", &self.applied_by)
            .add("canary", canary(self))
            .list("sources", self.sources.iter().cloned());
        page.sheet(&sheet);
        page.heading("Rules:");
        let mut table = Table::new(["RULE", "ARTICLE", "DESCRIPTION", "CONDITION"]);
        for rule in &self.rules {
            let (id, article) = (rule.id.clone(), rule.article.clone());
            table.row([id, article, rule.description.clone(), rule.condition.clone()]);
        }
        page.table(&table, "no rules");
    }
}

impl Render for ApplyPackResponse {
    fn render(&self, page: &mut Page) {
        let pack = self.pack.clone().unwrap_or_default();
        let verdict = if self.applied { "was put into force" } else { "was not put into force now" };
        page.line(&format!("{}@{} {verdict}, from {} on", pack.name, pack.version, pack.effective_from));
        if self.compared_with.is_empty() {
            page.line("it is the first version of its pack");
            return;
        }
        page.heading(&format!("Against {}:", self.compared_with));
        let mut sheet = Sheet::default();
        for change in &self.changes {
            sheet.add(&change.what, &change.words);
        }
        page.sheet(&sheet);
    }
}
