//! Reads `types.tsv`.

const TABLE: &str = include_str!("types.tsv");

/// All values of one column type under one setting.
#[derive(Debug)]
pub struct Group {
    pub server: Server,
    /// The column's type as SQL.
    pub kind: &'static str,
    /// Keys of `[types]` with their values in TOML; empty is the default.
    pub settings: &'static str,
    /// Whether the values are `_id` instead of a field.
    pub is_key: bool,
    pub values: Vec<Golden>,
}

/// Which servers have the type, or read the literal so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Both,
    Mysql,
    Mariadb,
}

/// One value.
#[derive(Debug)]
pub struct Golden {
    pub literal: &'static str,
    pub becomes: Becomes,
}

/// What a value becomes.
#[derive(Debug, PartialEq, Eq)]
pub enum Becomes {
    /// This type byte and this payload.
    Bytes(Vec<u8>),
    /// The field is not there.
    Absent,
    /// The row is not written.
    DeadLetter,
}

/// The whole table in its order.
pub fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [server, kind, settings, literal, becomes] = cells[..] else {
            panic!("five cells are expected: {line}")
        };
        let (is_key, settings) = match settings.strip_prefix("key") {
            Some(rest) => (true, rest.trim_start_matches("; ")),
            None => (false, settings),
        };
        let server = Server::of(server);
        let value = Golden { literal, becomes: Becomes::of(becomes) };
        let same = |group: &&mut Group| {
            (group.server, group.kind, group.settings, group.is_key)
                == (server, kind, settings, is_key)
        };
        match groups.last_mut().filter(same) {
            Some(group) => group.values.push(value),
            None => groups.push(Group { server, kind, settings, is_key, values: vec![value] }),
        }
    }
    groups
}

impl Server {
    fn of(text: &str) -> Self {
        match text {
            "both" => Self::Both,
            "mysql" => Self::Mysql,
            "mariadb" => Self::Mariadb,
            other => panic!("{other:?} is no server"),
        }
    }
}

impl Becomes {
    fn of(text: &str) -> Self {
        match text {
            "absent" => Self::Absent,
            "dead letter" => Self::DeadLetter,
            hex => Self::Bytes(
                hex.as_bytes()
                    .chunks(2)
                    .map(|pair| {
                        let pair = std::str::from_utf8(pair).expect("hexadecimal digits");
                        u8::from_str_radix(pair, 16).expect("hexadecimal digits")
                    })
                    .collect(),
            ),
        }
    }
}

/// The whole of a document that has this value as its one field `v`.
pub fn document(bytes: &[u8]) -> bson::RawDocumentBuf {
    let (kind, payload) = bytes.split_first().expect("a type byte");
    let length = u32::try_from(payload.len() + 8).expect("a short value").to_le_bytes();
    let whole = [&length[..], &[*kind], b"v\0", payload, &[0]].concat();
    bson::RawDocumentBuf::from_bytes(whole).expect("a document")
}

#[test]
fn the_table_is_well_formed() {
    let groups = groups();
    assert!(groups.iter().map(|group| group.values.len()).sum::<usize>() >= 250);
    for group in &groups {
        for value in &group.values {
            if let Becomes::Bytes(bytes) = &value.becomes {
                let parsed = bson::Document::try_from(document(bytes).as_ref());
                assert!(parsed.is_ok(), "{} {}", group.kind, value.literal);
            }
        }
    }
}
