//! A ZIP of parts, the longest of which is written as pages come: into a file without a name, and from there to where it goes, because a part's
//! length stands before it and a stream cannot be gone back in.
//!
//! In memory is the list of parts, which ZIP has at its end: a hundred bytes or so for each picture and chapter.

use std::{
    fs::File,
    io::{self, BufWriter, Seek as _, Write},
};

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::spool::Spool;

pub(super) struct Archive {
    zip: ZipWriter<BufWriter<File>>,
}

impl Archive {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { zip: ZipWriter::new(BufWriter::new(tempfile::tempfile()?)) })
    }

    /// A part without compression; so is what is compressed already.
    pub(super) fn stored(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name, CompressionMethod::Stored)?;
        self.zip.write_all(bytes)
    }

    pub(super) fn part(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.open(name)?;
        self.zip.write_all(bytes)
    }

    /// Begins a part that is written bit by bit: what is written next is in it, until another begins.
    pub(super) fn open(&mut self, name: &str) -> io::Result<()> {
        self.begin(name, CompressionMethod::Deflated)
    }

    pub(super) fn pour(&mut self, spool: &mut Spool) -> io::Result<()> {
        spool.pour(&mut self.zip)
    }

    fn begin(&mut self, name: &str, method: CompressionMethod) -> io::Result<()> {
        // The same records give the same bytes, whenever they are written.
        let options = SimpleFileOptions::default().compression_method(method).last_modified_time(DateTime::default());
        self.zip.start_file(name, options).map_err(io::Error::other)
    }

    /// Ends it, and writes it to `out`.
    pub(super) fn finish(self, out: &mut impl Write) -> io::Result<()> {
        let mut file =
            self.zip.finish().map_err(io::Error::other)?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        io::copy(&mut file, out)?;
        Ok(())
    }
}

impl Write for Archive {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.zip.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
