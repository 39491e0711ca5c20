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
