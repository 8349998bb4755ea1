//! The bearer token.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};

/// A token that callers must present.
#[derive(Debug, Clone)]
pub struct Token {
    text: SecretString,
}

impl Token {
    /// A token; `None` for an empty one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self { text: SecretString::from(text) })
    }

    /// The token itself, to be presented.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.text.expose_secret()
    }

    /// Whether a request presents it, compared in a time that does not depend on where they differ.
    #[must_use]
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let presented = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
        let Some(word) = presented.and_then(|value| value.strip_prefix(b"Bearer ")) else {
            return false;
        };
        let wanted = self.text.expose_secret().as_bytes();
        let difference = word.iter().zip(wanted).fold(0, |sum, (left, right)| sum | (left ^ right));
        word.len() == wanted.len() && difference == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_is_admitted() {
        let token = Token::new("a-long-random-word").unwrap();
        let with = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert!(token.admits(&with("Bearer a-long-random-word")));
        for wrong in [
            "Bearer a-long-random-wor",
            "Bearer a-long-random-wordy",
            "a-long-random-word",
            "Bearer ",
        ] {
            assert!(!token.admits(&with(wrong)), "{wrong}");
        }
        assert!(!token.admits(&HeaderMap::new()));
        assert!(Token::new("").is_none());
    }
}
