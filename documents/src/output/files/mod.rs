//! Results as files in a folder: one a document, or one a page; they stand there as their documents stand in theirs.
//!
//! A file appears under its name only when it is complete: it is written under a temporary name in the same folder,
//! synced to the disk and renamed. A crash leaves no half file with a good name, and what a run has left that died is
//! removed by the next one. What is replaced was written here before, for the same document ([`manifest`]); anything
//! else is left alone, unless the caller says otherwise.

mod manifest;
mod names;
mod staging;

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

pub use self::names::Expected;
use self::{
    manifest::{Entry, Manifest, Owner, digest_of},
    staging::Staging,
};
use super::{Jsonl, PageWriter, Text, text::body};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::DocumentId,
    record::{DocumentRef, PageRecord},
};

/// Files that stand in the way and are named in the message; the others are counted.
const NAMED: usize = 3;

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
///
/// A document's file gets its name when [`PageWriter::end_document`] says that it is complete; one that never does leaves
/// nothing.
pub struct Files {
    folder: PathBuf,
    format: FilesFormat,
    per_page: bool,
    overwrite: bool,
    manifest: Manifest,
    staging: Staging,
    /// By the documents' sources.
    names: HashMap<String, Named>,
    /// Documents that are being written. One file handle and 8 KiB each.
    open: BTreeMap<DocumentId, OpenFile>,
}

#[derive(Clone)]
struct Named {
    origin: String,
    stem: String,
}

