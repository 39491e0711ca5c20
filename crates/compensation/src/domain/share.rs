//! Where something stands among so many places: a hash decides, so that the answer is the same for ever, everywhere and
//! in any order.
//!
//! Pure. What always holds: with the same parts, a place below a bound stays below every higher bound.

use sha2::{Digest as _, Sha256};

/// A place, 0 to `of` - 1, by the SHA-256 of the parts. The digest is read as a number below 2^64, so that each place is as
/// likely as any other to `of` in 2^64.
pub fn place(parts: &[&str], of: u64) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        // The length keeps `ab`, `c` and `a`, `bc` apart.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    u64::try_from((u128::from(number) * u128::from(of)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Worked out by another implementation: an answer that drifts moves tenants and customers from one version, or from
    /// one arm, to the other.
    #[test]
    fn a_place_is_the_same_for_ever() {
        let answers: [(&[&str], u64, u64); 6] = [
            (&["eu261", "3", "acme"], 1_000, 309),
            (&["a", "bc"], 1_000, 248),
            (&["ab", "c"], 1_000, 375),
            (&["\u{fc}"], 1_000_000, 264_421),
            (&["ab", "c"], u64::MAX, 6_925_784_671_553_650_219),
            (&[], 10, 8),
        ];
        for (parts, of, expected) in answers {
            assert_eq!(place(parts, of), expected, "{parts:?}");
        }
    }

    #[test]
    fn the_places_are_filled_evenly() {
        let mut filled = [0_u32; 10];
        for number in 0..10_000 {
            filled[usize::try_from(place(&["evenly", &number.to_string()], 10)).expect("a place")] += 1;
        }
        // Five standard deviations of 30.
        assert!(filled.iter().all(|many| (850..=1_150).contains(many)), "{filled:?}");
    }

    proptest! {
        #[test]
        fn who_is_within_a_share_stays_within_a_larger_one(part in ".{0,20}", of in 1..=1_000_u64, factor in 1..=1_000_u64) {
            let (coarse, fine) = (place(&[&part], of), place(&[&part], of * factor));
            prop_assert!(coarse < of);
            prop_assert_eq!(fine / factor, coarse);
        }
    }
}
