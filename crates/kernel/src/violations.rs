//! Collects every violation of a request, so that a caller mends them all at once.

use crate::{FieldViolation, ServiceError};

/// The violations found so far, with the path that new ones are put under.
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<FieldViolation>,
    path: Vec<String>,
}

impl Violations {
    /// None found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a violation of `field` under the current path.
    pub fn add(&mut self, field: &str, reason: &str, description: impl Into<String>) {
        let mut path = self.path.join(".");
        if !field.is_empty() {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(field);
        }
        self.found.push(FieldViolation { field: path, reason: reason.to_owned(), description: description.into() });
    }

    /// Runs `check` with `segment` (a message field, or `items[3]`) added to the path.
    pub fn within<T>(&mut self, segment: impl Into<String>, check: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment.into());
        let out = check(self);
        self.path.pop();
        out
    }

    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The error that lists all of them, or `Ok` when there are none.
    pub fn finish(self) -> Result<(), ServiceError> {
        if self.found.is_empty() { Ok(()) } else { Err(ServiceError::invalid(self.found)) }
    }

    /// A text of `min` to `max` characters after trimming, without NUL and not made of invisible characters alone.
    /// Returns the text as it came, or an empty one after recording the violation.
    pub fn text(&mut self, field: &str, value: &str, min: usize, max: usize) -> String {
        if value.contains('\0') {
            self.add(field, "NUL_CHARACTER", "must not contain the NUL character");
            return String::new();
        }
        let visible = value.chars().any(|c| !c.is_whitespace() && !is_invisible(c));
        let length = value.chars().count();
        if min > 0 && !visible {
            self.add(field, "REQUIRED", format!("is required: give {min} to {max} characters"));
            return String::new();
        }
        if length < min || length > max {
            self.add(field, "LENGTH", format!("has {length} characters; allowed are {min} to {max}"));
            return String::new();
        }
        value.to_owned()
    }

    /// A `request_id`: 1 to 128 printable ASCII characters without blanks.
    pub fn request_id(&mut self, value: &str) -> String {
        if value.is_empty() {
            self.add(
                "request_id",
                "REQUIRED",
                "is required on every mutation: give 1 to 128 printable ASCII characters",
            );
        } else if value.len() > 128 || !value.bytes().all(|b| b.is_ascii_graphic()) {
            self.add("request_id", "REQUEST_ID", "must be 1 to 128 printable ASCII characters without blanks");
        } else {
            return value.to_owned();
        }
        String::new()
    }

    /// A closed enum value: refuses UNSPECIFIED and numbers that this version does not know.
    pub fn known_enum<E: TryFrom<i32> + Copy>(&mut self, field: &str, value: i32, choices: &str) -> Option<E> {
        match E::try_from(value) {
            Ok(known) if value != 0 => Some(known),
            _ => {
                self.add(field, "UNKNOWN_ENUM_VALUE", format!("{value} is not allowed; use one of {choices}"));
                None
            }
        }
    }

    /// At least `min` and at most `max` items.
    pub fn count(&mut self, field: &str, len: usize, min: usize, max: usize) {
        if len < min || len > max {
            self.add(
                field,
                if len > max { "TOO_MANY_ITEMS" } else { "REQUIRED" },
                format!("has {len} items; allowed are {min} to {max}"),
            );
        }
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{00ad}')
        || c.is_control()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn all_violations_are_listed_with_their_paths() {
        let mut violations = Violations::new();
        violations.request_id("");
        violations.within("affected[1]", |v| v.within("customer", |v| v.text("email", "\u{200b} ", 1, 10)));
        violations.count("affected", 501, 1, 500);
        let error = violations.finish().unwrap_err();
        let fields: Vec<_> = error.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "affected[1].customer.email", "affected"]);
        assert_eq!(error.message, "fields invalid: request_id, affected[1].customer.email, affected");
    }
}
