//! Results as files in a folder: one a document, or one a page.
//!
//! A file appears under its name only when it is complete: it is written under a temporary name in the same folder,
//! synced to the disk and renamed. A crash leaves no half file with a good name; what was there before is replaced in
//! one step.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{Jsonl, PageWriter, Text, text::body};
use crate::{
    ids::DocumentId,
    record::{DocumentRef, PageRecord},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesFormat {
    Text,
    Jsonl,
}

impl FilesFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Jsonl => "jsonl",
        }
    }
}

/// Writes into one folder. Pages of several documents may come in any order.
pub struct Files {
    folder: PathBuf,
    format: FilesFormat,
    per_page: bool,
    names: FileNames,
    /// Documents that are being written. One file handle and 8 KiB each.
    open: BTreeMap<DocumentId, OpenFile>,
}

struct OpenFile {
    writer: Box<dyn PageWriter>,
    file: NamedTempFile,
    target: PathBuf,
    /// Pages to come before the document is complete; a document is closed by its last page, whichever that is.
    remaining: u32,
}

impl Files {
    /// One file a document, made in `folder`, which is created.
    pub fn per_document(folder: impl Into<PathBuf>, format: FilesFormat) -> io::Result<Self> {
        Self::new(folder.into(), format, false)
    }

    /// One file a page: `name-0001.txt`.
    pub fn per_page(folder: impl Into<PathBuf>, format: FilesFormat) -> io::Result<Self> {
        Self::new(folder.into(), format, true)
    }

    fn new(folder: PathBuf, format: FilesFormat, per_page: bool) -> io::Result<Self> {
        std::fs::create_dir_all(&folder).map_err(|error| explain(error, "cannot create the folder", &folder))?;
        Ok(Self { folder, format, per_page, names: FileNames::default(), open: BTreeMap::new() })
    }

    fn target(&mut self, document: &DocumentRef, suffix: &str) -> PathBuf {
        let stem = self.names.stem(document);
        self.folder.join(format!("{stem}{suffix}.{}", self.format.extension()))
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".pagestream-").suffix(".tmp");
        // Like any new file, and not for its owner alone as temporary files are: the umask takes away from this.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(&self.folder).map_err(|error| explain(error, "cannot write into", &self.folder))
    }

    fn write_single(&mut self, page: &PageRecord) -> io::Result<()> {
        // Four digits sort rightly up to 9,999 pages, and more where there are more.
        let digits = page.document.pages.max(1).ilog10().max(3) as usize + 1;
        let target = self.target(&page.document, &format!("-{:0digits$}", page.page.get()));
        let mut file = self.temporary()?;
        match self.format {
            FilesFormat::Text => file.write_all(body(page).as_bytes())?,
            FilesFormat::Jsonl => Jsonl::new(&mut file).write_page(page)?,
        }
        publish(file, &target)
    }

    /// Completes the file of a document of which no more pages will come, such as one that was cancelled. Nothing
    /// happens when there is none.
    pub fn close(&mut self, document: DocumentId) -> io::Result<()> {
        let Some(OpenFile { mut writer, file, target, .. }) = self.open.remove(&document) else { return Ok(()) };
        writer.finish()?;
        drop(writer);
        publish(file, &target)
    }
}

impl PageWriter for Files {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        if self.per_page {
            return self.write_single(page);
        }
        let id = page.document.id;
        if !self.open.contains_key(&id) {
            let target = self.target(&page.document, "");
            let file = self.temporary()?;
            let out = BufWriter::new(file.reopen()?);
            let writer: Box<dyn PageWriter> = match self.format {
                FilesFormat::Text => Box::new(Text::new(out)),
                FilesFormat::Jsonl => Box::new(Jsonl::new(out)),
            };
            self.open.insert(id, OpenFile { writer, file, target, remaining: page.document.pages.max(1) });
        }
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        open.writer.write_page(page)?;
        open.remaining = open.remaining.saturating_sub(1);
        if open.remaining == 0 { self.close(id) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        let open: Vec<_> = self.open.keys().copied().collect();
        // All are completed though one should fail; the first failure is told.
        open.into_iter().map(|id| self.close(id)).fold(Ok(()), Result::and)
    }
}

