//! Pages that are pictures, under text that is not theirs; and pages whose letters are drawn.

use std::sync::OnceLock;

use image::GrayImage;

use crate::{
    outlines::{Grouping, outlined},
    pdf::{Font, Manner, Page, Standing, turned_by, write},
    pixels::{Coding, askew, bilevel, lay, render, resized},
    scans::{Expected, Scan},
    texts::{ORCHARD, WINDMILL, paragraph},
};

const SIZE: (f64, f64) = (420.0, 595.0);

/// A page of prose of the size A5, and its text.
pub fn prose(text: &str) -> (Page, String) {
    let mut page = Page::new(Manner::Plain);
    page.size = SIZE;
    let font = page.font(&Font::times());
    paragraph(&mut page, &font, 12.0, (45.0, 520.0), 330.0, text);
    (page, text.to_owned())
}

/// A few sentences, as much as a reader needs to be right or wrong about.
pub fn letter() -> &'static str {
    &ORCHARD[..ORCHARD.find("When the railway").unwrap() - 1]
}

pub fn letter_scan() -> &'static GrayImage {
    static SCAN: OnceLock<GrayImage> = OnceLock::new();
    SCAN.get_or_init(|| render(&prose(letter()).0, 200.0))
}

/// The letter as a picture over the whole page.
fn scanned(coding: Coding, cut: [u32; 2]) -> Page {
    let image =
        if coding == Coding::Jpeg || coding == Coding::Gray { letter_scan().clone() } else { bilevel(letter_scan()) };
    let mut page = Page::new(Manner::Plain);
    page.size = SIZE;
    lay(&mut page, &image, coding, [0.0, 0.0, SIZE.0, SIZE.1], cut);
    page
}

fn file(name: &str, page: Page, standing: Standing, text: String) -> Scan {
    Scan::new(name, "pdf", write(&[page], standing), text)
}

/// The scan with lines of text over it, each where and how it is set.
fn under(
    name: &str,
    coding: Coding,
    cut: [u32; 2],
    standing: Standing,
    notes: &[(&str, [f64; 6])],
    first: bool,
) -> Scan {
    let mut page = scanned(coding, cut);
    let font = page.font(&Font::helvetica());
    notes.iter().for_each(|(note, matrix)| page.turned(&font, *matrix, "0.3 g", note));
    let notes = notes.iter().map(|(note, _)| *note).collect::<Vec<_>>().join("\n");
    let text = if first { format!("{notes}\n{}", letter()) } else { format!("{}\n{notes}", letter()) };
    file(name, page, standing, text)
}

pub fn all() -> Vec<Scan> {
    let bates: &[(&str, [f64; 6])] = &[("TMS 0004711", turned_by(0.0, 9.0, 340.0, 18.0))];
    let licence =
        "Licensed to Ottoline Marsh, order 88-2047, for reading by herself alone; not to be passed on to anybody";
    let notice =
        "Downloaded from https://archive.example.org/valley/notebooks/1887/12 by Carrow Bay Library on 12 May 2023";
    let signature: &[(&str, [f64; 6])] = &[
        ("Runa Tamsin", turned_by(0.0, 13.0, 220.0, 97.0)),
        ("Digitally signed by Runa Tamsin", turned_by(0.0, 6.0, 310.0, 98.0)),
        ("DN: cn=Runa Tamsin, o=Orchard above the Village, c=NO", turned_by(0.0, 6.0, 220.0, 80.0)),
        ("Reason: accounts are complete", turned_by(0.0, 6.0, 220.0, 73.0)),
        ("Date: 2023.05.12 09:12:44 +02'00'", turned_by(0.0, 6.0, 220.0, 66.0)),
    ];
    let header: &[(&str, [f64; 6])] = &[(
        "Matter 7/2023, Exhibit 12 of 40, received by the registry on 12 May 2023, page 3 of 9",
        turned_by(0.0, 8.0, 45.0, 575.0),
    )];
    let plain = Standing::Plain;
    let mut scans = vec![
        under("scan-in-strips", Coding::Bits, [1, 14], plain, bates, false),
        under("scan-in-tiles", Coding::Gray, [3, 4], Standing::InForm, bates, false),
        under("scan-as-mask", Coding::Mask, [1, 1], plain, bates, false),
        under("scan-inverted", Coding::Inverted, [1, 1], Standing::Turned(90), bates, false),
        under("scan-of-palette", Coding::Palette, [1, 5], Standing::Cropped, bates, false),
        under("scan-under-notice", Coding::Jpeg, [1, 1], plain, &[(notice, turned_by(90.0, 7.0, 412.0, 120.0))], false),
        under(
            "scan-under-licence",
            Coding::Bits,
            [1, 1],
            plain,
            &[(licence, turned_by(50.0, 9.0, 70.0, 120.0))],
            false,
        ),
        under("scan-signed", Coding::Jpeg, [2, 2], Standing::Updated, signature, false),
        under("scan-under-header", Coding::Bits, [1, 3], Standing::ObjectStreams, header, true),
    ];
    scans.push(with_margins());
    scans.push(on_half_of_page());
    scans.push(layer_of_head());
    scans.push(many_times());
    scans.push(over_layer());
    scans.push(blank());
    scans.push(layers_of_colour());
    scans.push(sideways());
    scans.push(two_pages_askew());
    scans.extend(outlines());
    scans
}

