//! Paths of JSON as the server writes them (`Json_path::to_string`, sql-common/json_path.cc): `$`, then `.name`,
//! `."name"` and `[index]`. Wildcards and ranges name no single value and are not taken.

use std::borrow::Cow;

use super::MAX_DEPTH;
use crate::codec::CellFault;

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leg<'p> {
    Member(Cow<'p, str>),
    Cell(Cell),
}

/// An element of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    index: usize,
    /// Whether it is counted from the end, the last element being 0.
    from_end: bool,
}

impl Cell {
    /// The place in an array of this length, if it is within.
    pub(super) fn within(self, length: usize) -> Option<usize> {
        let place = match self.from_end {
            true => length.checked_sub(1)?.checked_sub(self.index)?,
            false => self.index,
        };
        (place < length).then_some(place)
    }

    /// The place in an array of this length; its end for what is past it, its start for what is before it.
    pub(super) fn clipped(self, length: usize) -> usize {
        match self.from_end {
            true => length.saturating_sub(self.index.saturating_add(1)),
            false => self.index.min(length),
        }
    }
}

pub(super) fn parse(path: &str) -> Result<Vec<Leg<'_>>, CellFault> {
    let mut rest = path.strip_prefix('$').ok_or(CellFault::Json)?;
    let mut legs = Vec::new();
    while !rest.is_empty() {
        if legs.len() == MAX_DEPTH {
            return Err(CellFault::Nesting);
        }
        let (leg, behind) = match rest.strip_prefix('.') {
            Some(name) => member(name)?,
            None => cell(rest)?,
        };
        legs.push(leg);
        rest = behind;
    }
    Ok(legs)
}

fn member(rest: &str) -> Result<(Leg<'_>, &str), CellFault> {
    if let Some(quoted) = rest.strip_prefix('"') {
        return quoted_member(quoted);
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, behind) = rest.split_at_checked(end).ok_or(CellFault::Json)?;
    if name.is_empty() || name == "*" {
        return Err(CellFault::Json);
    }
    Ok((Leg::Member(Cow::Borrowed(name)), behind))
}

/// A name between quotes, the first of which is gone, with JSON's escapes.
fn quoted_member(rest: &str) -> Result<(Leg<'_>, &str), CellFault> {
    let mut name = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next().ok_or(CellFault::Json)? {
            '"' => return Ok((Leg::Member(Cow::Owned(name)), letters.as_str())),
            '\\' => name.push(match letters.next().ok_or(CellFault::Json)? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                // The server writes control characters so, and nothing else.
                'u' => {
                    let (hex, behind) =
                        letters.as_str().split_at_checked(4).ok_or(CellFault::Json)?;
                    letters = behind.chars();
                    let number = u32::from_str_radix(hex, 16).map_err(|_| CellFault::Json)?;
                    char::from_u32(number).ok_or(CellFault::Json)?
                }
                same @ ('"' | '\\' | '/') => same,
                _ => return Err(CellFault::Json),
            }),
            letter => name.push(letter),
        }
    }
}

fn cell(rest: &str) -> Result<(Leg<'_>, &str), CellFault> {
    let inside = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (index, behind) = inside.ok_or(CellFault::Json)?;
    let number = |text: &str| text.trim().parse().map_err(|_| CellFault::Json);
    let cell = match index.strip_prefix("last") {
        None => Cell { index: number(index)?, from_end: false },
        Some("") => Cell { index: 0, from_end: true },
        Some(offset) => {
            let offset = offset.trim_start().strip_prefix('-').ok_or(CellFault::Json)?;
            Cell { index: number(offset)?, from_end: true }
        }
    };
    Ok((Leg::Cell(cell), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_paths_are_read() {
        let name = |name: &'static str| Leg::Member(Cow::Borrowed(name));
        let cell = |index, from_end| Leg::Cell(Cell { index, from_end });
        assert_eq!(parse("$"), Ok(vec![]));
        let legs = vec![name("a"), cell(12, false), name("b.c\"\\\u{1}"), cell(0, true)];
        assert_eq!(parse(r#"$.a[12]."b.c\"\\\u0001"[last]"#), Ok(legs));
        assert_eq!(parse("$[last-2].\u{e9}"), Ok(vec![cell(2, true), name("\u{e9}")]));
        for bad in ["", "a", "$a", "$.", "$[", "$[x]", "$.*", "$[*]", "$.\"a", "$[1 to 2]", "$**.a"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse(&format!("${}", "[0]".repeat(101))), Err(CellFault::Nesting));
    }
}