struct OpenFile {
    writer: Box<dyn PageWriter>,
    file: NamedTempFile,
    document: DocumentRef,
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
        let begin = || {
            let manifest = Manifest::open(&folder)?;
            let staging = manifest.alone(|| Staging::begin(&folder))?;
            Ok((manifest, staging))
        };
        let (manifest, staging) = begin().map_err(|error| explain(error, "cannot write into", &folder))?;
        let (names, open) = (HashMap::new(), BTreeMap::new());
        Ok(Self { folder, format, per_page, overwrite: false, manifest, staging, names, open })
    }

    /// Whether files may be replaced that were not written here, or have been changed since.
    pub fn overwriting(self, overwrite: bool) -> Self {
        Self { overwrite, ..self }
    }

    /// Gives documents their names before they are read, so that those that would meet are told apart whichever is read
    /// first, and looks whether anything stands in the way. A document that nobody expected gets its name when its first
    /// page comes.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], naming the files that stand in the way.
    pub fn expect(&mut self, documents: &[Expected]) -> Result<()> {
        self.name(documents);
        if self.overwrite {
            return Ok(());
        }
        let mut in_the_way = Vec::new();
        for named in documents.iter().filter_map(|document| self.names.get(&document.source)) {
            for name in self.existing(&named.stem) {
                match self.owner(&name, &named.origin) {
                    Ok(Owner::Nobody | Owner::Ours) => {}
                    Ok(owner) => in_the_way.push((name, owner)),
                    Err(error) => return Err(Error::new(ErrorKind::Io, error.to_string())),
                }
            }
        }
        in_the_way.sort_by(|(a, _), (b, _)| a.cmp(b));
        in_the_way.dedup();
        if in_the_way.is_empty() { Ok(()) } else { Err(self.refusal(&in_the_way)) }
    }

    fn name(&mut self, documents: &[Expected]) {
        let stems = names::assign(documents, self.manifest.stems());
        for Expected { source, origin, .. } in documents {
            let Some(stem) = stems.get(origin) else { continue };
            self.manifest.remember(origin, stem);
            self.names.insert(source.clone(), Named { origin: origin.clone(), stem: stem.clone() });
        }
    }

    fn named(&mut self, document: &DocumentRef) -> io::Result<Named> {
        if !self.names.contains_key(&document.source) {
            self.name(&[Expected::file(Path::new(&document.source))]);
        }
        self.names.get(&document.source).cloned().ok_or_else(|| io::Error::other("the document has no name"))
    }

    /// The files that a document of this stem would have, as far as they are there.
    fn existing(&self, stem: &str) -> Vec<String> {
        let ending = format!(".{}", self.format.extension());
        if !self.per_page {
            return vec![format!("{stem}{ending}")];
        }
        let (folder, first) = stem.rsplit_once('/').map_or(("", stem), |(folder, first)| (folder, first));
        let is_page = |name: &str| {
            let number = name.strip_prefix(first)?.strip_prefix('-')?.strip_suffix(&ending)?;
            (number.len() >= 4 && number.bytes().all(|b| b.is_ascii_digit()))
                .then(|| format!("{stem}-{number}{ending}"))
        };
        let entries = std::fs::read_dir(self.folder.join(folder)).into_iter().flatten().flatten();
        entries.filter_map(|entry| is_page(entry.file_name().to_str()?)).collect()
    }

    fn owner(&self, name: &str, origin: &str) -> io::Result<Owner> {
        let path = self.folder.join(name);
        self.manifest.owner(name, &path, origin).map_err(|error| explain(error, "cannot look at", &path))
    }

    fn refusal(&self, in_the_way: &[(String, Owner)]) -> Error {
        let path = |name: &String| self.folder.join(name).display().to_string();
        let message = match in_the_way {
            [(name, Owner::AnotherDocument)] => {
                format!("{} is there already, with another document's text", path(name))
            }
            [(name, _)] => format!("{} is there already, and is not as pagestream wrote it, if it did", path(name)),
            files => {
                let named: Vec<_> = files.iter().take(NAMED).map(|(name, _)| path(name)).collect();
                let more = files.len() - named.len();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!(
                    "files are there already that are not as pagestream wrote them, if it did: {}{more}",
                    named.join(", ")
                )
            }
        };
        Error::new(ErrorKind::Io, message)
            .with_hint("give another folder with --output, or replace what is there with --overwrite")
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        self.staging.temporary().map_err(|error| explain(error, "cannot write into", &self.folder))
    }

    fn write_single(&mut self, page: &PageRecord) -> io::Result<()> {
        // Four digits sort rightly up to 9,999 pages, and more where there are more.
        let digits = page.document.pages.max(1).ilog10().max(3) as usize + 1;
        let mut file = self.temporary()?;
        match self.format {
            FilesFormat::Text => file.write_all(body(page).as_bytes())?,
            FilesFormat::Jsonl => Jsonl::new(&mut file).write_page(page)?,
        }
        self.publish(file, &page.document, &format!("-{:0digits$}", page.page.get()))
    }

    /// Syncs the file, gives it its name, and syncs the folder, without which the name may not survive a power cut.
    fn publish(&mut self, file: NamedTempFile, document: &DocumentRef, suffix: &str) -> io::Result<()> {
        let Named { origin, stem } = self.named(document)?;
        let name = format!("{stem}{suffix}.{}", self.format.extension());
        let target = self.folder.join(&name);
        file.as_file().sync_all()?;
        let folder = target.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).map_err(|error| explain(error, "cannot create the folder", folder))?;
        let owner = self.owner(&name, &origin)?;
        // Somebody may have put it there since the names were given.
        if !self.overwrite && !matches!(owner, Owner::Nobody | Owner::Ours) {
            let refusal = self.refusal(&[(name, owner)]);
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, refusal.sentence()));
        }
        let written = digest_of(File::open(file.path())?)?;
        self.manifest.note(Entry { name, stem, origin, sha256: document.sha256, written })?;
        let named = match owner {
            // And even now: then it is not replaced.
            Owner::Nobody => file.persist_noclobber(&target),
            _ => file.persist(&target),
        };
        named.map_err(|error| explain(error.error, "cannot write", &target))?;
        // Folders cannot be opened as files everywhere; where they cannot, the system syncs names by itself.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl PageWriter for Files {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        if self.per_page {
            return self.write_single(page);
        }
        let id = page.document.id;
        if !self.open.contains_key(&id) {
            let file = self.temporary()?;
            let out = BufWriter::new(file.reopen()?);
            let writer: Box<dyn PageWriter> = match self.format {
                FilesFormat::Text => Box::new(Text::new(out)),
                FilesFormat::Jsonl => Box::new(Jsonl::new(out)),
            };
            self.open.insert(id, OpenFile { writer, file, document: page.document.clone() });
        }
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        open.writer.write_page(page)
    }

    fn end_document(&mut self, document: DocumentId, complete: bool) -> io::Result<()> {
        let Some(OpenFile { mut writer, file, document, .. }) = self.open.remove(&document) else { return Ok(()) };
        if !complete {
            return Ok(());
        }
        writer.finish()?;
        drop(writer);
        self.publish(file, &document, "")
    }

    /// What is still open has not been said to be complete, and does not get its name.
    fn finish(&mut self) -> io::Result<()> {
        self.open.clear();
        Ok(())
    }
}

fn explain(error: io::Error, what: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
