//! The audit chain from the command line: every page counts.

use api::operations::{AuditRecord, ListAuditRecordsRequest, ListAuditRecordsResponse};

use super::run;
use super::server::Server;

fn page(seqs: [i64; 2], next: &str, chain_intact: bool) -> ListAuditRecordsResponse {
    ListAuditRecordsResponse {
        audit_records: seqs.map(|seq| AuditRecord { seq, ..AuditRecord::default() }).to_vec(),
        next_page_token: next.into(),
        chain_intact,
    }
}

#[tokio::test]
async fn a_chain_is_intact_when_all_of_its_pages_are() {
    let server = Server::start().await;
    for (intact, verb) in [(true, "verify"), (false, "verify"), (true, "list"), (false, "list")] {
        server.script.answer("list_audit_records", &page([4, 3], "next", intact));
        server.script.answer("list_audit_records", &page([2, 1], "", true));
        let all: &[&str] = if verb == "list" { &["--all"] } else { &[] };
        let ran = run(&server, &[&["audit", verb, "--service", "intake"], all].concat()).await;
        match (verb, intact) {
            ("verify", true) => assert!(ran.notes.contains("services/intake is intact: 4 records"), "{ran:?}"),
            ("verify", false) => assert!(ran.error.contains("services/intake is broken"), "{ran:?}"),
            (_, true) => assert!(ran.answer().contains("the chain is intact"), "{ran:?}"),
            (_, false) => assert!(ran.answer().contains("THE CHAIN IS BROKEN"), "{ran:?}"),
        }
    }
    let asked = server.script.requests::<ListAuditRecordsRequest>("list_audit_records");
    let tokens: Vec<&str> = asked.iter().map(|request| request.page_token.as_str()).collect();
    assert_eq!(tokens, ["", "next"].repeat(4));
}
