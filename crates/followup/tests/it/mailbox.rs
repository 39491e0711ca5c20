//! The mailbox file: many at once, files that are moved or torn, and who may read it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use api::common::contact_point::Kind;
use futures::future::join_all;
use testkit::{Backend, database_from};

use crate::harness::{FollowUp, SCHEMA, apology, contact};

async fn follow_up(name: &str) -> FollowUp {
    FollowUp::start(database_from(Backend::Sqlite, &SCHEMA, name).await).await
}

/// The messages of an mbox file, as its readers part them.
fn parts(text: &str) -> Vec<&str> {
    let starts: Vec<usize> = text
        .match_indices("From amends ")
        .filter(|(at, _)| *at == 0 || text[..*at].ends_with("\n\n"))
        .map(|(at, _)| at)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_there_and_whole() {
    let follow_up = follow_up("many").await;
    let requests = (0..300).map(|n| {
        let mut request = apology(&format!("r{n}"));
        let message = request.message.as_mut().unwrap();
        message.values.insert("topic".to_owned(), format!("matter {n}"));
        message.case = crate::harness::case(n + 1);
        follow_up.send(request)
    });
    let names: Vec<_> = join_all(requests).await.into_iter().map(|queued| queued.unwrap().name).collect();
    let sent = join_all(names.iter().map(|name| follow_up.deliver(name, name))).await;
    assert!(sent.iter().all(Result::is_ok));
    let text = follow_up.mail();
    let parts = parts(&text);
    assert_eq!(parts.len(), 300);
    let mut found = BTreeSet::new();
    for part in parts {
        let line = |name: &str| part.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let id = line("Message-ID: <").trim_end_matches("@amends>");
        assert_eq!(line("X-Amends-Message: messages/"), id);
        assert!(part.ends_with(&format!("Your reference: {}\n\n", line("X-Amends-Case: "))), "{part}");
        found.insert(format!("messages/{id}"));
    }
    assert_eq!(found, names.into_iter().collect());
}

#[tokio::test]
async fn only_its_owner_may_read_it() {
    let follow_up = follow_up("owner").await;
    let mode = std::fs::metadata(&follow_up.mailbox).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn it_may_be_moved_away_and_torn() {
    let follow_up = follow_up("moved").await;
    follow_up.send(apology("r1")).await.unwrap();
    follow_up.pump().await;
    std::fs::remove_dir_all(follow_up.mailbox.parent().unwrap()).unwrap();
    follow_up.send(apology("r2")).await.unwrap();
    assert_eq!(follow_up.pump().await, []);
    let text = follow_up.mail();
    assert_eq!(parts(&text).len(), 1);

    // A write that was cut off: the next message is whole all the same.
    std::fs::write(&follow_up.mailbox, &text[..text.len() / 2]).unwrap();
    follow_up.send(apology("r3")).await.unwrap();
    assert_eq!(follow_up.pump().await, []);
    let text = follow_up.mail();
    assert_eq!(parts(&text).len(), 2);
    assert!(parts(&text)[1].contains("Your reference: "));
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_tried_again() {
    let follow_up = follow_up("unwritable").await;
    let directory = follow_up.mailbox.parent().unwrap();
    std::fs::remove_dir_all(directory).unwrap();
    std::fs::write(directory, "a file where the directory was").unwrap();
    follow_up.send(apology("r1")).await.unwrap();
    assert_eq!(follow_up.pump().await[0].reason, "TRANSPORT_UNAVAILABLE");
    std::fs::remove_file(directory).unwrap();
    assert_eq!(follow_up.pump().await, []);
    assert_eq!(parts(&follow_up.mail()).len(), 1);
}

#[tokio::test]
async fn no_body_starts_a_message_of_its_own() {
    let follow_up = follow_up("quoted").await;
    let mut request = apology("r1");
    let message = request.message.as_mut().unwrap();
    message.template = "question".to_owned();
    let words = "Was it this?\n\nFrom amends Mon Jan  5 09:00:00 2026\nSubject: Win\n>From me";
    message.values.insert("question".to_owned(), words.to_owned());
    follow_up.send(request).await.unwrap();
    follow_up.pump().await;
    let text = follow_up.mail();
    assert_eq!(parts(&text).len(), 1);
    assert!(text.contains("\n>From amends Mon") && text.contains("\n>>From me"), "{text}");
}

#[tokio::test]
async fn phones_and_apps_go_there_too() {
    let follow_up = follow_up("channels").await;
    for (n, to) in [contact(Kind::Phone, "+491701234567"), contact(Kind::App, "user-7")].into_iter().enumerate() {
        let mut request = apology(&format!("r{n}"));
        request.message.as_mut().unwrap().to = to;
        follow_up.send(request).await.unwrap();
    }
    assert_eq!(follow_up.pump().await, []);
    let text = follow_up.mail();
    assert!(text.contains("\nTo: +491701234567 (PHONE)\n") && text.contains("\nTo: user-7 (APP)\n"), "{text}");
    let channels: Vec<_> =
        follow_up.milestones("intake").await.iter().map(|milestone| milestone.attributes["channel"].clone()).collect();
    assert_eq!(channels, ["PHONE", "APP"]);
}
