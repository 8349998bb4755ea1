//! The status again and again, until interrupted.

use std::{io::Write as _, time::Duration};

use console::Term;
use serde_json::Value;

use super::{ask, page::page};
use crate::{cli::commands::print, config::Config};

/// On a terminal each page replaces the last one; elsewhere they follow each other, as JSON a line each.
pub(super) async fn run(config: &Config, interval: Duration, json: bool) -> anyhow::Result<()> {
    let terminal = Some(Term::stdout()).filter(|term| term.is_term() && !json);
    if let Some(term) = &terminal {
        term.clear_screen()?;
    }
    let (mut beat, mut last) = (tokio::time::interval(interval), None);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let answer = ask(config).await;
        match (&terminal, answer) {
            (Some(term), Ok(status)) => {
                draw(term, &page(&status, usize::from(term.size().0)))?;
                last = Some(status);
            }
            (Some(term), Err(error)) => draw(term, &away(config, &error, last.as_ref(), term))?,
            (None, Ok(status)) if json => drop(print(&format!("{status}\n"))?),
            (None, Ok(status)) => drop(print(&format!("{}\n", page(&status, usize::MAX)))?),
            (None, Err(error)) => return Err(error),
        }
    }
}

/// What was known, below why nothing is known now.
fn away(config: &Config, error: &anyhow::Error, last: Option<&Value>, term: &Term) -> String {
    let mut text = format!("no instance answers on {}: {error:#}\n", config.http.listen);
    if let Some(last) = last {
        text.push_str("it last said:\n\n");
        text.push_str(&page(last, usize::from(term.size().0).saturating_sub(3)));
    }
    text
}

/// Line over line, so that nothing flickers.
fn draw(term: &Term, page: &str) -> std::io::Result<()> {
    term.move_cursor_to(0, 0)?;
    let mut term = term.clone();
    for line in page.lines() {
        term.clear_line()?;
        writeln!(term, "{line}")?;
    }
    term.clear_to_end_of_screen()
}
