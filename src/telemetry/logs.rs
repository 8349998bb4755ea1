//! Log lines: one JSON object a line for machines, one short line for people. Always on standard error, and in a file
//! where the settings name one.

use std::{
    fmt::{self, Write as _},
    io::IsTerminal,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_appender::{
    non_blocking::{NonBlocking, WorkerGuard},
    rolling::{InitError, RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    filter::ParseError,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::{levels, terminal::AboveBars};
use crate::config::{LogConfig, LogFormat};

/// Why nothing can be logged as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum BadLog {
    /// The level.
    #[error("log.level is not a level or a list of directives")]
    Level(#[from] ParseError),
    /// The file.
    #[error("log.file = \"{}\" cannot be written", .0.display())]
    File(PathBuf, #[source] InitError),
    /// The file is a folder, or nothing.
    #[error("log.file = \"{}\" names no file", .0.display())]
    NoFile(PathBuf),
}

/// Writes what is left when it is dropped.
#[derive(Debug)]
pub struct Flush {
    _file: Option<WorkerGuard>,
}

/// Starts logging. A second call changes nothing.
///
/// # Errors
/// When the level cannot be understood or the file cannot be made.
pub fn start(config: &LogConfig) -> Result<Flush, BadLog> {
    let filter = levels::filter(&config.level)?;
    let lines = Lines { json: is_json(config.format), colour: std::io::stderr().is_terminal() };
    let terminal = tracing_subscriber::fmt::layer().with_writer(AboveBars).event_format(lines);
    let (file, guard) = match &config.file {
        Some(path) => file(path, config).map(|(file, guard)| (Some(file), Some(guard)))?,
        None => (None, None),
    };
    let in_file = Lines { json: config.format != LogFormat::Pretty, colour: false };
    let in_file =
        file.map(|file| tracing_subscriber::fmt::layer().with_writer(file).event_format(in_file));
    let layers = tracing_subscriber::registry().with(filter).with(terminal).with(in_file);
    drop(layers.try_init());
    Ok(Flush { _file: guard })
}

/// A file a day beside the one that is named, which is a link to today's. A disk that does not take what is written never
/// holds up whoever logs.
fn file(path: &Path, config: &LogConfig) -> Result<(NonBlocking, WorkerGuard), BadLog> {
    let names_none = || BadLog::NoFile(path.to_owned());
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(names_none)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(name)
        .latest_symlink(name);
    if config.keep > 0 {
        builder = builder.max_log_files(usize::try_from(config.keep).unwrap_or(usize::MAX));
    }
    let appender = builder
        .build(folder.unwrap_or(Path::new(".")))
        .map_err(|error| BadLog::File(path.to_owned(), error))?;
    Ok(tracing_appender::non_blocking(appender))
}

fn is_json(format: LogFormat) -> bool {
    match format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    }
}

/// The form of a line.
struct Lines {
    json: bool,
    colour: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = if self.json {
            json_line(event, fields)
        } else {
            pretty_line(event, &fields, self.colour)
        };
        writeln!(writer, "{line}")
    }
}

fn json_line(event: &Event<'_>, fields: Fields) -> String {
    let mut line = Map::new();
    line.insert("timestamp".into(), jiff::Timestamp::now().to_string().into());
    line.insert("level".into(), event.metadata().level().as_str().to_lowercase().into());
    line.insert("component".into(), component(event).into());
    line.insert("message".into(), fields.message.into());
    line.extend(fields.others);
    Value::Object(line).to_string()
}

fn pretty_line(event: &Event<'_>, fields: &Fields, colour: bool) -> String {
    let level = *event.metadata().level();
    let now = jiff::Timestamp::now().strftime("%H:%M:%S%.3f");
    let mut line = if colour {
        format!("\x1b[2m{now}\x1b[0m {}{level:5}\x1b[0m {}", level_colour(level), fields.message)
    } else {
        format!("{now} {level:5} {}", fields.message)
    };
    for (name, value) in &fields.others {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let written = if colour {
            write!(line, " \x1b[2m{name}=\x1b[0m{text}")
        } else {
            write!(line, " {name}={text}")
        };
        if written.is_err() {
            break;
        }
    }
    line
}

const fn level_colour(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "\x1b[31m",
        tracing::Level::WARN => "\x1b[33m",
        tracing::Level::INFO => "\x1b[32m",
        _ => "\x1b[34m",
    }
}

/// The station that speaks: the first module below the crate, or the library's name.
fn component<'a>(event: &'a Event<'_>) -> &'a str {
    let target = event.metadata().target();
    match target.split_once("::") {
        Some(("binleaf", module)) => module.split("::").next().unwrap_or(module),
        Some((library, _)) => library,
        None => target,
    }
}

/// A line's fields.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.add(field, value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, text);
        }
    }
}
