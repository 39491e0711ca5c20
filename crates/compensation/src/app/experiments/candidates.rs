//! Which arm a remedy that is opened would get, and what comes of it.

use std::sync::Arc;

use kernel::{RequestContext, ServiceError, Timestamp};

use crate::app::{App, OpenRemedy};
use crate::domain::assessment::Assessment;
use crate::domain::experiment::strata::of_case;
use crate::domain::experiment::treatment::{Treatment, treat};
use crate::domain::experiment::{Arm, Experiment};
use crate::domain::gate::{ApologyKind, GateDecision};
use crate::domain::line::RemedyLine;
use crate::domain::records::Remedy;
use crate::store::assignments::Assignment;

/// An arm that a remedy would get.
#[derive(Clone, Debug)]
pub(in crate::app) struct Candidate {
    experiment: Arc<Experiment>,
    arm: Arm,
    unit: String,
}

impl App {
    /// The arm that a remedy would get. None for a case that came back: whoever was failed twice is in no experiment.
    pub(in crate::app) async fn candidate(
        &self,
        context: &RequestContext,
        command: &OpenRemedy,
    ) -> Result<Option<Candidate>, ServiceError> {
        let running = self.experiments.of(&self.engine, &context.tenant).await?;
        if command.recovery.reopened {
            return Ok(None);
        }
        let taking = running.iter().find(|running| running.takes(&command.event, command.severity, self.now()));
        let candidate = taking.and_then(|experiment| {
            let unit = experiment.unit_of(&command.event, command.customer);
            let arm = experiment.arm(&context.tenant, &unit)?.clone();
            Some(Candidate { experiment: Arc::clone(experiment), arm, unit })
        });
        Ok(candidate)
    }
}

impl Candidate {
    /// Id of the experiment.
    pub(in crate::app) fn experiment(&self) -> &str {
        &self.experiment.id
    }

    /// The assessment as the arm has it. The gate's own kind of apology stays unless it is the usual one.
    pub(in crate::app) fn treat(
        &self,
        assessment: Assessment,
        to_approve: &mut Vec<RemedyLine>,
        gate: &mut GateDecision,
    ) -> (Assessment, Treatment) {
        let kind = self.arm.apology;
        if gate.apology.kind == ApologyKind::Usual && kind != ApologyKind::Usual {
            gate.apology.kind = kind;
            let asks = format!(" {} asks for this kind.", super::name_of(&self.experiment.id));
            gate.apology.text.push_str(&asks);
        }
        treat(&self.experiment.id, &self.arm, assessment, to_approve)
    }

    /// What is written about it.
    pub(in crate::app) fn assignment(&self, remedy: &Remedy, now: Timestamp) -> Assignment {
        Assignment {
            experiment: self.experiment.id.clone(),
            case: remedy.case,
            remedy: remedy.id,
            arm: self.arm.id.clone(),
            unit: self.unit.clone(),
            created_at: now,
            strata: of_case(&remedy.assessment, remedy.severity, &remedy.event.kind),
        }
    }
}
