//! Loading as users see it: files, variables and flags in, settings or a list of errors out.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

mod alerts;
mod types;

const NOTHING: [(&str, &str); 0] = [];

/// A directory with files, and variables.
fn try_load(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let directory = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let yaml = files.iter().find(|(name, _)| name.ends_with(".yaml"));
    let file =
        yaml.map_or(FileChoice::Search, |(name, _)| FileChoice::Named(directory.path().join(name)));
    let environment = variables.iter().copied().collect();
    let options = LoadOptions {
        file,
        environment,
        directory: directory.path().to_owned(),
        ..LoadOptions::default()
    };
    load(options)
}

fn toml(text: &str) -> Loaded {
    try_load(&[("binleaf.toml", text)], &NOTHING).unwrap_or_else(|errors| panic!("{errors}"))
}

fn environment(variables: &[(&str, &str)]) -> Loaded {
    try_load(&[], variables).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The errors as `key: reason`, without the directory of the test.
fn errors(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Vec<String> {
    let errors = try_load(files, variables).unwrap_err();
    errors.problems().iter().map(|problem| strip(&problem.to_string())).collect()
}

fn strip(text: &str) -> String {
    text.rsplit_once("/binleaf.toml")
        .map_or(text, |(_, rest)| rest)
        .trim_start_matches(": ")
        .to_owned()
}

fn toml_errors(text: &str) -> Vec<String> {
    errors(&[("binleaf.toml", text)], &NOTHING)
}

fn exposed(secret: &Secret) -> &str {
    match secret {
        Secret::Inline(text) => text.expose_secret(),
        Secret::File(_) | Secret::Command(_) => panic!("not inline"),
    }
}

#[test]
fn nothing_at_all_is_the_defaults() {
    let loaded = environment(&NOTHING);
    assert_eq!(format!("{:?}", loaded.config), format!("{:?}", Config::default()));
    assert_eq!(exposed(&loaded.config.target.uri), exposed(&Config::default().target.uri));
    assert!(loaded.notes.is_empty() && loaded.file.is_none());
}

#[test]
fn origins_lie_over_one_another() {
    let file = "[source]\nhost = \"file\"\n[log]\nlevel = \"warn\"\n";
    let variables = [
        ("MYSQL_HOST", "plain"),
        ("MYSQL_USER", "plain"),
        ("BINLEAF__LOG__LEVEL", "debug"),
        ("BINLEAF__LOG__FORMAT", "json"),
    ];
    let dotenv = "MYSQL_USER=dotenv\nMYSQL_PASSWORD=dotenv\nBINLEAF__SOURCE__PORT=3307\n";
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("binleaf.toml");
    std::fs::write(&path, file).unwrap();
    std::fs::write(directory.path().join(".env"), dotenv).unwrap();
    let loaded = load(LoadOptions {
        file: FileChoice::Named(path.clone()),
        flags: Flags { log_level: None, log_format: Some("pretty".to_owned()) },
        environment: variables.into_iter().collect(),
        directory: PathBuf::from("/nowhere"),
    })
    .unwrap();
    let config = loaded.config;
    assert_eq!(config.source.hosts, [("file".to_owned(), 3307)]);
    assert_eq!(config.source.user, "plain");
    assert_eq!(exposed(&config.source.password), "dotenv");
    assert_eq!((config.log.level.as_str(), config.log.format), ("debug", LogFormat::Pretty));
    assert_eq!(loaded.file, Some(path.clone()));
    assert_eq!(
        loaded.notes,
        [format!("MYSQL_HOST is ignored: {} says source.host", path.display())]
    );
}

#[test]
fn the_file_is_found_by_variable() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("other.toml");
    std::fs::write(&path, "[checkpoint]\nname = \"other\"\n").unwrap();
    let loaded = environment(&[("BINLEAF_CONFIG", path.to_str().unwrap())]);
    assert_eq!(loaded.config.checkpoint.name, "other");
    assert_eq!(loaded.file, Some(path));
    let missing = try_load(&[], &[("BINLEAF_CONFIG", "/nowhere/x.toml")]).unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/x.toml: cannot be read: "), "{missing}");
}

#[test]
fn yaml_says_the_same_as_toml() {
    let as_toml = toml(
        "mode = \"stream\"\n[source]\nport = 3307\ndatabases = [\"shop\", \"crm_*\"]\ntls = { mode = \"required\" }\n\
         [target]\ndatabase = \"{database}\"\njournal = false\nwrite_concern = 2\n[checkpoint]\ndatabase = \"state\"\n\
         [tables.\"shop.orders\"]\nid = [\"a\", \"b\"]\n",
    );
    let as_yaml = try_load(
        &[(
            "x.yaml",
            "mode: stream\nsource:\n  port: 3307\n  user:\n  databases: [shop, 'crm_*']\n  tls: {mode: required}\n\
             target:\n  database: '{database}'\n  journal: false\n  write_concern: 2\ncheckpoint: {database: state}\n\
             tables:\n  shop.orders:\n    id: [a, b]\n",
        )],
        &NOTHING,
    )
    .unwrap();
    assert_eq!(format!("{:?}", as_toml.config), format!("{:?}", as_yaml.config));
    assert_eq!(
        as_toml.config.tables["shop.orders"].id,
        Some(IdRule::Columns(vec!["a".to_owned(), "b".to_owned()]))
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let file = "mode = \"pol\"\n[source]\nprot = 1\nport = \"x\"\ncert_file = \"\"\ntables = []\n\
                pool = { max = 3 }\n[source.tls]\ncert_file = \"c.pem\"\n\
                [target]\nuri = \"hunter2\"\nwrite_concern = 0\ncollection = \"{tabel}\"\n\
                [snapshot]\nworkers = 0\n[sorce]\nhost = \"x\"\n[poll]\ninterval = \"5\"\n[batch]\nbytes = \"4 apples\"\ndelay = 20\n\
                [tables.\"a[\"]\nid = \"primary_key\"\n[tables.b]\nkeylss = \"hash\"\n[http]\nlisten = \"0.0.0.0:1\"\n";
    let variables = [
        ("BINLEAF__SOURCE__PROT", "1"),
        ("BINLEAF__RETRY__MAX", "1ms"),
        ("SYNC_BATCH_SIZE", "0"),
        ("SYNC_ENABLED", "perhaps"),
    ];
    let told = errors(&[("binleaf.toml", file)], &variables);
    for expected in [
        "mode: auto, stream or poll is expected, did you mean poll?",
        "source.prot: unknown key, did you mean source.port?",
        "source.port: a whole number from 1 to 65535 is expected",
        "source.cert_file: unknown key, did you mean source.tls.cert_file?",
        "source.tables: it names nothing: at least one name or glob is expected",
        "source.tls.key_file: must be given together with source.tls.cert_file",
        "target.uri: mongodb://host:port or mongodb+srv://host is expected",
        "target.write_concern: 0 would save positions before anything is known to be written; \"majority\" or a number of members is expected",
        "target.collection: an unknown placeholder is in it: did you mean {table}?",
        "snapshot.workers: a whole number from 1 to 64 is expected",
        "sorce: unknown section, did you mean source?",
        "poll.interval: a duration such as \"200ms\", \"30s\" or \"1h\" is expected",
        "batch.bytes: a size such as \"512KiB\", \"4MiB\" or \"1GiB\" is expected",
        "batch.delay: a duration such as \"200ms\", \"30s\" or \"1h\" is expected",
        "tables.\"a[\".id: a glob in it is broken: unclosed character class; missing ']'",
        "tables.b.keylss: unknown key, did you mean keyless?",
        "http.listen: others reach this address, so http.token_file must be given; or listen on 127.0.0.1",
        "environment: BINLEAF__SOURCE__PROT: unknown key, did you mean BINLEAF__SOURCE__PORT?",
        "environment: SYNC_BATCH_SIZE: a whole number from 1 to 100000 is expected",
        "environment: SYNC_ENABLED: true or false is expected",
        "retry.initial: must not be more than retry.max",
    ] {
        assert!(told.iter().any(|error| error == expected), "{expected}\nnot in {told:#?}");
    }
    assert_eq!(told.len(), 21, "{told:#?}");
}

#[test]
fn settings_are_checked_against_each_other() {
    for (file, expected) in [
        (
            "[source]\nurl = \"mysql://u@h/d\"\nhost = \"x\"",
            "source.host: source.url says it already: give one of the two",
        ),
        (
            "[source]\nurl = \"mysql://u:p@h/d\"\npassword_file = \"x\"",
            "source.password_file: source.url says it already: give one of the two",
        ),
        (
            "[source]\npassword = \"a\"\npassword_command = [\"b\"]",
            "source.password_command: source.password says it already: give one of the two",
        ),
        (
            "[source]\ndatabase = \"a\"\ndatabases = [\"b\"]",
            "source.databases: source.database says it already: give one of the two",
        ),
        (
            "[source.pool]\nmax = 3",
            "source.pool.max: must be at least 4: snapshot.workers and 2 more",
        ),
        (
            "[snapshot]\nworkers = 9",
            "source.pool.max: must be at least 11: snapshot.workers and 2 more",
        ),
        ("[source.pool]\nmin = 11", "source.pool.min: must not be more than source.pool.max"),
        (
            "[source]\ndatabase = \"crm_*\"",
            "target.database: must be given when several databases are copied: \"{database}\" copies each into the like-named one",
        ),
        ("[source]\ndatabase = \"\"", "source.database: it must not be empty"),
        (
            "[source]\ndatabases = []",
            "source.databases: it names nothing: at least one name or glob is expected",
        ),
        (
            "[target]\ndatabase = \"{database}\"",
            "checkpoint.database: must be given when target.database is a template: the state is kept in one place",
        ),
        ("[target]\ndatabase = \"admin\"", "target.database: this database is MongoDB's own"),
        (
            "[target]\ndatabase = \"a b\"",
            "target.database: the name of a MongoDB database has none of / \\ . \" $ * < > : | ? and no blanks",
        ),
        (
            "[tables.\"a.b\"]\ncollection = \"system.x\"",
            "tables.\"a.b\".collection: the name of a MongoDB collection has no $ and does not begin with system.",
        ),
        (
            "[stream]\nstart = \"now\"",
            "stream.start: needs snapshot.when = \"never\": the stream behind a copy begins where the copy began, or changes are lost",
        ),
        (
            "[source.tls]\nmode = \"disabled\"\nca_file = \"x\"",
            "source.tls.mode: disabled uses no certificates: leave the files out, or ask for more than disabled",
        ),
        ("source = 1", "source: it is a section, not a value"),
        ("[tables]\norders = 1", "tables.orders: a section with the table's settings is expected"),
        ("[source.host]\nname = \"x\"", "source.host: text is expected"),
        ("uri = \"x\"", "uri: unknown key, did you mean target.uri?"),
    ] {
        let told = toml_errors(file);
        assert!(told.iter().any(|error| strip(error) == expected), "{expected}\nnot in {told:#?}");
        assert_eq!(told.len(), 1, "{told:#?}");
    }
}

#[test]
fn a_stronger_origin_replaces_the_other_ways_to_say_it() {
    let file = "[source]\npassword = \"a\"\ndatabase = \"b\"\n[target]\nuri = \"mongodb://c\"\n";
    let variables = [
        ("BINLEAF__SOURCE__PASSWORD_FILE", "/p"),
        ("BINLEAF__SOURCE__DATABASES", "x,y_*"),
        ("BINLEAF__TARGET__URI_FILE", "/u"),
        ("BINLEAF__TARGET__DATABASE", "z"),
    ];
    let config = try_load(&[("binleaf.toml", file)], &variables).unwrap().config;
    assert!(matches!(config.source.password, Secret::File(path) if path == Path::new("/p")));
    assert!(matches!(config.target.uri, Secret::File(path) if path == Path::new("/u")));
    assert_eq!(config.source.databases, ["x", "y_*"]);
    let url = "mysql://me:p%40ss@db:3310/crm";
    let config =
        try_load(&[("binleaf.toml", file)], &[("BINLEAF__SOURCE__URL", url)]).unwrap().config;
    assert_eq!(config.source.hosts, [("db".to_owned(), 3310)]);
    assert_eq!((config.source.user.as_str(), exposed(&config.source.password)), ("me", "p@ss"));
    assert_eq!(
        (config.source.databases, config.target.database.as_str()),
        (vec!["crm".to_owned()], "crm")
    );
}

#[test]
fn plain_names_say_what_they_always_did() {
    let loaded = environment(&[
        ("MYSQL_HOST", "db"),
        ("MYSQL_PORT", "3311"),
        ("MYSQL_USER", "me"),
        ("MYSQL_PASSWORD", "secret"),
        ("MYSQL_DATABASE", "crm"),
        ("MYSQL_CHARSET", "utf8mb3"),
        ("MYSQL_MIN_POOL_SIZE", "2"),
        ("MYSQL_MAX_POOL_SIZE", "20"),
        ("MYSQL_POOL_TIMEOUT", "7"),
        ("MYSQL_POOL_RECYCLE", "1800"),
        ("MYSQL_ROOT_PASSWORD", "not ours"),
        ("MONGODB_URL", "mongodb://m"),
        ("MONGODB_DATABASE", "copy"),
        ("SYNC_ENABLED", "False"),
        ("SYNC_INTERVAL", "300"),
        ("SYNC_INTERVAL_MINUTES", ""),
        ("SYNC_BATCH_SIZE", "500"),
        ("SYNC_MAX_RETRIES", "3"),
        ("SYNC_RETRY_DELAY", "2.5"),
        ("SYNC_TABLES", "orders, customers"),
        ("SYNC_ORDERS_COLLECTION", "bestellungen"),
        ("BINLEAF_SOURCE_HOST", "x"),
    ]);
    let Config { source, target, poll, batch, retry, tables, start_paused, .. } = loaded.config;
    assert_eq!(source.hosts, [("db".to_owned(), 3311)]);
    assert_eq!((source.user.as_str(), exposed(&source.password)), ("me", "secret"));
    assert_eq!((source.databases, source.charset.as_str()), (vec!["crm".to_owned()], "utf8mb3"));
    assert_eq!((source.pool.min, source.pool.max), (2, 20));
    assert_eq!((source.pool.timeout.as_secs(), source.pool.recycle.as_secs()), (7, 1800));
    assert_eq!((exposed(&target.uri), target.database.as_str()), ("mongodb://m", "copy"));
    assert_eq!((batch.operations, retry.attempts, retry.initial.as_millis()), (500, 3, 2500));
    assert_eq!(poll.interval.as_secs(), 300);
    assert_eq!(source.tables, ["orders", "customers"]);
    assert_eq!(tables["orders"].collection.as_deref(), Some("bestellungen"));
    assert!(start_paused);
    assert_eq!(loaded.notes.len(), 1, "{:?}", loaded.notes);
    let minutes = environment(&[("SYNC_INTERVAL_MINUTES", "15")]);
    assert_eq!(minutes.config.poll.interval.as_secs(), 900);
    assert_eq!(environment(&[("SYNC_TABLES", "all")]).config.source.tables, ["*"]);
}

#[test]
fn variables_hold_lists_and_switches() {
    let config = environment(&[
        ("BINLEAF__SOURCE__TABLES", "a*, shop.b"),
        ("BINLEAF__SOURCE__HOSTS", "h2:3307,h3"),
        ("BINLEAF__SOURCE__TLS__MODE", "VERIFY_CA"),
        ("BINLEAF__TARGET__JOURNAL", "true"),
        ("BINLEAF__TARGET__WRITE_CONCERN", "2"),
        ("BINLEAF__HTTP__LISTEN", ""),
        ("BINLEAF__TABLES__ORDERS__ID", "region,order_no"),
        ("BINLEAF__LIMITS__EVENT", "64MiB"),
    ])
    .config;
    assert_eq!(config.source.tables, ["a*", "shop.b"]);
    assert_eq!(config.source.hosts.len(), 3);
    assert_eq!(config.source.tls.mode, TlsMode::VerifyCa);
    assert_eq!(config.target.write_concern, WriteConcern::Nodes(2));
    assert_eq!(config.limits.event, 64 << 20);
    assert!(config.target.journal && config.http.listen.is_empty());
    assert!(
        matches!(&config.tables["orders"].id, Some(IdRule::Columns(columns)) if columns.len() == 2)
    );
}

#[test]
fn a_dotenv_file_may_hold_lines_of_others_and_repeats_no_secret() {
    let fine = "# comment\nAPP_NAME=My nice app\nexport MYSQL_USER='me'\nMYSQL_PASSWORD='a b#$c'\n";
    let loaded = try_load(&[(".env", fine)], &NOTHING).unwrap();
    assert_eq!(
        (loaded.config.source.user.as_str(), exposed(&loaded.config.source.password)),
        ("me", "a b#$c")
    );
    let told =
        errors(&[(".env", "MYSQL_PASSWORD=hunter2 is it\nMYSQL_PORT=x\n")], &NOTHING).join("\n");
    assert!(
        told.contains(".env: MYSQL_PASSWORD: ") && told.contains(".env: MYSQL_PORT: "),
        "{told}"
    );
    assert!(!told.contains("hunter2"));
}

#[test]
fn secrets_are_in_no_debug_form_and_no_error() {
    let secret = "hunter2";
    let config =
        environment(&[("MYSQL_PASSWORD", secret), ("MONGODB_URL", "mongodb://u:hunter2@h")]);
    assert!(!format!("{config:?}").contains(secret));
    assert!(!file_of(&config.config).contains(secret));
    for file in [
        "[source]\npassword = \"hunter2",
        "[source]\npassword = hunter2\n",
        "[source]\npassword = [\"hunter2\"]\n",
        "[source]\nurl = \"mysql://u:hunter2@h?x=1\"\n",
        "[source]\nhost = \"u:hunter2@h\"\n",
        "[target]\nuri = \"mysql://u:hunter2@h\"\n",
        "password = \"hunter2\"\n[source]\npassword = \"hunter2\"\npassword = \"hunter2\"\n",
        "[stream]\nstart = \"hunter2\"\n",
    ] {
        let errors = try_load(&[("binleaf.toml", file)], &NOTHING).unwrap_err();
        assert!(!format!("{errors} {errors:?}").contains(secret), "{errors}");
        let fault: crate::model::fault::Fault = errors.into();
        assert!(!fault.chain().contains(secret));
    }
    for file in [
        "hunter2",
        "source:\n  password: \"hunter2\n",
        "source:\n password: hunter2\n password: hunter2\n",
    ] {
        let errors = try_load(&[("x.yaml", file)], &NOTHING).unwrap_err();
        assert!(!format!("{errors} {errors:?}").contains(secret), "{errors}");
    }
}

#[test]
fn a_syntax_error_tells_its_line() {
    let told = toml_errors("[source]\nhost = \n").join("\n");
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn unreadable_files_and_unsafe_settings_are_findings() {
    let loaded = toml(
        "[source]\npassword_file = \"/nowhere/p\"\n[target]\njournal = false\n[limits]\nmemory = \"1MiB\"\n",
    );
    let codes: Vec<&str> = loaded.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["memory", "journal", "file_unreadable"]);
    assert!(environment(&NOTHING).findings().is_empty());
}

#[test]
fn the_file_of_init_is_the_defaults_with_and_without_its_comments() {
    let file = default_file();
    let uncommented: String = file
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(
        uncommented.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count()
            > 40
    );
    for text in [&file, &uncommented] {
        let config = toml(text).config;
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
        assert_eq!(exposed(&config.target.uri), exposed(&Config::default().target.uri));
    }
}

#[test]
fn examples_in_the_file_of_init_are_valid_too() {
    for key in keys::all().filter(|key| !key.example.is_empty()) {
        let mut text = format!("{} = {}\n", key.path, key.example);
        for (one, other) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
            if let Some(section) = key.path.strip_suffix(one) {
                text.push_str(&format!("{section}{other} = \"x\"\n"));
            }
        }
        text.push_str("target.database = \"copy\"\n");
        toml(&text);
    }
    for key in keys::TABLE_KEYS {
        toml(&format!("[tables.\"orders\"]\n{} = {}\n", key.name, key.example));
    }
}

#[test]
fn a_written_file_says_what_the_environment_said() {
    let variables = [
        ("MYSQL_HOST", "db"),
        ("MYSQL_PORT", "3311"),
        ("MYSQL_DATABASE", "crm"),
        ("MONGODB_URL", "mongodb://m:27018"),
        ("BINLEAF__SOURCE__HOSTS", "h2:3307,h3"),
        ("BINLEAF__SOURCE__TLS__MODE", "required"),
        ("BINLEAF__SOURCE__PASSWORD_FILE", "/run/p"),
        ("BINLEAF__TABLES__ORDERS__ID", "a,b"),
        ("BINLEAF__SNAPSHOT__WHEN", "never"),
        ("BINLEAF__STREAM__START", "binlog.000001:4"),
        ("SYNC_RETRY_DELAY", "5"),
        ("SYNC_ORDERS_COLLECTION", "o\"1"),
    ];
    let said = environment(&variables).config;
    let written = toml(&file_of(&said));
    assert_eq!(format!("{:?}", written.config), format!("{said:?}"));
    assert_eq!(exposed(&written.config.target.uri), "mongodb://m:27018");
    let both = try_load(&[("binleaf.toml", &file_of(&said))], &variables).unwrap();
    assert!(both.notes.is_empty(), "{:?}", both.notes);
}

#[test]
fn the_examples_of_the_repository_load() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        let options = LoadOptions { file: FileChoice::Named(path), ..LoadOptions::default() };
        let loaded = load(options).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.config.target.database, "shop");
    }
    names.sort();
    assert_eq!(
        names,
        [
            "atlas.example.toml",
            "binleaf.example.toml",
            "minimal.example.yaml",
            "polling.example.toml"
        ]
    );
}

#[test]
fn the_settings_page_is_up_to_date() {
    let page = include_str!("../../docs/settings.md");
    assert!(page == settings_page(), "run: binleaf init --markdown > docs/settings.md");
}
