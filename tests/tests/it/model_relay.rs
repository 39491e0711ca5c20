//! A model of the relay's protocol: two relays, two lanes of two calls, leases, tokens, a receiver with its request log
//! and the sweep of it; and every order in which crashes, pauses, expired leases, lost answers and duplicates can come. Checked whole, as far
//! as the number of faults goes. Each protection is then taken away, and the checker must find what it protects from.
//!
//! What stands for what: `Claim` and `Finalise` are the statements of `durable::relay`, `Deliver` is the receiver's
//! transaction. A process that is paused is one whose next action comes late; a lost answer is a `TimeOut` before or
//! after the delivery.

use stateright::{Checker as _, Model, Property};

const CALLS: usize = 4;
const LANES: usize = 2;
const RELAYS: usize = 2;

/// Which protections are there.
#[derive(Clone, Copy, Debug)]
struct Protocol {
    /// Finalising is fenced by the token.
    fence: bool,
    /// Only the head of a lane is claimed.
    heads: bool,
    /// The receiver remembers what it has answered.
    log: bool,
    /// The receiver applies a lane's calls in the order of their places only.
    places: bool,
    /// Which answers the receiver may forget.
    sweep: Sweep,
    /// Crashes, expired leases of living relays, timeouts, duplicates on the wire.
    faults: u8,
    /// Attempts at one call that are looked at; more than a variant that ends can need.
    tokens: u8,
}

/// Which answers the receiver may forget. What it has forgotten, a lane's place still tells from what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    /// None.
    Nothing,
    /// Those of calls that are final at their sender: a sweep of what is older than any call is sent.
    Final,
    /// Any.
    Anything,
}

