//! Cases, customers, disruptions and their story, for people.

use api::intake::{
    AddAffectedResponse, Case, Customer, Disruption, GetCustomerTimelineResponse, ListCasesResponse, OpenCaseResponse,
    TimelineEntry, case,
};

use super::words::{contact, count, date_time, event, facts, severity, word, yes};
use super::{Page, Render, Sheet, Table};

impl Render for Case {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("case", &self.name)
            .add("state", word(self.state, case::State::as_str_name))
            .add("origin", word(self.origin, case::Origin::as_str_name))
            .add("customer", &self.customer)
            .add("event", event(self.event.as_ref()))
            .list("facts", self.event.iter().flat_map(|event| facts(&event.facts)))
            .add("severity", severity(self.severity))
            .add("expected", &self.expected)
            .add("delivered", &self.delivered)
            .add("asks for", &self.requested_remedy)
            .add("finding", &self.finding)
            .add("disruption", &self.disruption)
            .add("reopened", count(self.reopen_count.into()))
            .add("attention", if self.needs_attention { &self.attention_reason } else { "" })
            .add("work", &self.work_item)
            .add("remedy", &self.remedy)
            .add("plan", &self.plan)
            .add("last score", self.last_score.map(|score| score.to_string()).unwrap_or_default())
            .add("opened", date_time(self.create_time.as_ref()))
            .add("changed", date_time(self.update_time.as_ref()))
            .add("etag", &self.etag);
        page.sheet(&sheet);
    }
}

impl Render for OpenCaseResponse {
    fn render(&self, page: &mut Page) {
        if let Some(case) = &self.case {
            case.render(page);
        }
        if !self.recent.is_empty() {
            page.heading("What the customer told or heard before, newest first:");
            page.table(&entries(self.recent.iter()), "");
        }
    }
}

impl Render for ListCasesResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["CASE", "STATE", "EVENT", "SEVERITY", "ORIGIN", "OPENED", "ATTENTION"]);
        for case in &self.cases {
            table.row([
                case.name.clone(),
                word(case.state, case::State::as_str_name),
                case.event.as_ref().map(|event| event.kind.clone()).unwrap_or_default(),
                severity(case.severity),
                word(case.origin, case::Origin::as_str_name),
                date_time(case.create_time.as_ref()),
                if case.needs_attention { case.attention_reason.clone() } else { String::new() },
            ]);
        }
        page.table(&table, "no cases");
    }
}

impl Render for Customer {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("customer", &self.name)
            .add("name", &self.display_name)
            .list("known as", self.identities.iter().map(|identity| format!("{}={}", identity.source, identity.value)))
            .list("contact", self.contact_points.iter().map(contact))
            .add("tier", &self.tier)
            .add("language", &self.language)
            .add("since", date_time(self.create_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for Disruption {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("disruption", &self.name)
            .add("id", &self.external_id)
            .add("event", event(self.event.as_ref()))
            .list("facts", self.event.iter().flat_map(|event| facts(&event.facts)))
            .add("severity", severity(self.severity))
            .add("expected", &self.expected)
            .add("delivered", &self.delivered)
            .add("affected", self.affected_count.to_string())
            .add("reported", date_time(self.create_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for AddAffectedResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["CASE", "CUSTOMER", "ADDED BEFORE"]);
        for result in &self.results {
            table.row([result.case.clone(), result.customer.clone(), yes(result.already_added)]);
        }
        page.table(&table, "nobody was added");
    }
}

impl Render for GetCustomerTimelineResponse {
    fn render(&self, page: &mut Page) {
        page.table(&entries(self.entries.iter().rev()), "nothing has happened yet");
    }
}

/// The story of one case, oldest first.
#[derive(Debug)]
pub struct Journey<'a>(pub &'a GetCustomerTimelineResponse);

impl Journey<'_> {
    /// Writes it to `page`.
    pub fn render(&self, page: &mut Page) {
        let mut table = Table::new(["TIME", "SERVICE", "WHAT", "STATE", "SUMMARY", "SUBJECT"]);
        for entry in self.0.entries.iter().rev() {
            table.row([
                date_time(entry.happened_at.as_ref()),
                entry.source.clone(),
                entry.kind.clone(),
                word(entry.state, case::State::as_str_name),
                entry.summary.clone(),
                entry.subject.clone(),
            ]);
        }
        page.table(&table, "nothing has happened yet");
    }
}

fn entries<'a>(entries: impl Iterator<Item = &'a TimelineEntry>) -> Table {
    let mut table = Table::new(["TIME", "CASE", "SERVICE", "WHAT", "STATE", "SUMMARY"]);
    for entry in entries {
        table.row([
            date_time(entry.happened_at.as_ref()),
            entry.case.clone(),
            entry.source.clone(),
            entry.kind.clone(),
            word(entry.state, case::State::as_str_name),
            entry.summary.clone(),
        ]);
    }
    table
}

/// One change of a watched case, in columns that stay where they are from line to line.
pub fn change_line(entry: &TimelineEntry) -> String {
    format!(
        "{}  {:<12}  {:<13}  {:<20}  {}",
        date_time(entry.happened_at.as_ref()),
        entry.source,
        word(entry.state, case::State::as_str_name),
        entry.kind,
        entry.summary
    )
}
