//! Results as files in a folder: one a document, or one a page; they stand there as their documents stand in theirs.
//!
//! A file appears under its name only when it is complete: it is written under a temporary name in the same folder,
//! synced to the disk and renamed. A crash leaves no half file with a good name, and what a run has left that died is
//! removed by the next one. What is replaced was written here before, for the same document ([`manifest`]); anything
//! else is left alone, unless the caller says otherwise.

mod manifest;
mod names;
mod pictures;
mod staging;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::{NamedTempFile, TempDir};

pub use self::names::{Expected, is_url};
use self::{
    manifest::{Entry, Manifest, Owner, digest_of},
    pictures::Pictures,
    staging::Staging,
};
use super::{
    Notice, PageWriter,
    format::OutputFormat,
    images::{ImageFolder, Images},
    making::OutputOptions,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::DocumentId,
    record::{DocumentRef, PageRecord},
};

/// Files that stand in the way and are named in the message; the others are counted.
const NAMED: usize = 3;

/// What lies in every folder of results, and tells that it is one.
pub const MANIFEST: &str = manifest::NAME;

/// Writes into one folder. Pages of several documents may come in any order.
///
/// A document's file gets its name when [`PageWriter::end_document`] says that it is complete; one that never does leaves
/// nothing.
pub struct Files {
    folder: PathBuf,
    formats: Vec<OutputFormat>,
    per_page: bool,
    overwrite: bool,
    options: OutputOptions,
    /// One for all formats, so that a page is rendered once.
    images: Option<Arc<Images>>,
    manifest: Manifest,
    staging: Staging,
    /// By the documents' sources.
    names: HashMap<String, Named>,
    /// The documents themselves, where they are files: never replaced, whoever asks for it.
    inputs: HashSet<PathBuf>,
    /// Documents that are being written. One file handle and 8 KiB for each format.
    open: BTreeMap<DocumentId, OpenDocument>,
    notices: Vec<Notice>,
}

#[derive(Clone)]
struct Named {
    origin: String,
    stem: String,
}

struct OpenDocument {
    document: DocumentRef,
    files: Vec<OpenFile>,
}

struct OpenFile {
    format: OutputFormat,
    writer: Box<dyn PageWriter>,
    file: NamedTempFile,
    /// Of a format whose pictures are files of their own, where they are asked for.
    pictures: Option<Arc<TempDir>>,
}

impl Files {
    /// One file a document and format, made in `folder`, which is created. Formats that hold one page have a file a page.
    pub fn per_document(folder: impl Into<PathBuf>, formats: &[OutputFormat]) -> io::Result<Self> {
        Self::new(folder.into(), formats, false)
    }

