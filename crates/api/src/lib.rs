//! The generated API: messages, clients and servers of every package in `/proto`, and the descriptors that came with them.
//!
//! `method` has the full name of every method, for durable calls and authorisation; `reason` has the error reasons that
//! the protos promise. Calls nothing but kernel. Holds no logic of its own.

pub mod reason;

mod generated {
    #![expect(missing_docs, reason = "generated; the protos carry the documentation")]
    #![expect(clippy::all, clippy::allow_attributes, reason = "generated")]
    #![expect(clippy::disallowed_methods, reason = "tonic's generated code builds a Status for unknown methods")]
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

pub use generated::{amends, google};

pub use amends::common::v1 as common;
pub use amends::compensation::v1 as compensation;
pub use amends::extension::v1 as extension;
pub use amends::followup::v1 as followup;
pub use amends::intake::v1 as intake;
pub use amends::operations::v1 as operations;
pub use amends::routing::v1 as routing;

/// Full gRPC method names by service.
pub mod method {
    include!(concat!(env!("OUT_DIR"), "/methods.rs"));
}

/// The `FileDescriptorSet` of all packages and what they import, with comments and `buf.validate` options.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
