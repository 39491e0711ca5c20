//! The help is true: every example can be typed.

use clap::{CommandFactory as _, Parser as _};

use super::Cli;

const ID: &str = "01980000-0000-7000-8000-000000000001";

#[test]
fn the_commands_are_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_example_can_be_typed() {
    let mut count = 0;
    examples(&Cli::command(), &mut |line| {
        let words = words(line);
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{line}\n{error}");
        }
        count += 1;
    });
    assert!(count >= 12, "{count} examples");
}

fn examples(command: &clap::Command, check: &mut impl FnMut(&str)) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
    help.lines().map(str::trim).filter(|line| line.starts_with("amends ")).for_each(&mut *check);
    command.get_subcommands().for_each(|sub| examples(sub, check));
}

/// Words as a shell splits them; words in capitals stand for an id.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    let is_placeholder = |word: &String| word.len() > 3 && word.bytes().all(|b| b.is_ascii_uppercase());
    words.into_iter().map(|word| if is_placeholder(&word) { ID.to_owned() } else { word }).collect()
}

#[test]
fn bad_use_is_refused_before_anything_is_sent() {
    for line in [
        "amends case open --event parcel.lost",
        "amends case open --customer ann --event parcel.lost",
        "amends case open --customer email=a@b --event x --at yesterday",
        "amends case open --customer email=a@b --event x --severity awful",
        "amends case get 7",
        "amends survey submit 01980000-0000-7000-8000-000000000001 --score 11",
        "amends disruption add-affected 01980000-0000-7000-8000-000000000001",
        "amends offer make 01980000-0000-7000-8000-000000000001 --made-by Kim --option money:50",
        "amends calls list",
    ] {
        let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
