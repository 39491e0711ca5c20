//! Messages, plans, surveys and outcomes, for people.

use api::followup::{
    ListMessagesResponse, ListPlansResponse, ListSurveysResponse, Message, Outcome, Plan, Survey, message, outcome,
    plan, survey,
};

use super::words::{contact, count, date_time, duration, word};
use super::{Page, Render, Sheet, Table};

impl Render for Message {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("message", &self.name)
            .add("state", word(self.state, message::State::as_str_name))
            .add("template", &self.template)
            .add("to", self.to.as_ref().map(contact).unwrap_or_default())
            .add("case", &self.case)
            .add("customer", &self.customer)
            .add("attempts", self.attempts.to_string())
            .add("failed", &self.failure_reason)
            .add("asked for", date_time(self.create_time.as_ref()))
            .add("sent", date_time(self.sent_time.as_ref()))
            .add("subject", &self.subject);
        page.sheet(&sheet);
        page.line("");
        page.block(&self.body);
    }
}

impl Render for ListMessagesResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["MESSAGE", "STATE", "TEMPLATE", "TO", "SENT", "SUBJECT", "FAILED"]);
        for message in &self.messages {
            table.row([
                message.name.clone(),
                word(message.state, message::State::as_str_name),
                message.template.clone(),
                message.to.as_ref().map(contact).unwrap_or_default(),
                date_time(message.sent_time.as_ref()),
                message.subject.clone(),
                message.failure_reason.clone(),
            ]);
        }
        page.table(&table, "no messages");
    }
}

impl Render for Plan {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        let pauses: Vec<String> = self.cadence.iter().map(|pause| duration(Some(pause))).collect();
        sheet
            .add("plan", &self.name)
            .add("state", word(self.state, plan::State::as_str_name))
            .add("topic", &self.topic)
            .add("case", &self.case)
            .add("customer", &self.customer)
            .add("to", self.to.as_ref().map(contact).unwrap_or_default())
            .add("pauses", pauses.join(", "))
            .add("check-ins", self.check_ins_sent.to_string())
            .add("next step", date_time(self.next_step_time.as_ref()))
            .add("score before", self.baseline_score.map(|score| score.to_string()).unwrap_or_default())
            .add("started", date_time(self.create_time.as_ref()))
            .add("changed", date_time(self.update_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for ListPlansResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["PLAN", "STATE", "CHECK-INS", "NEXT STEP", "STARTED", "TOPIC"]);
        for plan in &self.plans {
            table.row([
                plan.name.clone(),
                word(plan.state, plan::State::as_str_name),
                plan.check_ins_sent.to_string(),
                date_time(plan.next_step_time.as_ref()),
                date_time(plan.create_time.as_ref()),
                plan.topic.clone(),
            ]);
        }
        page.table(&table, "no plans");
    }
}

impl Render for Survey {
    fn render(&self, page: &mut Page) {
        let mut sheet = Sheet::default();
        sheet
            .add("survey", &self.name)
            .add("state", word(self.state, survey::State::as_str_name))
            .add("case", &self.case)
            .add("plan", &self.plan)
            .add("check-in", count(self.check_in.into()))
            .add("score", self.score.map(|score| format!("{score} of 10")).unwrap_or_default())
            .add("comment", &self.comment)
            .add("sent", date_time(self.create_time.as_ref()))
            .add("answered", date_time(self.answer_time.as_ref()));
        page.sheet(&sheet);
    }
}

impl Render for ListSurveysResponse {
    fn render(&self, page: &mut Page) {
        let mut table = Table::new(["SURVEY", "STATE", "CHECK-IN", "SENT", "SCORE", "COMMENT"]);
        for survey in &self.surveys {
            table.row([
                survey.name.clone(),
                word(survey.state, survey::State::as_str_name),
                survey.check_in.to_string(),
                date_time(survey.create_time.as_ref()),
                survey.score.map(|score| score.to_string()).unwrap_or_default(),
                survey.comment.clone(),
            ]);
        }
        page.table(&table, "no surveys");
    }
}

impl Render for Outcome {
    fn render(&self, page: &mut Page) {
        let result = word(self.result, outcome::Result::as_str_name);
        let mut sheet = Sheet::default();
        sheet
            .add("case", &self.case)
            .add("result", if result.is_empty() { "not known yet" } else { &result })
            .add("score", self.score.map(|score| format!("{score} of 10")).unwrap_or_default())
            .add("change", self.delta.map(|delta| format!("{delta:+}")).unwrap_or_default())
            .add("check-ins", self.check_ins_sent.to_string())
            .add("decided", date_time(self.decide_time.as_ref()));
        page.sheet(&sheet);
    }
}
