//! The arguments. What they mean is in their help texts, which clap takes from the doc comments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{alert::CHANNELS, config::Flags};

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  failed (check: errors were found)
    2  the command line or the settings are wrong
    4  the source no longer has the saved position: a new snapshot is needed
  130  interrupted twice

Standard output is for data, standard error for logs and progress.";

const EXAMPLES: &str = "\
Examples:
  binleaf init > binleaf.toml      a commented file with every setting
  binleaf check                    what would go wrong, and the statement that mends it
  binleaf                          copy, then stay current until SIGTERM
  binleaf status                   how far it is";

/// Copies MySQL into MongoDB and keeps the copy current.
///
/// Takes one resumable snapshot, then follows the row-based binlog; where that cannot be had it polls timestamp columns on a
/// schedule. Settings come from a file, from variables
/// (BINLEAF__SECTION__KEY, or the plain MYSQL_*, MONGODB_* and SYNC_* ones) and from a .env file.
#[derive(Debug, Parser)]
#[command(name = "binleaf", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(infer_subcommands = false, max_term_width = 100)]
pub struct Cli {
    /// The file with the settings, TOML or YAML [default: $BINLEAF_CONFIG, ./binleaf.toml, /etc/binleaf/binleaf.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The form of a log line [default: pretty on a terminal, else json]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogForm>,
    /// error, warn, info, debug or trace, or by component, as info,binleaf::sink=debug
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// What to do; run without one
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// What to do.
    #[must_use]
    pub fn command(&self) -> &Command {
        self.command.as_ref().unwrap_or(&Command::Run)
    }

    /// The settings among the arguments.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let log_format = self.log_format.and_then(|format| format.to_possible_value());
        Flags {
            log_level: self.log_level.clone(),
            log_format: log_format.map(|format| format.get_name().to_owned()),
        }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Copy what is not yet copied, then stay current until told to stop (the default).
    ///
    /// SIGTERM or SIGINT stops reading, writes what was read, saves the position and exits with 0 within
    /// shutdown.grace; a second one exits at once with 130. Nothing is lost either way: the next start goes on from
    /// the saved position.
    Run,
    /// Tell everything that would go wrong, each with the statement that mends it; writes nothing.
    ///
    /// Exits with 0 when all is fine or there are only warnings, with 1 when there are errors.
    #[command(
        after_help = "Examples:\n  binleaf check\n  binleaf check --json | jq '.findings[] | select(.level == \"error\")'"
    )]
    Check(Output),
    /// Copy once, consistent as of the end, then exit.
    ///
    /// An interrupted copy goes on where it was. The stream is followed up to the moment at which the last row was
    /// read, so that the copy is of one moment.
    #[command(
        after_help = "Examples:\n  binleaf snapshot\n  binleaf snapshot --tables orders,shop.order_lines --restart"
    )]
    Snapshot(SnapshotArgs),
    /// Poll the tables once, then exit: for cron and systemd timers.
    ///
    /// Reads what has changed since the last time by each table's timestamp column, whatever the mode is; a table that was
    /// not copied yet is copied in full. Exits with 0 when every table was read, with 1 when some could not be.
    #[command(
        after_help = "Examples:\n  binleaf poll --once\n  binleaf poll --once --tables orders,shop.customers"
    )]
    Poll(PollArgs),
    /// Tell how far it is: asks the running instance, else reads the state saved in the target.
    Status(StatusArgs),
    /// List the tables that match, with key, estimated rows and target collection.
    Tables(Output),
    /// Show, move or forget the saved position.
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Look at changes that could not be written, try them again, or forget them.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Try the channels by which alerts are told.
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Print a commented file with every setting and its default.
    #[command(
        after_help = "Examples:\n  binleaf init > binleaf.toml\n  binleaf init --from-env > binleaf.toml"
    )]
    Init(InitArgs),
    /// Print a completion script.
    #[command(
        after_help = "Examples:\n  binleaf completions bash > /etc/bash_completion.d/binleaf\n  binleaf completions zsh > ~/.zfunc/_binleaf"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages into a folder: one for binleaf, one for each command.
    #[command(after_help = "Examples:\n  binleaf man /usr/local/share/man/man1")]
    Man {
        /// The folder, which is made if it is not there
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SnapshotArgs {
    /// Only these tables: table or database.table, globs allowed [default: all that source.tables names]
    #[arg(long, value_delimiter = ',', value_name = "TABLES")]
    pub tables: Vec<String>,
    /// Copy from the beginning what is already copied, or half copied
    #[arg(long)]
    pub restart: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// What `status` takes.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StatusArgs {
    /// Tell it again and again, every second or so often, until interrupted.
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "1s", value_parser = humantime::parse_duration)]
    pub watch: Option<std::time::Duration>,
    /// How it is told.
    #[command(flatten)]
    pub output: Output,
}

