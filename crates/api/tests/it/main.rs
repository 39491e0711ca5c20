//! Holds the contract: its rules, its promises to callers who have the last release, and the reasons it names.
//!
//! Every rule is a function from descriptors to problems, so that the samples beside it can show that it fails.

mod baseline;
mod breaking;
mod compile;
mod contract;
mod reasons;
mod rules;
mod sampled;

use contract::Contract;

/// Fails with all problems, one a line.
fn assert_none(what: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{} {what}:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn the_protos_keep_every_rule() {
    let contract = Contract::decode(amends_api::FILE_DESCRIPTOR_SET);
    assert!(contract.methods().count() > 50, "the descriptor set must hold the services");
    assert_none("rules broken", &rules::broken(&contract, rules::EXCEPTIONS));
}
