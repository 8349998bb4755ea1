//! The statements of the copy: a range's rows, and where the next range ends.
//!
//! Row comparison (`(a, b) > (1, 2)`) scans the whole index, so composite keys are compared by OR terms. What both ends
//! of a range have in common is taken out in front and left out of ORDER BY: the optimizer does not see that an ENUM
//! compared with a number is constant, and would sort.

use crate::{
    model::{
        key::{Cursor, SqlValue},
        snapshot::KeyRange,
        table::{Column, ColumnType, TableSchema, quote_identifier},
    },
    source::literal,
};

/// An inequality between an ENUM and a number uses no index; a list of numbers does. Longer lists cost more than they
/// save.
const MOST_LISTED_LABELS: usize = 255;

/// What the statements of one table are made of.
#[derive(Debug)]
pub(in crate::source) struct TableSql {
    table: String,
    columns: String,
    key: Option<KeySql>,
}

#[derive(Debug)]
struct KeySql {
    hint: String,
    columns: String,
    parts: Vec<Part>,
}

/// One column of the key.
#[derive(Debug)]
struct Part {
    name: String,
    quoted: String,
    kind: ColumnType,
    descending: bool,
}

/// A range end that does not fit the key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum SqlError {
    /// The key has another number of columns than when the progress was saved.
    #[error("the saved progress is of a key with another number of columns")]
    Width,
    /// The column has another type than when the progress was saved.
    #[error("the saved progress does not fit the type of column {0}")]
    Operand(String),
}

/// Which side of a key is meant, in the order of the index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Behind,
    UpTo,
}

/// One end of a range, with its values written as operands.
struct End<'r> {
    values: &'r [SqlValue],
    operands: Vec<String>,
}

/// What a range asks of its rows.
struct Condition {
    text: String,
    /// How many parts of the key have one value only.
    fixed: usize,
}

impl TableSql {
    /// Prepares a table's statements.
    pub(in crate::source) fn new(schema: &TableSchema) -> Self {
        let key = schema.key.as_ref().map(|key| {
            let columns: Vec<(&Column, bool)> = key
                .columns
                .iter()
                .filter_map(|part| Some((schema.columns.get(part.column)?, part.descending)))
                .collect();
            KeySql {
                hint: format!("FORCE INDEX ({})", quote_identifier(&key.index)),
                columns: projection(columns.iter().map(|(column, _)| *column)),
                parts: columns.into_iter().map(|(column, down)| Part::new(column, down)).collect(),
            }
        });
        Self { table: schema.name.quoted(), columns: projection(&schema.columns), key }
    }

    /// `SELECT … FROM …` of all columns.
    pub(in crate::source) fn head(&self) -> String {
        format!("SELECT {} FROM {}", self.columns, self.table)
    }

    /// The order of the key's columns; `None` for a table without a key.
    pub(in crate::source) fn key_order(&self) -> Option<String> {
        self.key.as_ref().map(|key| key.order(0, false))
    }

    /// The rows whose keys are behind one in that order.
    pub(in crate::source) fn key_behind(&self, key: &Cursor) -> Result<String, SqlError> {
        let Some(of_table) = &self.key else { return Err(SqlError::Width) };
        Ok(of_table.expand(&of_table.end(key)?, 0, Side::Behind))
    }

