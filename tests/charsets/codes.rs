//! Every code of every charset, and every collation's number, against both servers. The program's own conversion is called
//! directly here: through the target a million codes would take too long.

use ::binleaf::{
    codec::charset::{Encoding, encoding, to_utf8},
    model::{table::Charset, value::Text},
};

use super::server::{Codes, Server, is_whole};
use crate::support::servers::{self, Address};

/// Characters behind the first plane, by planes.
const PLANES: std::ops::RangeInclusive<u32> = 1..=16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_is_what_mysql_says() {
    assert_eq!(every_code_is_what_the_server_says(servers::mysql()).await, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_is_what_mariadb_says() {
    assert_eq!(every_code_is_what_the_server_says(servers::mariadb()).await, 39);
}

#[tokio::test]
async fn every_collation_is_known_by_its_number() {
    for address in [servers::mysql(), servers::mariadb()] {
        let collations = Server::at(&address).await.collations().await;
        assert!(collations.len() > 280, "{}", collations.len());
        for (number, charset) in collations {
            let expected = match Charset::named(&charset) {
                Some(charset) => Encoding::Text(charset),
                None => Encoding::Binary,
            };
            assert_eq!(encoding(number), expected, "collation {number} of {charset}");
        }
    }
}

/// Answers with the number of charsets.
async fn every_code_is_what_the_server_says(address: Address) -> usize {
    let mut server = Server::at(&address).await;
    let charsets = server.charsets().await;
    for name in &charsets {
        let charset = Charset::named(name).unwrap_or_else(|| panic!("{name} is not known"));
        let mut check = Check { name, charset, ..Check::default() };
        for codes in Codes::all(name) {
            for (code, converted) in server.convert_each(name, &codes).await {
                check.code(code, converted.as_deref());
            }
        }
        check.together(&mut server).await;
        for plane in PLANES {
            check.plane(&mut server, plane).await;
        }
        println!("{name}: {} of {} codes convert", check.whole, check.seen);
        assert!(check.wrong.is_empty(), "{name}:\n{}", check.wrong.join("\n"));
        assert!(check.whole >= 127, "{name}: only {} codes convert", check.whole);
    }
    charsets.len()
}

#[derive(Debug)]
struct Check<'a> {
    name: &'a str,
    charset: Charset,
    seen: usize,
    whole: usize,
    /// All codes that convert, and their UTF-8.
    text: Vec<u8>,
    utf8: Vec<u8>,
    wrong: Vec<String>,
}

impl Default for Check<'_> {
    fn default() -> Self {
        Self {
            name: "",
            charset: Charset::Utf8,
            seen: 0,
            whole: 0,
            text: Vec::new(),
            utf8: Vec::new(),
            wrong: Vec::new(),
        }
    }
}

impl Check<'_> {
    fn ours(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        to_utf8(Text { bytes, charset: self.charset }).ok().map(String::into_bytes)
    }

    /// One code: converted alike, or by neither.
    fn code(&mut self, code: Vec<u8>, converted: Option<&[u8]>) {
        let theirs = converted.filter(|utf8| is_whole(self.name, &code, utf8));
        let ours = self.ours(&code);
        self.seen += 1;
        if ours.as_deref() != theirs && self.wrong.len() < 10 {
            self.wrong
                .push(format!("{code:02X?} is {ours:02X?}, the server says {converted:02X?}"));
        }
        if let Some(utf8) = theirs {
            self.whole += 1;
            self.text.extend(code);
            self.utf8.extend(utf8);
        }
    }

    /// All codes that convert, in one text.
    async fn together(&mut self, server: &mut Server) {
        let (ours, theirs) = (self.ours(&self.text), server.convert(self.name, &self.text).await);
        if ours.as_ref() != Some(&self.utf8) || theirs.as_ref() != Some(&self.utf8) {
            self.wrong.push("all codes together convert otherwise than one by one".to_owned());
        }
    }

    /// A whole plane of Unicode in one text, where the charset has it and its codes were not asked one by one.
    async fn plane(&mut self, server: &mut Server, plane: u32) {
        let characters: String =
            (0..=0xFFFF).filter_map(|low| char::from_u32(plane << 16 | low)).collect();
        let text: Vec<u8> = match self.name {
            "utf8mb4" => characters.clone().into_bytes(),
            "utf16" => characters.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            "utf16le" => characters.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            "utf32" => characters.chars().flat_map(|one| u32::from(one).to_be_bytes()).collect(),
            _ => return,
        };
        let theirs = server.convert(self.name, &text).await;
        assert_eq!(theirs.as_deref(), Some(characters.as_bytes()), "plane {plane} on the server");
        if self.ours(&text).as_deref() != Some(characters.as_bytes()) {
            self.wrong.push(format!("plane {plane} converts otherwise"));
        }
        self.whole += characters.chars().count();
        self.seen += characters.chars().count();
    }
}
