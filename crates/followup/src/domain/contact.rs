//! Where a message goes, and what an address of each kind looks like.
//!
//! The check is a coarse one: it keeps out what could not be an address at all. Whether a mailbox exists is for the
//! transport to say.

use serde::{Deserialize, Serialize};

/// The kind of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ContactKind {
    /// E-mail.
    Email,
    /// Phone, E.164.
    Phone,
    /// Inbox of the company's app.
    App,
}

impl ContactKind {
    /// All kinds.
    pub(crate) const ALL: [ContactKind; 3] = [ContactKind::Email, ContactKind::Phone, ContactKind::App];

    /// As it is stored and reported.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::App => "APP",
        }
    }

    /// From [`ContactKind::as_str`].
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What is wrong with `address`, and what would be right.
    pub(crate) fn complaint(self, address: &str) -> Option<&'static str> {
        let ok = match self {
            Self::Email => is_mailbox(address),
            Self::Phone => is_phone(address),
            Self::App => !address.is_empty() && address.chars().all(is_plain),
        };
        (!ok).then_some(match self {
            Self::Email => "must be an e-mail address such as name@example.com",
            Self::Phone => "must be + and 8 to 15 digits, e.g. +491701234567",
            Self::App => "must be the app's user id, without blanks and control characters",
        })
    }
}

/// An address and its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContactPoint {
    /// The kind.
    pub(crate) kind: ContactKind,
    /// The address.
    pub(crate) address: String,
}

fn is_plain(c: char) -> bool {
    !c.is_whitespace() && !c.is_control()
}

fn is_mailbox(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let brackets = |c: char| matches!(c, '<' | '>' | ',' | ';' | '"' | '\\');
    (1..=64).contains(&local.len())
        && (1..=253).contains(&domain.len())
        && address.chars().all(|c| is_plain(c) && !brackets(c))
        && !local.contains('@')
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
}

fn is_phone(address: &str) -> bool {
    address
        .strip_prefix('+')
        .is_some_and(|digits| (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_be_one_pass_and_others_do_not() {
        for (kind, good) in [
            (ContactKind::Email, "ada@example.com"),
            (ContactKind::Email, "ada+flight@post.example.co.uk"),
            (ContactKind::Email, "jörg@münchen.example"),
            (ContactKind::Phone, "+491701234567"),
            (ContactKind::App, "user-7"),
        ] {
            assert_eq!(kind.complaint(good), None, "{good}");
        }
        for (kind, bad) in [
            (ContactKind::Email, ""),
            (ContactKind::Email, "ada"),
            (ContactKind::Email, "@example.com"),
            (ContactKind::Email, "ada@"),
            (ContactKind::Email, "a@b@c"),
            (ContactKind::Email, "ada@.example"),
            (ContactKind::Email, "ada@example.com\r\nBcc: all@example.com"),
            (ContactKind::Email, "<ada@example.com>"),
            (ContactKind::Email, "ada@example.com,bob@example.com"),
            (ContactKind::Phone, "491701234567"),
            (ContactKind::Phone, "+1234567"),
            (ContactKind::Phone, "+1234567890123456"),
            (ContactKind::Phone, "+49 170 1234567"),
            (ContactKind::App, ""),
            (ContactKind::App, "user 7"),
            (ContactKind::App, "user\u{7}"),
        ] {
            assert!(kind.complaint(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_kind_is_read_back_as_it_was_written() {
        for kind in ContactKind::ALL {
            assert_eq!(ContactKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ContactKind::parse("FAX"), None);
    }
}
