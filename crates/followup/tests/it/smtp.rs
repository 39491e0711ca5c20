//! E-mail through a real SMTP conversation: what arrives, what becomes of refusals, and what cannot be smuggled in.

use std::net::SocketAddr;
use std::time::Duration;

use amends_followup::{Config, SmtpConfig, SmtpSecurity, TransportKind};
use api::followup as pb;
use api::followup::message::State;
use chassis::config::Secret;
use futures::future::join_all;
use kernel::ErrorCode;
use testkit::{Backend, TestDatabase, database_from, free_port};

use crate::harness::{FollowUp, SCHEMA, apology, email};
use crate::smtp_server::{Mail, Mood, Protection, SmtpServer};

async fn a_database(name: &str) -> TestDatabase {
    database_from(Backend::Sqlite, &SCHEMA, name).await
}

fn smtp(address: SocketAddr) -> SmtpConfig {
    SmtpConfig {
        host: "localhost".to_owned(),
        port: Some(address.port()),
        security: SmtpSecurity::None,
        username: None,
        password: Secret::default(),
        from: "Customer care <care@example.com>".to_owned(),
        timeout: Duration::from_secs(10),
        max_connections: 2,
        ca_file: None,
    }
}

fn by_email(smtp: SmtpConfig) -> impl FnOnce(&mut Config) {
    |config| {
        config.channels.email = TransportKind::Smtp;
        config.smtp = Some(smtp);
    }
}

async fn started(server: &SmtpServer, name: &str) -> FollowUp {
    FollowUp::start_with(a_database(name).await, by_email(smtp(server.address))).await
}

fn headers<'a>(mail: &'a Mail, name: &str) -> Vec<&'a str> {
    let (head, _) = mail.data.split_once("\r\n\r\n").expect("an empty line after the headers");
    let start = format!("{name}: ");
    head.split("\r\n").filter_map(|line| line.strip_prefix(start.as_str())).collect()
}

fn message_id(name: &str) -> String {
    format!("<{}@example.com>", name.trim_start_matches("messages/"))
}

#[tokio::test]
async fn a_message_arrives_as_an_email() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "email").await;
    let mut request = apology("r1");
    request.message.as_mut().unwrap().language = "de".to_owned();
    let queued = follow_up.send(request).await.unwrap();
    assert_eq!(follow_up.pump().await, []);
    assert_eq!(follow_up.message(&queued.name).await.state(), State::Sent);
    assert_eq!(follow_up.kinds().await, ["MESSAGE_SENT"]);

    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("care@example.com", ["ada@example.com".to_owned()].as_slice())
    );
    assert_eq!(headers(mail, "From"), ["\"Customer care\" <care@example.com>"]);
    assert_eq!(headers(mail, "To"), ["ada@example.com"]);
    assert_eq!(headers(mail, "Subject"), ["Es tut mir leid: your flight UA1545"]);
    assert_eq!(headers(mail, "Message-ID"), [message_id(&queued.name)]);
    assert_eq!(headers(mail, "Date"), ["Mon, 05 Jan 2026 09:00:00 +0000"]);
    assert_eq!(headers(mail, "Auto-Submitted"), ["auto-generated"]);
    assert_eq!(headers(mail, "Content-Type"), ["text/plain; charset=utf-8"]);
    assert_eq!(headers(mail, "Content-Transfer-Encoding"), ["quoted-printable"]);
    assert!(mail.data.contains("gem=C3=BCht") || mail.data.contains("=C3=A4rgerlich"), "{}", mail.data);
}

#[tokio::test]
async fn a_permanent_no_fails_the_message_and_tells_the_case() {
    let server = SmtpServer::start(Protection::None).await;
    server.becomes(Mood::NoMailbox);
    let follow_up = started(&server, "permanent").await;
    let queued = follow_up.send(apology("r1")).await.unwrap();
    assert_eq!(follow_up.pump().await, [], "the answer is on record, nothing is to be tried again");
    let failed = follow_up.message(&queued.name).await;
    assert_eq!((failed.state(), failed.attempts), (State::Failed, 1));
    assert!(failed.failure_reason.starts_with("UNDELIVERABLE: "), "{}", failed.failure_reason);
    assert!(failed.failure_reason.contains("550"), "{}", failed.failure_reason);
    let told = follow_up.milestones("intake").await;
    assert_eq!(follow_up.kinds().await, ["MESSAGE_FAILED"]);
    assert_eq!(told[0].attributes["reason"], failed.failure_reason);
    assert_eq!(server.mails().len(), 0);
}

