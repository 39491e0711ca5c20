//! Work items under every event: the rules of the domain, tested.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const START: Timestamp = Timestamp::from_seconds(1_000_000);

fn open(unattended: bool) -> (Work, Vec<Fact>) {
    let new = NewWork {
        tenant: TenantId::default_tenant(),
        id: Uuid::from_u128(1).into(),
        case: Uuid::from_u128(2).into(),
        title: "t".to_owned(),
        handover: String::new(),
        severity: Severity::High,
        queue: QueueId::for_severity(Severity::Low),
        skills: BTreeSet::new(),
        unattended,
        acknowledge_within: HOUR,
        resolve_within: 24 * HOUR,
        journey: String::new(),
    };
    Work::open(new, START)
}

fn agent() -> AgentId {
    Uuid::from_u128(3).into()
}

fn progress(kind: ProgressKind, next_update_by: Option<Timestamp>) -> Progress {
    Progress { kind, text: "x".to_owned(), next_update_by }
}

fn states(work: &Work) -> Vec<(ClockKind, ClockState)> {
    work.clocks.iter().map(|clock| (clock.kind, clock.state)).collect()
}

#[test]
fn opening_starts_both_clocks() {
    let (work, facts) = open(true);
    assert_eq!(work.state, WorkState::Unattended);
    let expected = [
        Fact::Opened { unattended: true },
        Fact::ClockStarted { clock: ClockKind::Acknowledge, run: 1, at: START.plus(HOUR) },
        Fact::ClockStarted { clock: ClockKind::Resolve, run: 1, at: START.plus(24 * HOUR) },
    ];
    assert_eq!(facts, expected);
    assert_eq!(open(false).0.state, WorkState::Waiting);
}

#[test]
fn each_kind_of_progress_moves_its_own_clock_only() {
    use ClockKind::{Acknowledge, NextUpdate, Resolve};
    use ClockState::{Cancelled, Met, Paused, Running};
    use ProgressKind::{Acknowledgement, CustomerAnswered, InternalNote, SubstantiveUpdate, WaitingForCustomer};
    let promise = Some(START.plus(3 * HOUR));
    type Post = (ProgressKind, Option<Timestamp>);
    type Row<'a> = (&'a [Post], Vec<(ClockKind, ClockState)>);
    let table: [Row<'_>; 8] = [
        (&[(InternalNote, None)], vec![(Acknowledge, Running), (Resolve, Running)]),
        (&[(Acknowledgement, None)], vec![(Acknowledge, Met), (Resolve, Running)]),
        (&[(SubstantiveUpdate, None)], vec![(Acknowledge, Running), (Resolve, Running)]),
        (&[(WaitingForCustomer, None)], vec![(Acknowledge, Running), (Resolve, Paused)]),
        (&[(WaitingForCustomer, None), (CustomerAnswered, None)], vec![(Acknowledge, Running), (Resolve, Running)]),
        (
            &[(Acknowledgement, promise), (InternalNote, None)],
            vec![(Acknowledge, Met), (Resolve, Running), (NextUpdate, Running)],
        ),
        (
            &[(SubstantiveUpdate, promise), (SubstantiveUpdate, promise)],
            vec![(Acknowledge, Running), (Resolve, Running), (NextUpdate, Met), (NextUpdate, Running)],
        ),
        (
            &[(SubstantiveUpdate, promise), (CustomerAnswered, promise)],
            vec![(Acknowledge, Running), (Resolve, Running), (NextUpdate, Cancelled), (NextUpdate, Running)],
        ),
    ];
    for (posts, expected) in table {
        let (mut work, _) = open(false);
        for (minutes, (kind, by)) in posts.iter().enumerate() {
            work.post(progress(*kind, *by), START.plus(HOUR / 60 * minutes as u32)).unwrap();
        }
        assert_eq!(states(&work), expected, "{posts:?}");
        assert_eq!(work.state, WorkState::Waiting);
    }
}

#[test]
fn a_breach_turns_unattended_work_into_escalated_work_that_waits() {
    let (mut work, _) = open(true);
    assert_eq!(work.check(ClockKind::Acknowledge, "any", START.plus(HOUR / 2)), []);
    let due_at = START.plus(HOUR);
    let facts = work.check(ClockKind::Acknowledge, "any", due_at.plus(HOUR));
    let reason = format!("the ACKNOWLEDGE clock ran out at {due_at}");
    let expected = [
        Fact::ClockStopped { clock: ClockKind::Acknowledge, run: 1 },
        Fact::Breached { clock: ClockKind::Acknowledge, due_at },
        Fact::Escalated { level: 1, reason },
    ];
    assert_eq!(facts, expected);
    assert_eq!((work.state, work.queue.as_str(), work.escalation_level), (WorkState::Waiting, "escalated", 1));
    assert_eq!(work.check(ClockKind::Acknowledge, "any", due_at.plus(2 * HOUR)), []);
}

