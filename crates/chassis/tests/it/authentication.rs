//! Bearer tokens on the wire. What each header means is tested beside the code.

use chassis::config::{AuthMode, Secret, TokenConfig};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::lab::{Client, Event, text};
use crate::support::{Server, config, reason};

#[tokio::test]
async fn without_a_token_nothing_but_health_answers() {
    let mut config = config();
    config.auth.mode = Some(AuthMode::Tokens);
    let token = TokenConfig {
        token: Secret::new("a-token-of-the-shop-0123456789"),
        tenant: Some("acme".to_owned()),
        service: None,
    };
    config.auth.tokens.insert("shop".to_owned(), token);
    let mut server = Server::start(config).await;
    let client = Client::new(server.channel());

    let stranger = client.say("hello").await.unwrap_err();
    assert_eq!((stranger.code(), reason(&stranger)), (Code::Unauthenticated, "BAD_CREDENTIALS".to_owned()));
    assert!(server.is_quiet(), "a handler ran");
    let request = HealthCheckRequest { service: String::new() };
    HealthClient::new(server.channel()).check(request).await.unwrap();

    let mut request = Request::new(text("context"));
    request.metadata_mut().insert("authorization", "Bearer a-token-of-the-shop-0123456789".parse().unwrap());
    client.act(request).await.unwrap();
    assert_eq!(server.event().await, Event::Entered("context".to_owned()));
    let Event::Context(context) = server.event().await else { panic!("no context") };
    assert_eq!((context.tenant.as_str(), context.client.as_str()), ("acme", "shop"));
}
