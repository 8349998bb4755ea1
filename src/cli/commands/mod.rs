//! What each command does, and the one place that writes and ends the process.

mod alerts;
mod audit;
mod check;
mod instance;
mod letters;
mod state;
mod status;
mod tables;

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::Parser;
use tokio_util::sync::CancellationToken;

use super::{
    args::{
        AlertsCommand, CheckpointCommand, Cli, Command, DeadLettersCommand, PollArgs, SnapshotArgs,
    },
    exit, init,
};
use crate::{
    app::{self, Goal},
    config::{self, Environment, FileChoice, LoadOptions, Loaded},
    model::fault::{Class, Fault, Stage},
    telemetry::logs,
};

/// Runs the program: parses the arguments, does what they say, answers with the exit code.
#[must_use]
pub fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let cli = Cli::parse();
    let environment = Environment::of_process();
    match dispatch(&cli, environment) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tell(&error);
            ExitCode::from(code_of(&error))
        }
    }
}

/// Commands that need no settings come first.
fn dispatch(cli: &Cli, environment: Environment) -> anyhow::Result<u8> {
    match cli.command() {
        Command::Init(arguments) => print(&init::text(*arguments, environment)?),
        Command::Completions { shell } => print_bytes(&init::completions(*shell)),
        Command::Man { folder } => write_manual(folder),
        command => {
            let colour = environment.get("NO_COLOR").is_none_or(str::is_empty)
                && std::io::stdout().is_terminal();
            let loaded = config::load(LoadOptions {
                file: FileChoice::from(cli.config.clone()),
                flags: cli.flags(),
                environment,
                directory: std::path::PathBuf::new(),
            })?;
            let _flushed_at_the_end = logs::start(&loaded.config.log)?;
            install_crypto()?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let code = runtime.block_on(with_settings(command, loaded, colour));
            runtime.shutdown_background();
            code
        }
    }
}

async fn with_settings(command: &Command, loaded: Loaded, colour: bool) -> anyhow::Result<u8> {
    let config = &loaded.config;
    match command {
        Command::Check(output) => {
            let (text, is_well) = check::run(&loaded, output.json, colour).await;
            print(&text)?;
            Ok(if is_well { exit::DONE } else { exit::FAILED })
        }
        Command::Status(arguments) => status::run(config, arguments).await,
        Command::Tables(output) => print(&tables::run(config, output.json).await?),
        Command::Checkpoint(command) => print(&checkpoint(command, &loaded).await?),
        Command::DeadLetters(command) => dead_letters(command, config).await,
        Command::Alerts(AlertsCommand::Test { channel }) => {
            let (text, is_well) = alerts::test(config, channel.as_deref()).await;
            print(&text)?;
            Ok(if is_well { exit::DONE } else { exit::FAILED })
        }
        Command::Snapshot(SnapshotArgs { tables, restart, output }) => {
            let tables = (!tables.is_empty()).then(|| tables.clone());
            run(loaded, Goal::Copy { tables, restart: *restart }, output.json).await
        }
        Command::Poll(PollArgs { tables, output, .. }) => {
            let tables = (!tables.is_empty()).then(|| tables.clone());
            run(loaded, Goal::Poll { tables }, output.json).await
        }
        Command::Run => run(loaded, Goal::Forever, false).await,
        Command::Init(_) | Command::Completions { .. } | Command::Man { .. } => Ok(exit::DONE),
    }
}

fn write_manual(folder: &std::path::Path) -> anyhow::Result<u8> {
    let context = || format!("the manual cannot be written into {}", folder.display());
    init::manual(folder).with_context(context)?;
    Ok(exit::DONE)
}

