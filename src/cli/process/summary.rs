//! What came of a run: counted as pages come, told at the end, and written down for those who ask (`--report`).

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use pagestream::{DocumentId, DocumentState, PageRecord, PageStatus, Progress};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::cli::words::{count, spoken};

/// The schema of a report's lines.
const SCHEMA: &str = "pagestream.report/1";

/// One document, as a report says it.
#[derive(Debug, Serialize)]
struct DocumentReport {
    schema: &'static str,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<DocumentId>,
    /// `done`, `failed`, `cancelled` or `interrupted`.
    state: &'static str,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Pages in the document; absent where it could not be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    /// Pages that have text, or are blank.
    read: u32,
    failed: Vec<FailedPage>,
    skipped: u32,
    /// Pages that somebody should look at.
    needs_review: Vec<u32>,
    duplicates: Vec<u32>,
    /// Since it was first heard of.
    seconds: f64,
    #[serde(skip)]
    since: Instant,
}

#[derive(Debug, Serialize)]
struct FailedPage {
    page: u32,
    reason: String,
}

impl DocumentReport {
    fn new(source: String, id: Option<DocumentId>) -> Self {
        Self {
            schema: SCHEMA,
            source,
            id,
            state: "interrupted",
            reason: None,
            pages: None,
            read: 0,
            failed: Vec::new(),
            skipped: 0,
            needs_review: Vec::new(),
            duplicates: Vec::new(),
            seconds: 0.0,
            since: Instant::now(),
        }
    }
}

/// All documents together.
#[derive(Debug, Default, Serialize)]
pub struct Totals {
    pub documents: usize,
    /// Documents that could not be read at all.
    pub documents_failed: usize,
    pub pages: usize,
    pub pages_failed: usize,
    pub needs_review: usize,
    pub duplicates: usize,
}

/// Counts, and writes the report as documents end.
pub struct Summary {
    since: Instant,
    totals: Totals,
    /// Documents whose pages are coming.
    open: HashMap<DocumentId, DocumentReport>,
    report: Option<Report>,
}

struct Report {
    target: PathBuf,
    /// Under another name until it is whole.
    file: BufWriter<NamedTempFile>,
}

impl Summary {
    /// # Errors
    /// When the report cannot be begun: told before anything is read.
    pub fn begin(report: Option<&Path>) -> io::Result<Self> {
        let report = report.map(|target| {
            let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let file = tempfile::Builder::new().prefix(".pagestream-report-").tempfile_in(folder)?;
            Ok::<_, io::Error>(Report { target: target.to_owned(), file: BufWriter::new(file) })
        });
        Ok(Self { since: Instant::now(), totals: Totals::default(), open: HashMap::new(), report: report.transpose()? })
    }

    /// A page has come.
    pub fn page(&mut self, page: &PageRecord) {
        let source = || DocumentReport::new(page.document.source.clone(), Some(page.document.id));
        let document = self.open.entry(page.document.id).or_insert_with(source);
        let number = page.page.get();
        self.totals.pages += 1;
        match page.status {
            PageStatus::Ok => document.read += 1,
            PageStatus::Duplicate => {
                document.read += 1;
                document.duplicates.push(number);
                self.totals.duplicates += 1;
            }
            PageStatus::Failed => {
                document.failed.push(FailedPage { page: number, reason: page.reason.clone().unwrap_or_default() });
                self.totals.pages_failed += 1;
            }
            PageStatus::Skipped => document.skipped += 1,
        }
        if page.needs_review {
            document.needs_review.push(number);
            self.totals.needs_review += 1;
        }
    }

    /// Whether as many pages of a document have come as it has records.
    pub fn is_whole(&self, id: DocumentId, progress: &Progress) -> bool {
        let came = |document: &DocumentReport| document.read + document.skipped + document.failed.len() as u32;
        self.open.get(&id).map_or(0, came) >= progress.committed
    }

    /// No more pages of the document will come.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub fn document(&mut self, id: DocumentId, source: &str, progress: &Progress) -> io::Result<()> {
        let new = || DocumentReport::new(source.to_owned(), Some(id));
        let mut document = self.open.remove(&id).unwrap_or_else(new);
        document.pages = progress.pages;
        (document.state, document.reason) = match &progress.state {
            DocumentState::Done => ("done", None),
            DocumentState::Cancelled => ("cancelled", None),
            DocumentState::Failed(failure) => ("failed", Some(failure.message.clone())),
            // Of a state that this program does not know it is not said that all is well.
            _ => ("interrupted", None),
        };
        self.ended(document)
    }

    /// A document was not taken at all.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub fn refused(&mut self, source: &str, reason: &str) -> io::Result<()> {
        let document = DocumentReport::new(source.to_owned(), None);
        self.ended(DocumentReport { state: "failed", reason: Some(reason.to_owned()), ..document })
    }

    fn ended(&mut self, mut document: DocumentReport) -> io::Result<()> {
        self.totals.documents += 1;
        self.totals.documents_failed += usize::from(document.state == "failed");
        document.seconds = seconds(document.since.elapsed());
        if let Some(report) = &mut self.report {
            serde_json::to_writer(&mut report.file, &document)?;
            report.file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes down what is known of documents that have not ended, and gives the report its name.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        let open: Vec<_> = self.open.drain().map(|(_, document)| document).collect();
        open.into_iter().try_for_each(|document| self.ended(document))?;
        let Some(mut report) = self.report.take() else { return Ok(()) };
        let totals = serde_json::json!({
            "schema": SCHEMA, "totals": self.totals, "seconds": seconds(self.since.elapsed()),
        });
        writeln!(report.file, "{totals}")?;
        let file = report.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&report.target).map_err(|error| error.error)?;
        // For its owner alone until here, as temporary files are; a report is a file like any other.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&report.target, fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }

    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// One sentence, where there is more to say than that a document was read.
    pub fn sentence(&self) -> Option<String> {
        let Totals { documents, documents_failed, pages, pages_failed, needs_review, duplicates } = self.totals;
        let worth_it = documents > 1 || needs_review > 0;
        if !worth_it {
            return None;
        }
        let mut text =
            format!("{}, {} in {}", count(documents, "document"), count(pages, "page"), spoken(self.since.elapsed()));
        for (number, what) in [
            (documents_failed, "could not be read"),
            (pages_failed, "failed"),
            (needs_review, "to be reviewed"),
            (duplicates, "repeated"),
        ] {
            let of = if what == "could not be read" { "document" } else { "page" };
            if number > 0 {
                // Writing to a string cannot fail.
                let _ = write!(text, "; {} {what}", count(number, of));
            }
        }
        Some(text)
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("report.jsonl");
        let mut summary = Summary::begin(Some(&target)).unwrap();
        summary.refused("a.pdf", "no such file").unwrap();
        assert!(!target.exists());
        drop(summary);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "what is not finished leaves nothing");
        let mut summary = Summary::begin(Some(&target)).unwrap();
        summary.refused("a.pdf", "no such file").unwrap();
        summary.finish().unwrap();
        let text = fs::read_to_string(&target).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), &lines[0]["source"], &lines[0]["state"]), (2, &"a.pdf".into(), &"failed".into()));
        assert_eq!(lines[1]["totals"]["documents_failed"], 1);
        assert!(Summary::begin(Some(&folder.path().join("none/report.jsonl"))).is_err());
    }
}
