//! The chain of image file directories of a TIFF and the values of their tags, found without decoding anything (TIFF 6.0,
//! section 2; BigTIFF).
//!
//! Knowing where each directory starts makes every page equally near: page 10,000 costs what page 1 costs, and loops and
//! branches in the chain are dealt with once, here.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};

/// More directories than this are no document: 8 bytes each to remember, so 8 MiB.
const MOST_PAGES: usize = 1 << 20;
/// All that the classic format can count; a page has some thirty.
const MOST_ENTRIES: u64 = 65_535;

/// The byte layout of one TIFF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) little_endian: bool,
    big: bool,
}

impl Layout {
    /// From the first bytes, or `None` when this is no TIFF.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { little_endian: true, big: false }),
            b"MM\0*" => Some(Self { little_endian: false, big: false }),
            b"II+\0" => Some(Self { little_endian: true, big: true }),
            b"MM\0+" => Some(Self { little_endian: false, big: true }),
            _ => None,
        }
    }

    fn number(self, bytes: &[u8], at: u64, length: usize) -> Option<u64> {
        let start = usize::try_from(at).ok()?;
        let field = bytes.get(start..start.checked_add(length)?)?;
        let push = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        Some(if self.little_endian { field.iter().rev().fold(0, push) } else { field.iter().fold(0, push) })
    }

    fn offset_length(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// (where the entries begin, how many there are, bytes of one) of the directory at `at`.
    fn entries(self, bytes: &[u8], at: u64) -> Option<(u64, u64, u64)> {
        let (count_length, entry) = if self.big { (8, 20) } else { (2, 12) };
        let count = self.number(bytes, at, count_length)?;
        Some((at.checked_add(count_length as u64)?, count, entry))
    }

    fn next(self, bytes: &[u8], at: u64) -> Option<u64> {
        let (start, count, entry) = self.entries(bytes, at)?;
        self.number(bytes, start.checked_add(count.checked_mul(entry)?)?, self.offset_length())
    }

    /// Offsets of all directories in the order of the chain. A chain that leads back into itself or out of the file ends
    /// there: what came before it is good.
    pub(super) fn directories(self, bytes: &[u8]) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut at = self.number(bytes, if self.big { 8 } else { 4 }, self.offset_length()).unwrap_or(0);
        while at != 0 && seen.insert(at) && self.entries(bytes, at).is_some_and(|(_, count, _)| count > 0) {
            if found.len() == MOST_PAGES {
                return Err(Error::new(ErrorKind::TooLarge, format!("the TIFF has more than {MOST_PAGES} pages")));
            }
            found.push(at);
            at = self.next(bytes, at).unwrap_or(0);
        }
        if found.is_empty() {
            return Err(Error::new(ErrorKind::Damaged, "the TIFF has no readable page directory")
                .with_hint("the file is cut off or damaged; get it again"));
        }
        Ok(found)
    }
}

/// One directory of a file.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    layout: Layout,
    file: &'a [u8],
    at: u64,
}

/// Where a tag's values are, and what they are.
struct Field {
    kind: u64,
    /// As far as the file has them.
    count: u64,
    at: u64,
}

/// Bytes of one value of a type (TIFF 6.0, section 2; BigTIFF).
fn size_of(kind: u64) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

impl<'a> Directory<'a> {
    pub(super) fn new(layout: Layout, file: &'a [u8], at: u64) -> Self {
        Self { layout, file, at }
    }

    fn field(&self, tag: u16) -> Option<Field> {
        let (start, count, length) = self.layout.entries(self.file, self.at)?;
        let number = |at, length| self.layout.number(self.file, at, length);
        // Tags are sorted, but not in every damaged file.
        let entry = (0..count.min(MOST_ENTRIES))
            .map(|i| start + i * length)
            .take_while(|&entry| entry < self.file.len() as u64)
            .find(|&entry| number(entry, 2) == Some(tag.into()))?;
        let kind = number(entry + 2, 2)?;
        let size = size_of(kind)?;
        let pointer = self.layout.offset_length();
        let count = number(entry + 4, pointer)?;
        let value = entry + 4 + pointer as u64;
        let inline = count.checked_mul(size)? <= pointer as u64;
        let at = if inline { value } else { number(value, pointer)? };
        let there = (self.file.len() as u64).saturating_sub(at) / size;
        Some(Field { kind, count: count.min(there), at })
    }

