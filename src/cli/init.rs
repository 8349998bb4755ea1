//! `init`, `completions` and `man`: texts that need neither source nor target.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Cli, InitArgs};
use crate::config::{
    self, ConfigErrors, Environment, FileChoice, Flags, LoadOptions, default_file, file_of,
    settings_page,
};

/// What `init` prints.
///
/// With `--from-env` no file is read, and secrets are left out: a file is copied and committed more easily than an
/// environment, and the variables go on working beside the file.
///
/// # Errors
/// What is wrong with the environment.
pub fn text(arguments: InitArgs, environment: Environment) -> Result<String, ConfigErrors> {
    if arguments.markdown {
        return Ok(settings_page());
    }
    if !arguments.from_env {
        return Ok(default_file());
    }
    let options = LoadOptions {
        file: FileChoice::None,
        flags: Flags::default(),
        environment,
        directory: PathBuf::new(),
    };
    config::load(options).map(|loaded| file_of(&loaded.config))
}

/// The completion script of a shell.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Cli as CommandFactory>::command(), "binleaf", &mut script);
    script
}

/// Writes the manual pages of the program and its commands into a folder, which is made if it is not there.
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn manual(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(<Cli as CommandFactory>::command(), folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_prints_what_is_asked_for() {
        let environment =
            || [("MYSQL_HOST", "db"), ("MYSQL_PASSWORD", "hunter2")].into_iter().collect();
        let print =
            |from_env, markdown| text(InitArgs { from_env, markdown }, environment()).unwrap();
        assert!(print(false, false).contains("\n#host = \"127.0.0.1\"\n"));
        assert!(print(true, false).contains("\nhost = \"db\"\n"));
        assert!(!print(true, false).contains("hunter2"));
        assert!(print(false, true).starts_with("# Settings\n"));
    }

    #[test]
    fn completions_name_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(completions(shell)).unwrap();
            assert!(script.contains("checkpoint") && script.contains("log-level"), "{shell}");
        }
    }
}
