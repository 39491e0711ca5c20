//! A defect that panics: its request gets an answer, everybody else's goes on.

use async_trait::async_trait;
use durable::{GroupCommand, Tx, TxError, Writer};
use kernel::{ErrorCode, ServiceError};
use testkit::TestDatabase;

use crate::harness::{effects, insert_effect, key, start};

/// Writes a number down; panics on 13.
struct Superstitious;

#[async_trait]
impl GroupCommand for Superstitious {
    const NAME: &'static str = "test.superstitious";
    type Command = i64;
    type Response = i64;

    async fn apply(&self, tx: &Tx, commands: &[&i64]) -> Result<Vec<Result<i64, ServiceError>>, TxError> {
        for command in commands {
            assert_ne!(**command, 13, "a defect");
            insert_effect(tx, "a", **command, 0).await?;
        }
        Ok(commands.iter().map(|command| Ok(**command)).collect())
    }
}

testkit::on_both_databases! {
    async fn a_panic_in_a_mutation_is_an_answer_and_leaves_nothing(database: TestDatabase) {
        let harness = start(&database).await;
        for round in 0..3 {
            let id = format!("bad-{round}");
            let answer = harness.engine.mutate::<String, _, _>("test.panic", key("a", &id, &id), move |tx| async move {
                insert_effect(&tx, "a", round, 0).await?;
                panic!("a defect")
            });
            let error = answer.await.expect_err("a panic is no success");
            assert_eq!((error.code, error.metadata["panicked"].as_str()), (ErrorCode::Internal, "true"));
        }
        let answer = harness.engine.mutate::<String, _, _>("test.fine", key("a", "fine", "fine"), |tx| async move {
            insert_effect(&tx, "a", 7, 0).await?;
            Ok("fine".to_owned())
        });
        assert_eq!(answer.await.map(|answer| answer.message), Ok("fine".to_owned()));
        assert_eq!(effects(&harness.engine, "a").await, [(7, 0)]);
    }

    async fn a_panic_in_a_group_fails_its_own_command_only(database: TestDatabase) {
        let harness = start(&database).await;
        let writer = Writer::start(&harness.engine, Superstitious);
        let answers = futures::future::join_all((10..20).map(|n| writer.submit(key("a", &n.to_string(), ""), n))).await;
        for (n, answer) in (10..20).zip(answers) {
            match answer {
                Ok(answer) => assert_eq!(answer.message, n),
                Err(error) => assert_eq!((n, error.metadata["panicked"].as_str()), (13, "true")),
            }
        }
        let written: Vec<i64> = effects(&harness.engine, "a").await.into_iter().map(|(id, _)| id).collect();
        assert_eq!(written, [10, 11, 12, 14, 15, 16, 17, 18, 19]);
        assert_eq!(writer.submit(key("a", "20", ""), 20).await.map(|answer| answer.message), Ok(20));
    }
}
