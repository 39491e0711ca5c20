//! How the sandbox can misbehave.

use serde::Deserialize;

/// What the sandbox does with a payout. A payee that starts with names of behaviours and a colon asks for them:
/// `decline:somebody` for one, `timeout-before-execute+error-after-execute+honest:somebody` for one after the other,
/// request by request, the last one from then on. The configuration can ask for one for every payee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Executes and answers.
    #[default]
    Honest,
    /// The request never arrives; the caller waits in vain.
    TimeoutBeforeExecute,
    /// Executes, and the answer never arrives. Once.
    TimeoutAfterExecute,
    /// Executes and answers with a server error, which it gives to the same key from then on.
    ErrorAfterExecute,
    /// Refuses.
    Decline,
    /// Executes, and answers late. Once.
    Slow,
    /// As `error-after-execute`, and look-ups learn of the execution late.
    LookupLag,
    /// Executes, and says that another request with the key is in progress. Once.
    InProgress,
    /// Executes, and answers without what an answer must have. Once.
    Unreadable,
    /// Executes with one minor unit more, and says so.
    WrongAmount,
    /// Executes with one minor unit more, and says nothing.
    HiddenWrongAmount,
    /// As `timeout-after-execute`, and forgets the key at once: breaks its own promise.
    ForgetsKeys,
    /// Executes and sends its webhook before it answers.
    EarlyWebhook,
    /// As `timeout-after-execute`, and sends its webhook three times.
    DuplicateWebhook,
    /// The request never arrives, and a webhook says that it was executed, with a wrong signature.
    ForgedWebhook,
    /// The request never arrives, and a webhook says that it was executed.
    LyingWebhook,
    /// As `timeout-after-execute`, and the webhook bears an old time.
    StaleWebhook,
}

impl Behaviour {
    /// All, by name.
    pub const ALL: [(&'static str, Behaviour); 17] = [
        ("honest", Self::Honest),
        ("timeout-before-execute", Self::TimeoutBeforeExecute),
        ("timeout-after-execute", Self::TimeoutAfterExecute),
        ("error-after-execute", Self::ErrorAfterExecute),
        ("decline", Self::Decline),
        ("slow", Self::Slow),
        ("lookup-lag", Self::LookupLag),
        ("in-progress", Self::InProgress),
        ("unreadable", Self::Unreadable),
        ("wrong-amount", Self::WrongAmount),
        ("hidden-wrong-amount", Self::HiddenWrongAmount),
        ("forgets-keys", Self::ForgetsKeys),
        ("early-webhook", Self::EarlyWebhook),
        ("duplicate-webhook", Self::DuplicateWebhook),
        ("forged-webhook", Self::ForgedWebhook),
        ("lying-webhook", Self::LyingWebhook),
        ("stale-webhook", Self::StaleWebhook),
    ];

    /// What this payee asks for, request by request; `None` when it asks for nothing.
    pub fn of_payee(payee: &str) -> Option<Vec<Self>> {
        let (names, _) = payee.split_once(':')?;
        let of_name = |name| Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, behaviour)| behaviour);
        names.split('+').map(of_name).collect()
    }

    /// The behaviour at request number `request` (from 0) of a sequence: the last one goes on, unless it happens once.
    pub fn at(sequence: &[Self], request: usize) -> Self {
        match sequence.get(request) {
            Some(behaviour) => *behaviour,
            None => match sequence.last() {
                Some(last) if !last.happens_once() => *last,
                Some(_) | None => Self::Honest,
            },
        }
    }

    /// True when requests after it are answered honestly.
    const fn happens_once(self) -> bool {
        match self {
            Self::TimeoutAfterExecute
            | Self::Slow
            | Self::InProgress
            | Self::Unreadable
            | Self::ForgetsKeys
            | Self::EarlyWebhook
            | Self::DuplicateWebhook
            | Self::StaleWebhook => true,
            Self::Honest
            | Self::TimeoutBeforeExecute
            | Self::ErrorAfterExecute
            | Self::Decline
            | Self::LookupLag
            | Self::WrongAmount
            | Self::HiddenWrongAmount
            | Self::ForgedWebhook
            | Self::LyingWebhook => false,
        }
    }

    /// True when the request never arrives.
    pub const fn never_arrives(self) -> bool {
        matches!(self, Self::TimeoutBeforeExecute | Self::ForgedWebhook | Self::LyingWebhook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payee_asks_by_its_prefix() {
        for (name, behaviour) in Behaviour::ALL {
            assert_eq!(Behaviour::of_payee(&format!("{name}:x")), Some(vec![behaviour]));
            let read: Behaviour = serde_json::from_value(serde_json::json!(name)).expect("a known name");
            assert_eq!(read, behaviour, "the configuration knows the same names");
        }
        for honest in ["somebody", "decline", "customers/decline:x", "", "decline+nonsense:x"] {
            assert_eq!(Behaviour::of_payee(honest), None, "{honest}");
        }
    }

    #[test]
    fn a_sequence_goes_request_by_request() {
        use Behaviour::{ErrorAfterExecute, Honest, Slow, TimeoutAfterExecute, TimeoutBeforeExecute};
        let asked = Behaviour::of_payee("timeout-before-execute+slow+error-after-execute:x").expect("known names");
        let taken: Vec<_> = (0..5).map(|request| Behaviour::at(&asked, request)).collect();
        assert_eq!(taken, [TimeoutBeforeExecute, Slow, ErrorAfterExecute, ErrorAfterExecute, ErrorAfterExecute]);
        let once: Vec<_> = (0..3).map(|request| Behaviour::at(&[TimeoutAfterExecute], request)).collect();
        assert_eq!(once, [TimeoutAfterExecute, Honest, Honest]);
        assert_eq!(Behaviour::at(&[], 0), Honest);
    }
}
