//! What both roads write through: containers, keys in order, duplicate keys.

use std::ops::Range;

use super::{MAX_DEPTH, check_utf8, number, opaque};
use crate::codec::{
    CellFault, MAX_CELL_BYTES,
    element::{self, Element, tag},
};

/// What a value is written as. Each function gives the type byte of what it wrote.
pub(super) trait Form {
    /// An object or array that has been begun.
    type Container;
    fn literal(&mut self, literal: Option<bool>) -> u8;
    fn integer(&mut self, number: i64) -> Result<u8, CellFault>;
    /// A whole number past the largest of [`Self::integer`].
    fn large(&mut self, number: u64) -> Result<u8, CellFault>;
    fn double(&mut self, number: f64) -> Result<u8, CellFault>;
    /// A string, if the bytes are one.
    fn string(&mut self, text: &[u8]) -> Result<u8, CellFault>;
    /// A value of a column type that JSON does not have.
    fn opaque(&mut self, kind: u8, bytes: &[u8]) -> Result<u8, CellFault>;
    fn begin_array(&mut self) -> Result<Self::Container, CellFault>;
    fn begin_object(&mut self) -> Result<Self::Container, CellFault>;
    /// Begins the next element of an array; gives its slot.
    fn item(&mut self, container: &mut Self::Container) -> usize;
    /// Begins the next element of an object, if the key's bytes are text; gives its slot.
    fn member(&mut self, container: &mut Self::Container, key: &[u8]) -> Result<usize, CellFault>;
    fn element_ends(&mut self, slot: usize, tag: u8) -> Result<(), CellFault>;
    fn end_array(&mut self, container: &Self::Container) -> u8;
    fn end_object(&mut self, container: &Self::Container) -> Result<u8, CellFault>;
}

/// Appends one JSON value as BSON.
pub(super) struct Writer<'o> {
    /// Where the value goes.
    pub(super) out: &'o mut Vec<u8>,
    most_bytes: usize,
    depth: usize,
}

/// An object or array that has been begun.
pub(super) struct Container {
    at: usize,
    count: usize,
    previous_key: Range<usize>,
    ordered: bool,
}

impl<'o> Writer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        let most_bytes = out.len().saturating_add(MAX_CELL_BYTES);
        Self { out, most_bytes, depth: 0 }
    }

    /// Begins an object or an array.
    pub(super) fn begin(&mut self) -> Result<Container, CellFault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(CellFault::Nesting);
        }
        let at = element::begin(self.out);
        Ok(Container { at, count: 0, previous_key: 0..0, ordered: true })
    }

    /// Begins the next element of an array; gives the place of its type byte.
    #[inline]
    pub(super) fn item(&mut self, container: &mut Container) -> usize {
        let slot = self.out.len();
        element::begin_item(self.out, tag::NULL, container.count);
        container.count += 1;
        slot
    }

    /// Reserves the type byte of an object's next element; the caller appends the key and calls [`Self::key_ends`].
    #[inline]
    pub(super) fn slot(&mut self) -> usize {
        self.out.push(tag::NULL);
        self.out.len() - 1
    }

    /// Ends the key that was appended behind `slot`.
    #[inline]
    pub(super) fn key_ends(
        &mut self,
        container: &mut Container,
        slot: usize,
    ) -> Result<(), CellFault> {
        let key = self.out.get(slot + 1..).unwrap_or_default();
        if key.contains(&0) {
            return Err(CellFault::JsonKey);
        }
        self.sound_key_ends(container, slot);
        Ok(())
    }

    /// The same for a key without U+0000.
    #[inline]
    fn sound_key_ends(&mut self, container: &mut Container, slot: usize) {
        let key = slot + 1..self.out.len();
        let previous = &container.previous_key;
        // The first key of all follows an empty one: an empty key there only looks out of order.
        container.ordered &= previous.len() < key.len()
            || (previous.len() == key.len() && self.bytes(previous) < self.bytes(&key));
        container.previous_key = key;
        self.out.push(0);
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.out.get(range.clone()).unwrap_or_default()
    }

    /// Ends an element: sets its type byte and checks the size so far.
    #[inline]
    pub(super) fn element_ends(&mut self, slot: usize, tag: u8) -> Result<(), CellFault> {
        element::set_tag(self.out, slot, tag);
        if self.out.len() > self.most_bytes { Err(CellFault::TooLarge) } else { Ok(()) }
    }

    /// Ends an array.
    pub(super) fn end_array(&mut self, container: &Container) -> u8 {
        self.depth -= 1;
        element::end(self.out, container.at);
        tag::ARRAY
    }

    /// Ends an object. MySQL writes keys in order of length, then bytes, each once; only where that does not hold
    /// (MariaDB keeps the user's own text) is there a duplicate to look for.
    pub(super) fn end_object(&mut self, container: &Container) -> Result<u8, CellFault> {
        self.depth -= 1;
        if !container.ordered {
            keep_last(self.out, container.at + 4)?;
        }
        element::end(self.out, container.at);
        Ok(tag::DOCUMENT)
    }
}

