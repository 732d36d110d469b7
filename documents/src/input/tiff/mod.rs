//! TIFF: scans of many pages. Each page is decoded on its own, straight from its directory.
//!
//! Decompressing is left to crates; what the directory means is read here, because scanners, fax machines and image programs write
//! far more kinds than the decoders that there are take: bits from the low end, planes, inks, palettes, JPEGs in parts.

mod chunks;
mod codecs;
mod directory;
mod fax;
mod header;
mod jpegs;
mod rows;
mod samples;
mod stored;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use self::{
    directory::{Directory, Layout},
    header::{Header, compression, tag},
};
use super::{
    DocumentData, FileKind, Limits, PageInfo, PageSource, RenderOptions, StoredImage, TextLayer, get_it_again,
    guard::{check_cost, guarded, no_such_page},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::Raster,
};

/// One lost row of a fax in so many is nothing to look at: lines drop out when a fax is sent.
const UNNOTICED: u32 = 50;

pub(super) fn is_tiff(bytes: &[u8]) -> bool {
    Layout::of(bytes).is_some()
}

pub(super) struct TiffSource {
    data: DocumentData,
    layout: Layout,
    /// Where the directory of each page is.
    pages: Vec<u64>,
    limits: Limits,
    /// By page, what was found to be lost when it was decoded.
    damage: Mutex<HashMap<PageNumber, String>>,
}

impl TiffSource {
    pub(super) fn open(data: DocumentData, limits: &Limits) -> Result<Self> {
        let bytes: &[u8] = (*data).as_ref();
        let layout = Layout::of(bytes).ok_or_else(|| Error::new(ErrorKind::UnsupportedFormat, "not a TIFF"))?;
        let pages = pages_among(layout.directories(bytes)?, |at| Directory::new(layout, bytes, at));
        Ok(Self { data, layout, pages, limits: *limits, damage: Mutex::default() })
    }

    fn note_damage(&self, page: PageNumber, what: String) {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).insert(page, get_it_again(&what));
    }

    fn directory(&self, page: PageNumber) -> Result<Directory<'_>> {
        let at = self.pages.get(page.index() as usize).ok_or_else(|| no_such_page(page, self.page_count()))?;
        Ok(Directory::new(self.layout, (*self.data).as_ref(), *at))
    }

    /// What the page says of itself, and what it will cost to decode it, which is within the limit.
    fn header(&self, directory: &Directory<'_>) -> Result<(Header, PageInfo)> {
        let header = Header::of(directory, self.layout.little_endian)?;
        let format = header.samples.meaning.pixel_format();
        let raster = Raster::cost(header.width, header.height, format).bytes();
        // A turned page needs a second raster, and so does one whose pixels are not square.
        let copies = if header.orientation.is_upright() { 1 } else { 2 };
        let (width, height) = header.proportions.size(header.width, header.height);
        let square = header.proportions.are_square();
        let enlarged = if square { 0 } else { Raster::cost(width, height, format).bytes() * copies };
        // A chunk as it lies in the file and decompressed, of each plane; a JPEG's coefficients beside its samples. One in the old
        // form may be the whole page.
        let planes = header.chunks.planes as u64;
        let chunk = match header.compression {
            compression::JPEG => header.chunk_bytes().saturating_mul(4),
            compression::OLD_JPEG => {
                let samples = header.samples.channels as u64;
                (u64::from(header.width) * u64::from(header.height)).saturating_mul(samples * 5)
            }
            _ if header.subsampling != (1, 1) => header.chunk_bytes().saturating_mul(4),
            _ => header.chunk_bytes().saturating_mul(2),
        };
        let cost = raster.saturating_mul(copies).saturating_add(enlarged).saturating_add(chunk.saturating_mul(planes));
        check_cost(width.into(), height.into(), ByteSize(cost), &self.limits)?;
        let (width, height) = if header.orientation.swaps_sides() { (height, width) } else { (width, height) };
        Ok((header, PageInfo { width, height, format, cost: ByteSize(cost) }))
    }
}

/// Those of the directories that are pages: previews of a page, which many programs put beside it, and masks are none
/// (NewSubfileType, bits 0 and 2). A preview is smaller than what it shows, and some fax programs call every page one.
fn pages_among<'a>(directories: Vec<u64>, open: impl Fn(u64) -> Directory<'a>) -> Vec<u64> {
    let described: Vec<(u64, u64, [u64; 2])> = directories
        .iter()
        .map(|&at| {
            let directory = open(at);
            let number = |tag| directory.number(tag).unwrap_or(0);
            (at, number(tag::NEW_SUBFILE_TYPE), [number(tag::WIDTH), number(tag::HEIGHT)])
        })
        .collect();
    let full = |kind: u64| kind & 0b101 == 0;
    let largest = described
        .iter()
        .filter(|(_, kind, _)| full(*kind))
        .map(|(_, _, size)| *size)
        .reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])]);
    let Some([width, height]) = largest else { return directories };
    let is_page = |(_, kind, size): &&(u64, u64, [u64; 2])| {
        full(*kind) || (kind & 0b100 == 0 && (size[0] >= width || size[1] >= height))
    };
    described.iter().filter(is_page).map(|(at, _, _)| *at).collect()
}

impl PageSource for TiffSource {
    fn kind(&self) -> FileKind {
        FileKind::Tiff
    }

    fn page_count(&self) -> u32 {
        self.pages.len() as u32
    }

    fn page_info(&self, page: PageNumber, _options: &RenderOptions) -> Result<PageInfo> {
        guarded("the TIFF directory", Some(page), || Ok(self.header(&self.directory(page)?)?.1))
    }

    fn render(&self, page: PageNumber, _options: &RenderOptions) -> Result<Raster> {
        guarded("the TIFF page", Some(page), || {
            let directory = self.directory(page)?;
            let (mut header, _) = self.header(&directory)?;
            let decoded = chunks::decode(&directory, &mut header, (*self.data).as_ref(), &self.limits)?;
            let Header { width, height, ref samples, orientation, proportions, dpi, .. } = header;
            let (lost, early, parts) = (decoded.lost, decoded.early, decoded.parts);
            if early > 0 {
                self.note_damage(page, format!("{early} of {parts} JPEGs that the page is made of end early"));
            } else if lost > if header.is_fax() { height / UNNOTICED } else { 0 } {
                let what = if header.is_fax() { "fax" } else { "page" };
                self.note_damage(page, format!("{lost} of {height} rows of the {what} cannot be decoded"));
            }
            let raster = Raster { width, height, format: samples.meaning.pixel_format(), data: decoded.pixels, dpi };
            Ok(orientation.apply(proportions.apply(raster)))
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        if page.index() < self.page_count() { Ok(None) } else { Err(no_such_page(page, self.page_count())) }
    }

    fn stored_image(&self, page: PageNumber) -> Option<StoredImage<'_>> {
        let directory = self.directory(page).ok()?;
        let (header, _) = self.header(&directory).ok()?;
        stored::of(&directory, &header, (*self.data).as_ref())
    }

    fn damage(&self, page: PageNumber) -> Option<String> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).get(&page).cloned()
    }
}
