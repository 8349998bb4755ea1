//! Checks of the settings as a whole, after each value was found good on its own.

use std::{collections::BTreeSet, fs::File, path::Path};

use super::{
    address,
    alerts::MailTls,
    error::ConfigProblem,
    given::{is_glob, nearest, size_text},
    layer::{KeyPath, Layer},
    sections::{Config, Secret, SnapshotWhen, StreamStart, TlsMode},
};
use crate::model::finding::Finding;

/// Connections of the source beside the snapshot's workers: the stream's, and one for questions.
const OTHER_CONNECTIONS: usize = 2;

/// Databases of MongoDB itself.
const OWN_DATABASES: [&str; 3] = ["admin", "local", "config"];

/// Fills in what follows from other settings: where one database is copied and no target is named, the copy has
/// the same name.
pub(super) fn complete(config: &mut Config, settings: &Layer) {
    let is_set = |name: &str| settings.get(name).is_some();
    if is_set("target.database") {
        return;
    }
    if let [only] = config.source.databases.as_slice()
        && !is_glob(only)
    {
        config.target.database = only.clone();
    }
}

/// Checks the settings against each other.
pub(super) fn whole(
    config: &Config,
    settings: &Layer,
    refused: &BTreeSet<String>,
) -> Vec<ConfigProblem> {
    let mut rules = Rules { settings, refused, problems: Vec::new() };
    source(config, &mut rules);
    target(config, settings, &mut rules);
    tables(config, &mut rules);
    pipeline(config, &mut rules);
    channels(config, &mut rules);
    rules.problems
}

/// Files that the settings name and that cannot be read now. Not an error of the settings: a secret may be mounted
/// later, and every reconnect asks again.
pub(super) fn files(config: &Config) -> Vec<Finding> {
    let secret = |secret: &Secret| match secret {
        Secret::File(path) => Some(path.clone()),
        Secret::Inline(_) | Secret::Command(_) => None,
    };
    let tls = &config.source.tls;
    let channels = &config.alerts.channels;
    let (webhook, email) = (&channels.webhook, &channels.email);
    let named = [
        ("source.password_file", secret(&config.source.password)),
        ("source.tls.ca_file", tls.ca_file.clone()),
        ("source.tls.cert_file", tls.cert_file.clone()),
        ("source.tls.key_file", tls.key_file.clone()),
        ("target.uri_file", secret(&config.target.uri)),
        ("http.token_file", config.http.token_file.clone()),
        ("http.tls.cert_file", config.http.cert_file.clone()),
        ("http.tls.key_file", config.http.key_file.clone()),
        ("alerts.channels.webhook.url_file", webhook.url.as_ref().and_then(secret)),
        ("alerts.channels.webhook.headers_file", webhook.headers_file.clone()),
        ("alerts.channels.webhook.secret_file", webhook.secret_file.clone()),
        ("alerts.channels.webhook.ca_file", webhook.ca_file.clone()),
        ("alerts.channels.email.password_file", email.password_file.clone()),
        ("alerts.channels.email.ca_file", email.ca_file.clone()),
        ("alerts.channels.telegram.token_file", channels.telegram.token_file.clone()),
        ("alerts.channels.telegram.ca_file", channels.telegram.ca_file.clone()),
    ];
    named.into_iter().filter_map(|(key, path)| unreadable(key, &path?)).collect()
}

/// Warns where queue and batches could take more than `limits.memory`.
pub(super) fn memory(config: &Config) -> Option<Finding> {
    // One batch is filled while another is written.
    let batches = config.batch.bytes.saturating_mul(2);
    let sum = config.limits.queue_bytes.saturating_add(batches);
    (sum > config.limits.memory).then(|| {
        let most = size_text(config.limits.memory);
        let meaning = format!(
            "queue and batches may take {sum} bytes, more than limits.memory allows ({most})"
        );
        Finding::warning("memory", "limits.memory", meaning)
            .mend("lower limits.queue_bytes or batch.bytes, or raise limits.memory")
    })
}

/// Warns where a saved position may cover changes that the target does not have on disk.
pub(super) fn journal(config: &Config) -> Option<Finding> {
    let meaning = "a member of the target that crashes may lose changes that count as saved";
    (!config.target.journal).then(|| {
        Finding::warning("journal", "target.journal", meaning).mend("target.journal = true")
    })
}

