//! Message sizes, in one place so that all services agree.

/// Largest request message of an ordinary method; give it to `max_decoding_message_size` of each tonic server.
pub const MESSAGE_BYTES: usize = 256 * 1024;

/// Largest request message of a method that takes batches of up to 500 items.
pub const BATCH_BYTES: usize = 1024 * 1024;
