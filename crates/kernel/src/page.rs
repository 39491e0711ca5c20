//! Page sizes by AIP-158: negative is an error, zero the default, too large is clamped.

use crate::Violations;

/// How many rows a list call answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// Used when the caller names none.
    pub const DEFAULT: u32 = 50;
    /// The most that one page holds.
    pub const MAX: u32 = 500;

    /// Parses a wire value.
    pub fn parse(value: i32, violations: &mut Violations) -> Self {
        match u32::try_from(value) {
            Err(_) => {
                violations.add("page_size", "NEGATIVE", "must not be negative; 0 means the default of 50");
                Self(Self::DEFAULT)
            }
            Ok(0) => Self(Self::DEFAULT),
            Ok(n) => Self(n.min(Self::MAX)),
        }
    }

    /// Rows per page.
    pub fn get(self) -> u64 {
        u64::from(self.0)
    }
}

/// A page as asked for: size, and the decoded cursor of the page token.
#[derive(Clone, Debug)]
pub struct PageRequest<C> {
    /// Rows per page.
    pub size: PageSize,
    /// Where the previous page ended; `None` for the first page.
    pub after: Option<C>,
}
