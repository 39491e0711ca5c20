//! Messages in protobuf's JSON mapping, by the descriptors that came with the API.

use std::sync::LazyLock;

use anyhow::{Context as _, anyhow};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::Value;

static POOL: LazyLock<Result<DescriptorPool, String>> =
    LazyLock::new(|| DescriptorPool::decode(api::FILE_DESCRIPTOR_SET).map_err(|error| error.to_string()));

/// The response `message` of `method` as JSON; keys are sorted, so that the same message always reads the same.
///
/// # Errors
/// When the method is unknown.
pub fn to_json<M: Message>(method: &str, message: &M) -> anyhow::Result<Value> {
    let bytes = message.encode_to_vec();
    value(self::method(method)?.output(), &bytes)
}

/// The request `bytes` of `method` as JSON.
///
/// # Errors
/// When the method is unknown or the bytes are not its request.
pub fn decode(method: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    value(self::method(method)?.input(), bytes)
}

fn value(descriptor: MessageDescriptor, bytes: &[u8]) -> anyhow::Result<Value> {
    let message = DynamicMessage::decode(descriptor, bytes)?;
    Ok(serde_json::to_value(message)?)
}

fn method(path: &str) -> anyhow::Result<MethodDescriptor> {
    let pool = POOL.as_ref().map_err(|error| anyhow!("the API's descriptors are broken: {error}"))?;
    let (service, method) = path.split_once('/').with_context(|| format!("{path} is no method"))?;
    let service = pool.get_service_by_name(service).with_context(|| format!("{path} is unknown"))?;
    service.methods().find(|found| found.name() == method).with_context(|| format!("{path} is unknown"))
}
