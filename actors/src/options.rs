//! What a submission asks for, and how the pipeline is set up.

use std::{fmt, num::NonZeroUsize, str::FromStr, time::Duration};

use pagestream_documents::{ByteSize, Digest, Limits, PageNumber, RenderOptions, Structure};
use pagestream_models::ocr::OcrOptions;
use pagestream_store::{CacheOptions, Retention, Tag};
use serde::{Deserialize, Serialize};

pub use crate::budget::Priority;

/// When a page's pixels are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OcrMode {
    /// Only where the document has no text of its own for the page, or none that can be believed.
    #[default]
    Auto,
    /// As `Auto`, and text in pictures of whatever size on pages that have a text layer.
    Pictures,
    Always,
    /// Pages without a text layer come out `skipped`.
    Never,
}

impl FromStr for OcrMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "pictures" => Ok(Self::Pictures),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("`{text}` is not an OCR mode; it is one of auto, pictures, always, never")),
        }
    }
}

/// Which pages of a document are wanted: all, or some ranges such as `1-3,7,20-`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageSelection {
    /// Inclusive, sorted, without overlap; empty for all.
    ranges: Vec<(PageNumber, Option<PageNumber>)>,
}

impl PageSelection {
    pub const ALL: Self = Self { ranges: Vec::new() };

    pub fn contains(&self, page: PageNumber) -> bool {
        self.ranges.is_empty()
            || self.ranges.iter().any(|&(first, last)| first <= page && last.is_none_or(|last| page <= last))
    }

    /// The selected pages of a document that has `total`, in order. Pages that it does not have are passed over.
    pub fn of(&self, total: u32) -> impl Iterator<Item = PageNumber> + '_ {
        (0..total).map(PageNumber::from_index).filter(|&page| self.contains(page))
    }
}

impl PageSelection {
    /// The first page that was asked for and that a document of `total` pages does not have. A range that only ends
    /// beyond it asks for what there is.
    pub fn first_beyond(&self, total: u32) -> Option<PageNumber> {
        self.ranges.iter().map(|&(first, _)| first).find(|first| first.get() > total)
    }
}

