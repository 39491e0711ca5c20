//! Durable calls, relay health and the audit chain, for people.

use api::operations::{Call, ListAuditRecordsResponse, ListCallsResponse, RelayHealth, call};

use super::words::{count, date_time, word, yes};
use super::{Page, Render, Sheet, Table, decode};

impl Render for Call {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("call", &self.name)
            .add("state", word(self.state, call::State::as_str_name))
            .add("tenant", &self.tenant)
            .add("target", &self.target)
            .add("method", &self.method)
            .add("lane", &self.lane)
            .add("place", count(self.lane_seq))
            .add("due", date_time(self.due_time.as_ref()))
            .add("attempts", self.attempts.to_string())
            .add("last error", &self.last_error)
            .add("trace", &self.trace_parent)
            .add("recorded", date_time(self.create_time.as_ref()))
            .add("finished", date_time(self.finish_time.as_ref()));
        page.sheet(&sheet);
        if self.request.is_empty() {
            return;
        }
        page.heading("Request:");
        // A sink may have methods that this client does not know.
        let request = decode(&self.method, &self.request).and_then(|json| Ok(serde_json::to_string_pretty(&json)?));
        match request {
            Ok(json) => page.block(&json),
            Err(_) => page.block(&format!("{} bytes of a message that is not known here", self.request.len())),
        }
    }
}

impl Render for ListCallsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["CALL", "STATE", "TARGET", "METHOD", "LANE", "DUE", "ATTEMPTS", "LAST ERROR"]);
        for call in &self.calls {
            table.row([
                call.name.clone(),
                word(call.state, call::State::as_str_name),
                call.target.clone(),
                call.method.rsplit('/').next().unwrap_or_default().to_owned(),
                call.lane.clone(),
                date_time(call.due_time.as_ref()),
                call.attempts.to_string(),
                call.last_error.clone(),
            ]);
        }
        page.table(&table, "no calls");
    }
}

impl Render for RelayHealth {
    fn render(&self, page: &mut Page) {
        page.line(&self.name);
        let mut table = Table::new(["TARGET", "DUE", "OLDEST DUE", "SCHEDULED", "LEASED", "PARKED", "CIRCUIT OPEN"]);
        for target in &self.targets {
            table.row([
                target.target.clone(),
                target.due.to_string(),
                date_time(target.oldest_due_time.as_ref()),
                target.scheduled.to_string(),
                target.leased.to_string(),
                target.parked.to_string(),
                yes(target.circuit_open),
            ]);
        }
        page.table(&table, "no calls are under way");
    }
}

impl Render for ListAuditRecordsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["SEQ", "TIME", "WHO", "WHAT", "SUBJECT", "WHY"]);
        for record in &self.audit_records {
            table.row([
                record.seq.to_string(),
                date_time(record.happened_at.as_ref()),
                record.actor.clone(),
                record.action.clone(),
                record.subject.clone(),
                record.reason.clone(),
            ]);
        }
        page.table(&table, "no records");
        page.line(if self.chain_intact { "the chain is intact here" } else { "THE CHAIN IS BROKEN" });
    }
}
