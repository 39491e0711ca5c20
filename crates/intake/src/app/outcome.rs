//! What a transaction writes besides the cases themselves: commands to other services and entries of the story.

use durable::Tx;
use kernel::{RequestContext, TenantId};
use sea_orm::DbErr;

use super::commands;
use crate::domain::case::Case;
use crate::domain::customer::Customer;
use crate::domain::entry::Recorded;
use crate::domain::reaction::Reaction;
use crate::store::entries;

/// Entries to write.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    entries: Vec<(TenantId, Recorded)>,
}

impl Outcome {
    /// Enqueues the commands of a reaction and keeps its entries; gives back the case as it is now, and its new entries.
    pub(super) fn take(
        &mut self,
        tx: &Tx,
        context: &RequestContext,
        customer: &Customer,
        reaction: Reaction,
    ) -> (Case, Vec<Recorded>) {
        let Reaction { case, commands, entries, .. } = reaction;
        for command in &commands {
            tx.enqueue(commands::call(context, &case, customer, command));
        }
        let trace_id = context.trace.trace_id().unwrap_or_default();
        let recorded: Vec<Recorded> = entries
            .into_iter()
            .map(|entry| Recorded { customer: case.customer, case: case.id, trace_id: trace_id.to_owned(), entry })
            .collect();
        self.entries.extend(recorded.iter().map(|entry| (context.tenant.clone(), entry.clone())));
        (case, recorded)
    }

    /// Has the entries written at the end.
    pub(super) fn store(self, tx: &Tx) -> Result<(), DbErr> {
        entries::entries_insert(tx, &self.entries)
    }
}
