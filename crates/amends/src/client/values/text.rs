//! Text to identities, contact points, resource names and times. A wrong one says what would be right.

use api::common::{ContactPoint, contact_point};
use api::intake::Identity;
use jiff::SpanRelativeTo;
use kernel::{CallId, ResourceId};
use prost_types::{Duration, Timestamp};

/// `email=ann@example.com`: a system that knows the customer, and the value there.
pub fn identity(text: &str) -> Result<Identity, String> {
    match text.split_once('=') {
        Some((source, value)) if !source.is_empty() && !value.is_empty() => {
            Ok(Identity { source: source.to_owned(), value: value.to_owned() })
        }
        _ => Err("give SOURCE=VALUE, e.g. email=ann@example.com or crm=4711".to_owned()),
    }
}

/// `email:ann@example.com`, `phone:+4915112345678` or `app:user-id`.
pub fn contact(text: &str) -> Result<ContactPoint, String> {
    let wrong = || "give email:ADDRESS, phone:+NUMBER or app:USER".to_owned();
    let (kind, address) = text.split_once(':').filter(|(_, address)| !address.is_empty()).ok_or_else(wrong)?;
    let kind = match kind {
        "email" => contact_point::Kind::Email,
        "phone" => contact_point::Kind::Phone,
        "app" => contact_point::Kind::App,
        _ => return Err(wrong()),
    };
    Ok(ContactPoint { kind: kind.into(), address: address.to_owned() })
}

/// A resource name: `cases/{uuid}`, or the UUID alone.
pub fn name<T: ResourceId>(text: &str) -> Result<String, String> {
    let id = T::parse_name(text).or_else(|| T::parse_name(&format!("{}/{text}", T::COLLECTION)));
    id.map(|id| id.to_string()).ok_or_else(|| format!("give {0}/UUID, or the UUID alone", T::COLLECTION))
}

/// A queue: `queues/default`, or the id alone.
pub fn queue(text: &str) -> Result<String, String> {
    let id = text.strip_prefix("queues/").unwrap_or(text);
    if id.is_empty() || id.contains('/') {
        return Err("give queues/ID, or the id alone".to_owned());
    }
    Ok(format!("queues/{id}"))
}

/// A service that has durable calls: its name, or `services/{service}`.
pub fn service(text: &str) -> Result<String, String> {
    let id = text.strip_prefix("services/").unwrap_or(text);
    if id.is_empty() || id.contains('/') {
        return Err("give intake, routing, compensation or followup".to_owned());
    }
    Ok(format!("services/{id}"))
}

/// A call of a service: `services/intake/calls/{uuid}`.
pub fn call(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        ["services", service, "calls", id] if !service.is_empty() && name::<CallId>(id).is_ok() => Ok(text.to_owned()),
        _ => Err("give services/SERVICE/calls/UUID, as `amends calls list` shows it".to_owned()),
    }
}

/// An RFC 3339 time.
pub fn time(text: &str) -> Result<Timestamp, String> {
    rfc_3339(text).ok_or_else(|| "give an RFC 3339 time, e.g. 2026-03-01T12:00:00Z".to_owned())
}

/// An RFC 3339 time, and nothing that only looks a little like one.
pub fn rfc_3339(text: &str) -> Option<Timestamp> {
    let shape = text.as_bytes();
    let is_date_time = shape.len() >= 20 && shape[4] == b'-' && shape[7] == b'-' && matches!(shape[10], b'T' | b't');
    let time: jiff::Timestamp = text.parse().ok().filter(|_| is_date_time && shape[13] == b':' && shape[16] == b':')?;
    Some(Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
        // Before the epoch jiff counts nanoseconds backwards, protobuf never does.
        .map(|time| {
            if time.nanos < 0 {
                Timestamp { seconds: time.seconds - 1, nanos: time.nanos + 1_000_000_000 }
            } else {
                time
            }
        })
}

/// A length of time: `30m`, `4h`, `2d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let span: Result<jiff::Span, _> = text.parse();
    let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    match length {
        Ok(length) if length.is_positive() => Ok(Duration { seconds: length.as_secs(), nanos: length.subsec_nanos() }),
        _ => Err("give a length of time, e.g. 30m, 4h or 2d".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use kernel::CaseId;

    use super::*;

    const ID: &str = "01980000-0000-7000-8000-000000000001";

    #[test]
    fn a_name_may_be_given_by_its_uuid_alone() {
        let full = format!("cases/{ID}");
        assert_eq!(name::<CaseId>(ID).unwrap(), full);
        assert_eq!(name::<CaseId>(&full).unwrap(), full);
        for wrong in ["", "7", &format!("customers/{ID}"), &format!("cases/cases/{ID}"), &ID.replace('a', "A")[1..]] {
            assert_eq!(name::<CaseId>(wrong).unwrap_err(), "give cases/UUID, or the UUID alone", "{wrong}");
        }
    }

    #[test]
    fn queues_services_and_calls_are_told_by_their_ids() {
        assert_eq!(queue("default").unwrap(), "queues/default");
        assert_eq!(queue("queues/default").unwrap(), "queues/default");
        assert!(queue("a/b").is_err());
        assert_eq!(service("intake").unwrap(), "services/intake");
        assert!(service("services/intake/calls").is_err());
        assert!(call(&format!("services/intake/calls/{ID}")).is_ok());
        assert!(call(ID).is_err());
    }

    #[test]
    fn identities_and_contacts_say_their_kind() {
        assert_eq!(identity("crm=a=b").unwrap(), Identity { source: "crm".into(), value: "a=b".into() });
        assert!(identity("ann@example.com").is_err() && identity("=x").is_err() && identity("crm=").is_err());
        let email = contact("email:ann@example.com").unwrap();
        assert_eq!((email.kind(), email.address.as_str()), (contact_point::Kind::Email, "ann@example.com"));
        assert!(contact("fax:1").is_err() && contact("email:").is_err() && contact("ann@example.com").is_err());
    }

    #[test]
    fn times_are_rfc_3339_and_nothing_else() {
        assert_eq!(time("1970-01-01T01:00:01+01:00").unwrap(), Timestamp { seconds: 1, nanos: 0 });
        assert_eq!(time("1969-12-31T23:59:59.5Z").unwrap(), Timestamp { seconds: -1, nanos: 500_000_000 });
        for wrong in ["", "now", "2026-03-01", "2026-03-01 12:00:00Z", "2026-03-01T12:00:00", "2026-13-01T12:00:00Z"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_of_time_have_a_unit_and_are_positive() {
        assert_eq!(duration("90m").unwrap().seconds, 5_400);
        assert_eq!(duration("2d").unwrap().seconds, 172_800);
        for wrong in ["", "90", "-1h", "0s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