#[tokio::test]
async fn a_transient_no_is_tried_again() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "transient").await;
    let queued = follow_up.send(apology("r1")).await.unwrap();
    for mood in [Mood::Busy, Mood::Closed] {
        server.becomes(mood);
        let failures = follow_up.pump().await;
        assert_eq!(failures.len(), 1);
        assert_eq!((failures[0].code, failures[0].reason.as_str()), (ErrorCode::Unavailable, "TRANSPORT_UNAVAILABLE"));
        assert!(failures[0].retry_after.is_some());
        assert!(!failures[0].message.contains("Greylisted"), "the server's words stay inside");
    }
    let waiting = follow_up.message(&queued.name).await;
    assert_eq!((waiting.state(), waiting.attempts), (State::Queued, 2));
    assert_eq!(follow_up.kinds().await, [""; 0]);

    server.becomes(Mood::Willing);
    assert_eq!(follow_up.pump().await, []);
    let sent = follow_up.message(&queued.name).await;
    assert_eq!((sent.state(), sent.attempts), (State::Sent, 3));
    assert_eq!(server.mails().len(), 1);
    assert_eq!(follow_up.kinds().await, ["MESSAGE_SENT"]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for() {
    let port = free_port();
    let follow_up =
        FollowUp::start_with(a_database("refused").await, by_email(smtp(([127, 0, 0, 1], port).into()))).await;
    let queued = follow_up.send(apology("r1")).await.unwrap();
    assert_eq!(follow_up.pump().await[0].reason, "TRANSPORT_UNAVAILABLE");
    assert_eq!(follow_up.message(&queued.name).await.state(), State::Queued);
    let server = SmtpServer::start_at(port, Protection::None).await;
    assert_eq!(follow_up.pump().await, []);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_sends_the_same_message_id_again() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "lost").await;
    let queued = follow_up.send(apology("r1")).await.unwrap();
    server.becomes(Mood::HangsUp);
    assert_eq!(follow_up.pump().await[0].reason, "TRANSPORT_UNAVAILABLE");
    server.becomes(Mood::Willing);
    assert_eq!(follow_up.pump().await, []);
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "at least once");
    assert_eq!(headers(&mails[0], "Message-ID"), [message_id(&queued.name)]);
    assert_eq!(mails[0].data, mails[1].data, "to the last byte");
    assert_eq!(follow_up.kinds().await, ["MESSAGE_SENT"]);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_and_tried_again() {
    let server = SmtpServer::start(Protection::None).await;
    server.becomes(Mood::Silent);
    let config = SmtpConfig { timeout: Duration::from_millis(300), ..smtp(server.address) };
    let follow_up = FollowUp::start_with(a_database("silent").await, by_email(config)).await;
    follow_up.send(apology("r1")).await.unwrap();
    assert_eq!(follow_up.pump().await[0].reason, "TRANSPORT_UNAVAILABLE");
    server.becomes(Mood::Willing);
    assert_eq!(follow_up.pump().await, []);
    assert_eq!(follow_up.kinds().await, ["MESSAGE_SENT"]);
    let mails = server.mails();
    assert_eq!((mails.len(), server.connections()), (2, 2), "the conversation that was given up is not continued");
    assert_eq!(mails[0].data, mails[1].data);
}

#[tokio::test]
async fn two_calls_at_once_hand_a_message_over_once() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "at_once").await;
    let queued = follow_up.send(apology("r1")).await.unwrap();
    let keys: Vec<_> = (0..8).map(|n| format!("d{n}")).collect();
    let answers = join_all(keys.iter().map(|key| follow_up.deliver(key, &queued.name))).await;
    assert!(answers.iter().any(Result::is_ok));
    for refused in answers.into_iter().filter_map(Result::err) {
        assert_eq!(refused.reason, "TRANSPORT_UNAVAILABLE");
    }
    assert_eq!(server.mails().len(), 1);
    assert_eq!(follow_up.message(&queued.name).await.attempts, 1);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_stop_the_hand_over() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "leaves").await;
    let queued = follow_up.send(apology("r1")).await.unwrap();
    let limit = Duration::from_micros(1);
    assert!(tokio::time::timeout(limit, follow_up.deliver("d1", &queued.name)).await.is_err());
    let sent = testkit::eventually("the message is sent", Duration::from_secs(10), || async {
        Some(follow_up.message(&queued.name).await).filter(|message| message.state() == State::Sent)
    })
    .await;
    assert_eq!(sent.attempts, 1);
    // The hand-over that goes on may hold the message for a moment longer than it takes to say that it was sent.
    let again = testkit::eventually("the same call is answered", Duration::from_secs(10), || async {
        follow_up.deliver("d1", &queued.name).await.ok()
    })
    .await;
    assert_eq!((again.state(), again.attempts), (State::Sent, 1));
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn nothing_can_be_smuggled_into_an_email() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "smuggled").await;
    let hostile = [
        "late\r\nBcc: all@example.com",
        "late\nSubject: Win\n\nClick",
        "late\r\n.\r\nMAIL FROM:<evil@example.com>\r\n",
        "late\u{2028}Bcc: all@example.com",
        "=?utf-8?B?QmNjOiBhbGxAZXhhbXBsZS5jb20=?=",
        "pay \u{202e}moc.elpmaxe\u{202c}",
        "{{ case }}{% raw %}",
        &"ü".repeat(2_000),
    ];
    for (n, topic) in hostile.iter().enumerate() {
        let mut request = apology(&format!("r{n}"));
        request.message.as_mut().unwrap().values.insert("topic".to_owned(), (*topic).to_owned());
        follow_up.send(request).await.unwrap();
    }
    assert_eq!(follow_up.pump().await, []);
    let mails = server.mails();
    assert_eq!(mails.len(), hostile.len());
    for mail in &mails {
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("care@example.com", ["ada@example.com".to_owned()].as_slice())
        );
        for name in ["Subject", "From", "To", "Message-ID", "Date", "MIME-Version"] {
            assert_eq!(headers(mail, name).len(), 1, "{name}\n{}", mail.data);
        }
        let (head, _) = mail.data.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("\r\nBcc:") && !head.contains('\u{202e}'), "{head}");
        assert!(mail.data.lines().all(|line| line.len() <= 998), "lines of an e-mail have a limit");
    }
}

