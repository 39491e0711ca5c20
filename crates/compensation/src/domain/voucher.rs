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
}

impl VoucherState {
    /// All states.
    pub const ALL: [VoucherState; 3] = [Self::Issued, Self::Redeemed, Self::Expired];

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "ISSUED",
            Self::Redeemed => "REDEEMED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The reverse of [`VoucherState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after its time has passed.
    ///
    /// # Errors
    /// When it was used up or has run out before.
    pub const fn expire(self) -> Result<Self, InvalidTransition> {
        match self {
            Self::Issued => Ok(Self::Expired),
            Self::Redeemed | Self::Expired => {
                Err(InvalidTransition { machine: "the voucher", state: self.as_str(), event: "the end of its time" })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voucher_ends_once() {
        for (state, after) in VoucherState::ALL.into_iter().zip([Some(VoucherState::Expired), None, None]) {
            assert_eq!(state.expire().ok(), after, "{state:?}");
            assert_eq!(VoucherState::parse(state.as_str()), Some(state));
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
