//! Whether another apology still helps: repeated ones are worse than nothing, and some need another kind.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{GateInputs, GateRules};

/// What kind of apology is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApologyKind {
    /// The usual one; best with something in its hand.
    Usual,
    /// Not the usual one again: say in person what was changed, and give something with it.
    AnotherKind,
    /// No templated apology: a person explains the policy.
    Explanation,
}

impl ApologyKind {
    /// All.
    pub const ALL: [ApologyKind; 3] = [Self::Usual, Self::AnotherKind, Self::Explanation];
}

/// What kind of apology is due, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApologyAdvice {
    /// The kind.
    pub kind: ApologyKind,
    /// Apologies that the customer had within the window before this failure.
    pub before: u32,
    /// Why, in words.
    pub text: String,
}

impl ApologyAdvice {
    pub(super) fn of(inputs: &GateInputs<'_>, rules: &GateRules) -> Self {
        let since = inputs.now.minus(rules.apology_window);
        let apologised = inputs.priors.iter().filter(|prior| prior.apology_at.is_some_and(|at| at >= since));
        // Remedies of one case share its apology.
        let cases: BTreeSet<_> = apologised.map(|prior| prior.case).collect();
        let before = u32::try_from(cases.len()).unwrap_or(u32::MAX);
        let days = rules.apology_window.as_secs() / 86_400;
        let (kind, text) = if inputs.known.deliberate == Some(true) {
            let text = "The failure is the effect of a policy: a templated apology for what was meant is punished \
                        (Fischbacher and Utikal 2010). A person explains why the policy is as it is.";
            (ApologyKind::Explanation, text.to_owned())
        } else if before >= rules.apology_cap {
            let text = format!(
                "The customer had {before} apologies within {days} days, and the cap is {}: another one can be worse than \
                 nothing (Halperin et al. 2022). Say in person what was changed since, and let something come with it.",
                rules.apology_cap
            );
            (ApologyKind::AnotherKind, text)
        } else {
            let text = format!(
                "The customer had {before} apologies within {days} days, and the cap is {}. Apologise first; the best \
                 apology carries something with it (Halperin et al. 2022).",
                rules.apology_cap
            );
            (ApologyKind::Usual, text)
        };
        Self { kind, before, text }
    }
}