#[tokio::test]
async fn an_address_that_is_none_fails_for_good() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "no_address").await;
    for (n, address) in ["ada@exa_mple.", "a..b@example.com", "ada@-example.com"].into_iter().enumerate() {
        let mut request = apology(&format!("r{n}"));
        request.message.as_mut().unwrap().to = email(address);
        // Either it is refused at the door, or it can never be delivered.
        if let Ok(queued) = follow_up.send(request).await {
            assert_eq!(follow_up.pump().await, []);
            let failed = follow_up.message(&queued.name).await;
            assert_eq!(failed.state(), State::Failed, "{address}");
            assert!(failed.failure_reason.starts_with("UNDELIVERABLE: not an address"), "{}", failed.failure_reason);
        }
    }
    assert_eq!((server.mails().len(), server.connections()), (0, 0));
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = SmtpServer::start(Protection::None).await;
    let follow_up = started(&server, "pooled").await;
    let mut names = Vec::new();
    for n in 0..40 {
        names.push(follow_up.send(apology(&format!("r{n}"))).await.unwrap().name);
    }
    let sent: Vec<Result<pb::Message, _>> = join_all(names.iter().map(|name| follow_up.deliver(name, name))).await;
    assert!(sent.iter().all(Result::is_ok));
    assert_eq!(server.mails().len(), 40);
    assert!(server.connections() <= 2, "{} connections, allowed are 2", server.connections());
}

#[tokio::test]
async fn wrong_credentials_say_nothing_about_the_customers_address() {
    let server = SmtpServer::start(Protection::Implicit).await;
    server.wants_password("right");
    let scratch = testkit::Scratch::new("smtp");
    let ca_file = scratch.path().join("ca.pem");
    std::fs::write(&ca_file, &server.certificate).unwrap();
    let config = |password: &str| SmtpConfig {
        security: SmtpSecurity::Implicit,
        username: Some("care".to_owned()),
        password: Secret::new(password),
        ca_file: Some(ca_file.clone()),
        ..smtp(server.address)
    };
    let follow_up = FollowUp::start_with(a_database("credentials").await, by_email(config("wrong"))).await;
    let queued = follow_up.send(apology("r1")).await.unwrap();
    assert_eq!(follow_up.pump().await[0].reason, "TRANSPORT_UNAVAILABLE");
    assert_eq!(follow_up.message(&queued.name).await.state(), State::Queued);
    assert_eq!(server.mails().len(), 0);

    let mended = FollowUp::start_with(a_database("credentials").await, by_email(config("right"))).await;
    mended.send(apology("r1")).await.unwrap();
    assert_eq!(mended.pump().await, []);
    assert!(server.mails()[0].over_tls);
    assert!(server.logins().contains(&("care".to_owned(), "right".to_owned())));
}

#[tokio::test]
async fn starttls_is_used_and_a_server_without_it_gets_nothing() {
    let protected = SmtpServer::start(Protection::Starttls).await;
    let scratch = testkit::Scratch::new("smtp");
    let ca_file = scratch.path().join("ca.pem");
    std::fs::write(&ca_file, &protected.certificate).unwrap();
    let config = |server: &SmtpServer, ca_file: Option<std::path::PathBuf>| SmtpConfig {
        security: SmtpSecurity::Starttls,
        ca_file,
        ..smtp(server.address)
    };
    let trusted = config(&protected, Some(ca_file.clone()));
    let follow_up = FollowUp::start_with(a_database("starttls").await, by_email(trusted)).await;
    follow_up.send(apology("r1")).await.unwrap();
    assert_eq!(follow_up.pump().await, []);
    assert_eq!(protected.mails().len(), 1);

    let bare = SmtpServer::start(Protection::None).await;
    for (server, ca_file) in [(&bare, Some(ca_file)), (&protected, None)] {
        let follow_up = FollowUp::start_with(a_database("starttls").await, by_email(config(server, ca_file))).await;
        follow_up.send(apology("r1")).await.unwrap();
        assert_eq!(follow_up.pump().await[0].reason, "TRANSPORT_UNAVAILABLE");
    }
    assert_eq!((bare.mails().len(), protected.mails().len()), (0, 1));
}
