//! Which methods exist and which of them stream, read from protobuf descriptors. What no descriptor describes is not
//! served, so a path can neither slip past a rule nor grow the set of metric labels.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use prost::Message;
use prost_types::FileDescriptorSet;

/// One method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    /// Full name, `package.Service/Method`.
    pub name: Arc<str>,
    /// The caller sends a stream.
    pub client_streaming: bool,
    /// The answer is a stream.
    pub server_streaming: bool,
    /// Health checks need no credentials.
    pub open: bool,
}

impl Method {
    /// True when the call is not one message for one message.
    pub(crate) fn streams(&self) -> bool {
        self.client_streaming || self.server_streaming
    }
}

/// All methods by path.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    by_path: HashMap<String, Method>,
}

impl Methods {
    /// The methods of encoded `FileDescriptorSet`s, and those of the suite, of health and of reflection.
    pub(crate) fn from_descriptors(sets: &[&[u8]]) -> anyhow::Result<Self> {
        let built_in = [
            api::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let mut by_path = HashMap::new();
        for set in built_in.iter().chain(sets) {
            let set = FileDescriptorSet::decode(*set).context("a descriptor set cannot be read")?;
            for file in &set.file {
                for service in &file.service {
                    for method in &service.method {
                        let dot = if file.package().is_empty() { "" } else { "." };
                        let name: Arc<str> =
                            format!("{}{dot}{}/{}", file.package(), service.name(), method.name()).into();
                        by_path.insert(
                            format!("/{name}"),
                            Method {
                                client_streaming: method.client_streaming(),
                                server_streaming: method.server_streaming(),
                                open: name.starts_with("grpc.health.v1."),
                                name,
                            },
                        );
                    }
                }
            }
        }
        Ok(Self { by_path })
    }

    /// The method at exactly this path.
    pub(crate) fn get(&self, path: &str) -> Option<&Method> {
        self.by_path.get(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suites_own_methods_are_known_with_their_streams() {
        let methods = Methods::from_descriptors(&[]).expect("descriptors");
        let streams = |path: &str| methods.get(path).map(|method| (method.client_streaming, method.server_streaming));
        assert_eq!(streams("/amends.intake.v1.IntakeService/OpenCase"), Some((false, false)));
        assert_eq!(streams("/amends.intake.v1.IntakeService/WatchCase"), Some((false, true)));
        assert_eq!(streams("/grpc.health.v1.Health/Watch"), Some((false, true)));
        for other in ["", "/", "/amends.intake.v1.IntakeService/opencase", "/amends.intake.v1.IntakeService/OpenCase/"]
        {
            assert_eq!(streams(other), None, "{other}");
        }
        assert!(Methods::from_descriptors(&[b"\xff\xff"]).is_err());
    }
}
