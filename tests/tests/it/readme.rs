//! The README's commands are run as they stand there, and say what it says that they say.
//!
//! Ids and times differ from run to run: an id of the README stands for one id of this run, everywhere, and a time for
//! any time. `…` stands for what the README leaves out. With `AMENDS_REWRITE_README=1` the README gets this run's ids and
//! outputs, where nothing is left out. Only `amends` is run: what other programs say is theirs to test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use amends_tests::running::Running;
use testkit::Scratch;
use tokio::time::Instant;

const BINARY: &str = env!("CARGO_BIN_EXE_amends_node");
const PATIENCE: Duration = Duration::from_secs(60);
/// Commands that change nothing may be asked again until what they wait for has happened.
const READS: [&str; 7] = ["list", "get", "timeline", "outcome", "transactions", "assess", "backtest"];

/// A command of the README and what it shows under it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    /// First line of the output, counted from zero.
    line: usize,
    command: String,
    output: Vec<String>,
}

impl Step {
    /// Says whether the README shows only a part of the output.
    fn leaves_out(&self) -> bool {
        self.output.iter().any(|line| line.trim() == "…")
    }
}

/// The commands that begin with `amends`.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut in_block, mut in_step, mut continued) = (false, false, false);
    for (number, line) in readme.lines().enumerate() {
        if line.starts_with("```") {
            (in_block, in_step, continued) = (!in_block, false, false);
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_block) {
            in_step = command.starts_with("amends ");
            continued = command.ends_with('\\');
            if in_step {
                steps.push(Step { line: number + 1, command: command.to_owned(), output: Vec::new() });
            }
        } else if let Some(step) = steps.last_mut().filter(|_| in_step) {
            if continued {
                continued = line.ends_with('\\');
                step.command = format!("{}\n{line}", step.command);
                step.line = number + 1;
            } else {
                step.output.push(line.to_owned());
            }
        }
    }
    for step in &mut steps {
        while step.output.last().is_some_and(String::is_empty) {
            step.output.pop();
        }
    }
    steps
}

/// A line, cut where something differs from run to run.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Id(&'a str),
    Time,
    /// The number of changes, which depends on what came in between.
    Etag,
}

fn is_shape(text: &str, shape: &str) -> bool {
    text.len() >= shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'x' => byte.is_ascii_hexdigit(),
            b'0' => byte.is_ascii_digit(),
            _ => byte == wanted,
        })
}

const ID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const TIME: &str = "0000-00-00T00:00:00";

fn parts(line: &str) -> Vec<Part<'_>> {
    if line.starts_with("etag ") {
        return vec![Part::Etag];
    }
    let mut parts = Vec::new();
    let (mut rest, mut text) = (line, 0);
    while text < rest.len() {
        let here = rest.get(text..).unwrap_or_default();
        let (part, length) = if is_shape(here, ID) {
            (Part::Id(&here[..ID.len()]), ID.len())
        } else if is_shape(here, TIME) {
            let fraction = here[TIME.len()..].find(|c: char| c != '.' && !c.is_ascii_digit());
            (Part::Time, TIME.len() + fraction.unwrap_or(here.len() - TIME.len()))
        } else {
            text += 1;
            continue;
        };
        parts.extend([Part::Text(&rest[..text]), part]);
        rest = &rest[text + length..];
        text = 0;
    }
    parts.push(Part::Text(rest));
    parts
}

/// A table without what depends on who was faster: the order within one moment, and a case's state at it.
fn in_any_order(table: &[String]) -> Vec<String> {
    let Some((header, rows)) = table.split_first() else { return Vec::new() };
    let column = |name: &str| header.find(name);
    let state = column("STATE").zip(column("SUMMARY"));
    let row = |row: &String| match state.and_then(|(from, to)| row.get(..from).zip(row.get(to..))) {
        Some((before, after)) => format!("{before}{after}"),
        None => row.clone(),
    };
    let mut rows: Vec<_> = rows.iter().map(row).collect();
    let words = |row: &String| -> String {
        let text = |part| if let Part::Text(text) = part { Some(text.to_owned()) } else { None };
        parts(row).into_iter().filter_map(text).collect()
    };
    rows.sort_by_cached_key(words);
    rows.insert(0, header.clone());
    rows
}

/// Which id of this run stands for which of the README.
#[derive(Clone, Debug, Default)]
struct Ids(BTreeMap<String, String>);

impl Ids {
    /// Says whether a line of this run is a line of the README, and learns its ids. `cut`: the end was cut off.
    fn line(&mut self, expected: &str, actual: &str, cut: bool) -> bool {
        let (wanted, got) = (parts(expected), parts(actual));
        let last = wanted.len() - 1;
        wanted.len() == got.len()
            && wanted.iter().zip(&got).enumerate().all(|(index, parts)| match parts {
                (Part::Id(wanted), Part::Id(got)) => {
                    self.0.entry((*wanted).to_owned()).or_insert_with(|| (*got).to_owned()) == got
                }
                (Part::Text(wanted), Part::Text(got)) if cut && index == last => {
                    wanted.starts_with(got) || got.starts_with(wanted)
                }
                (wanted, got) => wanted == got,
            })
    }

    /// All lines, with what is left out anywhere.
    fn lines(&mut self, expected: &[String], actual: &[String], cut: bool) -> bool {
        let Some((first, others)) = expected.split_first() else { return actual.is_empty() };
        if first.trim() == "…" {
            return (0..=actual.len()).any(|skipped| {
                let mut ids = self.clone();
                let fits = ids.lines(others, &actual[skipped..], cut);
                if fits {
                    *self = ids;
                }
                fits
            });
        }
        let Some((line, rest)) = actual.split_first() else { return false };
        self.line(first, line, cut) && self.lines(others, rest, cut)
    }

