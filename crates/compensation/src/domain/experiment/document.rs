//! An experiment as it is written: YAML, strict, and with everything that is wrong named by its path.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;
use kernel::Timestamp;
use serde::Deserialize;

use super::guards::{metric_problem, speaks_of_reviews};
use super::{Arm, Experiment, Gestures, Metric, Population, StopRule, Unit, sample_size};
use crate::domain::gate::ApologyKind;
use crate::domain::pack::document::{InputDocument, population};

/// Most bytes of a document.
pub const MAX_BYTES: usize = 65_536;
/// Fewest outcomes that an arm has when it is looked at.
const FEWEST: f64 = 50.0;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExperimentDocument {
    id: String,
    hypothesis: String,
    starts_on: String,
    ends_on: String,
    population: PopulationDocument,
    unit: UnitDocument,
    arms: Vec<ArmDocument>,
    metric: String,
    minimum_effect: f64,
    expected: f64,
    sample_per_arm: u32,
    stop: StopDocument,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PopulationDocument {
    event_kinds: Vec<String>,
    #[serde(default)]
    inputs: Vec<InputDocument>,
    #[serde(default)]
    condition: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum UnitDocument {
    Customer,
    Event,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmDocument {
    id: String,
    description: String,
    weight: u32,
    #[serde(default)]
    control: bool,
    apology: ApologyDocument,
    #[serde(default)]
    gestures: GesturesDocument,
    #[serde(default)]
    offer_after_hours: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ApologyDocument {
    /// Read, so that it can be refused with its reason.
    None,
    Usual,
    AnotherKind,
    Explanation,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum GesturesDocument {
    #[default]
    AsJudged,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StopDocument {
    alpha: f64,
    power: f64,
    looks: Vec<f64>,
    harm_alpha: f64,
}

/// Reads an experiment.
///
/// # Errors
/// Everything that is wrong with the document, each problem with its path; an unknown key or a missing one alone, since
/// nothing can be read beyond it.
pub fn parse(yaml: &str) -> Result<Experiment, Vec<String>> {
    if yaml.len() > MAX_BYTES {
        return Err(vec![format!("has {} bytes; allowed are {MAX_BYTES}", yaml.len())]);
    }
    let document: ExperimentDocument = serde_norway::from_str(yaml).map_err(|error| vec![error.to_string()])?;
    let mut reader = Reader::default();
    let experiment = reader.experiment(document, yaml);
    if reader.problems.is_empty() { Ok(experiment) } else { Err(reader.problems) }
}

#[derive(Default)]
struct Reader {
    problems: Vec<String>,
}

impl Reader {
    fn problem(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.problems.push(format!("{path}: {problem}"));
    }

    fn experiment(&mut self, document: ExperimentDocument, yaml: &str) -> Experiment {
        self.id("id", &document.id);
        self.text("hypothesis", &document.hypothesis, 1, 1_000);
        let (starts_at, ends_at) = (self.day("starts_on", &document.starts_on), self.day("ends_on", &document.ends_on));
        if starts_at.zip(ends_at).is_some_and(|(starts, ends)| ends <= starts) {
            self.problem("ends_on", "must be later than starts_on");
        }
        let population = self.population(document.population);
        let unit = match document.unit {
            UnitDocument::Customer => Unit::Customer,
            UnitDocument::Event => Unit::Event,
        };
        let arms = self.arms(document.arms, unit);
        let metric = Metric::parse(&document.metric);
        if metric.is_none() {
            self.problem("metric", metric_problem(&document.metric));
        }
        let metric = metric.unwrap_or(Metric::RecoveredShare);
        let stop = self.stop(document.stop, document.sample_per_arm);
        let experiment = Experiment {
            id: document.id,
            hypothesis: document.hypothesis,
            starts_at: starts_at.unwrap_or_default(),
            ends_at: ends_at.unwrap_or_default(),
            population,
            arms,
            unit,
            metric,
            minimum_effect: document.minimum_effect,
            expected: document.expected,
            sample_per_arm: document.sample_per_arm,
            stop,
            document: yaml.to_owned(),
        };
        self.sample(&experiment);
        experiment
    }

    fn population(&mut self, document: PopulationDocument) -> Population {
        let PopulationDocument { event_kinds, inputs, condition } = document;
        self.number("population.event_kinds", event_kinds.len(), 1, 16);
        let read = population(&event_kinds, inputs, condition.as_deref());
        self.problems.extend(read.problems.into_iter().map(|problem| format!("population.{problem}")));
        Population { event_kinds, inputs: read.inputs, condition: read.condition }
    }

    fn arms(&mut self, documents: Vec<ArmDocument>, unit: Unit) -> Vec<Arm> {
        self.number("arms", documents.len(), 2, 5);
        let (mut arms, mut ids) = (Vec::new(), BTreeSet::new());
        for (index, document) in documents.into_iter().enumerate() {
            let path = format!("arms[{index}]");
            self.id(&format!("{path}.id"), &document.id);
            if !ids.insert(document.id.clone()) {
                self.problem(&format!("{path}.id"), format!("`{}` is taken", document.id));
            }
            self.text(&format!("{path}.description"), &document.description, 1, 300);
            for (key, text) in [("id", &document.id), ("description", &document.description)] {
                if let Some(word) = speaks_of_reviews(text) {
                    let problem = format!("`{word}`: no benefit may depend on a review or a rating");
                    self.problem(&format!("{path}.{key}"), problem);
                }
            }
            if !(1..=1_000).contains(&document.weight) {
                self.problem(&format!("{path}.weight"), "must be 1 to 1000");
            }
            if document.offer_after_hours > 168 {
                self.problem(&format!("{path}.offer_after_hours"), "must be 0 to 168: nobody waits longer than a week");
            }
            let apology = match document.apology {
                ApologyDocument::None => {
                    self.problem(&format!("{path}.apology"), "no arm is without an apology (S57)");
                    ApologyKind::Usual
                }
                ApologyDocument::Usual => ApologyKind::Usual,
                ApologyDocument::AnotherKind => ApologyKind::AnotherKind,
                ApologyDocument::Explanation => ApologyKind::Explanation,
            };
            arms.push(Arm {
                id: document.id,
                description: document.description,
                weight: document.weight,
                control: document.control,
                apology,
                gestures: match document.gestures {
                    GesturesDocument::AsJudged => Gestures::AsJudged,
                    GesturesDocument::None => Gestures::None,
                },
                offer_after: Duration::from_secs(document.offer_after_hours.min(168) * 3_600),
            });
        }
        let controls = arms.iter().filter(|arm| arm.control).count();
        if controls != 1 {
            self.problem("arms", format!("{controls} are the control; exactly one must be"));
        }
        let gives_differ = arms.windows(2).any(|two| two[0].gestures != two[1].gestures);
        if gives_differ && unit != Unit::Event {
            let problem =
                "must be EVENT: arms that differ in what is given would treat people of one event differently";
            self.problem("unit", problem);
        }
        let same = |one: &Arm, other: &Arm| {
            (one.apology, one.gestures, one.offer_after) == (other.apology, other.gestures, other.offer_after)
        };
        for (place, arm) in arms.iter().enumerate() {
            if let Some(other) = arms.iter().take(place).find(|other| same(arm, other)) {
                self.problem(&format!("arms[{place}]"), format!("does the same as `{}`", other.id));
            }
        }
        arms
    }

    fn stop(&mut self, document: StopDocument, sample_per_arm: u32) -> StopRule {
        let StopDocument { alpha, power, looks, harm_alpha } = document;
        if !(0.001..=0.1).contains(&alpha) {
            self.problem("stop.alpha", "must be 0.001 to 0.1");
        }
        if !(0.5..=0.99).contains(&power) {
            self.problem("stop.power", "must be 0.5 to 0.99");
        }
        if !(0.001..=0.2).contains(&harm_alpha) {
            self.problem("stop.harm_alpha", "must be 0.001 to 0.2");
        }
        self.number("stop.looks", looks.len(), 1, 10);
        // Closer ones would ask the same question twice.
        let apart = looks.windows(2).all(|two| two[1] - two[0] >= 0.049);
        if !(apart && looks.first().is_some_and(|first| *first >= 0.049) && looks.last() == Some(&1.0)) {
            self.problem("stop.looks", "must be shares of the sample that ascend by 0.05 or more and end with 1");
        }
        if looks.first().is_some_and(|first| first * f64::from(sample_per_arm) < FEWEST) {
            self.problem("stop.looks[0]", format!("an arm has fewer than {FEWEST} outcomes then"));
        }
        StopRule { alpha, power, looks, harm_alpha }
    }

    /// The sample must be able to show the effect, or nobody should be experimented on.
    fn sample(&mut self, experiment: &Experiment) {
        let Experiment { metric, minimum_effect: effect, expected, sample_per_arm, .. } = experiment;
        if !(1..=1_000_000).contains(sample_per_arm) {
            self.problem("sample_per_arm", "must be 1 to 1000000");
        }
        let (alpha, power) = (experiment.stop.alpha, experiment.stop.power);
        let alpha = alpha / experiment.arms.len().saturating_sub(1).max(1) as f64;
        let needed = match metric {
            Metric::RecoveredShare | Metric::ReopenedShare => {
                // Less coming back is better, more being right again is.
                let other = if *metric == Metric::ReopenedShare { expected - effect } else { expected + effect };
                let is_share = |share: f64| (0.001..=0.999).contains(&share);
                if !(is_share(*expected) && *effect >= 0.001 && is_share(other)) {
                    self.problem("minimum_effect", "with `expected`, must make shares between 0.001 and 0.999");
                    return;
                }
                sample_size::for_shares(*expected, other, alpha, power)
            }
            Metric::MeanScore => {
                if !((0.1..=5.0).contains(expected) && (0.01..=5.0).contains(effect)) {
                    let problem = "must be 0.01 to 5 points; `expected`, the deviation of scores, 0.1 to 5";
                    self.problem("minimum_effect", problem);
                    return;
                }
                sample_size::for_means(*expected, *effect, alpha, power)
            }
        };
        if needed.is_finite() && f64::from(*sample_per_arm) < needed {
            let problem = format!(
                "is too small: to see {effect} at {} arms, level {} and power {power}, every arm needs {:.0}",
                experiment.arms.len(),
                experiment.stop.alpha,
                needed.ceil()
            );
            self.problem("sample_per_arm", problem);
        }
    }

    fn day(&mut self, path: &str, text: &str) -> Option<Timestamp> {
        let day = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        let midnight = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
        if midnight.is_none() {
            self.problem(path, format!("`{text}` is not a day such as 2026-01-01"));
        }
        midnight.map(|at| Timestamp::from_seconds(at.timestamp().as_second()))
    }

    fn number(&mut self, path: &str, count: usize, min: usize, max: usize) {
        if !(min..=max).contains(&count) {
            self.problem(path, format!("has {count}; allowed are {min} to {max}"));
        }
    }

    fn text(&mut self, path: &str, text: &str, min: usize, max: usize) {
        if !(min..=max).contains(&text.chars().count()) {
            self.problem(path, format!("must have {min} to {max} characters"));
        }
    }

    fn id(&mut self, path: &str, id: &str) {
        let ok = (1..=60).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !ok {
            self.problem(path, format!("`{id}` is not 1 to 60 characters of a-z, 0-9 and '-', from a letter on"));
        }
    }
}
