//! Pictures and their text as a new PDF: a page each, as large as the paper was. What a PDF can carry (JPEG, JPEG 2000, fax, PNG) is
//! carried on as it is; everything else is compressed without loss.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use lopdf::{Dictionary, Object, ObjectId, StringFormat, dictionary};

use super::{
    Fault,
    font::Font,
    layer::{self, number},
    objects::{HEAD, ObjectWriter, TableForm, catalog, deflated, identity, packed, stored},
    place::Place,
};
use crate::{
    ids::PageNumber,
    input::{DocumentData, OpenOptions, PageSource, RenderOptions, StoredCoding, StoredColour, StoredImage, open},
    raster::{PixelFormat, Raster},
    record::{DocumentRef, PageRecord},
};

/// Pages below one node of the page tree.
const PAGES_A_NODE: u32 = 64;
/// Points to an inch.
const INCH: f64 = 72.0;
/// The longer side of A4, in points.
const A4: [f64; 2] = [595.28, 841.89];
/// Longest side of a page (PDF 32000-1, annex C.2).
const LONGEST: f64 = 14_400.0;
/// The name of the font in the resources of every page.
const FONT: &str = "T";

pub(super) struct Images<W> {
    objects: ObjectWriter<W>,
    source: Box<dyn PageSource>,
    document: DocumentRef,
    font: Font,
    root: ObjectId,
    /// Nodes of the page tree, by their place in it.
    nodes: BTreeMap<u32, ObjectId>,
    /// Pages that were written, by their index.
    pages: BTreeMap<u32, ObjectId>,
}

impl<W: Write> Images<W> {
    /// # Errors
    /// Of the document, when it cannot be opened.
    pub(super) fn begin(out: W, data: DocumentData, document: &DocumentRef) -> Result<Self, Fault> {
        let source = open(data, &OpenOptions::default())?;
        let mut objects = ObjectWriter::new(out, 1);
        objects.raw(HEAD)?;
        let root = objects.reserve();
        let font = Font::begin(&mut objects)?;
        let (nodes, pages) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { objects, source, document: document.clone(), font, root, nodes, pages })
    }

    pub(super) fn page(&mut self, record: &PageRecord) -> Result<(), Fault> {
        self.add(record.page, Some(record))?;
        Ok(self.objects.flush()?)
    }

    fn add(&mut self, page: PageNumber, record: Option<&PageRecord>) -> Result<(), Fault> {
        if page.index() >= self.source.page_count() || self.pages.contains_key(&page.index()) {
            return Ok(());
        }
        let mut content = Vec::new();
        let (size, images) = match self.source.stored_image(page) {
            Some(image) => {
                let info = self.source.page_info(page, &RenderOptions::default())?;
                let size = size_of(info.width, info.height, image.dpi);
                (size, stored_image(&mut self.objects, &image, size, &mut content)?)
            }
            None => match self.source.render(page, &RenderOptions::default()) {
                Ok(raster) => {
                    let size = size_of(raster.width, raster.height, raster.dpi);
                    (size, vec![raster_image(&mut self.objects, &raster, size, &mut content)?])
                }
                // Its record says why; the page has its place all the same.
                Err(error) => {
                    tracing::warn!(%error, page = page.get(), "a page that cannot be decoded is blank in the PDF");
                    (A4, Vec::new())
                }
            },
        };
        if let Some(record) = record {
            let pixels = [record.width.into(), record.height.into()];
            let place = Place { visible: [0.0, 0.0, size[0], size[1]], quarters: 0, pixels };
            content.extend(layer::content(record, &place, &mut self.font, FONT));
        }
        let mut names = Dictionary::new();
        images.iter().enumerate().for_each(|(at, image)| names.set(format!("I{at}"), *image));
        let content = self.objects.add(packed(Dictionary::new(), &content)?)?;
        let node = page.index() / PAGES_A_NODE;
        let parent = *self.nodes.entry(node).or_insert_with(|| self.objects.reserve());
        let [width, height] = size.map(|side| Object::Real(side as f32));
        let id = self.objects.add(dictionary! {
            "Type" => "Page", "Parent" => parent, "MediaBox" => vec![0.into(), 0.into(), width, height], "Contents" => content,
            "Resources" => dictionary! { "XObject" => names, "Font" => dictionary! { FONT => self.font.id } },
        })?;
        self.pages.insert(page.index(), id);
        Ok(())
    }

    /// Pages that were not asked for, the page tree, and what is left.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        for index in 0..self.source.page_count() {
            self.add(PageNumber::from_index(index), None)?;
        }
        self.font.finish(&mut self.objects)?;
        for (&place, &node) in &self.nodes {
            let first = place * PAGES_A_NODE;
            let kids: Vec<Object> = self.pages.range(first..first + PAGES_A_NODE).map(|(_, &id)| id.into()).collect();
            let count = kids.len() as i64;
            self.objects.write(
                node,
                dictionary! {
                    "Type" => "Pages", "Parent" => self.root, "Count" => count, "Kids" => kids,
                },
            )?;
        }
        let kids: Vec<Object> = self.nodes.values().map(|&node| node.into()).collect();
        let count = self.pages.len() as i64;
        self.objects.write(self.root, dictionary! { "Type" => "Pages", "Count" => count, "Kids" => kids })?;
        let root = self.objects.add(catalog(self.root))?;
        let name = self.document.source.rsplit(['/', '\\']).next().unwrap_or_default();
        let producer = format!("pagestream {}", env!("CARGO_PKG_VERSION"));
        let info = self.objects.add(dictionary! {
            "Title" => text_string(name), "Producer" => text_string(&producer),
        })?;
        let identity = identity(&self.document.sha256.0[..16], &self.document.sha256.0[..16]);
        let trailer = dictionary! { "Root" => root, "Info" => info, "ID" => identity };
        Ok(self.objects.finish(TableForm::Stream, trailer)?)
    }
}

