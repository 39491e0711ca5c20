//! The time that tests start at.

use kernel::{Timestamp, VirtualClock};

/// Where the virtual clock of a test starts: 2026-01-05T09:00:00Z, a Monday morning.
pub const TEST_EPOCH: Timestamp = Timestamp::from_seconds(1_767_603_600);

/// A clock that shows [`TEST_EPOCH`] and moves only when the test moves it.
pub fn virtual_clock() -> VirtualClock {
    VirtualClock::starting_at(TEST_EPOCH)
}