const PROTOCOL: Protocol =
    Protocol { fence: true, heads: true, log: true, places: true, sweep: Sweep::Nothing, faults: 3, tokens: 6 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CallState {
    Pending,
    Leased {
        expired: bool,
    },
    Done,
    /// Nobody but an operator ends it.
    Parked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Call {
    state: CallState,
    token: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Claimed,
    Sent,
    Taken,
    Failed,
    /// The receiver's lane has passed the place, and the log does not know the call.
    Reused,
}

/// What a relay is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Attempt {
    call: usize,
    token: u8,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    calls: [Call; CALLS],
    relays: [Option<Attempt>; RELAYS],
    /// Requests under way: call and token, sorted.
    wire: Vec<(usize, u8)>,
    /// The receiver's log.
    answered: [bool; CALLS],
    /// The receiver's lanes.
    applied_up_to: [usize; LANES],
    /// Effects in the order in which they happened.
    effects: Vec<usize>,
    faults_left: u8,
    /// A final call was opened again.
    reopened: bool,
    /// A relay wrote a result of a call that somebody else held.
    overwritten: bool,
    /// A relay's result was dropped.
    fenced: bool,
    /// The receiver answered from its log.
    replayed: bool,
    /// A call came again whose answer was forgotten.
    came_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Claim(usize, usize),
    Send(usize),
    Deliver(usize),
    DeliverAndKeep(usize),
    TimeOut(usize),
    Finalise(usize),
    Expire(usize),
    Crash(usize),
    Sweep(usize),
}

fn lane(call: usize) -> usize {
    call / 2
}

fn place(call: usize) -> usize {
    call % 2
}

impl World {
    fn is_head(&self, call: usize) -> bool {
        place(call) == 0 || self.calls[call - 1].state == CallState::Done
    }

    fn is_held(&self, call: usize) -> bool {
        self.relays.iter().flatten().any(|attempt| attempt.call == call && attempt.token == self.calls[call].token)
    }

    /// The receiver's transaction: what its sender hears.
    fn receive(&mut self, protocol: Protocol, call: usize) -> Phase {
        if protocol.log && self.answered[call] {
            self.replayed = true;
            return Phase::Taken;
        }
        if protocol.places && self.applied_up_to[lane(call)] > place(call) {
            self.came_late = true;
            return Phase::Reused;
        }
        if protocol.places && self.applied_up_to[lane(call)] < place(call) {
            return Phase::Failed;
        }
        self.answered[call] = true;
        self.applied_up_to[lane(call)] = place(call) + 1;
        self.effects.push(call);
        Phase::Taken
    }

    fn deliver(&mut self, protocol: Protocol, (call, token): (usize, u8)) {
        let heard = self.receive(protocol, call);
        let waiting =
            |attempt: &&mut Attempt| attempt.call == call && attempt.token == token && attempt.phase == Phase::Sent;
        if let Some(attempt) = self.relays.iter_mut().flatten().find(waiting) {
            attempt.phase = heard;
        }
    }

    fn finalise(&mut self, protocol: Protocol, attempt: Attempt) {
        let call = &mut self.calls[attempt.call];
        let ours = call.token == attempt.token && matches!(call.state, CallState::Leased { .. });
        if protocol.fence && !ours {
            self.fenced = true;
            return;
        }
        let state = match attempt.phase {
            Phase::Taken => CallState::Done,
            Phase::Reused => CallState::Parked,
            Phase::Claimed | Phase::Sent | Phase::Failed => CallState::Pending,
        };
        self.overwritten |= !ours;
        self.reopened |= call.state == CallState::Done && state != CallState::Done;
        call.state = state;
    }

    fn effects_of(&self, lane_index: usize) -> Vec<usize> {
        self.effects.iter().copied().filter(|call| lane(*call) == lane_index).collect()
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            calls: [Call { state: CallState::Pending, token: 0 }; CALLS],
            relays: [None; RELAYS],
            wire: Vec::new(),
            answered: [false; CALLS],
            applied_up_to: [0; LANES],
            effects: Vec::new(),
            faults_left: self.faults,
            reopened: false,
            overwritten: false,
            fenced: false,
            replayed: false,
            came_late: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let fault = world.faults_left > 0;
        for (relay, attempt) in world.relays.iter().enumerate() {
            match attempt {
                None => {
                    let claimable = |call: &usize| match world.calls[*call].state {
                        CallState::Pending | CallState::Leased { expired: true } => !self.heads || world.is_head(*call),
                        CallState::Leased { expired: false } | CallState::Done | CallState::Parked => false,
                    };
                    actions.extend((0..CALLS).filter(claimable).map(|call| Action::Claim(relay, call)));
                }
                Some(attempt) => {
                    match attempt.phase {
                        Phase::Claimed => actions.push(Action::Send(relay)),
                        Phase::Sent if fault => actions.push(Action::TimeOut(relay)),
                        Phase::Sent => {}
                        Phase::Taken | Phase::Failed | Phase::Reused => actions.push(Action::Finalise(relay)),
                    }
                    if fault {
                        actions.push(Action::Crash(relay));
                    }
                }
            }
        }
        for request in 0..world.wire.len() {
            actions.push(Action::Deliver(request));
            if fault {
                actions.push(Action::DeliverAndKeep(request));
            }
        }
        for call in 0..CALLS {
            let may_be_forgotten = match self.sweep {
                Sweep::Nothing => false,
                Sweep::Final => world.calls[call].state == CallState::Done,
                Sweep::Anything => true,
            };
            if may_be_forgotten && world.answered[call] {
                actions.push(Action::Sweep(call));
            }
            // A dead relay's lease runs out in any case; a living one's only when it is paused for too long.
            if world.calls[call].state == (CallState::Leased { expired: false }) && (fault || !world.is_held(call)) {
                actions.push(Action::Expire(call));
            }
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        let faulty = match action {
            Action::Claim(relay, call) => {
                let row = &mut world.calls[call];
                *row = Call { state: CallState::Leased { expired: false }, token: row.token + 1 };
                world.relays[relay] = Some(Attempt { call, token: row.token, phase: Phase::Claimed });
                false
            }
            Action::Send(relay) => {
                let attempt = world.relays[relay].as_mut()?;
                attempt.phase = Phase::Sent;
                world.wire.push((attempt.call, attempt.token));
                world.wire.sort_unstable();
                false
            }
            Action::Deliver(index) => {
                let request = world.wire.remove(index);
                world.deliver(*self, request);
                false
            }
            Action::DeliverAndKeep(index) => {
                let request = world.wire[index];
                world.deliver(*self, request);
                true
            }
            Action::TimeOut(relay) => {
                world.relays[relay].as_mut()?.phase = Phase::Failed;
                true
            }
            Action::Finalise(relay) => {
                let attempt = world.relays[relay].take()?;
                world.finalise(*self, attempt);
                false
            }
            Action::Expire(call) => {
                world.calls[call].state = CallState::Leased { expired: true };
                last.is_held(call)
            }
            Action::Crash(relay) => {
                world.relays[relay] = None;
                true
            }
            Action::Sweep(call) => {
                world.answered[call] = false;
                false
            }
        };
        world.faults_left -= u8::from(faulty);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("one effect at most", |_, world: &World| {
                (0..CALLS).all(|call| world.effects.iter().filter(|effect| **effect == call).count() <= 1)
            }),
            Property::always("lanes in order", |_, world: &World| {
                (0..LANES).all(|lane| world.effects_of(lane).is_sorted())
            }),
            Property::always("done means applied", |_, world: &World| {
                (0..CALLS).all(|call| world.calls[call].state != CallState::Done || world.effects.contains(&call))
            }),
            Property::always("a final call stays final", |_, world: &World| !world.reopened),
            Property::always("only the holder writes", |_, world: &World| !world.overwritten),
            // Every action but a fault brings a call nearer to its end, and faults are counted: no path goes on for
            // ever, so that what holds wherever nothing is left to do holds eventually.
            Property::always("eventually all is done", |model: &Self, world: &World| {
                let mut actions = Vec::new();
                model.actions(world, &mut actions);
                !actions.is_empty() || world.calls.iter().all(|call| call.state == CallState::Done)
            }),
            Property::sometimes("a zombie is fenced", |_, world: &World| world.fenced),
            Property::sometimes("a duplicate is suppressed", |_, world: &World| world.replayed),
        ];
        if self.sweep != Sweep::Nothing {
            let late = Property::sometimes("a forgotten call comes again", |_, world: &World| world.came_late);
            properties.push(late);
        }
        properties
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.calls.iter().all(|call| call.token <= self.tokens)
    }
}

/// Names of the `always` properties that do not hold.
fn broken(protocol: Protocol) -> Vec<&'static str> {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    let mut broken: Vec<_> = protocol
        .properties()
        .into_iter()
        .filter(|property| property.expectation == stateright::Expectation::Always)
        .map(|property| property.name)
        .filter(|name| checker.discovery(name).is_some())
        .collect();
    broken.sort_unstable();
    println!("{protocol:?}: {} states, broken: {broken:?}", checker.unique_state_count());
    broken
}