/// Text outside of content (7.9.2.2): plain where it is ASCII, else UTF-16.
fn text_string(text: &str) -> Object {
    let bytes = match text.is_ascii() {
        true => text.as_bytes().to_vec(),
        false => [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
    };
    Object::String(bytes, StringFormat::Literal)
}

/// Width and height in points. A picture that does not say how large it is, or says that it is larger than a sheet at the resolution of
/// screens, becomes a sheet as long as A4.
fn size_of(width: u32, height: u32, dpi: f32) -> [f64; 2] {
    let pixels = [f64::from(width), f64::from(height)];
    let longer = pixels[0].max(pixels[1]).max(1.0);
    let scale = match f64::from(dpi) {
        dpi if dpi > 0.0 && (dpi > INCH || longer <= A4[1]) => (INCH / dpi).min(LONGEST / longer),
        _ => A4[1] / longer,
    };
    pixels.map(|side| ((side * scale).max(3.0) * 1_000.0).round() / 1_000.0)
}

/// What brings the unit square of a picture onto a page of this size, its pixels turned and mirrored as the tag says.
fn matrix([w, h]: [f64; 2], orientation: u16) -> [f64; 6] {
    match orientation {
        2 => [-w, 0.0, 0.0, h, w, 0.0],
        3 => [-w, 0.0, 0.0, -h, w, h],
        4 => [w, 0.0, 0.0, -h, 0.0, h],
        5 => [0.0, -h, -w, 0.0, w, h],
        6 => [0.0, -h, w, 0.0, 0.0, h],
        7 => [0.0, h, w, 0.0, 0.0, 0.0],
        8 => [0.0, h, -w, 0.0, w, 0.0],
        _ => [w, 0.0, 0.0, h, 0.0, 0.0],
    }
}

fn draw(content: &mut Vec<u8>, matrix: [f64; 6], image: usize) {
    let numbers = matrix.map(|value| number(value, 3));
    content.extend(format!("q {} cm /I{image} Do Q\n", numbers.join(" ")).into_bytes());
}

/// The picture's parts as they are, and how they are drawn: one below the other.
fn stored_image<W: Write>(
    objects: &mut ObjectWriter<W>,
    image: &StoredImage<'_>,
    size: [f64; 2],
    content: &mut Vec<u8>,
) -> io::Result<Vec<ObjectId>> {
    let whole = matrix(size, image.orientation);
    let (mut ids, mut above) = (Vec::new(), 0_u32);
    for part in &image.parts {
        let mut dict = dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => i64::from(image.width), "Height" => i64::from(part.rows),
        };
        if let Some(space) = colour_space(&image.colour) {
            dict.set("ColorSpace", space);
            dict.set("BitsPerComponent", i64::from(image.bits));
        }
        if image.colour == (StoredColour::Cmyk { inverted: true }) {
            dict.set("Decode", [1, 0].repeat(4).into_iter().map(Object::Integer).collect::<Vec<_>>());
        }
        coding(image, part.rows, &mut dict);
        ids.push(objects.add(stored(dict, part.bytes.to_vec()))?);
        // The part's own unit square within that of the whole, whose top is at 1.
        let height = f64::from(image.height.max(1));
        let (share, low) = (f64::from(part.rows) / height, 1.0 - f64::from(above + part.rows) / height);
        let [a, b, c, d, e, f] = whole;
        draw(content, [a, b, c * share, d * share, e + c * low, f + d * low], ids.len() - 1);
        above += part.rows;
    }
    Ok(ids)
}

