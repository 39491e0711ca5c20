//! The audit chain shows every change of the past.

use durable::audit::{self, AuditEntry};
use sea_orm::ConnectionTrait as _;
use testkit::TestDatabase;

use crate::harness;

testkit::on_both_databases! {
    async fn a_changed_record_breaks_the_chain(database: TestDatabase) {
        let engine = harness::start(&database).await.engine;
        let tenant = harness::tenant("a");
        for number in 0..3 {
            let tenant = tenant.clone();
            engine
                .run_tx("test.audit", move |tx| {
                    let tenant = tenant.clone();
                    async move {
                        let entry = AuditEntry {
                            actor: "operator".to_owned(),
                            action: "RETRY_CALL",
                            subject: format!("calls/{number}"),
                            reason: "because".to_owned(),
                        };
                        audit::append_in_tx(&tx, &tenant, entry).await?;
                        Ok(())
                    }
                })
                .await
                .expect("recorded");
        }
        let records = audit::list(engine.read(), &tenant, i64::MAX, 10).await.expect("a list");
        assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 2, 1]);
        assert!(audit::verify(engine.read(), &tenant).await.expect("verified"));

        // A page says of itself whether it is intact, and whether it joins what is around it.
        let pages = async |size: u64| {
            let (mut before, mut found) = (None, Vec::new());
            loop {
                let page = audit::page(engine.read(), &tenant, before, size).await.expect("a page");
                found.push((page.records.iter().map(|record| record.seq).collect::<Vec<_>>(), page.intact));
                if !page.more {
                    return found;
                }
                before = page.records.last().map(|record| record.seq);
            }
        };
        assert_eq!(pages(1).await, [(vec![3], true), (vec![2], true), (vec![1], true)]);
        assert_eq!(pages(2).await, [(vec![3, 2], true), (vec![1], true)]);
        assert_eq!(pages(3).await, [(vec![3, 2, 1], true)]);
        let empty = audit::page(engine.read(), &harness::tenant("b"), None, 3).await.expect("a page");
        assert_eq!((empty.records.len(), empty.more, empty.intact), (0, false, true));

        for tampering in [
            "UPDATE audit_records SET reason = 'another' WHERE seq = 2",
            "UPDATE audit_records SET reason = 'because' WHERE seq = 2",
            "DELETE FROM audit_records WHERE seq = 1",
        ] {
            engine
                .run_tx("test.tamper", |tx| async move { tx.conn().execute_unprepared(tampering).await?; Ok(()) })
                .await
                .expect("tampered with");
            let intact = audit::verify(engine.read(), &tenant).await.expect("verified");
            assert_eq!(intact, tampering.contains("'because'"), "{tampering}");
            let broken: Vec<i64> = pages(1).await.into_iter().filter(|(_, intact)| !intact).flat_map(|(seq, _)| seq).collect();
            let expected: &[i64] = if intact { &[] } else { &[2] };
            assert_eq!(broken, expected, "{tampering}");
        }
        let gone = engine.run_tx("test.tamper", |tx| async move {
            tx.conn().execute_unprepared("DELETE FROM audit_records WHERE seq = 2").await?;
            Ok(())
        });
        gone.await.expect("tampered with");
        let behind = audit::page(engine.read(), &tenant, Some(3), 1).await.expect("a page");
        assert!(!behind.intact, "the page does not join the one before it");
    }
}
