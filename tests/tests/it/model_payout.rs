//! A model of the payout step: two processes, a provider that remembers a key for a while and learns of its own
//! executions late, webhooks that may lie, people who decide what the machine could not find out; and every order in
//! which crashes, pauses, lost requests and lost answers can come. Checked whole, as far as the number of steps and
//! faults goes. Each protection is then taken away, and the checker must find what it protects from.
//!
//! What stands for what: `Begin`, `Act` and `Record` are the three parts of `compensation::app::advance_payout`. Time is
//! where it matters only: the key protects a send (`Protected`), it does not any more (`Margin`), the provider has
//! forgotten it (`Forgotten`). A request that was sent in time arrives before the key is forgotten: that is what the
//! margin of a quarter is for.

use stateright::{Checker as _, Model, Property};

const PROCESSES: usize = 2;

/// Which protections are there.
#[derive(Clone, Copy, Debug)]
struct Protocol {
    /// The intent is recorded before a byte leaves.
    intent_first: bool,
    /// Every attempt carries the same key.
    constant_key: bool,
    /// The key's time is looked at when a step begins.
    window_at_begin: bool,
    /// And again immediately before every send, the first one included.
    window_before_send: bool,
    /// Findings of older steps do not count, successes excepted.
    fence: bool,
    /// An answer that is lost does not let the payout be withdrawn.
    unknown_stays: bool,
    /// That the provider does not know the payout is no proof.
    not_found_is_no_proof: bool,
    /// The second look-up is one that began after the provider had its time, not one whose answer came after it.
    asked_late_enough: bool,
    /// After the key's time there is no other key.
    no_new_key: bool,
    /// A webhook has the payout looked up, and no more.
    webhooks_are_hints: bool,
    /// Requests arrive within the margin.
    requests_arrive_in_time: bool,
    /// Crashes, lost requests, lost answers.
    faults: u8,
    /// Steps that are looked at.
    steps: u8,
}