fn colour_space(colour: &StoredColour) -> Option<Object> {
    Some(match colour {
        StoredColour::Gray => "DeviceGray".into(),
        StoredColour::Rgb => "DeviceRGB".into(),
        StoredColour::Cmyk { .. } => "DeviceCMYK".into(),
        StoredColour::Palette(colours) => vec![
            "Indexed".into(),
            "DeviceRGB".into(),
            (colours.len() as i64 / 3 - 1).max(0).into(),
            Object::String(colours.clone(), StringFormat::Hexadecimal),
        ]
        .into(),
        StoredColour::Own => return None,
    })
}

/// Filter and its parameters (7.4).
fn coding(image: &StoredImage<'_>, rows: u32, dict: &mut Dictionary) {
    let columns = i64::from(image.width);
    match image.coding {
        StoredCoding::Jpeg { is_ycc } => {
            dict.set("Filter", "DCTDecode");
            if let Some(is_ycc) = is_ycc {
                dict.set("DecodeParms", dictionary! { "ColorTransform" => i64::from(is_ycc) });
            }
        }
        StoredCoding::Jpeg2000 => dict.set("Filter", "JPXDecode"),
        StoredCoding::Fax { k, rows_are_byte_aligned, black_is_one } => {
            dict.set("Filter", "CCITTFaxDecode");
            let mut parameters = dictionary! { "K" => i64::from(k), "Columns" => columns, "Rows" => i64::from(rows) };
            if rows_are_byte_aligned {
                parameters.set("EncodedByteAlign", true);
            }
            if k >= 0 {
                parameters.set("EndOfBlock", false);
            }
            if black_is_one {
                parameters.set("BlackIs1", true);
            }
            dict.set("DecodeParms", parameters);
        }
        StoredCoding::Png => {
            dict.set("Filter", "FlateDecode");
            let colors = i64::from(image.colour.channels().unwrap_or(1));
            let bits = i64::from(image.bits);
            dict.set(
                "DecodeParms",
                dictionary! { "Predictor" => 15, "Colors" => colors, "BitsPerComponent" => bits, "Columns" => columns },
            );
        }
    }
}

