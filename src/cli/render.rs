//! How findings and tables look to people, and findings to scripts.
//!
//! Names come from servers: control characters in them are shown, not sent to the terminal.

use comfy_table::{CellAlignment, Table, presets::NOTHING};

use crate::model::finding::{Finding, Level};

/// Columns of a line before it is wrapped.
const WIDTH: usize = 100;

/// Findings as a list, the worst first, with a last line that counts them.
#[must_use]
pub fn findings(findings: &[Finding], colour: bool) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let mut text: String = sorted.into_iter().map(|finding| entry(finding, colour)).collect();
    text.push_str(&summary(findings));
    text.push('\n');
    text
}

/// Findings as JSON: `{"ok": …, "findings": […]}`, the worst first.
#[must_use]
pub fn findings_json(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let answer = serde_json::json!({ "ok": !has_errors(findings), "findings": sorted });
    format!("{answer:#}\n")
}

/// Whether one of them is an error: exit code 1.
#[must_use]
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
}

/// Rows below a heading, in columns, without a line break at the end. Columns of numbers stand to the right.
#[must_use]
pub fn grid(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(cell)));
    }
    for index in 0..header.len() {
        let Some(column) = table.column_mut(index) else { continue };
        column.set_padding((0, 2));
        if is_numeric(rows, index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Whether a column has numbers and nothing but numbers, or `-` for none.
fn is_numeric(rows: &[Vec<String>], index: usize) -> bool {
    let is_number = |cell: &String| cell.replace(',', "").parse::<f64>().is_ok_and(f64::is_finite);
    let mut cells =
        rows.iter().filter_map(|row| row.get(index)).filter(|cell| *cell != "-").peekable();
    cells.peek().is_some() && cells.all(is_number)
}

/// Names and values, one a line, the values below each other.
#[must_use]
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    pairs.iter().map(|(name, value)| format!("{name:width$}  {}\n", visible(value))).collect()
}

/// Text whose control characters are escaped; line breaks stay.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => shown.push(letter),
            letter if letter.is_control() => shown.extend(letter.escape_default()),
            letter => shown.push(letter),
        }
    }
    shown
}

fn entry(finding: &Finding, colour: bool) -> String {
    let label = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
    };
    let object = visible(&finding.object);
    let mut text = format!("{} {object} ({})\n", paint(finding.level, label, colour), finding.code);
    text.push_str(&wrapped(&visible(&finding.meaning)));
    if let Some(remedy) = &finding.remedy {
        // Statements are copied and pasted: they are never wrapped.
        for (at, line) in visible(remedy).lines().enumerate() {
            let lead = if at == 0 { "  mend: " } else { "        " };
            text.push_str(&format!("{lead}{line}\n"));
        }
    }
    text.push('\n');
    text
}

fn paint(level: Level, label: &str, colour: bool) -> String {
    let label = format!("{label}:");
    let code = match level {
        Level::Error => "1;31",
        Level::Warning => "1;33",
        Level::Info => "1;36",
    };
    if colour { format!("\u{1b}[{code}m{label}\u{1b}[0m") } else { label }
}

fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    for paragraph in text.lines() {
        let mut line = String::from(" ");
        for word in paragraph.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
                lines.push_str(&line);
                lines.push('\n');
                line = String::from(" ");
            }
            line.push(' ');
            line.push_str(word);
        }
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

fn summary(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if errors == 0 && warnings == 0 {
        return "all is well".to_owned();
    }
    let plural = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        count => format!("{count} {word}s"),
    };
    format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Finding> {
        vec![
            Finding::info("version", "source", "MySQL 9.4.0"),
            Finding::error(
                "binlog_format",
                "source",
                "binlog_format is STATEMENT: rows are not in the binlog",
            )
            .mend("SET PERSIST binlog_format = 'ROW';"),
            Finding::warning("keyless", "shop.logs", "no key\u{1b}[2J"),
        ]
    }

    #[test]
    fn findings_are_a_list_with_the_worst_first() {
        assert_eq!(
            findings(&examples(), false),
            "error: source (binlog_format)\n  binlog_format is STATEMENT: rows are not in the binlog\n  mend: SET PERSIST binlog_format = 'ROW';\n\n\
             warning: shop.logs (keyless)\n  no key\\u{1b}[2J\n\n\
             info: source (version)\n  MySQL 9.4.0\n\n\
             1 error, 1 warning\n"
        );
        assert!(findings(&examples(), true).starts_with("\u{1b}[1;31merror:\u{1b}[0m source"));
        assert_eq!(findings(&[], false), "all is well\n");
        assert!(has_errors(&examples()) && !has_errors(&[]));
    }

    #[test]
    fn findings_are_json_for_scripts() {
        let answer: serde_json::Value = serde_json::from_str(&findings_json(&examples())).unwrap();
        let list = &answer["findings"];
        assert_eq!(answer["ok"], false);
        assert_eq!(list[0]["level"], "error");
        assert_eq!(list[0]["code"], "binlog_format");
        assert_eq!(list[2]["remedy"], serde_json::Value::Null);
    }

    #[test]
    fn long_meanings_are_wrapped_and_statements_are_not() {
        let long = "word ".repeat(40);
        let text = findings(&[Finding::info("x", "y", &long).mend(&long)], false);
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert!(lines[1] <= WIDTH && lines[2] <= WIDTH && lines[4] > 190, "{text}");
    }

    #[test]
    fn tables_have_columns() {
        let rows = [["shop.orders", "12", "-"], ["a", "1000", "-"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            grid(&["table", "rows", "key"], &rows),
            "TABLE        ROWS  KEY\nshop.orders    12  -\na            1000  -"
        );
        assert_eq!(grid(&["table"], &[]), "TABLE");
        assert_eq!(pairs(&[("a", "1".to_owned()), ("long", "2".to_owned())]), "a     1\nlong  2\n");
    }
}