/// The scan was laid on a larger sheet, with a number at its foot.
fn with_margins() -> Scan {
    let mut page = Page::new(Manner::Plain);
    lay(&mut page, &bilevel(letter_scan()), Coding::Bits, [75.0, 110.0, 445.0, 630.0], [1, 1]);
    let font = page.font(&Font::helvetica());
    page.text(&font, 10.0, 290.0, 30.0, "Annex B, 17");
    file("scan-with-margins", page, Standing::Plain, format!("{}\nAnnex B, 17", letter()))
}

/// Half of the page is text, and half a picture of other text.
fn on_half_of_page() -> Scan {
    let mut page = Page::new(Manner::Plain);
    let font = page.font(&Font::helvetica());
    let end = paragraph(&mut page, &font, 11.0, (50.0, 780.0), 480.0, WINDMILL);
    let (width, height) = (0.88 * SIZE.0, 0.88 * SIZE.1);
    lay(&mut page, letter_scan(), Coding::Gray, [60.0, end - 20.0 - height, width, height], [1, 1]);
    file("picture-of-text-on-half-the-page", page, Standing::Plain, format!("{WINDMILL}\n{}", letter()))
}

/// A layer that is not seen has the heading alone, eighty characters of it.
fn layer_of_head() -> Scan {
    let mut page = Page::new(Manner::Plain);
    page.size = SIZE;
    let head = "The notebook of the orchard above the village, with its years and numbers, 1887";
    let mut sheet = prose(letter()).0;
    let times = sheet.font(&Font::times());
    sheet.text(&times, 9.0, 45.0, 560.0, head);
    lay(&mut page, &bilevel(&render(&sheet, 200.0)), Coding::Bits, [0.0, 0.0, SIZE.0, SIZE.1], [1, 1]);
    let font = page.font(&Font::times());
    page.turned(&font, turned_by(0.0, 9.0, 45.0, 560.0), "3 Tr", head);
    file("scan-with-layer-of-head", page, Standing::Plain, format!("{head}\n{}", letter()))
}

/// The layer is drawn as if it were to be seen, and the scan over it.
fn over_layer() -> Scan {
    let mut page = prose(letter()).0;
    lay(&mut page, letter_scan(), Coding::Jpeg, [0.0, 0.0, SIZE.0, SIZE.1], [1, 1]);
    file("scan-over-layer", page, Standing::Plain, letter().to_owned())
}

/// A light notice is laid over the scan again and again, everywhere.
fn many_times() -> Scan {
    let mut page = scanned(Coding::Bits, [1, 1]);
    let font = page.font(&Font::helvetica());
    for (column, row) in (0..3).flat_map(|column| (0..14).map(move |row| (column, row))) {
        let place = (10.0 + 140.0 * f64::from(column), 15.0 + 42.0 * f64::from(row));
        page.turned(&font, turned_by(12.0, 11.0, place.0, place.1), "0.9 g", "copy for Runa Tamsin");
    }
    let mut scan = file("scan-under-many-notices", page, Standing::Plain, String::new());
    scan.expected = Expected::Words(letter().to_owned());
    scan
}

