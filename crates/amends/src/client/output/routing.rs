//! Work, agents and queues, for people.

use api::routing::{
    Agent, ListAgentsResponse, ListQueuesResponse, ListWorkItemsResponse, Queue, WorkClock, WorkItem, agent,
    work_clock, work_item,
};

use super::words::{count, date_time, duration, severity, word};
use super::{Page, Render, Sheet, Table};

impl Render for WorkItem {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("work", &self.name)
            .add("state", word(self.state, work_item::State::as_str_name))
            .add("title", &self.title)
            .add("case", &self.case)
            .add("severity", severity(self.severity))
            .add("queue", &self.queue)
            .add("skills", self.skills.join(", "))
            .add("agent", &self.agent)
            .add("escalated", count(self.escalation_level.into()))
            .list("clocks", self.clocks.iter().map(clock))
            .add("handover", &self.handover)
            .add("resolution", &self.resolution)
            .add("opened", date_time(self.create_time.as_ref()))
            .add("changed", date_time(self.update_time.as_ref()))
            .add("etag", &self.etag);
        page.sheet(&sheet);
    }
}

fn clock(clock: &WorkClock) -> String {
    let ended = date_time(clock.end_time.as_ref());
    format!(
        "{} {}, due {}{}",
        word(clock.kind, work_clock::Kind::as_str_name),
        word(clock.state, work_clock::State::as_str_name),
        date_time(clock.due_time.as_ref()),
        if ended.is_empty() { ended } else { format!(", ended {ended}") }
    )
}

impl Render for ListWorkItemsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["WORK", "STATE", "SEVERITY", "ESCALATED", "QUEUE", "DUE", "TITLE"]);
        for item in &self.work_items {
            let running = |clock: &&WorkClock| clock.state == work_clock::State::Running as i32;
            let due = item.clocks.iter().filter(running).filter_map(|clock| clock.due_time.as_ref());
            table.row([
                item.name.clone(),
                word(item.state, work_item::State::as_str_name),
                severity(item.severity),
                count(item.escalation_level.into()),
                item.queue.clone(),
                date_time(due.min_by_key(|due| (due.seconds, due.nanos))),
                item.title.clone(),
            ]);
        }
        page.table(&table, "no work");
    }
}

impl Render for Agent {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("agent", &self.name)
            .add("name", &self.display_name)
            .add("presence", word(self.presence, agent::Presence::as_str_name))
            .add("queues", self.queues.join(", "))
            .add("skills", self.skills.join(", "))
            .add("holds", format!("{} of {}", self.held, self.capacity))
            .add("level", self.level.to_string());
        page.sheet(&sheet);
    }
}

impl Render for ListAgentsResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["AGENT", "NAME", "PRESENCE", "HOLDS", "LEVEL", "QUEUES", "SKILLS"]);
        for agent in &self.agents {
            table.row([
                agent.name.clone(),
                agent.display_name.clone(),
                word(agent.presence, agent::Presence::as_str_name),
                format!("{} of {}", agent.held, agent.capacity),
                agent.level.to_string(),
                agent.queues.join(", "),
                agent.skills.join(", "),
            ]);
        }
        page.table(&table, "no agents");
    }
}

impl Render for Queue {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("queue", &self.name)
            .add("name", &self.display_name)
            .add("skills", self.required_skills.join(", "))
            .add("acknowledge", duration(self.acknowledge_within.as_ref()))
            .add("resolve", duration(self.resolve_within.as_ref()))
            .add("made", date_time(self.create_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for ListQueuesResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["QUEUE", "NAME", "ACKNOWLEDGE WITHIN", "RESOLVE WITHIN", "SKILLS"]);
        for queue in &self.queues {
            table.row([
                queue.name.clone(),
                queue.display_name.clone(),
                duration(queue.acknowledge_within.as_ref()),
                duration(queue.resolve_within.as_ref()),
                queue.required_skills.join(", "),
            ]);
        }
        page.table(&table, "no queues");
    }
}