    /// A tag's values, if it is there and they are whole numbers of no sign. Not more than the file has bytes for.
    pub(super) fn numbers(&self, tag: u16) -> Option<Vec<u64>> {
        let field = self.field(tag)?;
        let size = matches!(field.kind, 1 | 3 | 4 | 7 | 13 | 16 | 18).then_some(size_of(field.kind)?)?;
        (0..field.count).map(|i| self.layout.number(self.file, field.at + i * size, size as usize)).collect()
    }

    /// The first of them.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        let field = self.field(tag)?;
        let size = matches!(field.kind, 1 | 3 | 4 | 7 | 13 | 16 | 18).then_some(size_of(field.kind)?)?;
        (field.count > 0).then_some(())?;
        self.layout.number(self.file, field.at, size as usize)
    }

    /// The bytes of a tag of bytes.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        let field = self.field(tag)?;
        (size_of(field.kind)? == 1).then_some(())?;
        let start = usize::try_from(field.at).ok()?;
        self.file.get(start..start.checked_add(usize::try_from(field.count).ok()?)?)
    }

    /// A fraction or a floating-point number; `None` for a fraction of nothing.
    pub(super) fn fraction(&self, tag: u16) -> Option<f64> {
        let field = self.field(tag)?;
        (field.count > 0).then_some(())?;
        let number = |at, length| self.layout.number(self.file, at, length);
        match field.kind {
            5 => {
                let (dots, units) = (number(field.at, 4)?, number(field.at + 4, 4)?);
                (units > 0).then(|| dots as f64 / units as f64)
            }
            11 => Some(f64::from(f32::from_bits(number(field.at, 4)? as u32))),
            12 => Some(f64::from_bits(number(field.at, 8)?)),
            1 | 3 | 4 => Some(number(field.at, size_of(field.kind)? as usize)? as f64),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian classic TIFF of directories with one entry each, chained as given (index of the next, from 1).
    fn chained(links: &[usize]) -> Vec<u8> {
        let at = |index: usize| 8 + index as u32 * 18;
        let mut bytes = b"II*\0".to_vec();
        bytes.extend(at(0).to_le_bytes());
        for &link in links {
            bytes.extend([1, 0, 6, 1, 3, 0, 1, 0, 0, 0, 3, 0, 0, 0]);
            bytes.extend(if link == 0 { [0; 4] } else { at(link - 1).to_le_bytes() });
        }
        bytes
    }

    #[test]
    fn chains_end_at_their_end_at_a_loop_and_at_the_edge_of_the_file() {
        for (links, pages) in [
            (vec![2, 3, 0], vec![8, 26, 44]),
            (vec![3, 0, 2], vec![8, 44, 26]),
            (vec![2, 1], vec![8, 26]),
            (vec![9], vec![8]),
        ] {
            let bytes = chained(&links);
            assert_eq!(Layout::of(&bytes).unwrap().directories(&bytes).unwrap(), pages, "{links:?}");
        }
        let empty = chained(&[]);
        assert_eq!(Layout::of(&empty).unwrap().directories(&empty).unwrap_err().kind, ErrorKind::Damaged);
    }

    #[test]
    fn values_are_read_of_every_type_and_not_beyond_the_file() {
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
        };
        let mut bytes = b"MM\0*\0\0\0\x08\0\x06".to_vec();
        let end = 10 + 6 * 12 + 4;
        bytes.extend(entry(256, 3, 1, 300 << 16));
        bytes.extend(entry(258, 3, 3, end));
        bytes.extend(entry(273, 4, 1_000_000, end));
        bytes.extend(entry(282, 5, 1, end + 6));
        bytes.extend(entry(283, 5, 1, end + 14));
        bytes.extend(entry(284, 99, 1, 0));
        bytes.extend([0; 4]);
        bytes.extend([0, 8, 0, 8, 0, 8, 0, 0, 2, 0x58, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0]);
        let directory = Directory::new(Layout::of(&bytes).unwrap(), &bytes, 8);
        assert_eq!((directory.number(256), directory.numbers(258)), (Some(300), Some(vec![8, 8, 8])));
        assert_eq!(directory.numbers(273).map(|all| all.len()), Some(22 / 4), "no more than there is");
        assert_eq!((directory.fraction(282), directory.fraction(283)), (Some(300.0), None), "a fraction of nothing");
        assert_eq!((directory.number(284), directory.number(999)), (None, None));
    }
}
