//! Channels: what they connect to, and what they refuse.

use chassis::ClientConfig;

use crate::support::lab::Client;
use crate::support::{Server, config};

#[tokio::test]
async fn a_name_is_looked_up_and_its_addresses_are_used() {
    let server = Server::start(config()).await;
    let uri = format!("dns:///localhost:{}", server.api.port());
    let client = Client::new(chassis::channel(&uri, &ClientConfig::default()).unwrap());
    // `localhost` may have an IPv6 address where nobody listens: the balancer leaves it out.
    assert_eq!(client.say("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_channel_needs_no_peer_to_be_made_but_a_proper_address() {
    let config = ClientConfig::default();
    assert!(chassis::channel("http://127.0.0.1:1", &config).is_ok());
    for bad in ["", "intake:7070", "ftp://intake:7070", "http://", "dns:///intake"] {
        assert!(chassis::channel(bad, &config).is_err(), "{bad:?}");
    }
    let missing = ClientConfig { ca_file: Some("/nowhere/ca.pem".into()), ..ClientConfig::default() };
    for uri in ["https://intake:7070", "dns+https:///intake:7070"] {
        let error = chassis::channel(uri, &missing).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/ca.pem: "), "{error}");
    }
}
