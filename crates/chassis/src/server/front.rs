//! The strict front: what is not a proper gRPC request of a method that exists goes no further.

use std::time::Duration;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tonic::Status;

use super::methods::{Method, Methods};
use crate::status::{front_reason, refused, unknown_method};

const BINARY: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a request goes no further.
pub(crate) enum Refusal {
    /// It is not gRPC at all.
    Http(StatusCode),
    /// It is gRPC, but wrong.
    Grpc(Status),
}

/// A request that may go on.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The method at its path.
    pub method: &'a Method,
    /// The caller's deadline from now.
    pub timeout: Option<Duration>,
}

/// Checks method, content type, path, timeout and binary headers.
pub(crate) fn check<'a>(request: &Parts, methods: &'a Methods) -> Result<Call<'a>, Refusal> {
    if request.method != http::Method::POST {
        return Err(Refusal::Http(StatusCode::METHOD_NOT_ALLOWED));
    }
    if !is_grpc(&request.headers) {
        return Err(Refusal::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    // A query would reach the same handler under another spelling, so it is another path.
    let method = match request.uri.query() {
        None => methods.get(request.uri.path()),
        Some(_) => None,
    };
    let Some(method) = method else { return Err(Refusal::Grpc(unknown_method())) };
    let timeout = timeout(&request.headers).map_err(Refusal::Grpc)?;
    binary_headers(&request.headers).map_err(Refusal::Grpc)?;
    Ok(Call { method, timeout })
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return false };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/grpc") || essence.eq_ignore_ascii_case(b"application/grpc+proto")
}

/// `grpc-timeout` by the letter of the protocol: 1 to 8 digits and a unit. tonic takes anything else as "no limit".
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let mut all = headers.get_all("grpc-timeout").iter();
    let Some(value) = all.next() else { return Ok(None) };
    let parsed = parse_timeout(value.as_bytes()).filter(|_| all.next().is_none());
    parsed.map(Some).ok_or_else(|| {
        refused(front_reason::BAD_TIMEOUT, "grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n, once")
    })
}

fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount = digits
        .iter()
        .try_fold(0_u64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))?;
    match unit {
        b'H' => Some(Duration::from_secs(amount * 3600)),
        b'M' => Some(Duration::from_secs(amount * 60)),
        b'S' => Some(Duration::from_secs(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Every `-bin` header must be base64, padded or not; several may share one line.
fn binary_headers(headers: &HeaderMap) -> Result<(), Status> {
    for (name, value) in headers {
        let name = name.as_str();
        if !name.ends_with("-bin") {
            continue;
        }
        let fits = value.as_bytes().split(|byte| *byte == b',').all(|part| BINARY.decode(part.trim_ascii()).is_ok());
        if !fits {
            return Err(refused(front_reason::BAD_HEADER, format!("the header {name} is not base64")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_follow_the_letter_of_the_protocol() {
        for (text, want) in [
            ("100m", Some(Duration::from_millis(100))),
            ("0m", Some(Duration::ZERO)),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("1S", Some(Duration::from_secs(1))),
            ("2M", Some(Duration::from_secs(120))),
            ("3u", Some(Duration::from_micros(3))),
            ("4n", Some(Duration::from_nanos(4))),
            ("", None),
            ("m", None),
            ("1", None),
            ("abc", None),
            ("-5S", None),
            ("+5S", None),
            ("10x", None),
            ("1 S", None),
            ("1.5S", None),
            ("123456789S", None),
        ] {
            assert_eq!(parse_timeout(text.as_bytes()), want, "{text:?}");
        }
    }
}