    /// Says whether a run said what the README says, and learns its ids.
    fn fit(&mut self, step: &Step, said: &[String]) -> bool {
        let is_story = [" timeline ", " transactions"].iter().any(|table| step.command.contains(table));
        let order = |lines: &[String]| if is_story { in_any_order(lines) } else { lines.to_vec() };
        self.lines(&order(&step.output), &order(said), step.command.contains("| cut "))
    }

    /// The README's words with this run's ids.
    fn put_into(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (readme, run)| text.replace(readme, run))
    }
}

/// `amends dev`, as the README starts it, with check-ins that come at once.
struct Dev {
    directory: Scratch,
    address: String,
    _process: Running,
}

impl Dev {
    fn start() -> Self {
        let directory = Scratch::new("readme");
        let alias = directory.path().join("amends");
        std::os::unix::fs::symlink(BINARY, alias).expect("a link can be made");
        let listen = format!("127.0.0.1:{}", testkit::free_port());
        let mut command = Command::new(BINARY);
        command
            .args(["dev", "--listen", &listen])
            .current_dir(directory.path())
            .env("AMENDS_FOLLOWUP__CADENCE", r#"["1s", "7d", "7d"]"#)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Running::start(&mut command).expect("the binary runs");
        Self { directory, address: format!("http://{listen}"), _process: process }
    }

    async fn run(&self, command: &str) -> Output {
        let mut shell = Command::new("bash");
        shell
            .args(["-o", "pipefail", "-c", &format!("PATH=\"$PWD:$PATH\"\n{command}")])
            .current_dir(self.directory.path())
            .env("AMENDS_ADDRESS", &self.address)
            .stdin(Stdio::null());
        tokio::task::spawn_blocking(move || shell.output()).await.expect("no panic").expect("a shell runs")
    }
}

/// Runs a step until it says what the README says, and gives what it said; in a rewrite, whatever it says in the end.
async fn run(dev: &Dev, ids: &mut Ids, step: &Step, rewrite: bool) -> Vec<String> {
    let command = ids.put_into(&step.command);
    let is_read = step.command.split_whitespace().take(3).any(|word| READS.contains(&word));
    let (ids, told) = (RefCell::new(ids), RefCell::new(String::new()));
    let rewrite_at = Instant::now() + Duration::from_secs(5);
    testkit::eventually(&step.command, PATIENCE, || async {
        let output = dev.run(&command).await;
        let text = String::from_utf8(output.stdout).expect("text");
        let said: Vec<_> = text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
        let mut learnt = ids.borrow().clone();
        if output.status.success() && learnt.fit(step, &said) {
            **ids.borrow_mut() = learnt;
            return Some(said);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let differs = format!("$ {command}\n{text}{errors}\nwhere the README has\n{}\n", step.output.join("\n"));
        if !output.status.success() || (is_read && !(rewrite && Instant::now() > rewrite_at)) {
            // Told once, for whoever reads why the time ran out.
            if *told.borrow() != differs {
                eprintln!("{differs}");
                told.replace(differs);
            }
            return None;
        }
        assert!(rewrite && !step.leaves_out(), "{differs}");
        for (readme, run) in step.output.iter().zip(&said) {
            ids.borrow_mut().line(readme, run, true);
        }
        Some(said)
    })
    .await
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "what a developer asks of this test, not configuration of the suite")]
async fn every_command_says_what_the_readme_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(&path).expect("the README is there");
    let steps = steps(&text);
    assert!(steps.len() >= 16, "the README shows how to use it: {} commands", steps.len());
    let rewrite = std::env::var("AMENDS_REWRITE_README").is_ok_and(|value| value == "1");
    let dev = Dev::start();
    let mut ids = Ids::default();
    let mut outputs = Vec::new();
    for step in &steps {
        outputs.push(run(&dev, &mut ids, step, rewrite).await);
    }
    if rewrite {
        let mut lines: Vec<_> = text.lines().map(|line| ids.put_into(line)).collect();
        for (step, output) in steps.iter().zip(outputs).rev().filter(|(step, _)| !step.leaves_out()) {
            lines.splice(step.line..step.line + step.output.len(), output);
        }
        std::fs::write(&path, format!("{}\n", lines.join("\n"))).expect("the README can be written");
    }
}

#[test]
fn what_differs_is_found() {
    let step = &steps(
        "```\n$ amends case get cases/1 \\\n    --all\nid 00000000-0000-0000-0000-000000000001\n…\nend\n\n```\n",
    )[0];
    assert_eq!(step.command, "amends case get cases/1 \\\n    --all");
    assert_eq!((step.line, step.output.len()), (3, 3));
    let mut ids = Ids::default();
    let run = |id: char, rest: &[&str]| -> Vec<String> {
        let first = format!("id 00000000-0000-0000-0000-00000000000{id}");
        std::iter::once(first).chain(rest.iter().map(|line| (*line).to_owned())).collect()
    };
    assert!(ids.fit(step, &run('a', &["x", "y", "end"])));
    assert!(!ids.fit(step, &run('a', &["x", "y"])), "an end that is missing");
    assert!(!ids.fit(step, &run('b', &["end"])), "another id");
    assert_eq!(ids.put_into("get 00000000-0000-0000-0000-000000000001"), "get 00000000-0000-0000-0000-00000000000a");
    assert!(ids.line("at 2026-11-22T00:01:04Z", "at 2027-01-01T10:00:00.123456Z", false));
    assert!(!ids.line("state OPEN", "state CLOSED", false));
}
