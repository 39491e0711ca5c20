//! Messages: asked for, queued, handed over, and what is said about them.

use std::collections::BTreeMap;

use api::followup as pb;
use api::followup::message::State;
use api::reason;
use futures::future::join_all;
use kernel::ErrorCode;
use testkit::TestDatabase;
use uuid::Uuid;

use crate::harness::{FollowUp, SCHEMA, apology, as_backend, as_client, case, email, error};

testkit::on_both_databases! {
    template: SCHEMA;

    async fn a_message_is_rendered_queued_and_handed_over(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let queued = follow_up.send(apology("r1")).await.unwrap();
        assert_eq!(queued.state(), State::Queued);
        assert_eq!(queued.subject, "I am sorry about your flight UA1545");
        assert!(queued.body.contains(&case(1)));
        assert_eq!(follow_up.message(&queued.name).await, queued);
        assert_eq!(follow_up.kinds().await, [""; 0]);

        assert_eq!(follow_up.pump().await, []);
        let sent = follow_up.message(&queued.name).await;
        assert_eq!((sent.state(), sent.attempts), (State::Sent, 1));
        assert_eq!(sent.sent_time, queued.create_time, "the clock has not moved");
        assert_eq!(sent.body, queued.body);

        let told = follow_up.milestones("intake").await;
        assert_eq!(follow_up.kinds().await, ["MESSAGE_SENT"]);
        assert_eq!((&told[0].case, &told[0].subject), (&case(1), &queued.name));
        let attributes = BTreeMap::from([
            ("message".to_owned(), queued.name.clone()),
            ("template".to_owned(), "apology".to_owned()),
            ("channel".to_owned(), "EMAIL".to_owned()),
        ]);
        assert_eq!(told[0].attributes, attributes);
        assert!(follow_up.mail().contains("Subject: I am sorry about your flight UA1545"));
    }

    async fn the_same_request_has_one_effect_and_one_answer(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let first = follow_up.send(apology("r1")).await.unwrap();
        let twins = join_all((0..8).map(|_| follow_up.send(apology("r1")))).await;
        assert!(twins.into_iter().all(|twin| twin.unwrap() == first));
        let mut client = follow_up.client.clone();
        let again = client.send_message(as_backend(apology("r1"))).await.unwrap();
        assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");

        let mut other = apology("r1");
        other.message.as_mut().unwrap().language = "de".to_owned();
        let reused = follow_up.send(other).await.unwrap_err();
        assert_eq!((reused.code, reused.reason.as_str()), (ErrorCode::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED));
        assert_eq!(follow_up.count("messages").await, 1);
        assert_eq!(follow_up.count("outbound_calls").await, 1);
    }

    async fn a_message_that_is_handed_over_twice_is_told_of_once(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let queued = follow_up.send(apology("r1")).await.unwrap();
        let sent = follow_up.deliver("d1", &queued.name).await.unwrap();
        assert_eq!(sent.state(), State::Sent);
        assert_eq!((sent.body.as_str(), sent.values.len()), ("", 0), "what it says is not kept twice");
        assert_eq!(follow_up.deliver("d1", &queued.name).await.unwrap(), sent);
        assert_eq!(follow_up.deliver("d2", &queued.name).await.unwrap(), sent, "nothing happens to a final message");
        assert_eq!(follow_up.pump().await, [], "its own call finds nothing to do");
        assert_eq!(follow_up.mail().matches("\nMessage-ID: ").count(), 1);
        assert_eq!(follow_up.kinds().await, ["MESSAGE_SENT"]);
    }

    async fn a_message_without_an_address_fails_at_once_and_says_so(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let mut request = apology("r1");
        request.message.as_mut().unwrap().to = None;
        let failed = follow_up.send(request).await.unwrap();
        assert_eq!((failed.state(), failed.failure_reason.as_str()), (State::Failed, "NO_CONTACT_POINT"));
        assert_eq!(follow_up.message(&failed.name).await, failed);
        let told = follow_up.milestones("intake").await;
        assert_eq!(follow_up.kinds().await, ["MESSAGE_FAILED"]);
        assert_eq!(told[0].attributes["reason"], "NO_CONTACT_POINT");
        assert_eq!(told[0].attributes["template"], "apology");
        assert_eq!(follow_up.calls("followup").await.len(), 0, "there is nothing to hand over");
        assert_eq!(follow_up.deliver("d1", &failed.name).await.unwrap().state(), State::Failed);
    }

    async fn an_id_that_is_taken_stays_with_the_first(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let id = Uuid::from_u128(7).to_string();
        let request = |request_id: &str| pb::SendMessageRequest { message_id: id.clone(), ..apology(request_id) };
        let names: Vec<String> = (0..6).map(|n| format!("r{n}")).collect();
        let answers = join_all(names.iter().map(|name| follow_up.send(request(name)))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 5));
        for refused in lost.into_iter().map(Result::unwrap_err) {
            assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::AlreadyExists, "MESSAGE_EXISTS"));
        }
        let late = follow_up.send(request("late")).await.unwrap_err();
        assert_eq!(late.metadata["resource"], format!("messages/{id}"));
        assert_eq!(follow_up.count("messages").await, 1);
        assert_eq!(follow_up.count("outbound_calls").await, 1);
    }

    async fn two_tenants_may_choose_the_same_id(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let id = Uuid::from_u128(7).to_string();
        for tenant in ["default", "other"] {
            let request = pb::SendMessageRequest { message_id: id.clone(), ..apology("r1") };
            follow_up.client.clone().send_message(as_client(tenant, "backend", request)).await.unwrap();
        }
        assert_eq!(follow_up.pump().await, []);
        assert_eq!(follow_up.mail().matches("\nMessage-ID: ").count(), 2);
        assert_eq!(follow_up.milestones("intake").await.len(), 2);
    }

    async fn another_tenant_finds_nothing(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let name = follow_up.send(apology("r1")).await.unwrap().name;
        let mut client = follow_up.client.clone();
        let get = pb::GetMessageRequest { name: name.clone() };
        let foreign = error(client.get_message(as_client("other", "backend", get)).await.unwrap_err());
        let deliver = pb::DeliverMessageRequest { request_id: "d1".to_owned(), name: name.clone() };
        let refused = error(client.deliver_message(as_client("other", "backend", deliver)).await.unwrap_err());
        let get = pb::GetMessageRequest { name: format!("messages/{}", Uuid::from_u128(99)) };
        let unknown = error(client.get_message(as_backend(get)).await.unwrap_err());
        for found in [&foreign, &refused, &unknown] {
            assert_eq!((found.code, found.reason.as_str()), (ErrorCode::NotFound, reason::RESOURCE_NOT_FOUND));
        }
        assert_eq!(foreign.message, unknown.message.replace(&Uuid::from_u128(99).to_string(), &name["messages/".len()..]));
        assert_eq!(follow_up.message(&name).await.state(), State::Queued);
    }

    async fn everything_that_is_wrong_is_said_at_once_and_nothing_is_done(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let request = pb::SendMessageRequest {
            request_id: String::new(),
            message_id: "7".to_owned(),
            message: Some(pb::Message {
                case: "cases/1".to_owned(),
                customer: String::new(),
                to: email("ada@example.com\r\nBcc: all@example.com"),
                template: "offer".to_owned(),
                language: "german, please".to_owned(),
                values: BTreeMap::from([
                    ("Summary".to_owned(), "x".to_owned()),
                    ("offer".to_owned(), "x".repeat(2_001)),
                    ("topic".to_owned(), "a\0b".to_owned()),
                ]),
                ..pb::Message::default()
            }),
        };
        let refused = follow_up.send(request).await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::InvalidArgument, reason::INVALID_FIELDS));
        let found: Vec<_> = refused.violations.iter().map(|v| (v.field.as_str(), v.reason.as_str())).collect();
        assert_eq!(
            found,
            [
                ("request_id", "REQUIRED"),
                ("message_id", "UUID"),
                ("message.case", "RESOURCE_NAME"),
                ("message.customer", "REQUIRED"),
                ("message.to.address", "ADDRESS"),
                ("message.language", "LANGUAGE_TAG"),
                ("message.values[Summary]", "KEY"),
                ("message.values[offer]", "LENGTH"),
                ("message.values[topic]", "NUL_CHARACTER"),
                ("message.values[expires_at]", "REQUIRED"),
                ("message.values[offer]", "REQUIRED"),
                ("message.values[summary]", "REQUIRED"),
            ]
        );
        for table in ["messages", "outbound_calls", "inbound_requests"] {
            assert_eq!(follow_up.count(table).await, 0, "{table}");
        }
    }

    async fn missing_values_and_unknown_templates_are_answers_on_record(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let mut request = apology("r1");
        request.message.as_mut().unwrap().template = "voucher".to_owned();
        let refused = follow_up.send(request.clone()).await.unwrap_err();
        let fields: Vec<_> = refused.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["message.values[code]", "message.values[description]"]);
        assert_eq!(refused.metadata.get("recorded").map(String::as_str), Some("true"), "so that a lane can go on");
        assert_eq!(follow_up.send(request).await.unwrap_err(), refused);

        let mut request = apology("r2");
        request.message.as_mut().unwrap().template = "apologie".to_owned();
        let refused = follow_up.send(request).await.unwrap_err();
        assert_eq!(refused.violations[0].reason, "UNKNOWN_TEMPLATE");
        assert_eq!(
            refused.violations[0].description,
            "is not a template; there are apology, check_in, offer, payout, question, voucher"
        );
        assert_eq!(follow_up.count("messages").await, 0);
        assert_eq!(follow_up.count("outbound_calls").await, 0);
    }

    async fn a_refused_message_in_a_group_does_not_touch_its_neighbours(database: TestDatabase) {
        let follow_up = FollowUp::start(database).await;
        let requests: Vec<_> = (0..40)
            .map(|n| {
                let mut request = apology(&format!("r{n}"));
                let message = request.message.as_mut().unwrap();
                match n % 4 {
                    0 => message.template = "payout".to_owned(),
                    1 => message.to = None,
                    _ => {}
                }
                request
            })
            .collect();
        let answers = join_all(requests.into_iter().map(|request| follow_up.send(request))).await;
        for (n, answer) in answers.into_iter().enumerate() {
            match n % 4 {
                0 => assert_eq!(answer.unwrap_err().reason, reason::INVALID_FIELDS),
                1 => assert_eq!(answer.unwrap().state(), State::Failed),
                _ => assert_eq!(answer.unwrap().state(), State::Queued),
            }
        }
        assert_eq!(follow_up.pump().await, []);
        assert_eq!(follow_up.count("messages").await, 30);
        let kinds = follow_up.kinds().await;
        let of = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
        assert_eq!((of("MESSAGE_SENT"), of("MESSAGE_FAILED"), kinds.len()), (20, 10, 30));
    }

    async fn every_sink_is_told(database: TestDatabase) {
        let sinks = vec!["intake".to_owned(), "backend".to_owned()];
        let follow_up = FollowUp::start_with(database, |config| config.sinks = sinks).await;
        follow_up.send(apology("r1")).await.unwrap();
        follow_up.pump().await;
        assert_eq!(follow_up.milestones("intake").await, follow_up.milestones("backend").await);
        assert_eq!(follow_up.kinds().await, ["MESSAGE_SENT"]);
    }
}