    /// One file a page and format: `name-0001.txt`.
    ///
    /// # Errors
    /// Also of kind [`io::ErrorKind::InvalidInput`], for a format that is made of whole documents.
    pub fn per_page(folder: impl Into<PathBuf>, formats: &[OutputFormat]) -> io::Result<Self> {
        if let Some(format) = formats.iter().find(|format| format.needs_original()) {
            let message = format!("{format} has a file a document, and none a page");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Self::new(folder.into(), formats, true)
    }

    fn new(folder: PathBuf, formats: &[OutputFormat], per_page: bool) -> io::Result<Self> {
        // `a/.` is `a`, but cannot be made where that is missing.
        let folder: PathBuf = folder.components().collect();
        std::fs::create_dir_all(&folder).map_err(|error| explain(error, "cannot create the folder", &folder))?;
        let begin = || {
            let manifest = Manifest::open(&folder)?;
            let staging = manifest.alone(|| Staging::begin(&folder))?;
            Ok((manifest, staging))
        };
        let (manifest, staging) = begin().map_err(|error| explain(error, "cannot write into", &folder))?;
        // Each once, whatever was asked for.
        let mut formats = formats.to_vec();
        formats.sort_unstable();
        formats.dedup();
        Ok(Self {
            folder,
            formats,
            per_page,
            overwrite: false,
            options: OutputOptions::default(),
            images: None,
            manifest,
            staging,
            names: HashMap::new(),
            inputs: HashSet::new(),
            open: BTreeMap::new(),
            notices: Vec::new(),
        })
    }

    /// What some formats need beside the records.
    pub fn with_options(self, options: OutputOptions) -> Self {
        Self { images: options.images(), options, ..self }
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
        let mut in_the_way = Vec::new();
        for named in documents.iter().filter_map(|document| self.names.get(&document.source)) {
            for name in self.existing(&named.stem) {
                if self.is_input(&self.folder.join(&name)) {
                    return Err(self.would_replace_input(&name));
                }
                match self.owner(&name, &named.origin) {
                    Ok(Owner::Nobody | Owner::Ours) => {}
                    Ok(owner) => in_the_way.push((name, owner)),
                    Err(error) => return Err(Error::new(ErrorKind::Io, error.to_string())),
                }
            }
        }
        if self.overwrite {
            return Ok(());
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
            self.inputs.extend(std::fs::canonicalize(origin));
            self.names.insert(source.clone(), Named { origin: origin.clone(), stem: stem.clone() });
        }
    }

    fn named(&mut self, document: &DocumentRef) -> io::Result<Named> {
        if !self.names.contains_key(&document.source) {
            self.name(&[Expected::file(Path::new(&document.source))]);
        }
        self.names.get(&document.source).cloned().ok_or_else(|| io::Error::other("the document has no name"))
    }

    fn is_input(&self, path: &Path) -> bool {
        std::fs::canonicalize(path).is_ok_and(|path| self.inputs.contains(&path))
    }

    fn would_replace_input(&self, name: &str) -> Error {
        let message =
            format!("{} is a document that is read, and no result replaces it", self.folder.join(name).display());
        Error::new(ErrorKind::Io, message).with_hint("give another folder with --output")
    }

    /// Whether the format has a file a page, called by its number.
    fn is_numbered(&self, format: OutputFormat, pages: u32) -> bool {
        self.per_page || (format.holds_one_page() && pages != 1)
    }

    /// The files that a document of this stem would have, as far as they are there.
    fn existing(&self, stem: &str) -> Vec<String> {
        let mut existing = Vec::new();
        for &format in &self.formats {
            let ending = format!(".{}", format.extension());
            if !self.per_page {
                existing.push(format!("{stem}{ending}"));
            }
            if self.is_numbered(format, 2) {
                existing.extend(self.existing_pages(stem, &ending));
            }
            if self.images.is_some() && format.has_pictures_beside() {
                existing.extend(self.existing_pictures(stem));
            }
        }
        existing
    }

    fn existing_pages(&self, stem: &str, ending: &str) -> Vec<String> {
        let (folder, first) = stem.rsplit_once('/').map_or(("", stem), |(folder, first)| (folder, first));
        let is_page = |name: &str| {
            let number = name.strip_prefix(first)?.strip_prefix('-')?.strip_suffix(ending)?;
            (number.len() >= 4 && number.bytes().all(|b| b.is_ascii_digit()))
                .then(|| format!("{stem}-{number}{ending}"))
        };
        let entries = std::fs::read_dir(self.folder.join(folder)).into_iter().flatten().flatten();
        entries.filter_map(|entry| is_page(entry.file_name().to_str()?)).collect()
    }

    /// Whatever lies in the folder of the pictures: which there will be is not known yet.
    fn existing_pictures(&self, stem: &str) -> Vec<String> {
        let folder = format!("{stem}{}", pictures::SUFFIX);
        let entries = std::fs::read_dir(self.folder.join(&folder)).into_iter().flatten().flatten();
        let name = |name: std::ffi::OsString| name.into_string().ok().filter(|name| name.ends_with(".png"));
        entries.filter_map(|entry| Some(format!("{folder}/{}", name(entry.file_name())?))).collect()
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
        self.staging.temporary().map_err(|error| self.explained(error))
    }

    fn begin(&mut self, format: OutputFormat, document: &DocumentRef) -> io::Result<OpenFile> {
        let file = self.temporary()?;
        let out = BufWriter::new(file.reopen()?);
        let pictures = match self.images.is_some() && format.has_pictures_beside() {
            true => Some(Arc::new(self.staging.temporary_folder().map_err(|error| self.explained(error))?)),
            false => None,
        };
        let stem = self.named(document)?.stem;
        let folder = pictures.clone().map(|staged| Box::new(Pictures::new(&stem, staged)) as Box<dyn ImageFolder>);
        let writer = format.illustrated(out, &self.options, self.images.clone(), folder);
        Ok(OpenFile { format, writer, file, pictures })
    }

    fn explained(&self, error: io::Error) -> io::Error {
        explain(error, "cannot write into", &self.folder)
    }

    /// Ends one file, and gives it its name unless there is none to be made.
    fn end(&mut self, open: OpenFile, document: &DocumentRef, suffix: &str) -> io::Result<()> {
        let OpenFile { format, mut writer, file, pictures } = open;
        writer.end_document(document.id, true)?;
        writer.finish()?;
        let notices = writer.notices();
        drop(writer);
        let is_refused = notices.iter().any(|notice| matches!(notice, Notice::Refused { .. }));
        self.notices.extend(notices);
        if is_refused {
            return Ok(());
        }
        if let Some(pictures) = pictures {
            self.publish_pictures(&pictures, document)?;
        }
        let stem = self.named(document)?.stem;
        self.publish(file, document, &format!("{stem}{suffix}.{}", format.extension()))
    }

    /// Before the result that shows them, so that none shows what is not there.
    fn publish_pictures(&mut self, staged: &TempDir, document: &DocumentRef) -> io::Result<()> {
        let stem = self.named(document)?.stem;
        for (name, path) in pictures::staged(staged)? {
            let mut file = self.temporary()?;
            io::copy(&mut File::open(&path)?, file.as_file_mut())?;
            self.publish(file, document, &format!("{stem}{}/{name}", pictures::SUFFIX))?;
            std::fs::remove_file(path)?;
        }
        Ok(())
    }

    fn write_single(&mut self, page: &PageRecord, format: OutputFormat) -> io::Result<()> {
        // Four digits sort rightly up to 9,999 pages, and more where there are more.
        let digits = page.document.pages.max(1).ilog10().max(3) as usize + 1;
        let suffix = match self.is_numbered(format, page.document.pages) {
            true => format!("-{:0digits$}", page.page.get()),
            false => String::new(),
        };
        let mut open = self.begin(format, &page.document)?;
        open.writer.write_page(page)?;
        self.end(open, &page.document, &suffix)
    }

    /// Syncs the file, gives it its name, and syncs the folder, without which the name may not survive a power cut.
    fn publish(&mut self, file: NamedTempFile, document: &DocumentRef, name: &str) -> io::Result<()> {
        let Named { origin, stem } = self.named(document)?;
        let (name, target) = (name.to_owned(), self.folder.join(name));
        if self.is_input(&target) {
            let refusal = self.would_replace_input(&name);
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, refusal.sentence()));
        }
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
        let id = page.document.id;
        for format in self.formats.clone() {
            if self.per_page || format.holds_one_page() {
                self.write_single(page, format)?;
                continue;
            }
            let is_open = self.open.get(&id).is_some_and(|open| open.files.iter().any(|file| file.format == format));
            if !is_open {
                let file = self.begin(format, &page.document)?;
                let new = || OpenDocument { document: page.document.clone(), files: Vec::new() };
                self.open.entry(id).or_insert_with(new).files.push(file);
            }
            let files = self.open.get_mut(&id).into_iter().flat_map(|open| &mut open.files);
            for file in files.filter(|file| file.format == format) {
                file.writer.write_page(page)?;
            }
        }
        Ok(())
    }

    fn end_document(&mut self, document: DocumentId, complete: bool) -> io::Result<()> {
        let Some(OpenDocument { document, files }) = self.open.remove(&document) else { return Ok(()) };
        if !complete {
            return Ok(());
        }
        files.into_iter().try_for_each(|file| self.end(file, &document, ""))
    }

    /// What is still open has not been said to be complete, and does not get its name.
    fn finish(&mut self) -> io::Result<()> {
        self.open.clear();
        Ok(())
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}

fn explain(error: io::Error, what: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