impl FromStr for PageSelection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` does not name pages; write for example 1-3,7 or 20-");
        let page = |text: &str| text.trim().parse().ok().and_then(PageNumber::new).ok_or_else(wrong);
        let mut ranges = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let range = match part.split_once('-') {
                None => (page(part)?, Some(page(part)?)),
                Some((first, last)) => {
                    let first = if first.trim().is_empty() { PageNumber::FIRST } else { page(first)? };
                    let last = if last.trim().is_empty() { None } else { Some(page(last)?) };
                    (first, last)
                }
            };
            if range.1.is_some_and(|last| last < range.0) {
                return Err(wrong());
            }
            ranges.push(range);
        }
        if ranges.is_empty() {
            return Err(wrong());
        }
        ranges.sort_unstable();
        Ok(Self { ranges })
    }
}

impl TryFrom<String> for PageSelection {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "all" { Ok(Self::ALL) } else { text.parse() }
    }
}

impl From<PageSelection> for String {
    fn from(selection: PageSelection) -> Self {
        selection.to_string()
    }
}

impl fmt::Display for PageSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ranges.is_empty() {
            return f.write_str("all");
        }
        for (i, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match last {
                Some(last) if last == first => write!(f, "{comma}{first}")?,
                Some(last) => write!(f, "{comma}{first}-{last}")?,
                None => write!(f, "{comma}{first}-")?,
            }
        }
        Ok(())
    }
}

/// What one submission asks for. It is journaled with the document, so that a resumed run reads as the first would have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SubmitOptions {
    #[serde(default)]
    pub ocr: OcrMode,
    #[serde(default)]
    pub pages: PageSelection,
    /// For encrypted PDFs. Never written down.
    #[serde(skip)]
    pub password: Option<String>,
    #[serde(default)]
    pub bulk: bool,
    /// Look duplicates up in the order of completion instead of page order, so that pages come out as they are ready.
    #[serde(default)]
    pub unordered: bool,
    /// Read again what was read before.
    #[serde(default)]
    pub force: bool,
    /// What is made of pages that repeat earlier ones; `None` for what the pipeline does ([`ReadingOptions::duplicates`]).
    #[serde(default)]
    pub duplicates: Option<DuplicateMode>,
    /// What the document is filed under, for searches and listings; more than it has where it was submitted before.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Whose document it is: one more tag. A document of the same name and bytes is taken for the same only where it has that tag, so
    /// that nobody is given a document of somebody else.
    #[serde(default)]
    pub owner: Option<Tag>,
}

impl SubmitOptions {
    pub fn priority(&self) -> Priority {
        if self.bulk { Priority::Bulk } else { Priority::Interactive }
    }

    /// All that the document is filed under.
    pub fn all_tags(&self) -> Vec<Tag> {
        self.tags.iter().chain(&self.owner).cloned().collect()
    }
}

/// How pages are read: the same for every document of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct ReadingOptions {
    pub render: RenderOptions,
    pub ocr: OcrOptions,
    pub limits: Limits,
    pub duplicates: DuplicateMode,
    pub structure: Structure,
    /// Which models read, as a digest of theirs: another model is another reading.
    pub models: Option<Digest>,
}

impl ReadingOptions {
    /// Digest of whatever changes the record of a page, and of nothing else: two submissions of the same bytes with the
    /// same key have the same pages.
    pub fn key(&self) -> Digest {
        let Self { render, ocr, limits, duplicates, structure, models } = self;
        Digest::of(format!("{render:?}|{ocr:?}|{limits:?}|{duplicates:?}|{structure:?}|{models:?}").as_bytes())
    }

    /// As [`Self::key`], were duplicates treated so.
    pub fn key_with(&self, duplicates: DuplicateMode) -> Digest {
        Self { duplicates, ..self.clone() }.key()
    }
}

/// What is made of pages that repeat earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateMode {
    /// Nothing is looked up.
    Off,
    /// The record says `duplicate` and which page it repeats; its text is there all the same.
    #[default]
    Mark,
    /// The record says `duplicate` and which page it repeats, and has no text. A document whose bytes were read before is not
    /// opened, and a page whose pixels were is not read.
    Skip,
}

impl DuplicateMode {
    pub const ALL: [Self; 3] = [Self::Skip, Self::Mark, Self::Off];

    /// The word for it in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Mark => "mark",
            Self::Skip => "skip",
        }
    }
}

impl FromStr for DuplicateMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "mark" => Ok(Self::Mark),
            "skip" => Ok(Self::Skip),
            _ => Err(format!("`{text}` is not a way to treat duplicates; it is one of mark, skip, off")),
        }
    }
}

/// How the pipeline is set up. Every bound has a number and a reason.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    pub reading: ReadingOptions,
    /// Threads that rasterise and decode; each device has its own besides. Default: the cores + 1, since one that waits for the
    /// reader of a document's text does nothing meanwhile.
    pub cpu_threads: NonZeroUsize,
    /// Bytes of rasters, tensors and crops at once. Default: a quarter of the memory, at most 1 GiB.
    pub memory_budget: ByteSize,
    /// Pages under way at once. Default: cores + 2, so that two are prepared while every core is busy with one.
    pub pages_in_flight: NonZeroUsize,
    /// Documents open at once; more are told Busy or wait. Default 64: each holds a memory map and little else.
    pub open_documents: NonZeroUsize,
    /// Pages that a document may be ahead of the reader of its own stream. Default 256: on disk, not in memory; it
    /// keeps a document that nobody reads on from filling the disk.
    pub reader_window: NonZeroUsize,
    /// After this long a page is given up as `failed`. Default two minutes: 40 times what a full page needs here.
    pub page_time_limit: Duration,
    /// After this long the pages of a document that have no record yet fail. Default: never, because a long document is
    /// no fault.
    pub document_time_limit: Option<Duration>,
    /// After this long in one inference a device thread counts as hung and is replaced. Default 30 s.
    pub inference_time_limit: Duration,
    /// Times a page is tried before it is quarantined. Default 3.
    pub page_attempts: u32,
    /// Records of pages by their pixels. Default 4 MiB, about fifty pages: the log knows the others.
    pub page_cache: CacheOptions,
    /// Recognised lines by their crop. Default 4 MiB, about 4,000 lines: running heads, forms, blank fields.
    pub line_cache: CacheOptions,
    /// Vectors of pages by their text. Default 4 MiB, about 800 pages: the log knows the others.
    pub embedding_cache: CacheOptions,
    /// The digest of the model that makes vectors of what was read, which the devices' engines have for
    /// [`Task::Embed`](pagestream_models::ocr::Task::Embed). Default: none, and pages are found by their words alone.
    pub embeddings: Option<Digest>,
    /// Device threads that may be lost before the device counts as lost. Default 3.
    pub device_losses: u32,
    /// Which finished documents are forgotten, at the start and then once a minute. Default: none.
    pub retention: Retention,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            reading: ReadingOptions::default(),
            cpu_threads: cores.saturating_add(1),
            memory_budget: ByteSize::mib(1024),
            pages_in_flight: cores.saturating_add(2),
            open_documents: NonZeroUsize::new(64).unwrap_or(NonZeroUsize::MIN),
            reader_window: NonZeroUsize::new(256).unwrap_or(NonZeroUsize::MIN),
            page_time_limit: Duration::from_secs(120),
            document_time_limit: None,
            inference_time_limit: Duration::from_secs(30),
            page_attempts: 3,
            device_losses: 3,
            page_cache: CacheOptions { max_size: ByteSize::mib(4), time_to_live: Duration::from_secs(3600) },
            line_cache: CacheOptions { max_size: ByteSize::mib(4), time_to_live: Duration::from_secs(3600) },
            embedding_cache: CacheOptions { max_size: ByteSize::mib(4), time_to_live: Duration::from_secs(3600) },
            embeddings: None,
            retention: Retention::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_selections_are_read_as_people_write_them() {
        for (text, total, pages) in [
            ("1-3,7", 10, vec![1, 2, 3, 7]),
            ("9-", 10, vec![9, 10]),
            ("-2", 10, vec![1, 2]),
            ("7,1-3", 5, vec![1, 2, 3]),
            (" 2 , 2-3", 10, vec![2, 3]),
        ] {
            let selection: PageSelection = text.parse().unwrap();
            assert_eq!(selection.of(total).map(PageNumber::get).collect::<Vec<_>>(), pages, "{text}");
            assert_eq!(String::from(selection.clone()).parse(), Ok(selection), "{text} survives its text form");
        }
        for text in ["", "0", "3-1", "a", "1-2-3", "-", "1,,x"] {
            assert_eq!(text.parse::<PageSelection>().is_err(), text != "-", "{text}");
        }
        assert_eq!(PageSelection::ALL.of(3).count(), 3);
        let beyond = |text: &str| text.parse::<PageSelection>().unwrap().first_beyond(4).map(PageNumber::get);
        assert_eq!(["1-4", "2-99", "1,99", "5-", "4-"].map(beyond), [None, None, Some(99), Some(5), None]);
    }

    #[test]
    fn the_key_tells_readings_apart() {
        let reading = ReadingOptions::default();
        let models = ReadingOptions { models: Some(Digest::of(b"another")), ..reading.clone() };
        assert_eq!(reading.key(), ReadingOptions::default().key());
        assert_ne!(reading.key(), models.key());
    }
}
