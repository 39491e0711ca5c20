//! `amends health`: asks a process whether it serves; for probes and for people.

use anyhow::bail;
use chassis::ClientConfig;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Asks `address` about `service` (empty: the whole process).
///
/// # Errors
/// When it does not answer or does not serve.
pub async fn check(address: &str, service: &str) -> anyhow::Result<()> {
    let channel = chassis::channel(address, &ClientConfig::default())?;
    let request = tonic::Request::new(HealthCheckRequest { service: service.to_owned() });
    let client = HealthClient::new(channel);
    let check = |request| {
        let mut client = client.clone();
        async move { client.check(request).await }
    };
    let response = chassis::with_deadline(std::time::Duration::from_secs(5), request, check)
        .await
        .map_err(|status| anyhow::anyhow!("{address} does not answer: {}", status.message()))?;
    let status = response.into_inner().status();
    println!("{}", status.as_str_name());
    if status != ServingStatus::Serving {
        bail!("{address} does not serve");
    }
    Ok(())
}
