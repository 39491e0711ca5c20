//! The table of methods agrees with the descriptors.

use prost_reflect::DescriptorPool;

use crate::client::rpc::TABLE;

#[test]
fn every_entry_is_the_method_that_it_says() {
    let pool = DescriptorPool::decode(api::FILE_DESCRIPTOR_SET).unwrap();
    for (path, call, request, response, mutates) in TABLE {
        let (service, name) = path.split_once('/').unwrap();
        let service = pool.get_service_by_name(service).unwrap();
        let method = service.methods().find(|method| method.name() == name).unwrap();
        assert_eq!(name.to_lowercase(), call.replace('_', ""), "{path}");
        assert_eq!((method.input().name(), method.output().name()), (*request, *response), "{path}");
        assert_eq!(method.input().get_field_by_name("request_id").is_some(), *mutates, "{path}");
    }
}