#[test]
fn the_protocol_gives_each_call_one_effect_in_order_and_ends() {
    let checker = PROTOCOL.checker().threads(2).spawn_bfs().join();
    amends_tests::report(&format!(
        "model of the relay: {} states, {} with repetitions",
        checker.unique_state_count(),
        checker.state_count()
    ));
    checker.assert_properties();
    assert!(checker.is_done(), "all states were looked at");
}

#[test]
fn without_the_fence_the_books_are_wrong_and_the_effects_are_right() {
    let broken = broken(Protocol { fence: false, faults: 2, ..PROTOCOL });
    assert_eq!(broken, ["a final call stays final", "only the holder writes"]);
}

#[test]
fn without_the_receivers_memory_there_are_double_effects() {
    let broken = broken(Protocol { log: false, places: false, faults: 2, ..PROTOCOL });
    assert!(broken.contains(&"one effect at most"), "{broken:?}");
}

/// The places alone prevent a second effect, but what was applied is never acknowledged when an answer is lost.
#[test]
fn without_the_log_places_alone_leave_calls_to_an_operator() {
    let broken = broken(Protocol { log: false, faults: 1, ..PROTOCOL });
    assert_eq!(broken, ["eventually all is done"]);
}

/// What is final at its sender may be forgotten: duplicates that are still on their way find the lane past them, and
/// what their sender hears is fenced.
#[test]
fn an_answer_that_no_sender_waits_for_may_be_forgotten() {
    let protocol = Protocol { sweep: Sweep::Final, faults: 2, ..PROTOCOL };
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    println!("{protocol:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// A sweep that comes too early costs an operator's time, never a second effect.
#[test]
fn a_sweep_that_comes_too_early_leaves_calls_to_an_operator() {
    let broken = broken(Protocol { sweep: Sweep::Anything, faults: 2, ..PROTOCOL });
    assert_eq!(broken, ["eventually all is done"]);
}

/// It is the places that make the sweep safe: they are never swept.
#[test]
fn without_the_places_a_swept_log_lets_a_late_duplicate_act_again() {
    let broken = broken(Protocol { sweep: Sweep::Final, places: false, faults: 2, ..PROTOCOL });
    assert!(broken.contains(&"one effect at most"), "{broken:?}");
}

#[test]
fn without_any_check_of_the_lane_calls_overtake_each_other() {
    let broken = broken(Protocol { heads: false, places: false, faults: 1, ..PROTOCOL });
    assert!(broken.contains(&"lanes in order"), "{broken:?}");
}

/// Claiming heads only saves work; the receiver's places keep the order by themselves.
#[test]
fn without_the_check_of_heads_the_receiver_still_keeps_the_order() {
    let broken = broken(Protocol { heads: false, faults: 1, tokens: 3, ..PROTOCOL });
    assert_eq!(broken, Vec::<&str>::new());
}
