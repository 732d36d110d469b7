//! What of a document is lost. A reader of PDF makes the best of what is there, as it should, and says nothing: a page
//! whose content was cut off is an empty page, and a picture that was cut off is gray at its foot.
//!
//! Only what is cheap to see is looked at on every page: whether the streams that it draws from are there, and whether a
//! JPEG ends. Streams are unpacked only where something else looks wrong.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use flate2::{Decompress, FlushDecompress, Status};
use hayro::hayro_syntax::{
    Filter, Pdf,
    object::{Array, Dict, MaybeRef, Name, Object, Stream},
    page::Page,
};

use crate::{ids::PageNumber, input::jpeg};

/// Forms within forms within forms: deeper ones are drawn, but no longer looked at.
const DEEPEST_FORM: u32 = 4;
/// A document may be followed by what a server or a mail program has added.
const LONGEST_ADDITION: usize = 1 << 20;
/// So many zeros end no compressed stream.
const ZEROS: usize = 16;

/// What is lost of a document as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// The file ends before its cross-reference table.
    pub(super) cut: bool,
    /// Pages that it says it has and that cannot be found.
    pub(super) pages: u32,
}

impl Losses {
    pub(super) fn of(bytes: &[u8], pdf: &Pdf) -> Self {
        let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
        let count = catalog.and_then(|catalog| catalog.get::<Dict<'_>>("Pages")?.get::<u32>("Count"));
        let found = pdf.pages().len() as u32;
        Self { cut: is_cut(bytes), pages: count.unwrap_or(found).saturating_sub(found) }
    }

    /// Told on the last page that there is.
    pub(super) fn sentence(self, found: u32) -> Option<String> {
        match self {
            Self { pages: 0, cut: false } => None,
            Self { pages: 0, .. } => Some("the file ends early, and pages after this one may be lost".to_owned()),
            Self { pages, .. } => {
                Some(format!("the file says that it has {} pages, and {found} can be found", found + pages))
            }
        }
    }
}

/// What was found lost of pages while their text was read, when their content was unpacked; for whoever asks for it afterwards.
#[derive(Clone, Default)]
pub(super) struct Damages(Arc<Mutex<BTreeMap<PageNumber, Option<String>>>>);

/// Pages of which it is kept: it is asked for soon after the text, or not at all.
const MOST_KEPT: usize = 64;

impl Damages {
    pub(super) fn keep(&self, page: PageNumber, damage: Option<String>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(page, damage);
        if kept.len() > MOST_KEPT {
            kept.pop_first();
        }
    }

    pub(super) fn take(&self, page: PageNumber) -> Option<Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&page)
    }
}

/// Whether objects follow the last table, or there is none. A file prepared for the web has one at its beginning, too.
fn is_cut(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(LONGEST_ADDITION)..];
    let after = |needle: &[u8]| tail.windows(needle.len()).rposition(|window| window == needle);
    match after(b"startxref") {
        None => true,
        Some(table) => after(b" obj").is_some_and(|object| object > table),
    }
}

/// What of the page is lost, in a few words. `thorough` looks at every byte, as for a file of which parts are known to be lost.
pub(super) fn of_page(page: &Page<'_>, thorough: bool) -> Option<String> {
    content_of(page, thorough).or_else(|| {
        let resources = page.resources();
        let lost_font = resources.fonts.keys().any(|name| resources.get_font(&name).is_none());
        if !lost_font && resources.x_objects.is_empty() {
            return None;
        }
        let used = Used::of(page.page_stream().unwrap_or_default());
        let mut search = Search { thorough, seen: HashSet::new() };
        let is_lost = |name: &Name<'_>| used.fonts.contains(name.as_ref()) && resources.get_font(name).is_none();
        if lost_font && resources.fonts.keys().any(|name| is_lost(&name)) {
            return Some("a font of the page is missing from the file".to_owned());
        }
        let drawn = |name: &Name<'_>| used.drawn.contains(name.as_ref());
        let names = resources.x_objects.keys().filter(drawn);
        names.map(|name| search.x_object(resources.get_x_object(&name), 0)).find_map(|lost| lost).map(str::to_owned)
    })
}

