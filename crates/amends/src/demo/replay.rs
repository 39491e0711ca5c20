//! Reports the flights' disruptions in the order in which they became known, on the virtual clock.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use api::common::{ContactPoint, Fact, FailureEvent, Severity, contact_point, fact};
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{AddAffectedRequest, Affected, Customer, Disruption, Identity, ReportDisruptionRequest};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::VirtualClock;

use super::flights::{Flight, FlightDisruption};
use crate::client::{Connection, Patience, Session};
use crate::clock_driver::ClockDriver;

/// The clock stops at whole hours: what happens within one is reported and runs together.
pub const STEP: Duration = Duration::from_secs(3_600);
/// Over a year it stops four times a day: each stop costs as long as the longest chain of calls.
pub const YEAR_STEP: Duration = Duration::from_secs(6 * 3_600);
/// After the last flight, time enough for offers to expire and for all check-ins.
const TAIL: Duration = Duration::from_secs(60 * 86_400);
/// Disruptions that are reported at the same time.
const AT_ONCE: usize = 64;
/// A busy machine answers late; what it has not answered by then it will not.
const PATIENCE: Patience =
    Patience { deadline: Duration::from_secs(60), repeats: 5, pause: Duration::from_millis(200) };
/// Affected customers in one batch of the stream.
const BATCH: usize = 500;

/// How many customers a flight has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomersPerFlight {
    /// So many on each.
    Number(u32),
    /// One for each seat of the aircraft; one where the source does not know the seats.
    Seats,
}

impl FromStr for CustomersPerFlight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "seats" => Ok(Self::Seats),
            text => match text.parse() {
                Ok(number @ 1..=1_000) => Ok(Self::Number(number)),
                _ => Err("give a number from 1 to 1000, or `seats`".to_owned()),
            },
        }
    }
}

/// What was told to the suite.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Disruptions reported.
    pub disruptions: u64,
    /// Of which cancellations.
    pub cancelled: u64,
    /// Of which diversions.
    pub diverted: u64,
    /// Of which delays of more than 180 minutes at arrival.
    pub delayed_over_180: u64,
    /// Customers added.
    pub customers: u64,
}

/// A replay under way.
pub struct Replay {
    /// Repeats what a closed connection has cut: over a year every one of them comes of age.
    session: Session,
    clock: VirtualClock,
    driver: ClockDriver,
    step: Duration,
    customers: CustomersPerFlight,
    /// Told of every flight besides what the table says.
    facts: Vec<(String, Fact)>,
    bar: ProgressBar,
}

impl Replay {
    /// A replay into the suite at `address`.
    pub fn new(
        address: String,
        clock: VirtualClock,
        driver: ClockDriver,
        step: Duration,
        customers: CustomersPerFlight,
        show: bool,
    ) -> anyhow::Result<Self> {
        let session = Connection::of(address, "demo").session()?.with_patience(PATIENCE);
        let bar = if show { ProgressBar::new(0) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("{msg:<22} {bar:36} {pos:>6}/{len} flights  {elapsed}  {per_sec}")?);
        Ok(Self { session, clock, driver, step, customers, facts: Vec::new(), bar })
    }

    /// The same, which tells these facts of every flight as well.
    pub fn with_facts(self, facts: Vec<(String, Fact)>) -> Self {
        Self { facts, ..self }
    }

    /// Reports all flights and lets time run until nothing is left to happen.
    ///
    /// # Errors
    /// When a call fails for good.
    pub async fn run(&self, flights: &[Flight]) -> anyhow::Result<Told> {
        self.bar.set_length(flights.len() as u64);
        let mut told = Told::default();
        let mut stops: BTreeMap<i64, Vec<&Flight>> = BTreeMap::new();
        let step = i64::try_from(self.step.as_micros())?;
        for flight in flights {
            // Known in the course of a step, reported at its end: nothing is reported before it happened.
            stops.entry(flight.known_at().micros().div_euclid(step) + 1).or_default().push(flight);
        }
        for (stop, flights) in stops {
            let now = kernel::Timestamp::from_micros(stop * step);
            self.driver.run_until(now).await?;
            self.bar.set_message(now.to_string()[..13].replace('T', " ") + "h UTC");
            for flight in &flights {
                told.count(flight);
            }
            let reports = stream::iter(flights.into_iter().map(|flight| self.report(flight)));
            told.customers +=
                reports.buffer_unordered(AT_ONCE).try_fold(0, |sum, n| async move { Ok(sum + n) }).await?;
        }
        self.bar.set_message("until all is over");
        self.driver.run_out(kernel::Clock::now(&self.clock).plus(TAIL)).await?;
        self.bar.finish_and_clear();
        Ok(told)
    }

