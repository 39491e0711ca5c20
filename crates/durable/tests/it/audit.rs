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
        }
    }
}
