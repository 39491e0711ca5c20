//! The promise to callers of the last release: nothing in the committed baseline is gone or other than it was.

use prost_reflect::DescriptorPool;

use crate::{assert_none, breaking};

const BASELINE: &[u8] = include_bytes!("../../baseline/v1.binpb");

#[test]
fn nothing_in_the_baseline_is_broken() {
    let baseline = DescriptorPool::decode(BASELINE).expect("the baseline is whole");
    let services: Vec<_> = baseline.services().map(|service| service.full_name().to_owned()).collect();
    assert!(services.len() >= 9, "the baseline must hold the services, and has {services:?}");
    let now = DescriptorPool::decode(amends_api::FILE_DESCRIPTOR_SET).expect("the descriptor set is whole");
    assert_none("breaking changes since the baseline", &breaking::changes(&baseline, &now));
}

#[test]
fn the_baseline_has_nothing_that_changes_without_a_change_of_the_contract() {
    let baseline = DescriptorPool::decode(BASELINE).expect("the baseline is whole");
    for file in baseline.file_descriptor_protos() {
        assert!(file.source_code_info.is_none(), "{} has comments", file.name());
        assert_ne!(file.package(), "buf.validate");
    }
}
