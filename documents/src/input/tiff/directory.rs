//! The chain of image file directories of a TIFF, found without decoding anything (TIFF 6.0, section 2; BigTIFF).
//!
//! Knowing where each directory starts makes every page equally near: the decoder is shown the file with a header that
//! points straight at the page wanted, so page 10,000 costs what page 1 costs, and loops and branches in the chain are
//! dealt with once, here.

use std::{
    collections::HashSet,
    io::{self, Read, Seek, SeekFrom},
};

use crate::{
    error::{Error, ErrorKind, Result},
    input::DocumentData,
};

/// More directories than this are no document: 8 bytes each to remember, so 8 MiB.
const MOST_PAGES: usize = 1 << 20;

/// The byte layout of one TIFF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    little_endian: bool,
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

    fn encode(self, value: u64, length: usize) -> Vec<u8> {
        if self.little_endian {
            value.to_le_bytes()[..length].to_vec()
        } else {
            value.to_be_bytes()[8 - length..].to_vec()
        }
    }

    fn offset_length(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// Where the header says that the first directory is.
    fn first_pointer(self) -> u64 {
        if self.big { 8 } else { 4 }
    }

    /// (where the entries begin, how many there are, bytes of one) of the directory at `at`.
    fn entries(self, bytes: &[u8], at: u64) -> Option<(u64, u64, u64)> {
        let (count_length, entry) = if self.big { (8, 20) } else { (2, 12) };
        let count = self.number(bytes, at, count_length)?;
        Some((at.checked_add(count_length as u64)?, count, entry))
    }

    /// Where the directory at `at` says which one is next.
    fn next_pointer(self, bytes: &[u8], at: u64) -> Option<u64> {
        let (start, count, entry) = self.entries(bytes, at)?;
        start.checked_add(count.checked_mul(entry)?)
    }

    fn next(self, bytes: &[u8], at: u64) -> Option<u64> {
        self.number(bytes, self.next_pointer(bytes, at)?, self.offset_length())
    }

    /// Offsets of all directories in the order of the chain. A chain that leads back into itself or out of the file ends
    /// there: what came before it is good.
    pub(super) fn pages(self, bytes: &[u8]) -> Result<Vec<u64>> {
        let mut pages = Vec::new();
        let mut seen = HashSet::new();
        let mut at = self.number(bytes, self.first_pointer(), self.offset_length()).unwrap_or(0);
        while at != 0 && seen.insert(at) && self.entries(bytes, at).is_some_and(|(_, count, _)| count > 0) {
            if pages.len() == MOST_PAGES {
                return Err(Error::new(ErrorKind::TooLarge, format!("the TIFF has more than {MOST_PAGES} pages")));
            }
            pages.push(at);
            at = self.next(bytes, at).unwrap_or(0);
        }
        if pages.is_empty() {
            return Err(Error::new(ErrorKind::Damaged, "the TIFF has no readable page directory")
                .with_hint("the file is cut off or damaged; get it again"));
        }
        Ok(pages)
    }

    /// Where the first value of a tag with short or long values of at most a pointer's size is, with its length in bytes.
    fn inline_value(self, bytes: &[u8], directory: u64, tag: u16) -> Option<(u64, usize)> {
        let (start, count, length) = self.entries(bytes, directory)?;
        // Tags are sorted, but not in every damaged file; 65,535 is all that the classic format can hold.
        (0..count.min(65_535)).map(|i| start + i * length).find_map(|entry| {
            (self.number(bytes, entry, 2)? == u64::from(tag)).then_some(())?;
            let size = match self.number(bytes, entry + 2, 2)? {
                3 => 2,
                4 => 4,
                _ => return None,
            };
            Some((entry + if self.big { 12 } else { 8 }, size))
        })
    }
}

/// The file as a decoder of one page should see it: the bytes, with small corrections laid over them.
pub(super) struct PageView {
    data: DocumentData,
    position: u64,
    corrections: Vec<(u64, Vec<u8>)>,
}

impl PageView {
    /// The file whose only directory is the one at `directory`.
    pub(super) fn new(data: DocumentData, layout: Layout, directory: u64) -> Self {
        let mut corrections = vec![(layout.first_pointer(), layout.encode(directory, layout.offset_length()))];
        // And last: decoders that look ahead refuse a file whose chain is a loop.
        corrections.extend(
            layout.next_pointer((*data).as_ref(), directory).map(|at| (at, layout.encode(0, layout.offset_length()))),
        );
        Self { data, position: 0, corrections }
    }

    /// Shows another value for a tag, if the directory has it.
    pub(super) fn with_tag(mut self, layout: Layout, directory: u64, tag: u16, value: u64) -> Self {
        if let Some((at, length)) = layout.inline_value((*self.data).as_ref(), directory, tag) {
            self.corrections.push((at, layout.encode(value, length)));
        }
        self
    }
}

impl Read for PageView {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes: &[u8] = (*self.data).as_ref();
        let start = bytes.len().min(usize::try_from(self.position).unwrap_or(usize::MAX));
        let length = buffer.len().min(bytes.len() - start);
        buffer[..length].copy_from_slice(&bytes[start..start + length]);
        for (at, correction) in &self.corrections {
            for (at, &byte) in (*at..).zip(correction) {
                if let Some(slot) = at.checked_sub(start as u64).and_then(|i| buffer[..length].get_mut(i as usize)) {
                    *slot = byte;
                }
            }
        }
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for PageView {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = (*self.data).as_ref().len() as u64;
        self.position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => length.checked_add_signed(by),
        }
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start of the file"))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
            assert_eq!(Layout::of(&bytes).unwrap().pages(&bytes).unwrap(), pages, "{links:?}");
        }
        let empty = chained(&[]);
        assert_eq!(Layout::of(&empty).unwrap().pages(&empty).unwrap_err().kind, ErrorKind::Damaged);
    }

    #[test]
    fn a_view_shows_the_page_first_and_the_tag_changed_whatever_is_read() {
        let bytes = chained(&[2, 0]);
        let layout = Layout::of(&bytes).unwrap();
        let mut view = PageView::new(Arc::new(bytes.clone()), layout, 26).with_tag(layout, 26, 262, 1);
        let mut expected = bytes;
        expected[4..8].copy_from_slice(&26_u32.to_le_bytes());
        expected[26 + 14..26 + 18].fill(0);
        expected[26 + 10] = 1;
        let mut seen = Vec::new();
        view.read_to_end(&mut seen).unwrap();
        assert_eq!(seen, expected);
        for start in 0..expected.len() {
            view.seek(SeekFrom::Start(start as u64)).unwrap();
            let mut pair = [0; 2];
            let length = view.read(&mut pair).unwrap();
            assert_eq!(pair[..length], expected[start..start + length]);
        }
    }
}