/// Nothing but a number over a scan of an empty sheet.
fn blank() -> Scan {
    let mut page = Page::new(Manner::Plain);
    page.size = SIZE;
    let sheet = GrayImage::from_pixel(1_000, 1_400, image::Luma([246]));
    lay(&mut page, &sheet, Coding::Jpeg, [0.0, 0.0, SIZE.0, SIZE.1], [1, 1]);
    let font = page.font(&Font::helvetica());
    page.text(&font, 10.0, 300.0, 30.0, "TMS 0004712");
    file("scan-of-empty-sheet", page, Standing::Plain, "TMS 0004712".into())
}

/// The paper as a picture of few pixels, and the ink as a mask over it.
fn layers_of_colour() -> Scan {
    let mut page = Page::new(Manner::Plain);
    page.size = SIZE;
    let whole = [0.0, 0.0, SIZE.0, SIZE.1];
    let paper = GrayImage::from_fn(105, 149, |x, y| image::Luma([225 + ((x * 7 + y * 3) % 20) as u8]));
    lay(&mut page, &paper, Coding::Jpeg, whole, [1, 1]);
    page.raw("0.1 g\n");
    lay(&mut page, &bilevel(letter_scan()), Coding::Mask, whole, [1, 1]);
    let font = page.font(&Font::helvetica());
    page.text(&font, 9.0, 340.0, 18.0, "TMS 0004713");
    file("scan-of-paper-and-ink", page, Standing::Plain, format!("{}\nTMS 0004713", letter()))
}

/// The sheet lay on its side.
fn sideways() -> Scan {
    let turned = image::imageops::rotate90(letter_scan());
    let mut page = Page::new(Manner::Plain);
    page.size = (SIZE.1, SIZE.0);
    lay(&mut page, &turned, Coding::Jpeg, [0.0, 0.0, SIZE.1, SIZE.0], [1, 1]);
    let font = page.font(&Font::helvetica());
    page.text(&font, 9.0, 480.0, 12.0, "TMS 0004714");
    file("scan-sideways", page, Standing::Plain, format!("{}\nTMS 0004714", letter()))
}

/// In strips, and six degrees askew.
fn two_pages_askew() -> Scan {
    let mut page = Page::new(Manner::Plain);
    page.size = SIZE;
    lay(&mut page, &bilevel(&askew(letter_scan(), 6.0)), Coding::Bits, [0.0, 0.0, SIZE.0, SIZE.1], [1, 9]);
    let font = page.font(&Font::helvetica());
    page.text(&font, 9.0, 340.0, 18.0, "TMS 0004715");
    file("scan-askew-in-strips", page, Standing::Plain, format!("{}\nTMS 0004715", letter()))
}

/// Letters as shapes, with a foot or a head that is text.
fn outlines() -> Vec<Scan> {
    let sheet = |grouping, note: &str, y: f64| {
        let mut page = outlined(&prose(WINDMILL).0, grouping);
        let font = page.font(&Font::helvetica());
        page.text(&font, 8.0, 60.0, y, note);
        page
    };
    let head = "The valley and its mills, second edition, revised and enlarged, printed for the society";
    vec![
        file(
            "outlines-over-number",
            sheet(Grouping::Letters, "page 8", 20.0),
            Standing::Plain,
            format!("{WINDMILL}\npage 8"),
        ),
        file(
            "outlines-of-one-path",
            sheet(Grouping::Page, "page 8", 20.0),
            Standing::InForm,
            format!("{WINDMILL}\npage 8"),
        ),
        file(
            "outlines-under-head",
            sheet(Grouping::Letters, head, 570.0),
            Standing::Turned(270),
            format!("{head}\n{WINDMILL}"),
        ),
    ]
}

/// As a picture of fewer pixels.
pub fn smaller(image: &GrayImage, by: f32) -> GrayImage {
    resized(image, (image.width() as f32 * by) as u32, (image.height() as f32 * by) as u32)
}
