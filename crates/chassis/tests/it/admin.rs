//! The admin port, and readiness on both ports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chassis::{Check, ClientConfig};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{PATIENCE, Server, config, http_get};

async fn health(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner().status()
}

/// Reads until it shows `wanted`.
async fn shows(server: &Server, path: &str, wanted: (u16, &str)) {
    let read = async {
        loop {
            let (status, body) = http_get(server.admin, path).await;
            if (status, body.as_str()) == wanted {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("{path} does not show {wanted:?}"));
}

#[tokio::test]
async fn readiness_follows_the_checks_and_liveness_does_not() {
    let well = Arc::new(AtomicBool::new(false));
    let seen = well.clone();
    let server = Server::start_with(config(), |service| {
        service.readiness.push(Check::new("database", move || {
            let well = seen.load(Ordering::SeqCst);
            async move { if well { Ok(()) } else { Err("no connection".to_owned()) } }
        }));
    })
    .await;
    let admin = chassis::channel(&format!("http://{}", server.admin), &ClientConfig::default()).unwrap();

    shows(&server, "/readyz", (503, "lab/database: no connection\n")).await;
    assert_eq!(http_get(server.admin, "/livez").await, (200, "ok\n".to_owned()));
    for name in ["", "lab.v1.Lab"] {
        assert_eq!(health(&admin, name).await, ServingStatus::NotServing, "{name:?}");
        assert_eq!(health(&server.channel(), name).await, ServingStatus::NotServing, "{name:?}");
    }

    well.store(true, Ordering::SeqCst);
    shows(&server, "/readyz", (200, "ok\n")).await;
    for name in ["", "lab.v1.Lab"] {
        assert_eq!(health(&admin, name).await, ServingStatus::Serving, "{name:?}");
        assert_eq!(health(&server.channel(), name).await, ServingStatus::Serving, "{name:?}");
    }
    assert_eq!(http_get(server.admin, "/elsewhere").await.0, 404);
}

#[tokio::test]
async fn a_check_that_hangs_has_failed() {
    let server = Server::start_with(config(), |service| {
        service.readiness.push(Check::new("database", futures::future::pending));
    })
    .await;
    shows(&server, "/readyz", (503, "lab/database: no answer within 1s\n")).await;
}