fn content_of(page: &Page<'_>, thorough: bool) -> Option<String> {
    let dict = page.raw();
    // A page without content is a blank one; one whose content is an object that is not there has lost it.
    if matches!(dict.get_raw::<Object<'_>>("Contents"), None | Some(MaybeRef::NotRef(Object::Null(_)))) {
        return None;
    }
    let streams: Vec<Stream<'_>> = match (dict.get::<Stream<'_>>("Contents"), dict.get::<Array<'_>>("Contents")) {
        (Some(stream), _) => vec![stream],
        (None, Some(array)) => {
            let streams: Vec<_> = array.iter::<Stream<'_>>().collect();
            if streams.len() < array.raw_iter().count() {
                return Some("a part of the page's content is missing from the file".to_owned());
            }
            streams
        }
        (None, None) => return Some("the page's content is missing from the file".to_owned()),
    };
    streams.iter().any(|stream| ends_early(stream, thorough)).then(|| "the page's content ends early".to_owned())
}

/// Names that the content draws and writes with.
#[derive(Default)]
struct Used<'a> {
    drawn: HashSet<&'a [u8]>,
    fonts: HashSet<&'a [u8]>,
}

impl<'a> Used<'a> {
    /// Takes words within strings for operators as well, which does no harm.
    fn of(content: &'a [u8]) -> Self {
        let mut used = Self::default();
        let (mut before, mut last): (&[u8], &[u8]) = (b"", b"");
        /// Whether a byte ends a word.
        const ENDS: [bool; 256] = {
            let (mut ends, mut at, bytes) = ([false; 256], 0, b"\0\t\n\x0c\r []()<>");
            while at < bytes.len() {
                ends[bytes[at] as usize] = true;
                at += 1;
            }
            ends
        };
        let ends = |byte: &u8| ENDS[usize::from(*byte)];
        for word in content.split(ends).flat_map(at_names) {
            match word {
                b"Do" => drop(last.strip_prefix(b"/").map(|name| used.drawn.insert(name))),
                b"Tf" => drop(before.strip_prefix(b"/").map(|name| used.fonts.insert(name))),
                _ => {}
            }
            (before, last) = (last, word);
        }
        used
    }
}

/// `12/F1` are two words.
fn at_names(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let after = rest.iter().skip(1).position(|&byte| byte == b'/').map_or(rest.len(), |at| at + 1);
        let (word, others) = rest.split_at(after);
        rest = others;
        (!word.is_empty()).then_some(word)
    })
}

struct Search {
    thorough: bool,
    seen: HashSet<(u32, i32)>,
}