impl Form for Writer<'_> {
    type Container = Container;

    #[inline]
    fn literal(&mut self, literal: Option<bool>) -> u8 {
        let Some(literal) = literal else { return tag::NULL };
        self.out.push(u8::from(literal));
        tag::BOOLEAN
    }

    #[inline]
    fn integer(&mut self, number: i64) -> Result<u8, CellFault> {
        Ok(number::append_integer(self.out, number))
    }

    fn large(&mut self, number: u64) -> Result<u8, CellFault> {
        number::append_wide(self.out, number.into())
    }

    #[inline]
    fn double(&mut self, number: f64) -> Result<u8, CellFault> {
        Ok(number::append_double(self.out, number))
    }

    #[inline]
    fn string(&mut self, text: &[u8]) -> Result<u8, CellFault> {
        check_utf8(text)?;
        element::string(self.out, text);
        Ok(tag::STRING)
    }

    fn opaque(&mut self, kind: u8, bytes: &[u8]) -> Result<u8, CellFault> {
        opaque::append(self.out, kind, bytes)
    }

    fn begin_array(&mut self) -> Result<Container, CellFault> {
        self.begin()
    }

    fn begin_object(&mut self) -> Result<Container, CellFault> {
        self.begin()
    }

    #[inline]
    fn item(&mut self, container: &mut Container) -> usize {
        Self::item(self, container)
    }

    #[inline(always)]
    fn member(&mut self, container: &mut Container, key: &[u8]) -> Result<usize, CellFault> {
        if !is_plain(key) {
            check_key(key)?;
        }
        let slot = self.slot();
        self.out.extend_from_slice(key);
        self.sound_key_ends(container, slot);
        Ok(slot)
    }

    #[inline]
    fn element_ends(&mut self, slot: usize, tag: u8) -> Result<(), CellFault> {
        Self::element_ends(self, slot, tag)
    }

    fn end_array(&mut self, container: &Container) -> u8 {
        Self::end_array(self, container)
    }

    fn end_object(&mut self, container: &Container) -> Result<u8, CellFault> {
        Self::end_object(self, container)
    }
}

/// Whether a key is ASCII without U+0000, as most are, seen at a glance.
#[inline]
fn is_plain(key: &[u8]) -> bool {
    // The highest bit of each byte is set where it is past ASCII, or where one less than it is below zero.
    const fn odd(word: u64) -> u64 {
        (word | word.wrapping_sub(0x0101_0101_0101_0101)) & 0x8080_8080_8080_8080
    }
    if let Some(last) = key.last_chunk() {
        let (words, _) = key.as_chunks();
        return words.iter().fold(odd(u64::from_ne_bytes(*last)), |all, word| {
            all | odd(u64::from_ne_bytes(*word))
        }) == 0;
    }
    match (key.first_chunk(), key.last_chunk()) {
        (Some(first), Some(last)) => {
            let halves = [u32::from_ne_bytes(*first), u32::from_ne_bytes(*last)];
            odd(u64::from(halves[0]) << 32 | u64::from(halves[1])) == 0
        }
        _ => key.iter().all(|byte| matches!(byte, 1..=0x7F)),
    }
}

#[cold]
fn check_key(key: &[u8]) -> Result<(), CellFault> {
    check_utf8(key)?;
    if key.contains(&0) { Err(CellFault::JsonKey) } else { Ok(()) }
}

/// Of elements with the same key, puts the last at the place of the first and drops the others.
fn keep_last(out: &mut Vec<u8>, start: usize) -> Result<(), CellFault> {
    let elements: Vec<Element<'_>> =
        element::elements(out.get(start..).unwrap_or_default()).collect();
    let mut by_key: Vec<usize> = (0..elements.len()).collect();
    by_key.sort_by_key(|&index| (elements.get(index).map(|element| element.name), index));
    let mut winners: Vec<Option<usize>> = vec![None; elements.len()];
    for same in by_key.chunk_by(|&left, &right| key_of(&elements, left) == key_of(&elements, right))
    {
        if let (Some(&first), Some(&last)) = (same.first(), same.last())
            && let Some(winner) = winners.get_mut(first)
        {
            *winner = Some(last);
        }
    }
    if winners.iter().all(Option::is_some) {
        return Ok(());
    }
    let kept: Vec<u8> = winners
        .iter()
        .filter_map(|winner| elements.get((*winner)?))
        .flat_map(|element| element.bytes.iter().copied())
        .collect();
    out.truncate(start);
    out.extend_from_slice(&kept);
    Ok(())
}

fn key_of<'a>(elements: &[Element<'a>], index: usize) -> Option<&'a [u8]> {
    elements.get(index).map(|element| element.name)
}