fn unreadable(key: &str, path: &Path) -> Option<Finding> {
    let error = File::open(path).err()?;
    let meaning = format!("{} cannot be read: {error}", path.display());
    Some(
        Finding::error("file_unreadable", key, meaning)
            .mend(format!("create {} and let the user of binleaf read it", path.display())),
    )
}

/// Collects what is wrong, and leaves out rules about values that were refused already.
struct Rules<'a> {
    settings: &'a Layer,
    refused: &'a BTreeSet<String>,
    problems: Vec<ConfigProblem>,
}

impl Rules<'_> {
    /// Adds a problem of the first key when something is wrong with the keys together.
    fn refuse_if(&mut self, wrong: bool, keys: &[&str], reason: impl Into<String>) {
        if !wrong || keys.iter().any(|key| self.refused.contains(*key)) {
            return;
        }
        let Some(key) = keys.first() else { return };
        let reason = reason.into();
        self.problems.push(match self.settings.get(key) {
            Some(leaf) => leaf.origin.problem_of(key, reason),
            None => ConfigProblem { place: None, key: Some((*key).to_owned()), reason },
        });
    }
}

fn source(config: &Config, rules: &mut Rules<'_>) {
    let source = &config.source;
    let (tls, http) = (&source.tls, &config.http);
    for (missing, given, key, other) in [
        (&tls.key_file, &tls.cert_file, "source.tls.key_file", "source.tls.cert_file"),
        (&tls.cert_file, &tls.key_file, "source.tls.cert_file", "source.tls.key_file"),
        (&http.key_file, &http.cert_file, "http.tls.key_file", "http.tls.cert_file"),
        (&http.cert_file, &http.key_file, "http.tls.cert_file", "http.tls.key_file"),
    ] {
        rules.refuse_if(
            missing.is_none() && given.is_some(),
            &[key, other],
            format!("must be given together with {other}"),
        );
    }
    let has_files = tls.ca_file.is_some() || tls.cert_file.is_some();
    rules.refuse_if(
        tls.mode == TlsMode::Disabled && has_files,
        &["source.tls.mode", "source.tls.ca_file", "source.tls.cert_file"],
        "disabled uses no certificates: leave the files out, or ask for more than disabled",
    );
    let least = config.snapshot.workers + OTHER_CONNECTIONS;
    rules.refuse_if(
        source.pool.max < least,
        &["source.pool.max", "snapshot.workers"],
        format!("must be at least {least}: snapshot.workers and {OTHER_CONNECTIONS} more"),
    );
    rules.refuse_if(
        source.pool.min > source.pool.max,
        &["source.pool.min", "source.pool.max"],
        "must not be more than source.pool.max",
    );
}

fn target(config: &Config, settings: &Layer, rules: &mut Rules<'_>) {
    let target = &config.target;
    let databases = ["source.database", "source.databases"];
    let is_many = match config.source.databases.as_slice() {
        [only] => is_glob(only),
        _ => true,
    };
    rules.refuse_if(
        is_many && settings.get("target.database").is_none(),
        &["target.database", databases[0], databases[1]],
        "must be given when several databases are copied: \"{database}\" copies each into the like-named one",
    );
    database_name(&target.database, &["target.database"], true, rules);
    template(&target.collection, "target.collection", &["table", "database"], rules);
    collection_name(&target.collection, "target.collection", rules);
    let state = &config.checkpoint.database;
    if !state.is_empty() {
        database_name(state, &["checkpoint.database"], false, rules);
    }
    rules.refuse_if(
        state.is_empty() && target.database.contains('{'),
        &["checkpoint.database", "target.database"],
        "must be given when target.database is a template: the state is kept in one place",
    );
}

fn tables(config: &Config, rules: &mut Rules<'_>) {
    for (pattern, table) in &config.tables {
        if let Some(collection) = &table.collection {
            let path = ["tables", pattern.as_str(), "collection"].map(str::to_owned);
            let key = KeyPath::new(path.into()).to_string();
            template(collection, &key, &["table", "database"], rules);
            collection_name(collection, &key, rules);
        }
    }
}

