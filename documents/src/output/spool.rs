//! What is written at the end and known before: kept in memory while it is little, and else in a file that has no name.

use std::io::{self, Read as _, Seek as _, Write};

use tempfile::SpooledTempFile;

/// Bytes of it in memory.
const MOST_IN_MEMORY: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Spool {
    file: SpooledTempFile,
    length: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self { file: SpooledTempFile::new(MOST_IN_MEMORY), length: 0 }
    }
}

impl Spool {
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes all of it, in the order in which it came; nothing is left.
    pub(super) fn pour(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.file.rewind()?;
        io::copy(&mut self.file, out)?;
        *self = Self::default();
        Ok(())
    }

    /// Goes through it piece by piece, where it was put together of pieces of the lengths that [`Spool::add_piece`] wrote before each.
    pub(super) fn pieces(&mut self, mut each: impl FnMut(&[u8], &[u8]) -> io::Result<()>) -> io::Result<()> {
        self.file.rewind()?;
        let mut left = self.length;
        while left > 0 {
            let name = self.piece()?;
            let bytes = self.piece()?;
            left -= 16 + name.len() as u64 + bytes.len() as u64;
            each(&name, &bytes)?;
        }
        *self = Self::default();
        Ok(())
    }

    /// A file with its name, for [`Spool::pieces`]. Nothing else may be in it.
    pub(super) fn add_piece(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        for part in [name.as_bytes(), bytes] {
            self.add(&(part.len() as u64).to_le_bytes())?;
            self.add(part)?;
        }
        Ok(())
    }

    fn piece(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 8];
        self.file.read_exact(&mut length)?;
        let mut bytes = vec![0; usize::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out_whether_it_is_in_memory_or_not() {
        for size in [10, MOST_IN_MEMORY * 2] {
            let mut spool = Spool::default();
            spool.add(&vec![7; size]).unwrap();
            let mut out = Vec::new();
            spool.pour(&mut out).unwrap();
            assert!(out == vec![7; size] && spool.is_empty());
            spool.add_piece("a", &vec![8; size]).unwrap();
            spool.add_piece("b", b"").unwrap();
            let mut found = Vec::new();
            let keep = |name: &[u8], bytes: &[u8]| {
                found.push((name.to_vec(), bytes.len()));
                Ok(())
            };
            spool.pieces(keep).unwrap();
            assert_eq!(found, [(b"a".to_vec(), size), (b"b".to_vec(), 0)]);
        }
    }
}
