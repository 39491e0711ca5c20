//! The protections of the payout protocol by name, so that a test can take one away and see the checker find it.
//!
//! Outside of this crate's own tests there is only one value, with all of them: nothing reads it from a configuration,
//! and the compiler removes the question.

/// A protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Safeguard {
    /// The intent is durable before a byte leaves.
    IntentFirst,
    /// Every attempt carries the same key.
    ConstantKey,
    /// The key's time is looked at immediately before every send.
    WindowBeforeEverySend,
    /// Only the last step's findings count, successes excepted.
    Fence,
    /// An answer that is lost is no refusal.
    UnknownIsNoRefusal,
    /// That the provider does not know a payout is no proof.
    NotFoundIsNoProof,
    /// Another amount is never taken for ours.
    AmountsCompared,
    /// A provider's event counts once.
    EventsOnce,
    /// A provider's event is a hint and no proof.
    EventsAreHints,
    /// Who proposed a decision cannot approve it.
    FourEyes,
}

impl Safeguard {
    /// All of them.
    pub const ALL: [Safeguard; 10] = [
        Self::IntentFirst,
        Self::ConstantKey,
        Self::WindowBeforeEverySend,
        Self::Fence,
        Self::UnknownIsNoRefusal,
        Self::NotFoundIsNoProof,
        Self::AmountsCompared,
        Self::EventsOnce,
        Self::EventsAreHints,
        Self::FourEyes,
    ];
}

/// The protections that are there: all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Safeguards {
    #[cfg(test)]
    missing: Option<Safeguard>,
}

impl Safeguards {
    /// All of them.
    pub const ALL: Safeguards = Safeguards {
        #[cfg(test)]
        missing: None,
    };

    /// All but one, to show that the checker misses it.
    #[cfg(test)]
    pub(crate) const fn without(missing: Safeguard) -> Self {
        Self { missing: Some(missing) }
    }

    /// True: it is there.
    #[cfg(not(test))]
    pub(crate) const fn hold(self, _safeguard: Safeguard) -> bool {
        true
    }

    /// True unless the test took it away.
    #[cfg(test)]
    pub(crate) fn hold(self, safeguard: Safeguard) -> bool {
        self.missing != Some(safeguard)
    }
}
