//! The words of a statement: enough of MySQL's lexical rules to find verbs and names, and no more.
//!
//! Comments are skipped, the insides of `/*! … */` are read as the server reads them, quoted text stays in one piece.

/// A word of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, a bare name or a number.
    Word(&'a str),
    /// A name between backticks, or between double quotes, which may also be text.
    Quoted(String),
    /// Text between single quotes.
    Text,
    /// Any other character.
    Symbol(char),
}

impl Token<'_> {
    /// Whether this is the keyword, in any case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Whether this is one of the keywords.
    pub(super) fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    /// The name that it may be, bare or quoted.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Quoted(name) => Some(name),
            Self::Text | Self::Symbol(_) => None,
        }
    }
}

/// Takes a statement apart.
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) const fn of(statement: &'a str) -> Self {
        Self { rest: statement }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    /// Skips to behind the mark, or to the end.
    fn skip_past(&mut self, mark: &str) {
        let end = self.rest.find(mark).map_or(self.rest.len(), |start| start + mark.len());
        self.skip(end);
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(|letter: char| {
                letter.is_ascii_whitespace() || letter == '\u{b}' || letter == '\0'
            });
            if self.rest.starts_with("/*!") {
                // A version that this server is too old for would be a comment; no binlog has one.
                self.skip(3);
                self.rest = self.rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
            } else if self.rest.starts_with("/*") {
                self.skip(2);
                self.skip_past("*/");
            } else if self.rest.starts_with("*/") {
                self.skip(2);
            } else if self.rest.starts_with('#') || self.starts_with_dashes() {
                self.skip_past("\n");
            } else {
                return;
            }
        }
    }

    /// Two dashes begin a comment only before a blank.
    fn starts_with_dashes(&self) -> bool {
        self.rest.strip_prefix("--").is_some_and(|behind| {
            behind.is_empty() || behind.starts_with(|letter: char| letter <= ' ')
        })
    }

    /// Reads to the closing quote; a doubled one is one letter, and in texts a backslash keeps the next.
    fn quoted(&mut self, quote: char) -> String {
        let mut inside = String::new();
        let mut letters = self.rest.char_indices().skip(1).peekable();
        while let Some((place, letter)) = letters.next() {
            if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
                self.skip(place + quote.len_utf8());
                return inside;
            }
            inside.push(letter);
            if letter == '\\' && quote != '`' {
                inside.extend(letters.next().map(|(_, kept)| kept));
            }
        }
        self.rest = "";
        inside
    }

    fn word(&mut self) -> Token<'a> {
        let end = self.rest.find(|letter| !is_word(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        Token::Word(word)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        match self.rest.chars().next()? {
            quote @ ('`' | '"') => Some(Token::Quoted(self.quoted(quote))),
            '\'' => {
                self.quoted('\'');
                Some(Token::Text)
            }
            letter if is_word(letter) => Some(self.word()),
            letter => {
                self.skip(letter.len_utf8());
                Some(Token::Symbol(letter))
            }
        }
    }
}

/// Letters of a name without quotes.
const fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$' || !letter.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(statement: &str) -> String {
        let texts = Tokens::of(statement).map(|token| match token {
            Token::Word(word) => word.to_owned(),
            Token::Quoted(name) => format!("<{name}>"),
            Token::Text => "'".to_owned(),
            Token::Symbol(letter) => letter.to_string(),
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_no_words_and_versioned_ones_are() {
        for (statement, expected) in [
            ("drop /* table x */ table -- y\n t", "drop table t"),
            ("a # b\nc--d", "a c - - d"),
            ("DROP TABLE `a` /* generated by server */", "DROP TABLE <a>"),
            ("CREATE /*!50013 DEFINER=x */ /*!50001 TABLE*/ t", "CREATE DEFINER = x TABLE t"),
            ("x /* never closed", "x"),
            (
                "alter table `we``ird`.`t` comment 'it''s \\' here; drop'",
                "alter table <we`ird> . <t> comment '",
            ),
            ("\"q\"\"q\".größe$1", "<q\"q> . größe$1"),
            ("'open", "'"),
            ("", ""),
        ] {
            assert_eq!(words(statement), expected);
        }
    }
}
