//! What a searchable PDF says is read back with our own reader, and what it is made of with lopdf.

use std::{io::Cursor, sync::Arc};

use image::{DynamicImage, ImageFormat};
use lopdf::{
    Dictionary, Document, EncryptionState, EncryptionVersion, Object, Permissions, SaveOptions, Stream, dictionary,
};

use super::*;
use crate::{
    geometry::{Point, Rect},
    ids::{Digest, PageNumber},
    input::{OpenOptions, PageSource, RenderOptions, open},
    output::{
        original::Original,
        testing::{Shared, document, letter, page},
    },
    record::{Origin, TextLine, Word},
};

/// The document of every record.
struct The(Vec<u8>, Option<String>);

impl Originals for The {
    fn open(&self, _: &DocumentRef) -> crate::error::Result<Original> {
        Ok(Original { data: Arc::new(self.0.clone()), password: self.1.clone() })
    }
}

fn made_with(
    original: &[u8],
    password: Option<&str>,
    records: &[PageRecord],
    options: PdfOptions,
) -> (Vec<u8>, Vec<Notice>) {
    let out = Shared::default();
    let original = Arc::new(The(original.to_vec(), password.map(str::to_owned)));
    let mut writer = Pdf::new(out.clone(), original, options);
    records.iter().for_each(|record| writer.write_page(record).unwrap());
    writer.end_document(records[0].document.id, true).unwrap();
    writer.finish().unwrap();
    (out.bytes(), writer.notices())
}

fn made(original: &[u8], records: &[PageRecord]) -> Vec<u8> {
    let (pdf, notices) = made_with(original, None, records, PdfOptions::default());
    assert!(notices.is_empty(), "{notices:?}");
    pdf
}

fn source(pdf: &[u8]) -> Box<dyn PageSource> {
    open(Arc::new(pdf.to_vec()), &OpenOptions::default()).unwrap()
}

/// The lines of a page as our own reader finds them, and their words with their boxes in points.
fn read_back(pdf: &[u8], number: u32) -> Vec<TextLine> {
    let layer = source(pdf).text_layer(PageNumber::new(number).unwrap()).unwrap();
    layer.map(|layer| layer.lines).unwrap_or_default()
}

