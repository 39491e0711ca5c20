//! How the sandbox can misbehave.

use serde::Deserialize;

/// What the sandbox does with a payout. A payee that starts with the name of a behaviour and a colon, such as
/// `decline:somebody`, asks for it; the configuration can ask for one for every payee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Executes and answers.
    #[default]
    Honest,
    /// The request never arrives; the caller waits in vain.
    TimeoutBeforeExecute,
    /// Executes, and the first answer never arrives.
    TimeoutAfterExecute,
    /// Executes and answers with a server error, which it gives to the same key from then on.
    ErrorAfterExecute,
    /// Refuses.
    Decline,
    /// Executes, and answers the first request late.
    Slow,
    /// As `error-after-execute`, and look-ups learn of the execution late.
    LookupLag,
}

impl Behaviour {
    /// All, by name.
    pub const ALL: [(&'static str, Behaviour); 7] = [
        ("honest", Self::Honest),
        ("timeout-before-execute", Self::TimeoutBeforeExecute),
        ("timeout-after-execute", Self::TimeoutAfterExecute),
        ("error-after-execute", Self::ErrorAfterExecute),
        ("decline", Self::Decline),
        ("slow", Self::Slow),
        ("lookup-lag", Self::LookupLag),
    ];

    /// What this payee asks for.
    pub fn of_payee(payee: &str) -> Option<Self> {
        let (name, _) = payee.split_once(':')?;
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, behaviour)| behaviour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payee_asks_by_its_prefix() {
        for (name, behaviour) in Behaviour::ALL {
            assert_eq!(Behaviour::of_payee(&format!("{name}:x")), Some(behaviour));
            let read: Behaviour = serde_json::from_value(serde_json::json!(name)).expect("a known name");
            assert_eq!(read, behaviour, "the configuration knows the same names");
        }
        for honest in ["somebody", "decline", "customers/decline:x", ""] {
            assert_eq!(Behaviour::of_payee(honest), None, "{honest}");
        }
    }
}