const PROTOCOL: Protocol = Protocol {
    intent_first: true,
    constant_key: true,
    window_at_begin: true,
    window_before_send: true,
    fence: true,
    unknown_stays: true,
    not_found_is_no_proof: true,
    asked_late_enough: true,
    no_new_key: true,
    webhooks_are_hints: true,
    requests_arrive_in_time: true,
    faults: 2,
    steps: 4,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Reserved,
    Submitting,
    Unknown,
    Confirmed,
    Declined,
    Manual,
    Voided,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Window {
    Protected,
    Margin,
    Forgotten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Finding {
    Executed,
    NotFound,
    Lost,
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Process {
    Idle,
    /// The intent is recorded; nothing was done yet.
    Begun {
        step: u8,
        sends: bool,
    },
    /// The request is on its way.
    Sent {
        step: u8,
    },
    /// An answer came, and is not recorded yet.
    Found {
        step: u8,
        finding: Finding,
    },
}

/// How far the search for a payout that the provider does not know has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Search {
    NotBegun,
    /// Not found once.
    Once,
    /// And the provider has had its time since.
    DelayPassed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    state: State,
    steps: u8,
    window: Option<Window>,
    search: Search,
    /// The last step began after the provider had its time: the row has the time of the last step only.
    began_late: bool,
    processes: [Process; PROCESSES],
    /// Requests under way: process, step and key, sorted.
    wire: Vec<(usize, u8, u8)>,
    /// The key of the next attempt, when keys change.
    key: u8,
    /// Keys that the provider has executed under.
    known: Vec<u8>,
    /// Executions.
    paid: u8,
    /// Look-ups know of them.
    visible: bool,
    faults_left: u8,
    /// A success came from a step that was not the last one.
    late_success: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Begin(usize),
    /// A webhook, true or not, has a look-up begun.
    Hint(usize),
    /// A webhook says that it was executed, true or not.
    Tell,
    Act(usize),
    Arrive(usize),
    LoseRequest(usize),
    TimeOut(usize),
    Record(usize),
    Crash(usize),
    /// The key's time goes on.
    Pass,
    /// Look-ups learn of the execution.
    Show,
    /// The provider has had its time since the first look-up.
    Delay,
    Withdraw,
    /// Two people find no execution, as the machine told them.
    RuleOut,
}

impl World {
    fn is_moving(&self) -> bool {
        matches!(self.state, State::Reserved | State::Submitting | State::Unknown)
    }

    fn is_protected(&self) -> bool {
        self.window.is_none_or(|window| window == Window::Protected)
    }

    fn begin(&mut self, protocol: Protocol, process: usize, hinted: bool) {
        let step = self.steps + 1;
        if !protocol.no_new_key && !self.is_protected() {
            (self.key, self.window) = (self.key + 1, Some(Window::Protected));
        }
        let sends = !hinted && (self.is_protected() || !protocol.window_at_begin);
        if protocol.intent_first || hinted {
            self.steps = step;
            self.state = State::Submitting;
            self.window.get_or_insert(Window::Protected);
            self.began_late = self.search == Search::DelayPassed;
        }
        self.processes[process] = Process::Begun { step, sends };
    }

    fn act(&mut self, protocol: Protocol, process: usize, step: u8, sends: bool) {
        if sends && (self.is_protected() || !protocol.window_before_send) {
            let key = if protocol.constant_key { self.key } else { step };
            self.wire.push((process, step, key));
            self.wire.sort_unstable();
            self.processes[process] = Process::Sent { step };
        } else {
            let finding = if self.visible { Finding::Executed } else { Finding::NotFound };
            self.processes[process] = Process::Found { step, finding };
        }
    }

    fn arrive(&mut self, (process, step, key): (usize, u8, u8)) {
        let remembered = self.window != Some(Window::Forgotten) && self.known.contains(&key);
        if !remembered {
            self.paid += 1;
            self.known.push(key);
            self.known.sort_unstable();
            self.known.dedup();
        }
        if self.processes[process] == (Process::Sent { step }) {
            self.processes[process] = Process::Found { step, finding: Finding::Executed };
        }
    }

    fn record(&mut self, protocol: Protocol, step: u8, finding: Finding) {
        if !protocol.intent_first && step > self.steps && self.is_moving() {
            (self.steps, self.state) = (step, State::Submitting);
            self.window.get_or_insert(Window::Protected);
        }
        if finding == Finding::Executed {
            if matches!(self.state, State::Submitting | State::Unknown | State::Manual) {
                self.late_success |= step != self.steps;
                self.state = State::Confirmed;
            }
            return;
        }
        if (protocol.fence && step != self.steps) || !self.is_moving() {
            return;
        }
        match finding {
            Finding::Executed | Finding::Lost => self.state = State::Unknown,
            Finding::NotFound if !protocol.not_found_is_no_proof => self.state = State::Declined,
            Finding::NotFound if self.is_protected() => self.state = State::Unknown,
            Finding::NotFound => match self.search {
                Search::DelayPassed if self.began_late || !protocol.asked_late_enough => self.state = State::Manual,
                Search::DelayPassed => self.state = State::Unknown,
                Search::NotBegun | Search::Once => (self.search, self.state) = (Search::Once, State::Unknown),
            },
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            state: State::Reserved,
            steps: 0,
            window: None,
            search: Search::NotBegun,
            began_late: false,
            processes: [Process::Idle; PROCESSES],
            wire: Vec::new(),
            key: 0,
            known: Vec::new(),
            paid: 0,
            visible: false,
            faults_left: self.faults,
            late_success: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // Steps that are in a process's memory only, when no intent is recorded.
        let unrecorded = |process: &&Process| **process != Process::Idle && !self.intent_first;
        let begun = world.processes.iter().filter(unrecorded).count();
        for process in 0..PROCESSES {
            match world.processes[process] {
                Process::Idle if world.is_moving() && usize::from(world.steps) + begun < usize::from(self.steps) => {
                    actions.push(Action::Begin(process));
                    if world.state != State::Reserved {
                        actions.push(Action::Hint(process));
                    }
                }
                Process::Idle => {}
                Process::Begun { .. } => actions.push(Action::Act(process)),
                Process::Sent { .. } if world.faults_left > 0 => actions.push(Action::TimeOut(process)),
                Process::Sent { step } if !world.wire.iter().any(|(_, sent, _)| *sent == step) => {
                    actions.push(Action::TimeOut(process));
                }
                Process::Sent { .. } => {}
                Process::Found { .. } => actions.push(Action::Record(process)),
            }
            if world.faults_left > 0 && world.processes[process] != Process::Idle {
                actions.push(Action::Crash(process));
            }
        }
        for index in 0..world.wire.len() {
            actions.push(Action::Arrive(index));
            if world.faults_left > 0 {
                actions.push(Action::LoseRequest(index));
            }
        }
        let arrives = !self.requests_arrive_in_time || world.wire.is_empty();
        match world.window {
            Some(Window::Protected) => actions.push(Action::Pass),
            // A process that has looked at the window sends at once: what it sends is on the wire.
            Some(Window::Margin) if arrives => actions.push(Action::Pass),
            Some(Window::Margin | Window::Forgotten) | None => {}
        }
        if world.paid > 0 && !world.visible {
            actions.push(Action::Show);
        }
        if world.search == Search::Once && arrives {
            actions.push(Action::Delay);
        }
        if world.state == State::Reserved || (!self.unknown_stays && world.state == State::Unknown) {
            actions.push(Action::Withdraw);
        }
        if world.state == State::Manual {
            actions.push(Action::RuleOut);
        }
        if !self.webhooks_are_hints && matches!(world.state, State::Submitting | State::Unknown) {
            actions.push(Action::Tell);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        let mut faulty = false;
        match action {
            Action::Begin(process) => world.begin(*self, process, false),
            Action::Hint(process) => world.begin(*self, process, true),
            Action::Tell => world.state = State::Confirmed,
            Action::Act(process) => {
                let Process::Begun { step, sends } = world.processes[process] else { return None };
                world.act(*self, process, step, sends);
            }
            Action::Arrive(index) => {
                let request = world.wire.remove(index);
                world.arrive(request);
            }
            Action::LoseRequest(index) => {
                world.wire.remove(index);
                faulty = true;
            }
            Action::TimeOut(process) => {
                let Process::Sent { step } = world.processes[process] else { return None };
                faulty = world.wire.iter().any(|(_, sent, _)| *sent == step);
                world.processes[process] = Process::Found { step, finding: Finding::Lost };
            }
            Action::Record(process) => {
                let Process::Found { step, finding } = world.processes[process] else { return None };
                world.processes[process] = Process::Idle;
                world.record(*self, step, finding);
            }
            Action::Crash(process) => {
                world.processes[process] = Process::Idle;
                faulty = true;
            }
            Action::Pass => {
                let next = if last.window == Some(Window::Protected) { Window::Margin } else { Window::Forgotten };
                world.window = Some(next);
            }
            Action::Show => world.visible = true,
            Action::Delay => {
                world.search = Search::DelayPassed;
                world.visible |= world.paid > 0;
            }
            Action::Withdraw => world.state = State::Voided,
            Action::RuleOut => world.state = State::Declined,
        }
        world.faults_left -= u8::from(faulty);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("paid at most once", |_, world: &World| world.paid <= 1),
            Property::always("confirmed means paid", |_, world: &World| {
                world.state != State::Confirmed || world.paid > 0
            }),
            Property::always("declined or voided means not paid", |_, world: &World| {
                !matches!(world.state, State::Declined | State::Voided) || world.paid == 0
            }),
            Property::sometimes("it is paid and confirmed", |_, world: &World| world.state == State::Confirmed),
            Property::sometimes("a success of an older step counts", |_, world: &World| world.late_success),
            Property::sometimes("a person is asked", |_, world: &World| world.state == State::Manual),
            Property::sometimes("the key is forgotten", |_, world: &World| world.window == Some(Window::Forgotten)),
        ]
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.paid <= 2
    }
}

/// Names of the `always` properties that do not hold, with the shortest way there printed.
fn broken(why: &str, protocol: Protocol) -> Vec<&'static str> {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    let always = |property: &Property<Protocol>| property.expectation == stateright::Expectation::Always;
    let mut broken = Vec::new();
    for property in protocol.properties().iter().filter(|property| always(property)) {
        if let Some(path) = checker.discovery(property.name) {
            println!("{why}: not `{}` after {:?}", property.name, path.into_actions());
            broken.push(property.name);
        }
    }
    println!("{why}: {} states, broken: {broken:?}", checker.unique_state_count());
    broken
}

#[test]
fn the_protocol_pays_once_and_never_gives_up_what_was_paid() {
    let checker = PROTOCOL.checker().threads(2).spawn_bfs().join();
    amends_tests::report(&format!(
        "model of the payout step: {} states, {} with repetitions",
        checker.unique_state_count(),
        checker.state_count()
    ));
    checker.assert_properties();
    assert!(checker.is_done(), "all states were looked at");
}

const ONCE: &str = "paid at most once";
const PAID: &str = "confirmed means paid";
const NOT_PAID: &str = "declined or voided means not paid";

#[test]
fn every_wrong_design_is_found_out() {
    let designs = [
        ("no intent first", Protocol { intent_first: false, ..PROTOCOL }, NOT_PAID),
        ("a new key for each attempt", Protocol { constant_key: false, ..PROTOCOL }, ONCE),
        ("no window at all", Protocol { window_at_begin: false, window_before_send: false, ..PROTOCOL }, ONCE),
        ("the window looked at when a step begins only", Protocol { window_before_send: false, ..PROTOCOL }, ONCE),
        ("findings of older steps count", Protocol { fence: false, ..PROTOCOL }, NOT_PAID),
        ("what is not known is withdrawn", Protocol { unknown_stays: false, ..PROTOCOL }, NOT_PAID),
        ("not found taken as proof", Protocol { not_found_is_no_proof: false, ..PROTOCOL }, NOT_PAID),
        ("an answer's time taken for the question's", Protocol { asked_late_enough: false, ..PROTOCOL }, NOT_PAID),
        ("another key after the key's time", Protocol { no_new_key: false, faults: 1, ..PROTOCOL }, ONCE),
        ("webhooks believed", Protocol { webhooks_are_hints: false, ..PROTOCOL }, PAID),
        ("requests under way longer than the margin", Protocol { requests_arrive_in_time: false, ..PROTOCOL }, ONCE),
    ];
    let found = designs.iter().filter(|(why, protocol, expected)| broken(why, *protocol).contains(expected)).count();
    amends_tests::report(&format!("model of the payout step: {found}/{} wrong designs are found out", designs.len()));
    assert_eq!(found, designs.len());
}

/// The look at the window when a step begins only saves a step: the one before each send protects.
#[test]
fn the_window_before_each_send_is_enough() {
    let broken = broken("the window before each send only", Protocol { window_at_begin: false, ..PROTOCOL });
    assert_eq!(broken, Vec::<&str>::new());
}
