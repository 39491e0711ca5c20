//! The state machine of a voucher, and its code.

use uuid::Uuid;

use super::transition::InvalidTransition;

/// Where a voucher stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoucherState {
    /// Can be used.
    Issued,
    /// Was used up. Final.
    Redeemed,
    /// Ran out. Final.
    Expired,
    /// Taken back by a person. Final.
    Voided,
}

/// What happens to a voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoucherEvent {
    /// A part of it is used, and something is left.
    RedeemPart,
    /// The rest of it is used, or a discount is.
    RedeemRest,
    /// Its time has passed.
    Expire,
    /// A person takes it back.
    Void,
}

impl VoucherState {
    /// All states.
    pub const ALL: [VoucherState; 4] = [Self::Issued, Self::Redeemed, Self::Expired, Self::Voided];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "ISSUED",
            Self::Redeemed => "REDEEMED",
            Self::Expired => "EXPIRED",
            Self::Voided => "VOIDED",
        }
    }

    /// The reverse of [`VoucherState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// When it was used up, has run out or was voided before.
    pub const fn on(self, event: VoucherEvent) -> Result<Self, InvalidTransition> {
        match self {
            Self::Issued => Ok(match event {
                VoucherEvent::RedeemPart => Self::Issued,
                VoucherEvent::RedeemRest => Self::Redeemed,
                VoucherEvent::Expire => Self::Expired,
                VoucherEvent::Void => Self::Voided,
            }),
            Self::Redeemed | Self::Expired | Self::Voided => {
                let event = match event {
                    VoucherEvent::RedeemPart | VoucherEvent::RedeemRest => "being used",
                    VoucherEvent::Expire => "the end of its time",
                    VoucherEvent::Void => "being voided",
                };
                Err(InvalidTransition { machine: "the voucher", state: self.as_str(), event })
            }
        }
    }
}

/// Crockford's base 32: no letter that reads like a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The code that the customer shows, `XXXXXXX-XXXXXXX`: 70 bits of a random id that is used for nothing else, so that
/// nobody can work it out from the voucher's name.
pub fn code_of(random: Uuid) -> String {
    let bits = random.as_u128();
    // A UUID of version 7 has its random bits at 0..62 and at 64..76.
    let pool = (bits & ((1 << 60) - 1)) | (((bits >> 64) & 0x3ff) << 60);
    let mut code = String::with_capacity(15);
    for place in (0..14).rev() {
        let index = usize::try_from((pool >> (place * 5)) & 31).unwrap_or(0);
        code.push(char::from(ALPHABET[index]));
        if place == 7 {
            code.push('-');
        }
    }
    code
}

/// A code as it is stored, from what somebody typed: in either case, with or without blanks and dashes, and with the
/// letters that read like digits taken for those. `None` when it cannot be a code.
pub fn read_code(typed: &str) -> Option<String> {
    let mut code = String::with_capacity(15);
    for typed in typed.chars().filter(|typed| !matches!(typed, ' ' | '-')) {
        let letter = match typed.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        u8::try_from(letter).ok().filter(|letter| ALPHABET.contains(letter))?;
        code.push(letter);
        if code.len() == 7 {
            code.push('-');
        }
    }
    (code.len() == 15).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_takes_what_the_table_says() {
        use VoucherEvent::{Expire, RedeemPart, RedeemRest, Void};
        use VoucherState as S;
        for state in S::ALL {
            let expected = match state {
                S::Issued => [Some(S::Issued), Some(S::Redeemed), Some(S::Expired), Some(S::Voided)],
                S::Redeemed | S::Expired | S::Voided => [None; 4],
            };
            for (event, expected) in [RedeemPart, RedeemRest, Expire, Void].into_iter().zip(expected) {
                assert_eq!(state.on(event).ok(), expected, "{state:?} on {event:?}");
            }
            assert_eq!(S::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = code_of(Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678));
        let (left, right) = code.split_at(7);
        for typed in [code.clone(), code.to_lowercase(), format!(" {left} {}", &right[1..]), code.replace('1', "l")] {
            assert_eq!(read_code(&typed), Some(code.clone()), "{typed}");
        }
        assert_eq!(read_code("oooooooIIIIIIL"), Some("0000000-1111111".to_owned()));
        for wrong in ["", "0", "0000000-000000", "0000000-00000000", "000000U-0000000", "0000000-000000\u{e4}"] {
            assert_eq!(read_code(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_code_shows_every_random_bit_and_no_fixed_one() {
        assert_eq!(code_of(Uuid::from_u128(1)), "0000000-0000001");
        assert_eq!(code_of(Uuid::from_u128(u128::MAX)), "ZZZZZZZ-ZZZZZZZ");
        let base = code_of(Uuid::nil());
        for bit in (0..60).chain(64..74) {
            assert_ne!(code_of(Uuid::from_u128(1 << bit)), base, "bit {bit}");
        }
        for bit in [62, 63, 76, 79, 127] {
            assert_eq!(code_of(Uuid::from_u128(1 << bit)), base, "bit {bit} is the version, the variant or the time");
        }
    }
}