    /// The first keys of the table, or those behind one, with these columns.
    pub(in crate::source) fn keys(
        &self,
        columns: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<String, SqlError> {
        let key = self.key.as_ref().ok_or(SqlError::Width)?;
        let behind = after.map(|after| Ok(format!(" WHERE {}", self.key_behind(after)?)));
        let behind = behind.transpose()?.unwrap_or_default();
        let (table, order) = (&self.table, key.order(0, false));
        Ok(format!(
            "SELECT {columns} FROM {table} {}{behind} ORDER BY {order} LIMIT {limit}",
            key.hint
        ))
    }

    /// All rows of a range. Their order does not matter, so none is asked for.
    pub(in crate::source) fn rows(&self, range: &KeyRange) -> Result<String, SqlError> {
        let Self { table, columns, .. } = self;
        match &self.key {
            Some(key) if range.low.is_some() || range.high.is_some() => {
                let condition = key.condition(range)?.text;
                Ok(format!("SELECT {columns} FROM {table} {} WHERE {condition}", key.hint))
            }
            _ => Ok(format!("SELECT {columns} FROM {table}")),
        }
    }

    /// The first and the last key, where it is one whole number that the index keeps from low to high.
    pub(in crate::source) fn extent(&self) -> Option<String> {
        match self.key.as_ref()?.parts.as_slice() {
            [Part { quoted, kind: ColumnType::Int { .. }, descending: false, .. }] => {
                Some(format!("SELECT MIN({quoted}), MAX({quoted}) FROM {}", self.table))
            }
            _ => None,
        }
    }

    /// The key of the row that is `row_count` rows into a range, or of its last row when it has fewer; no row when it
    /// has none. `None` for a table without a key.
    pub(in crate::source) fn boundary(
        &self,
        range: &KeyRange,
        row_count: usize,
    ) -> Result<Option<String>, SqlError> {
        let Some(key) = &self.key else { return Ok(None) };
        let condition = key.condition(range)?;
        let condition_text = match condition.text.as_str() {
            "" => String::new(),
            text => format!(" WHERE {text}"),
        };
        Ok(Some(format!(
            "SELECT {columns} FROM (SELECT {names} FROM {table} {hint}{condition_text} ORDER BY {onward} \
             LIMIT {row_count}) AS stretch ORDER BY {back} LIMIT 1",
            columns = key.columns,
            names = key.names(),
            table = self.table,
            hint = key.hint,
            onward = key.order(condition.fixed, false),
            back = key.order(condition.fixed, true),
        )))
    }
}

impl KeySql {
    fn names(&self) -> String {
        let names: Vec<&str> = self.parts.iter().map(|part| part.quoted.as_str()).collect();
        names.join(", ")
    }

    /// The order of the index without its first `fixed` parts, or its reverse.
    fn order(&self, fixed: usize, reverse: bool) -> String {
        let parts = self.parts.get(fixed..).filter(|rest| !rest.is_empty()).unwrap_or(&self.parts);
        let terms: Vec<String> = parts.iter().map(|part| part.order(reverse)).collect();
        terms.join(", ")
    }

    fn condition(&self, range: &KeyRange) -> Result<Condition, SqlError> {
        let low = range.low.as_ref().map(|values| self.end(values)).transpose()?;
        let high = range.high.as_ref().map(|values| self.end(values)).transpose()?;
        let fixed = self.fixed(low.as_ref(), high.as_ref());
        let mut terms = Vec::new();
        if let Some(common) = low.as_ref().filter(|_| fixed > 0) {
            terms.extend(self.operands(common).take(fixed).map(equal));
        }
        if let Some(low) = &low {
            terms.push(self.expand(low, fixed, Side::Behind));
        }
        if let Some(high) = &high {
            terms.push(self.expand(high, fixed, Side::UpTo));
        }
        Ok(Condition { text: terms.join(" AND "), fixed })
    }

    fn end<'r>(&self, values: &'r [SqlValue]) -> Result<End<'r>, SqlError> {
        if values.len() != self.parts.len() {
            return Err(SqlError::Width);
        }
        let operands = self.parts.iter().zip(values).map(|(part, value)| {
            literal::operand(value, &part.kind).ok_or_else(|| SqlError::Operand(part.name.clone()))
        });
        Ok(End { values, operands: operands.collect::<Result<_, _>>()? })
    }

    /// How many leading parts have one value throughout the range: those in which both ends agree, and, where there is
    /// no upper end, an ENUM at its last label.
    fn fixed(&self, low: Option<&End<'_>>, high: Option<&End<'_>>) -> usize {
        let Some(low) = low else { return 0 };
        let is_fixed = |index: usize| {
            let (Some(part), Some(value)) = (self.parts.get(index), low.values.get(index)) else {
                return false;
            };
            match high {
                Some(high) => high.values.get(index) == Some(value),
                None => part.labels_behind(value).is_some_and(|labels| labels.is_empty()),
            }
        };
        (0..self.parts.len()).take_while(|index| is_fixed(*index)).count()
    }

    fn operands<'a>(
        &'a self,
        end: &'a End<'_>,
    ) -> impl Iterator<Item = (&'a Part, &'a str, &'a SqlValue)> {
        let operands = end.operands.iter().map(String::as_str).zip(end.values);
        self.parts.iter().zip(operands).map(|(part, (operand, value))| (part, operand, value))
    }

    /// The keys on one side of an end, by the parts behind the fixed ones: `a > 1 OR (a = 1 AND b > 2)`.
    fn expand(&self, end: &End<'_>, fixed: usize, side: Side) -> String {
        let mut terms = Vec::new();
        let mut before = String::new();
        for (index, (part, operand, value)) in self.operands(end).enumerate().skip(fixed) {
            let is_last = index + 1 == self.parts.len();
            let inclusive = is_last && side == Side::UpTo;
            if let Some(term) = part.beside(operand, value, side, inclusive) {
                terms.push(format!("{before}{term}"));
            }
            before.push_str(&equal((part, operand, value)));
            before.push_str(" AND ");
        }
        match terms.as_slice() {
            [] => "FALSE".to_owned(),
            [only] => only.clone(),
            _ => format!("({})", terms.join(" OR ")),
        }
    }
}