/// A PDF of pages with this content each; `change` says what is special about the first.
fn pdf(contents: &[&str], change: impl FnOnce(&mut Document, &mut Dictionary)) -> Document {
    let mut document = Document::with_version("1.5");
    let (catalog, root) = (document.new_object_id(), document.new_object_id());
    let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" });
    let fonts = dictionary! { "Font" => dictionary! { "F1" => font } };
    let mut change = Some(change);
    let kids: Vec<Object> = contents
        .iter()
        .map(|content| {
            let content = document.add_object(Stream::new(dictionary! {}, content.as_bytes().to_vec()));
            let mut page = dictionary! {
                "Type" => "Page", "Parent" => root, "Contents" => content, "Resources" => fonts.clone(),
                "MediaBox" => vec![0.into(), 0.into(), 720.into(), 1_008.into()],
            };
            if let Some(change) = change.take() {
                change(&mut document, &mut page);
            }
            document.add_object(page).into()
        })
        .collect();
    let count = kids.len() as i64;
    document.objects.insert(root, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    document.objects.insert(catalog, dictionary! { "Type" => "Catalog", "Pages" => root }.into());
    document.trailer.set("Root", catalog);
    let id = || Object::string_literal("0123456789abcdef");
    document.trailer.set("ID", vec![id(), id()]);
    document
}

fn saved(mut document: Document) -> Vec<u8> {
    let mut out = Vec::new();
    document.save_to(&mut out).unwrap();
    out
}

fn plain(contents: &[&str]) -> Vec<u8> {
    saved(pdf(contents, |_, _| {}))
}

/// [`letter`] read by OCR alone.
fn scanned() -> PageRecord {
    PageRecord { origin: Some(Origin::Ocr), ..letter() }
}

/// Compares what was read back with what was written, within two points.
fn assert_there(record: &PageRecord, lines: &[TextLine], scale: f32) {
    let texts = |lines: &[TextLine]| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
    let (mut found, mut expected) = (texts(lines), texts(&record.lines));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let place = |point: Point| Point::new(point.x * scale, point.y * scale);
    for word in record.lines.iter().flat_map(|line| &line.words) {
        let wanted = word.polygon.map(place).bounds();
        let same = lines.iter().flat_map(|line| &line.words).find(|found| found.text == word.text).unwrap();
        let Rect { left, top, right, bottom } = same.polygon.bounds();
        let sides = [(left, wanted.left), (top, wanted.top), (right, wanted.right), (bottom, wanted.bottom)];
        assert!(sides.iter().all(|(a, b)| (a - b).abs() < 2.0), "{}: {sides:?}", word.text);
    }
}

#[test]
fn words_lie_where_they_were_read_however_the_page_is_turned_cut_and_measured() {
    for quarters in 0..4_i64 {
        for (unit, crop) in [(1.0, false), (2.0, true)] {
            let [across, down] = if quarters % 2 == 0 { [720.0, 1_008.0] } else { [1_008.0, 720.0] };
            // The visible page has always 1,000 x 1,400 pixels, so it is 720 x 1,008 points, in units of `unit` points.
            let [width, height] = [across / unit, down / unit];
            let original = saved(pdf(&[""], |_, page| {
                let (left, low) = if crop { (30.0, 40.0) } else { (0.0, 0.0) };
                let corners = [left, low, left + width, low + height].map(|v: f32| Object::Real(v));
                if crop {
                    page.set("CropBox", corners.to_vec());
                    page.set("MediaBox", vec![0.into(), 0.into(), 2_000.into(), 2_000.into()]);
                    page.set("UserUnit", Object::Real(unit));
                } else {
                    page.set("MediaBox", corners.to_vec());
                }
                page.set("Rotate", 90 * quarters);
            }));
            let record = scanned();
            let pdf = made(&original, std::slice::from_ref(&record));
            assert_there(&record, &read_back(&pdf, 1), 0.72);
        }
    }
}

#[test]
fn the_original_stays_as_it_is_to_the_byte_in_both_forms_of_its_table() {
    let modern = || {
        let mut out = Vec::new();
        let options = SaveOptions::builder().use_object_streams(true).use_xref_streams(true).build();
        pdf(&["", ""], |_, _| {}).save_with_options(&mut out, options).unwrap();
        out
    };
    for original in [plain(&["", ""]), modern()] {
        let record = PageRecord { document: document("a.pdf", 2), page: PageNumber::new(2).unwrap(), ..scanned() };
        let pdf = made(&original, std::slice::from_ref(&record));
        assert!(pdf.starts_with(&original) && pdf.len() > original.len());
        assert!(read_back(&pdf, 1).is_empty());
        assert_there(&record, &read_back(&pdf, 2), 0.72);
        let (before, after) = (Document::load_mem(&original).unwrap(), Document::load_mem(&pdf).unwrap());
        assert_eq!(before.get_pages(), after.get_pages());
        let id = |document: &Document| document.trailer.get(b"ID").unwrap().as_array().unwrap().clone();
        assert_eq!(id(&before)[0].as_str().unwrap(), id(&after)[0].as_str().unwrap());
        assert_ne!(id(&before)[1].as_str().unwrap(), id(&after)[1].as_str().unwrap());
        // And once more, by somebody who wants other text on page 1.
        let again = made(&pdf, &[PageRecord { document: document("a.pdf", 2), ..scanned() }]);
        assert!(again.starts_with(&pdf));
        assert_eq!((read_back(&again, 1).len(), read_back(&again, 2).len()), (3, 3));
    }
}

#[test]
fn pages_with_text_of_their_own_are_left_as_they_are() {
    let original = plain(&["BT /F1 20 Tf 60 900 Td (born digital) Tj ET"]);
    let layer = PageRecord { origin: Some(Origin::TextLayer), ..letter() };
    assert_eq!(made(&original, &[layer]), original);
    // Of a page that was read both ways, what its own text says is not said again.
    let mixed = PageRecord { origin: Some(Origin::Mixed), ..letter() };
    let lines: Vec<String> = read_back(&made(&original, &[mixed]), 1).into_iter().map(|line| line.text).collect();
    assert!(lines.contains(&"born digital".to_owned()) && lines.contains(&"Dear Sir".to_owned()), "{lines:?}");
    assert!(!lines.contains(&"COPY".to_owned()), "{lines:?}");
}

#[test]
fn the_font_is_found_wherever_resources_stand_and_whatever_is_called_so() {
    let visible = "BT /Pagestream 20 Tf 60 900 Td (visible) Tj ET";
    fn courier(document: &mut Document) -> Dictionary {
        let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" };
        dictionary! { "Pagestream" => document.add_object(font) }
    }
    fn page(document: &mut Document) -> &mut Dictionary {
        let id = document.get_pages()[&1];
        document.get_dictionary_mut(id).unwrap()
    }
    /// Resources of the page tree's root, and none of the page.
    fn set_above(document: &mut Document, resources: impl Into<Object>) {
        page(document).remove(b"Resources");
        let root = document.catalog().unwrap().get(b"Pages").unwrap().as_reference().unwrap();
        document.get_dictionary_mut(root).unwrap().set("Resources", resources);
    }
    let changes: [fn(&mut Document); 5] = [
        // Its own, with the name taken.
        |document| {
            let fonts = courier(document);
            page(document).set("Resources", dictionary! { "Font" => fonts });
        },
        // Shared, and so are its fonts.
        |document| {
            let fonts = courier(document);
            let fonts = document.add_object(fonts);
            let resources = document.add_object(dictionary! { "Font" => fonts });
            page(document).set("Resources", resources);
        },
        // None at all.
        |document| drop(page(document).remove(b"Resources")),
        // Inherited, in both ways.
        |document| {
            let fonts = courier(document);
            set_above(document, dictionary! { "Font" => fonts });
        },
        |document| {
            let fonts = courier(document);
            let resources = document.add_object(dictionary! { "Font" => fonts });
            set_above(document, resources);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut original = pdf(&[visible], |_, _| {});
        change(&mut original);
        let pdf = made(&saved(original), &[scanned()]);
        let bytes = Document::load_mem(&pdf).unwrap();
        let page = bytes.get_pages()[&1];
        let fonts = bytes.get_page_fonts(page).unwrap();
        let ours = fonts.iter().filter(|(_, font)| {
            font.get(b"Encoding").is_ok_and(|e| e.as_name().is_ok_and(|name| name == b"Identity-H"))
        });
        assert_eq!(ours.count(), 1, "{number}");
        let texts: Vec<String> = read_back(&pdf, 1).into_iter().map(|line| line.text).collect();
        assert!(texts.iter().any(|text| text.contains("Dear Sir")), "{number}: {texts:?}");
        assert_eq!(texts.contains(&"visible".to_owned()), number != 2, "{number}: {texts:?}");
    }
}

#[test]
fn letters_of_all_scripts_come_back() {
    let mut record = scanned();
    let texts = ["ﬁne (a\\b) \r1", "日本語の本文", "\u{1d400}\u{1f600} end", "שלום עולם", "naïve – “x”"];
    record.lines.clear();
    for (text, top) in texts.iter().zip([100.0, 200.0, 300.0, 400.0, 500.0]) {
        let polygon = crate::geometry::Polygon::from_rect(Rect {
            left: 100.0,
            top,
            right: 100.0 + 20.0 * text.chars().count() as f32,
            bottom: top + 40.0,
        });
        record.lines.push(TextLine { text: (*text).to_owned(), polygon, confidence: Some(0.9), words: Vec::new() });
    }
    // As Hebrew is seen: the first word at the right.
    let hebrew = &mut record.lines[3];
    let polygon = hebrew.polygon;
    let word =
        |text: &str, from, to| Word { text: text.to_owned(), polygon: polygon.piece(from, to), confidence: None };
    hebrew.words = vec![word("שלום", 0.58, 1.0), word("עולם", 0.2, 0.55)];
    record.blocks.clear();
    let pdf = made(&plain(&[""]), &[record]);
    let text = source(&pdf).text_layer(PageNumber::FIRST).unwrap().unwrap().text;
    let mut found: Vec<String> = text.lines().filter(|row| !row.is_empty()).map(str::to_owned).collect();
    found.sort();
    let mut expected = vec!["fine (a\\b) 1", "日本語の本文", "\u{1d400}\u{1f600} end", "שלום עולם", "naïve – “x”"];
    expected.sort();
    let ligatures: Vec<String> = found.iter().map(|line| line.replace('ﬁ', "fi")).collect();
    assert_eq!(ligatures, expected);
}

#[test]
fn what_cannot_be_gone_on_from_is_said() {
    let refusal = |notices: &[Notice]| match notices {
        [Notice::Refused { error, .. }] => (error.kind, error.hint.clone().unwrap_or_default()),
        other => panic!("{other:?}"),
    };
    let mut document = pdf(&[""], |_, _| {});
    let state = {
        let permissions = Permissions::all();
        let version = EncryptionVersion::V2 {
            document: &document,
            owner_password: "owner",
            user_password: "user",
            key_length: 128,
            permissions,
        };
        EncryptionState::try_from(version).unwrap()
    };
    document.encrypt(&state).unwrap();
    let encrypted = saved(document);
    let records = [scanned()];
    let (out, notices) = made_with(&encrypted, Some("user"), &records, PdfOptions::default());
    let (kind, hint) = refusal(&notices);
    assert!(out.is_empty() && kind == ErrorKind::Encrypted && hint.contains("--decrypt"), "{hint}");
    let decrypt = PdfOptions { decrypt: true, ..PdfOptions::default() };
    let (out, notices) = made_with(&encrypted, Some("user"), &records, decrypt);
    assert!(matches!(&notices[..], [Notice::Remark { message, .. }] if message.contains("without the encryption")));
    assert_there(&records[0], &read_back(&out, 1), 0.72);
    let (_, notices) = made_with(&encrypted, Some("wrong"), &records, decrypt);
    assert_eq!(refusal(&notices[1..]).0, ErrorKind::Encrypted);

    let mut broken = plain(&[""]);
    let at = broken.windows(9).rposition(|window| window == b"startxref").unwrap();
    broken[at + 10] = b'9';
    let (out, notices) = made_with(&broken, None, &records, PdfOptions::default());
    assert!(matches!(&notices[..], [Notice::Remark { message, .. }] if message.contains("damaged")), "{notices:?}");
    assert_there(&records[0], &read_back(&out, 1), 0.72);

    let signed = saved({
        let mut document = pdf(&[""], |_, _| {});
        document.catalog_mut().unwrap().set("AcroForm", dictionary! { "SigFlags" => 3, "Fields" => Vec::new() });
        document
    });
    let (out, notices) = made_with(&signed, None, &records, PdfOptions::default());
    assert!(out.starts_with(&signed));
    assert!(matches!(&notices[..], [Notice::Remark { message, .. }] if message.contains("signature")), "{notices:?}");

    let out = Shared::default();
    let mut writer = Pdf::new(out, Arc::new(super::super::original::NoOriginals), PdfOptions::default());
    writer.write_page(&records[0]).unwrap();
    assert_eq!(refusal(&writer.notices()).0, ErrorKind::Io);
}

#[test]
fn invisible_text_from_before_is_kept_or_replaced_and_nothing_else_is() {
    let content = "BT /F1 20 Tf 60 900 Td (seen) Tj 3 Tr 0 -40 Td (earlier) Tj ET /Fm Do";
    let original = saved(pdf(&[content], |document, page| {
        let fonts = page.get(b"Resources").unwrap().as_dict().unwrap().clone();
        let form = dictionary! {
            "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 720.into(), 1_008.into()],
            "Resources" => fonts.clone(),
        };
        let form = document.add_object(Stream::new(form, b"BT 3 Tr /F1 20 Tf 60 700 Td (grafted) Tj ET".to_vec()));
        let mut resources = fonts;
        resources.set("XObject", dictionary! { "Fm" => form });
        page.set("Resources", resources);
    }));
    let texts = |pdf: &[u8]| read_back(pdf, 1).into_iter().map(|line| line.text).collect::<Vec<_>>();
    let (kept, notices) = made_with(&original, None, &[scanned()], PdfOptions::default());
    assert_eq!(kept, original);
    assert!(matches!(&notices[..], [Notice::Remark { message, .. }] if message.contains("--redo-text")), "{notices:?}");
    let redo = PdfOptions { redo_text: true, ..PdfOptions::default() };
    let (redone, notices) = made_with(&original, None, &[scanned()], redo);
    assert!(notices.is_empty() && redone.starts_with(&original), "{notices:?}");
    let found = texts(&redone);
    assert!(found.iter().any(|text| text == "seen") && found.iter().any(|text| text == "Dear Sir"), "{found:?}");
    assert!(!found.iter().any(|text| text == "earlier" || text == "grafted"), "{found:?}");
}

/// A picture in which every pixel says where it is.
fn picture() -> DynamicImage {
    image::RgbImage::from_fn(60, 40, |x, y| {
        image::Rgb([(x * 4) as u8, (y * 6) as u8, ((x / 10 + y / 10) % 2 * 200) as u8])
    })
    .into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// The pages of pictures drawn again at their own resolution, beside what they are made of.
fn assert_looks_the_same(original: &[u8], pdf: &[u8]) {
    let (from, to) = (source(original), source(pdf));
    assert_eq!(from.page_count(), to.page_count());
    for number in 1..=from.page_count() {
        let number = PageNumber::new(number).unwrap();
        let seen = from.render(number, &RenderOptions::default()).unwrap();
        let drawn = to.render(number, &RenderOptions { dpi: seen.dpi, min_side: 1 }).unwrap();
        assert_eq!((seen.width, seen.height), (drawn.width, drawn.height));
        let gray = |raster: &crate::raster::Raster| match raster.format {
            crate::raster::PixelFormat::Gray8 => raster.data.clone(),
            crate::raster::PixelFormat::Rgb8 => raster
                .data
                .chunks(3)
                .map(|p| ((u32::from(p[0]) + u32::from(p[1]) + u32::from(p[2])) / 3) as u8)
                .collect(),
        };
        let (seen, drawn) = (gray(&seen), gray(&drawn));
        let differ = seen.iter().zip(&drawn).filter(|(a, b)| a.abs_diff(**b) > 12).count();
        assert!(differ * 50 < seen.len(), "{differ} of {} pixels of page {number}", seen.len());
    }
}

#[test]
fn pictures_become_pages_as_they_are_stored() {
    let record = |name: &str| PageRecord { width: 60, height: 40, ..page(&document(name, 1), 1, "") };
    let picture = picture();
    let holds = |pdf: &[u8], bytes: &[u8]| pdf.windows(bytes.len()).any(|window| window == bytes);
    let jpeg = encoded(&picture, ImageFormat::Jpeg);
    for tag in 1..=8_u8 {
        // An EXIF segment with the orientation alone.
        let exif = [
            b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(),
            &[tag],
            b"\0\0\0\0\0\0",
        ]
        .concat();
        let turned = [&jpeg[..2], &exif, &jpeg[2..]].concat();
        let pdf = made(&turned, &[record("a.jpg")]);
        assert!(holds(&pdf, &turned) && holds(&pdf, b"/DCTDecode"), "{tag}");
        assert_looks_the_same(&turned, &pdf);
    }
    let png = encoded(&picture, ImageFormat::Png);
    let pdf = made(&png, &[record("a.png")]);
    let data = png.windows(4).position(|window| window == b"IDAT").unwrap();
    assert!(holds(&pdf, &png[data + 4..data + 60]) && holds(&pdf, b"/Predictor 15"));
    assert_looks_the_same(&png, &pdf);
    // What a PDF cannot carry is compressed without loss.
    for (format, image) in [
        (ImageFormat::Bmp, picture.clone()),
        (ImageFormat::Png, DynamicImage::from(picture.to_rgba8())),
        (
            ImageFormat::Bmp,
            DynamicImage::from(image::GrayImage::from_fn(61, 40, |x, y| {
                image::Luma([if (x + y) % 7 < 3 { 0 } else { 255 }])
            })),
        ),
    ] {
        let bytes = encoded(&image, format);
        let pdf = made(&bytes, &[record("a.bmp")]);
        assert!(holds(&pdf, b"/FlateDecode"));
        assert_looks_the_same(&bytes, &pdf);
    }
}

/// Tags with their values, and the one strip of a page.
type TiffPage<'a> = (&'a [(u16, u32)], &'a [u8]);

/// A little-endian TIFF.
fn tiff(pages: &[TiffPage<'_>]) -> Vec<u8> {
    let mut file = b"II*\0".to_vec();
    let mut at = 8;
    file.extend(u32::to_le_bytes(at));
    for (number, (tags, strip)) in pages.iter().enumerate() {
        let tags: Vec<(u16, u32)> = tags.iter().copied().chain([(273, 0), (279, strip.len() as u32)]).collect();
        let mut tags = tags;
        tags.sort_unstable();
        let data = at + 2 + 12 * tags.len() as u32 + 4;
        file.extend((tags.len() as u16).to_le_bytes());
        for (tag, value) in tags {
            file.extend(tag.to_le_bytes());
            file.extend([4, 0, 1, 0, 0, 0]);
            file.extend(if tag == 273 { data } else { value }.to_le_bytes());
        }
        let next = data + strip.len() as u32;
        file.extend(if number + 1 < pages.len() { next } else { 0 }.to_le_bytes());
        file.extend(*strip);
        at = next;
    }
    file
}

#[test]
fn faxes_become_pages_as_they_are_stored_also_those_that_were_not_asked_for() {
    // Group 4: a row of 8 white, 8 black pixels (horizontal mode, 10011 000101), the same once more (V0 V0), white ones, the end.
    let bits = "001 10011 000101 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 000000000001000000000001".replace(' ', "");
    let strip: Vec<u8> = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| byte.iter().fold(0, |sum, &bit| sum << 1 | (bit - b'0')) << (8 - byte.len()))
        .collect();
    let tags = |photometric: u32, order: u32| {
        vec![(256_u16, 16_u32), (257, 8), (258, 1), (259, 4), (262, photometric), (266, order), (277, 1), (278, 8)]
    };
    let reversed: Vec<u8> = strip.iter().map(|byte| byte.reverse_bits()).collect();
    let (white, black, low) = (tags(0, 1), tags(1, 1), tags(0, 2));
    let original = tiff(&[(&white, &strip), (&black, &strip), (&low, &reversed)]);
    let seen = source(&original).render(PageNumber::FIRST, &RenderOptions::default()).unwrap();
    assert_eq!((seen.data[0], seen.data[8]), (255, 0), "the fax is what it is meant to be");
    let record = PageRecord { width: 16, height: 8, ..page(&document("a.tif", 3), 2, "") };
    let pdf = made(&original, &[record]);
    assert_eq!(pdf.windows(14).filter(|window| window == b"CCITTFaxDecode").count(), 3);
    assert_looks_the_same(&original, &pdf);
}

#[test]
fn words_of_a_picture_lie_where_they_were_read() {
    let page = image::GrayImage::from_pixel(1_000, 1_400, image::Luma([255]));
    let png = encoded(&page.into(), ImageFormat::Png);
    let record = PageRecord { dpi: 72.0, ..scanned() };
    // It says no resolution, so it becomes as long as A4.
    assert_there(&record, &read_back(&made(&png, std::slice::from_ref(&record)), 1), 841.89 / 1_400.0);
}

#[test]
fn the_same_records_make_the_same_file() {
    let (original, record) = (plain(&[""]), scanned());
    let digest = |_: u32| Digest::of(&made(&original, std::slice::from_ref(&record)));
    assert_eq!(digest(1), digest(2));
}
