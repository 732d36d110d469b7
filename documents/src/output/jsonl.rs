//! One page a line, as `pagestream.page/1` ([`crate::record`]).

use std::io::{self, Write};

use super::PageWriter;
use crate::record::PageRecord;

pub struct Jsonl<W> {
    out: W,
    /// One line, reused.
    line: Vec<u8>,
}

impl<W: Write> Jsonl<W> {
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }
}

impl<W: Write + Send> PageWriter for Jsonl<W> {
    /// The line goes out in one write, so that two processes appending to one file do not mix their lines.
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, page)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{BrokenPipe, document, page};

    #[test]
    fn each_line_is_one_record_and_reads_back_the_same() {
        let document = document("a \"quoted\" name.pdf", 2);
        let pages = [page(&document, 1, "two\nlines\u{2028}and more"), page(&document, 2, "")];
        let mut out = Vec::new();
        let mut writer = Jsonl::new(&mut out);
        pages.iter().for_each(|page| writer.write_page(page).unwrap());
        writer.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with(r#"{"schema":"pagestream.page/1","document":{"id":""#));
        let back: Vec<PageRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(back, pages);
    }

    #[test]
    fn a_broken_pipe_is_told_as_such() {
        let error = Jsonl::new(BrokenPipe).write_page(&page(&document("a", 1), 1, "x")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
