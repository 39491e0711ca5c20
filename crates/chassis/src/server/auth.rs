//! Who calls, and for which tenant. Everything that acts later takes both from here, never from a request's body.

use kernel::{ErrorCode, LaneDelivery, RequestContext, ServiceError, TenantId, TraceContext};
use sha2::{Digest, Sha256};
use tonic::Status;

use http::HeaderMap;

use super::trace;
use crate::config::{AuthConfig, AuthMode, TokenConfig, is_name};
use crate::context::header;
use crate::status::{front_reason, refused, to_status, unauthenticated};

/// Longest lane name.
const LANE_BYTES: usize = 200;

/// Knows the callers.
#[derive(Debug)]
pub(crate) struct Authenticator {
    mode: AuthMode,
    known: Vec<([u8; 32], Caller)>,
}

#[derive(Clone, Debug)]
enum Caller {
    Client { name: String, tenant: TenantId },
    Service { name: String },
}

impl Authenticator {
    /// From a validated configuration.
    ///
    /// Callers of a configuration without a mode would have to show a token.
    pub(crate) fn new(config: &AuthConfig) -> Self {
        let known =
            config.tokens.iter().filter_map(|(name, token)| Some((digest(token.token.expose()), caller(name, token)?)));
        Self { mode: config.mode.unwrap_or(AuthMode::Tokens), known: known.collect() }
    }

    /// The context of a call with these headers.
    pub(crate) fn authenticate(&self, headers: &HeaderMap, trace: TraceContext) -> Result<RequestContext, Status> {
        let sender = name(headers, header::SENDER)?;
        let (tenant, client) = match self.mode {
            AuthMode::Dev => {
                let tenant = tenant(headers)?.unwrap_or_else(TenantId::default_tenant);
                let client = match sender {
                    Some(service) => format!("service:{service}"),
                    None => name(headers, header::CLIENT)?.unwrap_or("anonymous").to_owned(),
                };
                (tenant, client)
            }
            AuthMode::Tokens => match (self.bearer(headers)?, sender) {
                (Caller::Client { name, tenant: own }, None) => match tenant(headers)? {
                    Some(other) if other != *own => {
                        return Err(denied("OTHER_TENANT", "the token belongs to another tenant"));
                    }
                    _ => (own.clone(), name.clone()),
                },
                (Caller::Client { .. }, Some(_)) => {
                    return Err(denied("NOT_A_SERVICE", "only a service's token may send durable calls"));
                }
                (Caller::Service { name }, Some(sender)) if sender != name => {
                    return Err(denied("NOT_A_SERVICE", "the token belongs to another service"));
                }
                (Caller::Service { name }, _) => {
                    let wanted = || refused(front_reason::BAD_HEADER, "a service names the tenant in x-amends-tenant");
                    (tenant(headers)?.ok_or_else(wanted)?, format!("service:{name}"))
                }
            },
        };
        let lane = lane(headers)?;
        if lane.is_some() && !client.starts_with("service:") {
            return Err(refused(
                front_reason::BAD_HEADER,
                "x-amends-lane is for durable calls: x-amends-sender is missing",
            ));
        }
        let journey = one(headers, header::JOURNEY)?.filter(|text| trace::is_traceparent(text));
        let journey = journey.unwrap_or(&trace.traceparent).to_owned();
        Ok(RequestContext { tenant, client, lane, trace, journey })
    }

    fn bearer(&self, headers: &HeaderMap) -> Result<&Caller, Status> {
        let mut all = headers.get_all(http::header::AUTHORIZATION).iter();
        let value =
            all.next().ok_or_else(|| unauthenticated("no credentials: send `authorization: Bearer <token>`"))?;
        if all.next().is_some() {
            return Err(unauthenticated("more than one authorization header"));
        }
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let token = token.ok_or_else(|| unauthenticated("the scheme must be Bearer"))?;
        let digest = digest(token);
        // Every known token is compared in full, so that the time tells nothing.
        let mut found = None;
        for (known, caller) in &self.known {
            let difference = known.iter().zip(digest).fold(0, |sum, (a, b)| sum | (a ^ b));
            if difference == 0 {
                found = Some(caller);
            }
        }
        found.ok_or_else(|| unauthenticated("the token is not known here"))
    }
}

fn caller(name: &str, token: &TokenConfig) -> Option<Caller> {
    match (&token.tenant, &token.service) {
        (Some(tenant), None) => Some(Caller::Client { name: name.to_owned(), tenant: TenantId::parse(tenant)? }),
        (None, Some(service)) => Some(Caller::Service { name: service.clone() }),
        (None, None) | (Some(_), Some(_)) => None,
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn denied(reason: &str, message: &str) -> Status {
    to_status(ServiceError::new(ErrorCode::PermissionDenied, reason, message))
}

/// A header that may come once; which of two is meant is never guessed.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Status> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(refused(front_reason::BAD_HEADER, format!("the header {name} is not ASCII text"))),
        },
        (Some(_), Some(_)) => Err(refused(front_reason::BAD_HEADER, format!("the header {name} came more than once"))),
    }
}

fn name<'a>(headers: &'a HeaderMap, header: &str) -> Result<Option<&'a str>, Status> {
    match one(headers, header)? {
        Some(text) if !is_name(text) => Err(refused(
            front_reason::BAD_HEADER,
            format!("{header} must be 1 to 63 characters of a-z, 0-9, '-', '_' and '.'"),
        )),
        found => Ok(found),
    }
}

fn tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Status> {
    let wrong = || {
        refused(
            front_reason::BAD_HEADER,
            "x-amends-tenant must be 1 to 63 characters of a-z, 0-9 and '-', from a letter on",
        )
    };
    one(headers, header::TENANT)?.map(|text| TenantId::parse(text).ok_or_else(wrong)).transpose()
}