    /// One disruption and its affected customers; how many.
    async fn report(&self, flight: &Flight) -> anyhow::Result<u64> {
        let key = flight.key();
        let report =
            ReportDisruptionRequest { request_id: key.clone(), disruption: Some(disruption(flight, &self.facts)) };
        let disruption = self.session.call(&report).await.with_context(|| key.clone())?.message;
        let seats = match self.customers {
            CustomersPerFlight::Number(number) => number,
            CustomersPerFlight::Seats => u32::from(flight.seats.unwrap_or(1)),
        };
        let affected: Vec<Affected> = (1..=seats).map(|seat| passenger(&key, seat)).collect();
        let batches: Vec<AddAffectedRequest> = (0..)
            .zip(affected.chunks(BATCH))
            .map(|(batch, affected)| AddAffectedRequest {
                request_id: format!("{key}/{batch}"),
                disruption: disruption.name.clone(),
                affected: affected.to_vec(),
            })
            .collect();
        let added = self.session.repeated(Some(&key), |limit| {
            let (channel, request) = (self.session.channel(), self.session.request(stream::iter(batches.clone())));
            Box::pin(chassis::with_deadline(limit, request, move |request| {
                let mut intake = IntakeServiceClient::new(channel.clone());
                async move { intake.add_affected(request).await }
            }))
        });
        let added = added.await.with_context(|| key.clone())?.message;
        self.bar.inc(1);
        u64::try_from(added.results.len()).context("too many results")
    }
}

impl Told {
    fn count(&mut self, flight: &Flight) {
        self.disruptions += 1;
        match flight.disruption {
            FlightDisruption::Cancelled => self.cancelled += 1,
            FlightDisruption::Diverted => self.diverted += 1,
            FlightDisruption::Delayed { arrival_delay_min } => {
                self.delayed_over_180 += u64::from(arrival_delay_min > 180);
            }
        }
    }
}

fn disruption(flight: &Flight, given: &[(String, Fact)]) -> Disruption {
    let (kind, delivered, severity) = match flight.disruption {
        FlightDisruption::Cancelled => ("flight.cancelled", "The flight was cancelled".to_owned(), Severity::High),
        FlightDisruption::Diverted => {
            ("flight.diverted", "The flight did not arrive as planned".to_owned(), Severity::Medium)
        }
        FlightDisruption::Delayed { arrival_delay_min } => {
            let severity = if arrival_delay_min > 180 { Severity::Medium } else { Severity::Low };
            ("flight.delayed", format!("Arrived {arrival_delay_min} minutes after the scheduled time"), severity)
        }
    };
    let text = |text: &str| Fact { value: Some(fact::Value::Text(text.to_owned())) };
    let number = |number: i64| Fact { value: Some(fact::Value::Integer(number)) };
    let time = |time| Fact { value: Some(fact::Value::Time(chassis::wire::to_timestamp(time))) };
    let mut facts = BTreeMap::from([
        ("carrier".to_owned(), text(&flight.carrier.code)),
        ("origin".to_owned(), text(&flight.origin.code)),
        ("destination".to_owned(), text(&flight.destination.code)),
        ("distance_miles".to_owned(), number(flight.distance_miles.into())),
        ("scheduled_departure".to_owned(), time(flight.scheduled_departure)),
        ("scheduled_arrival".to_owned(), time(flight.scheduled_arrival)),
    ]);
    if let FlightDisruption::Delayed { arrival_delay_min } = flight.disruption {
        facts.insert("arrival_delay_minutes".to_owned(), number(arrival_delay_min.into()));
    }
    if let Some(delay) = flight.departure_delay_min {
        facts.insert("departure_delay_minutes".to_owned(), number(delay.into()));
    }
    // What the table says of a flight cannot be overruled.
    for (key, fact) in given {
        facts.entry(key.clone()).or_insert_with(|| fact.clone());
    }
    let reference = format!("{}{}", flight.carrier.code, flight.number);
    Disruption {
        external_id: flight.key(),
        event: Some(FailureEvent {
            kind: kind.to_owned(),
            occurred_at: Some(chassis::wire::to_timestamp(flight.scheduled_departure)),
            reference: reference.clone(),
            facts,
        }),
        expected: format!("{reference} from {} to {} as scheduled", flight.origin.name, flight.destination.name),
        delivered,
        severity: severity.into(),
        ..Disruption::default()
    }
}

/// A passenger without a name: the table has none.
fn passenger(flight_key: &str, seat: u32) -> Affected {
    let id = format!("{flight_key}/{seat}");
    Affected {
        customer: Some(Customer {
            identities: vec![Identity { source: "app".to_owned(), value: id.clone() }],
            contact_points: vec![ContactPoint { kind: contact_point::Kind::App.into(), address: id }],
            ..Customer::default()
        }),
        ..Affected::default()
    }
}