fn raster_image<W: Write>(
    objects: &mut ObjectWriter<W>,
    raster: &Raster,
    size: [f64; 2],
    content: &mut Vec<u8>,
) -> io::Result<ObjectId> {
    let mut dict = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => i64::from(raster.width), "Height" => i64::from(raster.height),
        "Filter" => "FlateDecode",
    };
    let bytes = match bilevel(raster) {
        Some(bits) => {
            dict.set("ColorSpace", "DeviceGray");
            dict.set("BitsPerComponent", 1);
            bits
        }
        None => {
            let channels = raster.format.channels();
            dict.set("ColorSpace", if raster.format == PixelFormat::Gray8 { "DeviceGray" } else { "DeviceRGB" });
            dict.set("BitsPerComponent", 8);
            dict.set(
                "DecodeParms",
                dictionary! { "Predictor" => 15, "Colors" => channels as i64, "Columns" => i64::from(raster.width) },
            );
            differences(&raster.data, raster.width as usize * channels)
        }
    };
    draw(content, matrix(size, 1), 0);
    objects.add(stored(dict, deflated(&bytes)?))
}

/// A bit a pixel, where all of them are black or white.
fn bilevel(raster: &Raster) -> Option<Vec<u8>> {
    let is_bilevel = raster.format == PixelFormat::Gray8 && raster.data.iter().all(|&value| value == 0 || value == 255);
    let pack = |pixels: &[u8]| pixels.iter().enumerate().fold(0, |byte, (at, value)| byte | (value & 0x80) >> at);
    is_bilevel
        .then(|| raster.data.chunks(raster.width.max(1) as usize).flat_map(|row| row.chunks(8).map(pack)).collect())
}

/// Each row as its differences from the one above it, which compress better (PNG's filter of type 2).
fn differences(data: &[u8], stride: usize) -> Vec<u8> {
    let stride = stride.max(1);
    let mut out = Vec::with_capacity(data.len() + data.len() / stride);
    let mut above: &[u8] = &[];
    for row in data.chunks(stride) {
        out.push(2);
        out.extend(row.iter().enumerate().map(|(at, value)| value.wrapping_sub(above.get(at).copied().unwrap_or(0))));
        above = row;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_large_as_their_paper() {
        for (width, height, dpi, expected) in [
            (2_480, 3_508, 300.0, [595.2, 841.92]),
            (600, 400, 72.0, [600.0, 400.0]),
            (4_000, 3_000, 72.0, [841.89, 631.418]),
            (1, 1, 300.0, [3.0, 3.0]),
            (100_000, 10, 100.0, [14_400.0, 3.0]),
        ] {
            assert_eq!(size_of(width, height, dpi), expected, "{width} x {height}");
        }
    }

    #[test]
    fn every_orientation_puts_the_stored_corner_where_it_is_seen() {
        // Of a page 30 wide and 20 high: where the top left and the top right corner of the stored picture come to lie.
        for (orientation, first, second) in [
            (1, (0, 20), (30, 20)),
            (2, (30, 20), (0, 20)),
            (3, (30, 0), (0, 0)),
            (4, (0, 0), (30, 0)),
            (5, (0, 20), (0, 0)),
            (6, (30, 20), (30, 0)),
            (7, (30, 0), (30, 20)),
            (8, (0, 0), (0, 20)),
        ] {
            let [a, b, c, d, e, f] = matrix([30.0, 20.0], orientation);
            let place = |u: f64, v: f64| ((a * u + c * v + e) as i32, (b * u + d * v + f) as i32);
            assert_eq!((place(0.0, 1.0), place(1.0, 1.0)), (first, second), "{orientation}");
        }
    }

    #[test]
    fn black_and_white_have_a_bit_a_pixel() {
        let raster = |data: Vec<u8>| Raster { width: 10, height: 2, format: PixelFormat::Gray8, data, dpi: 72.0 };
        let row = [255, 0, 255, 0, 255, 255, 255, 255, 0, 255];
        assert_eq!(
            bilevel(&raster([row, row].concat())),
            Some(vec![0b1010_1111, 0b0100_0000, 0b1010_1111, 0b0100_0000])
        );
        assert_eq!(bilevel(&raster(vec![7; 20])), None);
    }
}
