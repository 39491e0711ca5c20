//! Who may decide what alone: role × kind of benefit × currency, for a case, for a customer in a time, for an agent in
//! a day.

use std::collections::BTreeMap;

use super::measure::{Need, Unit};

/// Limits by unit. A unit without a limit has the limit zero.
pub type Limits = BTreeMap<Unit, i64>;

/// The matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Version of the document.
    pub version: String,
    /// Length of the window of `per_customer`, in days.
    pub window_days: u32,
    /// The role of a request that names none.
    pub default_role: String,
    /// By id.
    pub roles: BTreeMap<String, Role>,
}

/// What a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Whether it may approve what others may not decide alone.
    pub approves: bool,
    /// By kind of benefit. A kind that is not there needs approval, always.
    pub limits: BTreeMap<String, KindLimits>,
}

/// The limits of one kind of benefit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindLimits {
    /// For one case, over its whole life.
    pub per_case: Limits,
    /// For one customer, in the window.
    pub per_customer: Limits,
    /// For one agent, in a day (UTC).
    pub per_agent_day: Limits,
}

/// Over which decisions a limit sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// All of the case.
    Case,
    /// All for the customer, in the window.
    Customer,
    /// All of the agent, today.
    AgentDay,
}

impl Reach {
    /// All.
    pub const ALL: [Reach; 3] = [Self::Case, Self::Customer, Self::AgentDay];
}

/// What was counted before, by reach, kind and unit.
pub type Used = BTreeMap<(Reach, String, Unit), i64>;

impl Authority {
    /// Why a role may not decide this alone: one reason for each limit that it would pass; none when it may.
    pub fn reasons_against(&self, role: &str, need: &Need, used: &Used) -> Vec<String> {
        if need.is_empty() {
            return Vec::new();
        }
        let Some(limits) = self.roles.get(role) else {
            return vec![format!("role {role} has no authority in policy {}", self.version)];
        };
        let mut reasons = Vec::new();
        for ((kind, unit), asked) in need {
            let Some(limits) = limits.limits.get(kind) else {
                reasons.push(format!("role {role} has no authority over {kind}"));
                continue;
            };
            for reach in Reach::ALL {
                let (table, over) = match reach {
                    Reach::Case => (&limits.per_case, "for this case".to_owned()),
                    Reach::Customer => {
                        (&limits.per_customer, format!("for this customer in {} days", self.window_days))
                    }
                    Reach::AgentDay => (&limits.per_agent_day, "by this agent today".to_owned()),
                };
                let limit = table.get(unit).copied().unwrap_or(0);
                let before = used.get(&(reach, kind.clone(), unit.clone())).copied().unwrap_or(0);
                if before.saturating_add(*asked) > limit {
                    reasons.push(format!(
                        "{kind} of {} {over} would be above {}: {} before, {} now",
                        unit.in_words(before.saturating_add(*asked)),
                        unit.in_words(limit),
                        unit.in_words(before),
                        unit.in_words(*asked),
                    ));
                }
            }
        }
        reasons
    }

    /// Whether a role may approve what others may not decide alone.
    pub fn may_approve(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|role| role.approves)
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure;
    use super::*;

    fn limits(text: &str) -> Limits {
        measure::parse(text).into_iter().collect()
    }

    fn matrix() -> Authority {
        let money = KindLimits {
            per_case: limits("EUR 50.00"),
            per_customer: limits("EUR 80.00"),
            per_agent_day: limits("EUR 200.00"),
        };
        let agent = Role { approves: false, limits: BTreeMap::from([("MONEY".to_owned(), money)]) };
        Authority {
            version: "1".to_owned(),
            window_days: 30,
            default_role: "agent".to_owned(),
            roles: BTreeMap::from([
                ("agent".to_owned(), agent),
                ("lead".to_owned(), Role { approves: true, ..Role::default() }),
            ]),
        }
    }

    fn key(kind: &str, text: &str) -> ((String, Unit), i64) {
        let (unit, amount) = measure::parse(text).expect(text);
        ((kind.to_owned(), unit), amount)
    }

    #[test]
    fn each_limit_holds_to_the_cent() {
        let euro = measure::parse("EUR 1.00").expect("an amount").0;
        for (reach, limit) in [(Reach::Case, 5_000), (Reach::Customer, 8_000), (Reach::AgentDay, 20_000)] {
            let need = Need::from([key("MONEY", "EUR 10.00")]);
            let used = |before| Used::from([((reach, "MONEY".to_owned(), euro.clone()), before)]);
            assert!(matrix().reasons_against("agent", &need, &used(limit - 1_000)).is_empty(), "{reach:?}");
            let reasons = matrix().reasons_against("agent", &need, &used(limit - 999));
            assert_eq!(reasons.len(), 1, "{reach:?}: {reasons:?}");
            assert!(reasons[0].contains("10.00 now"), "{reasons:?}");
            assert_eq!(matrix().reasons_against("agent", &need, &used(i64::MAX)).len(), 1);
        }
    }

    #[test]
    fn what_is_not_in_the_matrix_needs_approval_and_all_reasons_are_told() {
        let none = Used::new();
        let voucher = Need::from([key("VOUCHER", "EUR 1.00")]);
        assert_eq!(matrix().reasons_against("agent", &voucher, &none), ["role agent has no authority over VOUCHER"]);
        assert_eq!(matrix().reasons_against("chef", &voucher, &none), ["role chef has no authority in policy 1"]);
        let dollars = Need::from([key("MONEY", "USD 0.01")]);
        assert_eq!(matrix().reasons_against("agent", &dollars, &none).len(), 3, "an unnamed currency has no authority");
        assert!(matrix().reasons_against("chef", &Need::new(), &none).is_empty(), "what the law demands needs nobody");
        assert_eq!(
            matrix().reasons_against("agent", &Need::from([key("MONEY", "EUR 60.00")]), &none),
            ["MONEY of EUR 60.00 for this case would be above EUR 50.00: EUR 0.00 before, EUR 60.00 now"]
        );
        assert!(matrix().may_approve("lead") && !matrix().may_approve("agent") && !matrix().may_approve("chef"));
    }
}