/// Arguments of `poll`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct PollArgs {
    /// One run; `run` with mode = "poll" polls on a schedule
    #[arg(long, required = true)]
    pub once: bool,
    /// Only these tables: table or database.table [default: all that source.tables names]
    #[arg(long, value_delimiter = ',', value_name = "TABLES")]
    pub tables: Vec<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// What to do with the saved position.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum CheckpointCommand {
    /// Print the saved position and the progress of the copy.
    Show(Output),
    /// Set the position: the next start streams from there. Changes that are skipped so are never copied.
    ///
    /// No instance may be running. Asks before it writes.
    #[command(
        after_help = "Examples:\n  binleaf checkpoint set --gtid 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5\n  binleaf checkpoint set --gtid 0-1-42,1-7-3    (MariaDB)"
    )]
    Set {
        /// All transactions that count as copied
        #[arg(long, value_name = "SET")]
        gtid: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Forget what was copied: the next start copies it anew.
    ///
    /// No instance may be running. Asks before it writes.
    #[command(
        after_help = "Examples:\n  binleaf checkpoint reset --tables orders,customers\n  binleaf checkpoint reset --yes"
    )]
    Reset {
        /// Only these tables: table or database.table [default: everything, the position too]
        #[arg(long, value_delimiter = ',', value_name = "TABLES")]
        tables: Vec<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// What to do with dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DeadLettersCommand {
    /// List them, the newest first: which row of which table, why, how often it was tried. Without values.
    #[command(
        after_help = "Examples:\n  binleaf dead-letters list --table orders\n  binleaf dead-letters list --json | jq '.dead_letters[].reason'"
    )]
    List {
        /// Only those of this table: table or database.table
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        /// At most so many
        #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// How they are printed.
        #[command(flatten)]
        output: Output,
    },
    /// Print one as JSON, with its key and its row as it was to be written.
    Show {
        /// Its id, or as much of the beginning as tells it from the others
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Read their rows again and write them, by the running instance; then tell what came of it.
    ///
    /// A letter whose row can be written now, or is gone, is settled. Exits with 0 when all are, with 1 when some are left.
    #[command(
        after_help = "Examples:\n  binleaf dead-letters replay\n  binleaf dead-letters replay --table orders"
    )]
    Replay {
        /// Only those of this table: table or database.table
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
    },
    /// Forget them. Documents stay as they are, though their rows are not like them, until the rows change again.
    ///
    /// No instance may be running. Asks before it writes.
    #[command(
        after_help = "Examples:\n  binleaf dead-letters purge --table orders\n  binleaf dead-letters purge --yes"
    )]
    Purge {
        /// Only those of this table: table or database.table
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// What to do with alerts.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum AlertsCommand {
    /// Send a message that says that it is a test to each channel, or to one.
    ///
    /// Prints a line a channel. Exits with 0 when all have taken it, else with 1.
    #[command(
        after_help = "Examples:\n  binleaf alerts test\n  binleaf alerts test --channel telegram"
    )]
    Test {
        /// Only this channel
        #[arg(long, value_name = "NAME", value_parser = CHANNELS)]
        channel: Option<String>,
    },
}

/// Arguments of `init`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct InitArgs {
    /// Print the file that the environment and .env amount to, without the secrets in them
    #[arg(long)]
    pub from_env: bool,
    /// Print the settings page of the documentation
    #[arg(long, hide = true, conflicts_with = "from_env")]
    pub markdown: bool,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["binleaf"].into_iter().chain(arguments.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn commands_are_read() {
        let output = Output { json: true };
        let snapshot = SnapshotArgs {
            tables: vec!["a".into(), "b.c".into()],
            restart: true,
            output: Output { json: false },
        };
        let reset = CheckpointCommand::Reset { tables: vec!["a".into()], yes: true };
        let set = CheckpointCommand::Set { gtid: "u:1-5".into(), yes: false };
        for (arguments, expected) in [
            ("", Command::Run),
            ("run", Command::Run),
            ("check --json", Command::Check(output)),
            (
                "status --json",
                Command::Status(StatusArgs { watch: None, output: Output { json: true } }),
            ),
            (
                "status --watch",
                Command::Status(StatusArgs {
                    watch: Some(std::time::Duration::from_secs(1)),
                    output: Output { json: false },
                }),
            ),
            ("tables --json", Command::Tables(output)),
            ("snapshot --tables a,b.c --restart", Command::Snapshot(snapshot)),
            (
                "poll --once --tables a",
                Command::Poll(PollArgs {
                    once: true,
                    tables: vec!["a".into()],
                    output: Output { json: false },
                }),
            ),
            ("checkpoint show --json", Command::Checkpoint(CheckpointCommand::Show(output))),
            ("checkpoint reset --tables a --yes", Command::Checkpoint(reset)),
            ("checkpoint set --gtid u:1-5", Command::Checkpoint(set)),
            (
                "alerts test --channel email",
                Command::Alerts(AlertsCommand::Test { channel: Some("email".into()) }),
            ),
            ("init --from-env", Command::Init(InitArgs { from_env: true, markdown: false })),
            ("completions bash", Command::Completions { shell: Shell::Bash }),
            ("man pages", Command::Man { folder: "pages".into() }),
        ] {
            assert_eq!(parse(arguments).unwrap().command(), &expected, "{arguments}");
        }
    }

    #[test]
    fn global_flags_stand_anywhere() {
        for arguments in [
            "--config f.yaml --log-format json --log-level debug check",
            "check --config f.yaml --log-format json --log-level debug",
        ] {
            let cli = parse(arguments).unwrap();
            assert_eq!(cli.config, Some(PathBuf::from("f.yaml")));
            let flags = cli.flags();
            assert_eq!(flags.log_format.as_deref(), Some("json"));
            assert_eq!(flags.log_level.as_deref(), Some("debug"));
        }
    }

    #[test]
    fn usage_errors_exit_with_2_and_help_with_0() {
        for wrong in [
            "chekc",
            "poll",
            "alerts",
            "alerts test --channel x",
            "checkpoint",
            "checkpoint set",
            "--log-format xml",
            "run extra",
        ] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
        let help = parse("--help").unwrap_err();
        assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0));
        assert!(help.to_string().contains("Exit codes:"));
    }
}