#[test]
fn a_breach_takes_no_work_from_its_agent_and_release_brings_it_to_the_escalated() {
    let (mut work, _) = open(false);
    work.claim(agent(), START).unwrap();
    work.check(ClockKind::Acknowledge, "any", START.plus(HOUR));
    assert_eq!((work.state, work.agent, work.queue.as_str()), (WorkState::Claimed, Some(agent()), "default"));
    work.release(START.plus(HOUR)).unwrap();
    assert_eq!((work.state, work.agent, work.queue.as_str()), (WorkState::Waiting, None, "escalated"));
}

#[test]
fn the_own_timer_that_comes_early_is_set_again() {
    let (mut work, _) = open(true);
    let early = START.plus(HOUR - Duration::from_secs(2));
    let timer = |run| timer_id(&TenantId::default_tenant(), work.id, ClockKind::Acknowledge, run).to_string();
    let (first, second) = (timer(1), timer(2));
    let again = START.plus(HOUR + Duration::from_secs(2));
    let expected = [Fact::ClockStarted { clock: ClockKind::Acknowledge, run: 2, at: again }];
    assert_eq!(work.check(ClockKind::Acknowledge, &first, early), expected);
    assert_eq!(work.check(ClockKind::Acknowledge, &first, early), [], "it is not the own one any more");
    assert_eq!(work.check(ClockKind::Acknowledge, "someone", early), []);
    assert!(!work.check(ClockKind::Acknowledge, &second, START.plus(HOUR)).is_empty());
}

#[test]
fn completing_stops_every_clock_and_overdue_ones_have_run_out_without_escalation() {
    let (mut work, _) = open(false);
    work.post(progress(ProgressKind::WaitingForCustomer, Some(START.plus(9 * HOUR))), START).unwrap();
    let facts = work.complete("done".to_owned(), START.plus(2 * HOUR)).unwrap();
    let expected = [
        (ClockKind::Acknowledge, ClockState::Breached),
        (ClockKind::Resolve, ClockState::Met),
        (ClockKind::NextUpdate, ClockState::Cancelled),
    ];
    assert_eq!(states(&work), expected);
    assert_eq!(work.escalation_level, 0);
    assert!(facts.contains(&Fact::Breached { clock: ClockKind::Acknowledge, due_at: START.plus(HOUR) }));
    assert_eq!(facts.last(), Some(&Fact::Completed { resolution: "done".to_owned() }));
    let before = work.clone();
    assert_eq!(work.complete("again".to_owned(), START.plus(3 * HOUR)), Ok(vec![]));
    assert_eq!(work, before);
}

#[test]
fn work_goes_up_three_levels_at_most() {
    let (mut work, _) = open(true);
    for level in 1..=MAX_LEVEL {
        let facts = work.escalate("why".to_owned(), START).unwrap();
        assert_eq!(facts, [Fact::Escalated { level, reason: "why".to_owned() }]);
    }
    let before = work.clone();
    assert_eq!(work.escalate("why".to_owned(), START), Err(Refusal::HighestLevel));
    assert_eq!(work, before);
    let facts = work.check(ClockKind::Acknowledge, "any", START.plus(HOUR));
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Escalated { .. })), "{facts:?}");
    assert_eq!(work.escalation_level, MAX_LEVEL);
}

#[test]
fn a_promise_lies_in_the_future_and_there_are_not_endlessly_many() {
    let (mut work, _) = open(false);
    let before = work.clone();
    let past = work.post(progress(ProgressKind::SubstantiveUpdate, Some(START)), START);
    assert_eq!(past, Err(Refusal::PromiseInThePast));
    assert_eq!(work, before);
    for _ in 0..MAX_PROMISES {
        work.post(progress(ProgressKind::SubstantiveUpdate, Some(START.plus(HOUR))), START).unwrap();
    }
    let more = work.post(progress(ProgressKind::SubstantiveUpdate, Some(START.plus(HOUR))), START);
    assert_eq!(more, Err(Refusal::TooManyPromises { most: MAX_PROMISES }));
    assert!(work.post(progress(ProgressKind::SubstantiveUpdate, None), START).is_ok());
}

#[test]
fn escalated_goes_before_severe_and_severe_before_mild() {
    let urgency = |escalation_level, severity| Work { escalation_level, severity, ..open(false).0 }.urgency();
    let mut order = Vec::new();
    for level in (0..=MAX_LEVEL).rev() {
        for severity in Severity::ALL.into_iter().rev() {
            order.push(urgency(level, severity));
        }
    }
    assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Post(ProgressKind, Option<u64>),
    Check(ClockKind, bool),
    Claim,
    Release,
    Escalate,
    Complete,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(ProgressKind::ALL.to_vec());
    let clock = prop::sample::select(ClockKind::ALL.to_vec());
    prop_oneof![
        8 => (kind, prop::option::of(0_u64..30)).prop_map(|(kind, by)| Step::Post(kind, by)),
        6 => (clock, any::<bool>()).prop_map(|(clock, own)| Step::Check(clock, own)),
        2 => Just(Step::Claim),
        2 => Just(Step::Release),
        1 => Just(Step::Escalate),
        1 => Just(Step::Complete),
    ]
}