impl Part {
    fn new(column: &Column, descending: bool) -> Self {
        Self {
            name: column.name.clone(),
            quoted: quote_identifier(&column.name),
            kind: column.kind.clone(),
            descending,
        }
    }

    fn order(&self, reverse: bool) -> String {
        let direction = if self.descending == reverse { "ASC" } else { "DESC" };
        format!("{} {direction}", self.quoted)
    }

    /// This part alone on one side of a value; `None` where no value is there.
    fn beside(
        &self,
        operand: &str,
        value: &SqlValue,
        side: Side,
        inclusive: bool,
    ) -> Option<String> {
        let labels = match side {
            Side::Behind => self.labels_behind(value),
            Side::UpTo => self.labels_before(value, inclusive),
        };
        if let Some(labels) = labels {
            let list: Vec<String> = labels.map(|label| label.to_string()).collect();
            let list = Some(list.join(", ")).filter(|list| !list.is_empty())?;
            return Some(format!("{} IN ({list})", self.quoted));
        }
        let rising = (side == Side::Behind) != self.descending;
        let sign = match (rising, inclusive) {
            (true, false) => ">",
            (true, true) => ">=",
            (false, false) => "<",
            (false, true) => "<=",
        };
        Some(format!("{} {sign} {operand}", self.quoted))
    }

    /// The numbers of the labels behind a value in the order of the index.
    fn labels_behind(&self, value: &SqlValue) -> Option<std::ops::Range<u64>> {
        let (number, count) = self.label(value)?;
        Some(if self.descending { 0..number } else { number + 1..count + 1 })
    }

    /// The numbers of the labels before a value in the order of the index.
    fn labels_before(&self, value: &SqlValue, inclusive: bool) -> Option<std::ops::Range<u64>> {
        let (number, count) = self.label(value)?;
        Some(match (self.descending, inclusive) {
            (false, false) => 0..number,
            (false, true) => 0..number + 1,
            (true, false) => number + 1..count + 1,
            (true, true) => number..count + 1,
        })
    }

    /// The number of an ENUM's value and how many labels there are, if they are few enough to be listed.
    fn label(&self, value: &SqlValue) -> Option<(u64, u64)> {
        match (&self.kind, value) {
            (ColumnType::Enum { labels }, SqlValue::UInt(number))
                if labels.len() <= MOST_LISTED_LABELS =>
            {
                let count = u64::try_from(labels.len()).ok()?;
                Some(((*number).min(count), count))
            }
            _ => None,
        }
    }
}

fn equal((part, operand, _): (&Part, &str, &SqlValue)) -> String {
    format!("{} = {operand}", part.quoted)
}

/// The columns as they are selected: ENUM, SET and BIT as numbers, as the binlog has them.
pub(in crate::source) fn projection<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    let columns = columns.into_iter().map(|column| {
        let name = quote_identifier(&column.name);
        match column.kind {
            ColumnType::Enum { .. } | ColumnType::Set { .. } | ColumnType::Bit { .. } => {
                format!("CAST({name} AS UNSIGNED)")
            }
            // In the order of their text, as the binlog has them; the server keeps some of them in another.
            ColumnType::Uuid | ColumnType::Inet6 => format!("CAST({name} AS BINARY(16))"),
            ColumnType::Inet4 => format!("CAST({name} AS BINARY(4))"),
            _ => name,
        }
    });
    columns.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
