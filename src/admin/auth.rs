//! Bearer tokens, each with the name of whoever holds it.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};

/// The name of a token that has none of its own.
const UNNAMED: &str = "token";

/// Tokens of which callers must present one.
#[derive(Debug, Clone)]
pub struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone)]
struct Token {
    name: String,
    text: SecretString,
}

impl Tokens {
    /// Reads a token a line, with the holder's name in front of it or none: `alice: a-long-random-word`. Empty lines and
    /// those that begin with `#` are passed over; `None` where nothing is left, or a line holds no token.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let tokens = lines.map(Token::read).collect::<Option<Vec<_>>>()?;
        (!tokens.is_empty()).then_some(Self { tokens })
    }

    /// The first token, to be presented.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.tokens.first().map_or("", |token| token.text.expose_secret())
    }

    /// The name of the token that a request presents; `None` where it presents none of these.
    #[must_use]
    pub fn holder(&self, headers: &HeaderMap) -> Option<&str> {
        let presented = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
        let word = presented.and_then(|value| value.strip_prefix(b"Bearer "))?;
        let mut held = self.tokens.iter().filter(|token| token.is(word));
        held.next_back().map(|token| token.name.as_str())
    }
}

impl Token {
    fn read(line: &str) -> Option<Self> {
        let (name, text) = line.split_once(':').unwrap_or((UNNAMED, line));
        let (name, text) = (name.trim(), text.trim());
        let is_whole = !name.is_empty() && !text.is_empty() && !text.contains(char::is_whitespace);
        is_whole.then(|| Self { name: name.to_owned(), text: SecretString::from(text) })
    }

    /// Compared in a time that does not depend on where they differ.
    fn is(&self, word: &[u8]) -> bool {
        let wanted = self.text.expose_secret().as_bytes();
        let difference = word.iter().zip(wanted).fold(0, |sum, (left, right)| sum | (left ^ right));
        word.len() == wanted.len() && difference == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_the_very_token_is_admitted() {
        let tokens = Tokens::read("a-long-random-word\n").unwrap();
        assert_eq!(tokens.holder(&with("Bearer a-long-random-word")), Some("token"));
        for wrong in [
            "Bearer a-long-random-wor",
            "Bearer a-long-random-wordy",
            "a-long-random-word",
            "Bearer ",
        ] {
            assert_eq!(tokens.holder(&with(wrong)), None, "{wrong}");
        }
        assert_eq!(tokens.holder(&HeaderMap::new()), None);
        assert_eq!(tokens.reveal(), "a-long-random-word");
    }

    #[test]
    fn tokens_have_the_names_of_their_holders() {
        let tokens = Tokens::read("# who may\nalice: first\n\nbob:second\n").unwrap();
        assert_eq!(tokens.holder(&with("Bearer first")), Some("alice"));
        assert_eq!(tokens.holder(&with("Bearer second")), Some("bob"));
        assert_eq!(tokens.reveal(), "first");
        for wrong in ["", "\n# nobody\n", "alice:\n", ": word", "two words"] {
            assert!(Tokens::read(wrong).is_none(), "{wrong:?}");
        }
    }
}