fn lane(headers: &HeaderMap) -> Result<Option<LaneDelivery>, Status> {
    match (one(headers, header::LANE)?, one(headers, header::LANE_SEQ)?) {
        (None, None) => Ok(None),
        (Some(lane), Some(seq)) => {
            let seq = seq.parse::<i64>().ok().filter(|seq| *seq >= 1);
            let lane = (1..=LANE_BYTES).contains(&lane.len()).then(|| lane.to_owned());
            match (lane, seq) {
                (Some(lane), Some(seq)) => Ok(Some(LaneDelivery { lane, seq })),
                _ => Err(refused(
                    front_reason::BAD_HEADER,
                    "x-amends-lane has 1 to 200 characters, x-amends-lane-seq is a number from 1",
                )),
            }
        }
        _ => Err(refused(front_reason::BAD_HEADER, "x-amends-lane and x-amends-lane-seq come together")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::status::from_status;

    fn ask(auth: &Authenticator, pairs: &[(&'static str, &str)]) -> Result<RequestContext, (ErrorCode, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("header"));
        }
        let trace = TraceContext { traceparent: "own".to_owned(), tracestate: String::new() };
        auth.authenticate(&headers, trace).map_err(|status| {
            let error = from_status(&status).expect("ours");
            (error.code, error.reason)
        })
    }

    fn development() -> AuthConfig {
        AuthConfig { mode: Some(AuthMode::Dev), ..AuthConfig::default() }
    }

    fn tokens() -> Authenticator {
        let token = |token: &str, tenant: Option<&str>, service: Option<&str>| TokenConfig {
            token: Secret::new(token),
            tenant: tenant.map(str::to_owned),
            service: service.map(str::to_owned),
        };
        Authenticator::new(&AuthConfig {
            mode: Some(AuthMode::Tokens),
            tokens: [
                ("shop".to_owned(), token("shop-token-of-24-characters", Some("acme"), None)),
                ("relay".to_owned(), token("relay-token-of-24-characters", None, Some("intake"))),
            ]
            .into(),
        })
    }

    #[test]
    fn in_development_callers_are_who_they_say() {
        let auth = Authenticator::new(&development());
        let plain = ask(&auth, &[]).expect("anonymous");
        assert_eq!(
            (plain.tenant.as_str(), plain.client.as_str(), plain.journey.as_str()),
            ("default", "anonymous", "own")
        );
        let journey = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let durable = ask(
            &auth,
            &[
                ("x-amends-tenant", "acme"),
                ("x-amends-sender", "intake"),
                ("x-amends-lane", "cases/1"),
                ("x-amends-lane-seq", "3"),
                ("x-amends-journey", journey),
            ],
        )
        .expect("durable");
        assert_eq!((durable.tenant.as_str(), durable.client.as_str()), ("acme", "service:intake"));
        assert_eq!(durable.lane, Some(LaneDelivery { lane: "cases/1".to_owned(), seq: 3 }));
        assert_eq!(durable.journey, journey);
    }

    #[test]
    fn headers_that_could_mean_two_things_are_refused() {
        let auth = Authenticator::new(&development());
        let bad: &[&[(&'static str, &str)]] = &[
            &[("x-amends-tenant", "Acme")],
            &[("x-amends-tenant", "a"), ("x-amends-tenant", "b")],
            &[("x-amends-client", "service:intake")],
            &[("x-amends-sender", "")],
            &[("x-amends-sender", "intake"), ("x-amends-lane", "cases/1")],
            &[("x-amends-sender", "intake"), ("x-amends-lane", "cases/1"), ("x-amends-lane-seq", "0")],
            &[("x-amends-lane", "cases/1"), ("x-amends-lane-seq", "1")],
        ];
        for pairs in bad {
            assert_eq!(
                ask(&auth, pairs),
                Err((ErrorCode::InvalidArgument, front_reason::BAD_HEADER.to_owned())),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn a_token_decides_tenant_and_client() {
        let auth = tokens();
        let shop = ("authorization", "Bearer shop-token-of-24-characters");
        let relay = ("authorization", "bearer relay-token-of-24-characters");
        let context = ask(&auth, &[shop, ("x-amends-client", "somebody-else")]).expect("shop");
        assert_eq!((context.tenant.as_str(), context.client.as_str()), ("acme", "shop"));
        let context = ask(&auth, &[relay, ("x-amends-sender", "intake"), ("x-amends-tenant", "b")]).expect("relay");
        assert_eq!((context.tenant.as_str(), context.client.as_str()), ("b", "service:intake"));

        let unauthenticated = (ErrorCode::Unauthenticated, front_reason::BAD_CREDENTIALS.to_owned());
        for pairs in [
            &[][..],
            &[shop, shop],
            &[("authorization", "Basic shop-token-of-24-characters")],
            &[("authorization", "shop-token-of-24-characters")],
            &[("authorization", "Bearer shop-token-of-24-character")],
            &[("authorization", "Bearer ")],
        ] {
            assert_eq!(ask(&auth, pairs), Err(unauthenticated.clone()), "{pairs:?}");
        }
        let denied = |reason: &str| Err((ErrorCode::PermissionDenied, reason.to_owned()));
        assert_eq!(ask(&auth, &[shop, ("x-amends-tenant", "b")]), denied("OTHER_TENANT"));
        assert_eq!(ask(&auth, &[shop, ("x-amends-sender", "intake")]), denied("NOT_A_SERVICE"));
        assert_eq!(ask(&auth, &[relay, ("x-amends-sender", "routing")]), denied("NOT_A_SERVICE"));
    }
}