/// The timers that exist, kept from the facts alone; panics when a fact makes no sense.
fn keep_timers(
    timers: &mut BTreeMap<(ClockKind, u32), Timestamp>,
    seen: &mut BTreeSet<(ClockKind, u32)>,
    facts: &[Fact],
) {
    for fact in facts {
        match fact {
            Fact::ClockStarted { clock, run, at } => {
                assert!(seen.insert((*clock, *run)), "{clock:?} run {run} was started twice");
                timers.insert((*clock, *run), *at);
            }
            Fact::ClockStopped { clock, run } => {
                assert!(timers.remove(&(*clock, *run)).is_some(), "{clock:?} run {run} was not there");
            }
            Fact::Opened { .. }
            | Fact::Claimed(_)
            | Fact::Posted(_)
            | Fact::Breached { .. }
            | Fact::Escalated { .. }
            | Fact::Completed { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_clocks_never_mix_and_every_live_one_has_its_timer(
        unattended in any::<bool>(),
        steps in prop::collection::vec((step(), 0_u64..400), 1..60),
    ) {
        let (mut work, facts) = open(unattended);
        let (mut timers, mut seen) = (BTreeMap::new(), BTreeSet::new());
        keep_timers(&mut timers, &mut seen, &facts);
        let mut breaches: BTreeMap<ClockKind, usize> = BTreeMap::new();
        let mut now = START;
        for (step, minutes) in steps {
            now = now.plus(Duration::from_secs(60 * minutes));
            let before = work.clone();
            let result = match step {
                Step::Post(kind, hours) => {
                    let by = hours.filter(|_| kind != ProgressKind::InternalNote);
                    work.post(progress(kind, by.map(|hours| now.plus(HOUR * hours as u32))), now)
                }
                Step::Check(clock, own) => {
                    let run = work.clocks.iter().rev().find(|c| c.kind == clock).map_or(0, |c| c.run);
                    let timer = if own { work.timer_id(clock, run).to_string() } else { String::new() };
                    let facts = work.check(clock, &timer, now);
                    // The timer that called is gone: the relay has sent it.
                    if own && facts.iter().any(|fact| matches!(fact, Fact::ClockStarted { .. })) {
                        timers.remove(&(clock, run));
                    }
                    Ok(facts)
                }
                Step::Claim => work.claim(agent(), now),
                Step::Release => work.release(now).map(|()| Vec::new()),
                Step::Escalate => work.escalate("why".to_owned(), now),
                Step::Complete => work.complete("done".to_owned(), now),
            };
            let Ok(facts) = result else {
                prop_assert_eq!(&work, &before, "a refusal changes nothing");
                continue;
            };
            keep_timers(&mut timers, &mut seen, &facts);
            for fact in &facts {
                if let Fact::Breached { clock, .. } = fact {
                    *breaches.entry(*clock).or_default() += 1;
                }
            }
            prop_assert_eq!(work == before, work.version == before.version);
            prop_assert!(work.escalation_level <= MAX_LEVEL);
            prop_assert_eq!(work.agent.is_some(), work.state == WorkState::Claimed);
            for (old, new) in before.clocks.iter().zip(&work.clocks) {
                prop_assert!(old.state.is_live() || old == new, "an ended clock never changes");
                prop_assert_eq!((old.kind, old.number), (new.kind, new.number));
            }
            for kind in ClockKind::ALL {
                let of_kind = || work.clocks.iter().filter(|clock| clock.kind == kind);
                prop_assert!(of_kind().filter(|clock| clock.state.is_live()).count() <= 1);
                prop_assert!(of_kind().enumerate().all(|(index, clock)| clock.number as usize == index + 1));
                let breached = of_kind().filter(|clock| clock.state == ClockState::Breached).count();
                prop_assert_eq!(breached, breaches.get(&kind).copied().unwrap_or(0));
            }
            let running: BTreeSet<_> = work.clocks.iter()
                .filter(|clock| clock.state == ClockState::Running)
                .map(|clock| (clock.kind, clock.run))
                .collect();
            let kept: BTreeSet<_> = timers.keys().copied().collect();
            prop_assert_eq!(&running, &kept);
            if work.state.is_final() {
                prop_assert!(work.clocks.iter().all(|clock| !clock.state.is_live()));
            }
        }
    }
}
