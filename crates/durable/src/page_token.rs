//! Page tokens that nobody can forge, move to another tenant or use with another query.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use kernel::{ErrorCode, ServiceError, TenantId, reason};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// Makes and opens page tokens: HMAC-SHA-256 over version, tenant, query and cursor.
#[derive(Clone)]
pub struct PageTokens {
    key: Vec<u8>,
}

impl std::fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTokens(***)")
    }
}

const TAG: usize = 16;

impl PageTokens {
    /// With a secret that all replicas of a service share.
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into() }
    }

    /// The token of the page after `cursor`. `query` is everything that the token is bound to: method and filters.
    pub fn seal(&self, tenant: &TenantId, query: &impl Serialize, cursor: &impl Serialize) -> String {
        let cursor = serde_json::to_vec(cursor).unwrap_or_default();
        let mut token = self.tag(tenant, query, &cursor).to_vec();
        token.extend_from_slice(&cursor);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The cursor of a token; `None` for an empty one, which is the first page.
    ///
    /// # Errors
    /// INVALID_ARGUMENT `BAD_PAGE_TOKEN` when the token is forged, cut off, of another tenant or of another query.
    pub fn open<C: DeserializeOwned>(
        &self,
        tenant: &TenantId,
        query: &impl Serialize,
        token: &str,
    ) -> Result<Option<C>, ServiceError> {
        if token.is_empty() {
            return Ok(None);
        }
        let bad = || {
            ServiceError::new(
                ErrorCode::InvalidArgument,
                reason::BAD_PAGE_TOKEN,
                "page_token is not one that this query returned; start again without one",
            )
        };
        let raw = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
        let (tag, cursor) = raw.split_at_checked(TAG).ok_or_else(bad)?;
        let mut mac = self.mac(tenant, query);
        mac.update(cursor);
        mac.verify_truncated_left(tag).map_err(|_| bad())?;
        serde_json::from_slice(cursor).map(Some).map_err(|_| bad())
    }

    fn tag(&self, tenant: &TenantId, query: &impl Serialize, cursor: &[u8]) -> [u8; TAG] {
        let mut mac = self.mac(tenant, query);
        mac.update(cursor);
        let full = mac.finalize().into_bytes();
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        tag
    }

    fn mac(&self, tenant: &TenantId, query: &impl Serialize) -> Hmac<Sha256> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(b"v1\0");
        mac.update(tenant.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(&serde_json::to_vec(query).unwrap_or_default());
        mac.update(b"\0");
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_only_where_it_was_made() {
        let tokens = PageTokens::new("secret");
        let (a, b) = (TenantId::default_tenant(), TenantId::parse("other").expect("a valid tenant"));
        let token = tokens.seal(&a, &("ListCases", 3), &(17, "x".to_owned()));
        assert_eq!(tokens.open(&a, &("ListCases", 3), &token), Ok(Some((17, "x".to_owned()))));
        assert_eq!(tokens.open::<(i32, String)>(&a, &("ListCases", 3), ""), Ok(None));
        let forged = format!("{}A", &token[..token.len() - 1]);
        let bad = [
            tokens.open::<(i32, String)>(&b, &("ListCases", 3), &token),
            tokens.open(&a, &("ListCases", 4), &token),
            tokens.open(&a, &("ListCases", 3), &token[..8]),
            tokens.open(&a, &("ListCases", 3), &forged),
            tokens.open(&a, &("ListCases", 3), "%%%"),
            PageTokens::new("another").open(&a, &("ListCases", 3), &token),
        ];
        for result in bad {
            assert_eq!(result.expect_err("must not open").reason, reason::BAD_PAGE_TOKEN);
        }
    }
}