async fn checkpoint(command: &CheckpointCommand, loaded: &Loaded) -> anyhow::Result<String> {
    let config = &loaded.config;
    match command {
        CheckpointCommand::Show(output) => state::show(config, output.json).await,
        CheckpointCommand::Set { gtid, yes } => {
            let set = gtid.parse().map_err(|error| {
                Fault::new(Class::Config, Stage::Config, "--gtid is not a GTID set")
                    .caused_by(error)
            })?;
            state::set(config, set, *yes).await
        }
        CheckpointCommand::Reset { tables, yes } => {
            let tables = (!tables.is_empty()).then_some(tables.as_slice());
            state::reset(config, tables, *yes).await
        }
    }
}

async fn dead_letters(command: &DeadLettersCommand, config: &config::Config) -> anyhow::Result<u8> {
    match command {
        DeadLettersCommand::List { table, limit, output } => {
            print(&letters::list(config, table.as_deref(), *limit, output.json).await?)
        }
        DeadLettersCommand::Show { id } => print(&letters::show(config, id).await?),
        DeadLettersCommand::Purge { table, yes } => {
            print(&letters::purge(config, table.as_deref(), *yes).await?)
        }
        DeadLettersCommand::Replay { table } => {
            let (text, is_well) = letters::replay(config, table.as_deref()).await?;
            print(&text)?;
            Ok(if is_well { exit::DONE } else { exit::FAILED })
        }
    }
}

/// Runs the pipeline. With `json` the outcome is told on standard output too.
async fn run(loaded: Loaded, goal: Goal, json: bool) -> anyhow::Result<u8> {
    for note in &loaded.notes {
        tracing::info!("{note}");
    }
    let (config, stop) = (Arc::new(loaded.config), CancellationToken::new());
    app::on_signals(stop.clone(), end_at_once)?;
    let ended = app::run(Arc::clone(&config), goal.clone(), stop).await;
    if let Goal::Copy { tables, restart: true } = goal {
        let tables = tables.map_or_else(|| "all tables".to_owned(), |tables| tables.join(", "));
        let state = state::open(&config).await?;
        audit::keep(&state, "snapshot_restart", &[("tables", tables)], &ended.outcome).await;
    }
    if json {
        print(&outcome_json(&ended)?)?;
    }
    match ended.outcome {
        Ok(()) => Ok(exit::DONE),
        // The log has told it already.
        Err(fault) => Ok(exit::code(fault.class)),
    }
}

/// What became of it: of polling the result of the run, as the API tells it.
fn outcome_json(ended: &app::Ended) -> anyhow::Result<String> {
    let value = match (&ended.outcome, &ended.last_run) {
        (_, Some(run)) => serde_json::to_value(crate::admin::RunResult::from(run))?,
        (Ok(()), None) => serde_json::json!({ "status": "success" }),
        (Err(fault), None) => serde_json::json!({
            "status": "failed",
            "error": {
                "code": fault.class.label(),
                "message": fault.chain(),
                "table": fault.table.as_ref().map(ToString::to_string),
                "position": fault.position,
                "hint": fault.hint,
            },
        }),
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

#[expect(
    clippy::exit,
    reason = "a second signal means now: what is not saved is read again after the restart"
)]
fn end_at_once() {
    std::process::exit(i32::from(exit::INTERRUPTED));
}

/// The source's driver takes the process-wide provider.
fn install_crypto() -> anyhow::Result<()> {
    let installed = rustls::crypto::ring::default_provider().install_default();
    anyhow::ensure!(installed.is_ok(), "a TLS provider was installed before");
    Ok(())
}

fn print(text: &str) -> anyhow::Result<u8> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> anyhow::Result<u8> {
    match std::io::stdout().write_all(bytes) {
        // Whoever reads has had enough, as `head` has.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(exit::DONE),
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<config::ConfigErrors>() || error.is::<logs::BadLog>() {
        return exit::USAGE;
    }
    error.downcast_ref::<Fault>().map_or(exit::FAILED, |fault| exit::code(fault.class))
}

fn tell(error: &anyhow::Error) {
    let hint = error.downcast_ref::<Fault>().and_then(|fault| fault.hint.as_deref());
    let hint = hint.map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    drop(writeln!(std::io::stderr(), "binleaf: {error:#}{hint}"));
}