impl Search {
    fn x_object(&mut self, stream: Option<Stream<'_>>, depth: u32) -> Option<&'static str> {
        let Some(stream) = stream else { return Some("a picture on the page is missing from the file") };
        let id = stream.obj_id();
        if !self.seen.insert((id.obj_number, id.gen_number)) {
            return None;
        }
        let dict = stream.dict();
        match dict.get::<Name<'_>>("Subtype").as_deref() {
            Some(b"Image") => {
                let early = ends_early(&stream, self.thorough) || is_short(&stream);
                early.then_some("a picture on the page ends early")
            }
            Some(b"Form") if ends_early(&stream, self.thorough) => Some("a part of the page's content ends early"),
            Some(b"Form") if depth < DEEPEST_FORM => {
                let x_objects = dict.get::<Dict<'_>>("Resources")?.get::<Dict<'_>>("XObject")?;
                if x_objects.is_empty() {
                    return None;
                }
                let content = stream.decoded_data().ok()?;
                let used = Used::of(&content);
                let names: Vec<_> = x_objects.keys().filter(|name| used.drawn.contains(name.as_ref())).collect();
                names.iter().find_map(|name| self.x_object(x_objects.get::<Stream<'_>>(name), depth + 1))
            }
            _ => None,
        }
    }
}

/// Whether the packed data ends before what is packed does.
fn ends_early(stream: &Stream<'_>, thorough: bool) -> bool {
    let data = stream.raw_data();
    let filters = stream.filters();
    match filters.iter().find(|filter| !matches!(filter, Filter::Crypt)) {
        Some(Filter::DctDecode) => jpeg::ends_early(&data),
        Some(Filter::FlateDecode) => {
            let as_long_as_it_says = stream.dict().get::<u32>("Length") == Some(data.len() as u32);
            let ends_in_zeros = data.len() >= ZEROS && data[data.len() - ZEROS..].iter().all(|byte| *byte == 0);
            (thorough || !as_long_as_it_says || ends_in_zeros) && !inflates(&data)
        }
        _ => false,
    }
}

/// Whether the data has an end, and all before it can be unpacked. Whether its checksum is right is not looked at: writers get
/// them wrong.
fn inflates(data: &[u8]) -> bool {
    // Two bytes of zlib's header stand before the data, mostly (RFC 1950).
    let has_header = data.len() > 2 && data[0] & 0x0f == 8 && u16::from_be_bytes([data[0], data[1]]).is_multiple_of(31);
    let data = if has_header { &data[2..] } else { data };
    let (mut inflate, mut out) = (Decompress::new(false), vec![0; 64 << 10]);
    loop {
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let rest = usize::try_from(read).ok().and_then(|read| data.get(read..)).unwrap_or_default();
        match inflate.decompress(rest, &mut out, FlushDecompress::None) {
            Ok(Status::StreamEnd) => {
                // A code of nothing but zeros may mean the end; a checksum of zeros no data has.
                let end = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
                return !has_header || data.get(end..).is_none_or(|rest| !rest.starts_with(&[0; 4]));
            }
            Ok(Status::Ok | Status::BufError) if (inflate.total_in(), inflate.total_out()) != (read, written) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// Whether a picture that is not packed has fewer bytes than pixels.
fn is_short(image: &Stream<'_>) -> bool {
    let dict = image.dict();
    let components = match dict.get::<Name<'_>>("ColorSpace").as_deref() {
        Some(b"DeviceGray") => 1,
        Some(b"DeviceRGB") => 3,
        Some(b"DeviceCMYK") => 4,
        _ => return false,
    };
    let side = |name| u64::from(dict.get::<u32>(name).unwrap_or(0));
    let row = (side("Width") * side("BitsPerComponent") * components).div_ceil(8);
    image.filters().is_empty() && (image.raw_data().len() as u64) < row.saturating_mul(side("Height"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    #[test]
    fn names_are_those_that_operators_take() {
        let used = Used::of(b"q 1 0 0 1 0 0 cm/Im1 Do Q BT[(a)]TJ/F1 12 Tf(x /F9 Tf)Tj/Im2 gs ET");
        assert_eq!(used.drawn, HashSet::from([&b"Im1"[..]]));
        assert_eq!(used.fonts, HashSet::from([&b"F1"[..]]));
    }

    #[test]
    fn packed_data_is_whole_only_to_its_end() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&(0..200_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()).unwrap();
        let packed = encoder.finish().unwrap();
        assert!(inflates(&packed));
        let without_checksum = &packed[..packed.len() - 4];
        assert!(inflates(without_checksum) && inflates(&without_checksum[2..]));
        for part in [0.1, 0.5, 0.99] {
            assert!(!inflates(&packed[..(packed.len() as f64 * part) as usize]), "{part}");
        }
        assert!(!inflates(b""));
    }

    #[test]
    fn a_file_is_cut_where_its_last_table_is_lost() {
        let whole = b"%PDF 1 0 obj endobj xref startxref 9 %%EOF";
        for (bytes, cut) in [
            (&whole[..], false),
            (&[whole, &b"\r\n-- sent by mail"[..]].concat(), false),
            (&[whole, &b" 2 0 obj endobj startxref 9 %%EOF"[..]].concat(), false),
            (b"%PDF 1 0 obj endobj xref", true),
            // For the web: the first table is at the beginning.
            (&[whole, &b" 2 0 obj << /Length 7"[..]].concat(), true),
        ] {
            assert_eq!(is_cut(bytes), cut, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