/// Syncs the file, gives it its name, and syncs the folder, without which the name may not survive a power cut.
fn publish(file: NamedTempFile, target: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| explain(error.error, "cannot write", target))?;
    // Folders cannot be opened as files everywhere; where they cannot, the system syncs names by itself.
    if let Some(folder) = target.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn explain(error: io::Error, what: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

/// Longest stem in bytes: with suffix, page and extension it stays below the 255 of common file systems.
const LONGEST_STEM: usize = 200;

/// Names for documents' files: safe in every file system, and distinct for distinct documents. The first document named
/// `scan.pdf` becomes `scan`, the next one `scan-2`.
#[derive(Debug, Default)]
pub struct FileNames {
    of: HashMap<DocumentId, String>,
    /// Lowercase, because some file systems do not tell cases apart.
    taken: HashSet<String>,
}

impl FileNames {
    /// The document's file name without extension; the same for each page of it.
    pub fn stem(&mut self, document: &DocumentRef) -> String {
        if let Some(stem) = self.of.get(&document.id) {
            return stem.clone();
        }
        let base = safe_stem(&document.source);
        let numbered = (2..).map(|n: u64| format!("{base}-{n}"));
        let stem = std::iter::once(base.clone())
            .chain(numbered)
            .find(|stem| self.taken.insert(stem.to_lowercase()))
            .unwrap_or(base);
        self.of.insert(document.id, stem.clone());
        stem
    }
}

/// The last part of a path or address without its extension, without anything that a file system, a shell or a reader
/// could mistake: separators, control characters, leading dots and dashes, Windows' reserved names.
fn safe_stem(source: &str) -> String {
    let name = source.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 5 => stem,
        _ => name,
    };
    let replaced: String =
        stem.chars().map(|c| if c.is_control() || r#"<>:"|?*"#.contains(c) { '_' } else { c }).collect();
    let trimmed = replaced.trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
    let mut end = trimmed.len().min(LONGEST_STEM);
    while !trimmed.is_char_boundary(end) {
        end -= 1;
    }
    let stem = &trimmed[..end];
    let device = stem.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let reserved = matches!(device.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (device.len() == 4
            && (device.starts_with("COM") || device.starts_with("LPT"))
            && device.ends_with(|c: char| c.is_ascii_digit()));
    match stem {
        // Standard input is submitted under the name "-".
        "" => "document".to_owned(),
        stem if reserved => format!("_{stem}"),
        stem => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{document, page};

    fn listing(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn names_are_safe_and_distinct() {
        for (source, stem) in [
            ("/home/me/scan.pdf", "scan"),
            (r"C:\papers\Scan 1.PDF", "Scan 1"),
            ("-", "document"),
            ("", "document"),
            ("../..", "document"),
            ("..hidden.pdf", "hidden"),
            ("a\nb?.pdf", "a_b_"),
            ("con.pdf", "_con"),
            ("LPT1.tiff", "_LPT1"),
            ("version 1.2 final", "version 1.2 final"),
            ("no-extension", "no-extension"),
        ] {
            assert_eq!(safe_stem(source), stem, "{source}");
        }
        assert_eq!(safe_stem(&"ä".repeat(300)).len(), 200);
        let mut names = FileNames::default();
        let documents = ["a/scan.pdf", "b/SCAN.tiff", "c/scan.png", "d/scan-2.pdf"].map(|source| document(source, 1));
        let stems: Vec<_> = documents.iter().map(|document| names.stem(document)).collect();
        assert_eq!(stems, ["scan", "SCAN-2", "scan-3", "scan-2-2"]);
        assert_eq!(names.stem(&documents[1]), "SCAN-2");
    }

    #[test]
    fn a_file_appears_when_its_document_is_complete_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::per_document(folder.path().join("new/out"), FilesFormat::Text).unwrap();
        let folder = folder.path().join("new/out");
        let (a, b) = (document("x/report.pdf", 2), document("y/report.pdf", 5));
        files.write_page(&page(&a, 1, "one")).unwrap();
        files.write_page(&page(&b, 1, "other")).unwrap();
        assert!(listing(&folder).iter().all(|name| name.ends_with(".tmp")));
        files.write_page(&page(&a, 2, "two")).unwrap();
        assert!(folder.join("report.txt").exists());
        files.finish().unwrap();
        assert_eq!(listing(&folder), ["report-2.txt", "report.txt"]);
        let text = std::fs::read_to_string(folder.join("report.txt")).unwrap();
        assert_eq!(text, "one\n\u{c}two\n");
    }

    #[test]
    fn pages_have_files_of_their_own_and_replace_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::write(folder.join("scan-0007.jsonl"), "old").unwrap();
        let mut files = Files::per_page(folder, FilesFormat::Jsonl).unwrap();
        let document = document("scan.tiff", 12);
        let record = page(&document, 7, "seven");
        files.write_page(&record).unwrap();
        let written = std::fs::read_to_string(folder.join("scan-0007.jsonl")).unwrap();
        assert_eq!(serde_json::from_str::<PageRecord>(&written).unwrap(), record);
        assert_eq!(listing(folder), ["scan-0007.jsonl"]);
    }

    #[test]
    fn an_abandoned_document_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::per_document(folder.path(), FilesFormat::Text).unwrap();
        files.write_page(&page(&document("a.pdf", 2), 1, "half")).unwrap();
        drop(files);
        assert!(listing(folder.path()).is_empty());
    }
}