fn pipeline(config: &Config, rules: &mut Rules<'_>) {
    rules.refuse_if(
        config.stream.start != StreamStart::Checkpoint
            && config.snapshot.when != SnapshotWhen::Never,
        &["stream.start", "snapshot.when"],
        "needs snapshot.when = \"never\": the stream behind a copy begins where the copy began, or changes are lost",
    );
    rules.refuse_if(
        config.retry.initial > config.retry.max,
        &["retry.initial", "retry.max"],
        "must not be more than retry.max",
    );
    let listen = &config.http.listen;
    rules.refuse_if(
        !listen.is_empty() && !address::is_loopback(listen) && config.http.token_file.is_none(),
        &["http.listen", "http.token_file"],
        "others reach this address, so http.token_file must be given; or listen on 127.0.0.1",
    );
}

fn channels(config: &Config, rules: &mut Rules<'_>) {
    let email = &config.alerts.channels.email;
    let sends = !email.smtp_host.is_empty();
    for (missing, key) in [
        (email.from.is_empty(), "alerts.channels.email.from"),
        (email.to.is_empty(), "alerts.channels.email.to"),
    ] {
        let reason = "must be given where alerts.channels.email.smtp_host is";
        rules.refuse_if(sends && missing, &[key, "alerts.channels.email.smtp_host"], reason);
    }
    let (user, file) = ("alerts.channels.email.user", "alerts.channels.email.password_file");
    let (has_user, has_file) = (!email.user.is_empty(), email.password_file.is_some());
    rules.refuse_if(
        !has_user && has_file,
        &[user, file],
        format!("must be given together with {file}"),
    );
    rules.refuse_if(
        has_user && !has_file,
        &[file, user],
        format!("must be given together with {user}"),
    );
    let is_near = address::is_loopback(&email.smtp_host);
    rules.refuse_if(
        email.tls == MailTls::None && has_user && !is_near,
        &["alerts.channels.email.tls", user],
        "none would send the password for all to read: starttls or implicit is expected",
    );
    let telegram = &config.alerts.channels.telegram;
    let (token, chat) = ("alerts.channels.telegram.token_file", "alerts.channels.telegram.chat_id");
    let (has_token, has_chat) = (telegram.token_file.is_some(), !telegram.chat_id.is_empty());
    rules.refuse_if(
        has_token && !has_chat,
        &[chat, token],
        format!("must be given together with {token}"),
    );
    rules.refuse_if(
        !has_token && has_chat,
        &[token, chat],
        format!("must be given together with {chat}"),
    );
}

/// Checks what MongoDB takes as the name of a database.
fn database_name(name: &str, keys: &[&str], templated: bool, rules: &mut Rules<'_>) {
    let plain = if templated { name.replace("{database}", "") } else { name.to_owned() };
    if templated && keys.first().is_some_and(|key| template(name, key, &["database"], rules)) {
        return;
    }
    let wrong = plain.contains(|letter: char| {
        letter.is_whitespace() || letter.is_control() || "/\\.\"$*<>:|?{}".contains(letter)
    });
    rules.refuse_if(
        wrong,
        keys,
        "the name of a MongoDB database has none of / \\ . \" $ * < > : | ? and no blanks",
    );
    rules.refuse_if(plain.len() > 63, keys, "the name of a MongoDB database has at most 63 bytes");
    let lower = name.to_ascii_lowercase();
    rules.refuse_if(
        OWN_DATABASES.contains(&lower.as_str()),
        keys,
        "this database is MongoDB's own",
    );
}

fn collection_name(name: &str, key: &str, rules: &mut Rules<'_>) {
    rules.refuse_if(
        name.contains(['$', '\0']) || name.starts_with("system."),
        &[key],
        "the name of a MongoDB collection has no $ and does not begin with system.",
    );
}

/// Checks the `{…}` of a template; says whether something was wrong.
fn template(text: &str, key: &str, known: &[&str], rules: &mut Rules<'_>) -> bool {
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let name = behind.split_once('}').map(|(name, _)| name);
        let is_known = name.is_some_and(|name| known.contains(&name));
        if before.contains('}') || !is_known {
            let hint = match name.and_then(|name| nearest(name, known.iter().copied())) {
                Some(meant) => format!("did you mean {{{meant}}}?"),
                None => format!("{{{}}} is known", known.join("} and {")),
            };
            rules.refuse_if(true, &[key], format!("an unknown placeholder is in it: {hint}"));
            return true;
        }
        rest = behind.split_once('}').map_or("", |(_, rest)| rest);
    }
    rules.refuse_if(rest.contains('}'), &[key], "a closing brace without an opening one is in it");
    rest.contains('}')
}
