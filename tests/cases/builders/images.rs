//! Pages as they come out of scanners, fax machines, telephones and browsers; and scripts that nobody here can read.

use image::{GrayImage, ImageFormat, Luma};

use crate::{
    builders::{
        scans::{letter, letter_scan, prose, smaller},
        tables,
    },
    kinds::Setting,
    pdf::{Encoding, Font, Manner, Page, turned_by},
    pixels::{
        askew, bilevel, encode, jpeg, jpeg_of_resolution, photographed, png_of_resolution, render, resized,
        tiff_of_resolution,
    },
    scans::{Expected, Scan},
    texts::{ORCHARD, WINDMILL, paragraph, wrap},
};

pub fn all() -> Vec<Scan> {
    let scan = letter_scan();
    let png = |name: &str, image: &GrayImage| Scan::new(name, "png", encode(image, ImageFormat::Png), letter());
    let (width, height) = scan.dimensions();
    // 200 dpi both ways become 204 x 98.
    let fax = bilevel(&resized(scan, width * 204 / 200, height * 98 / 200));
    let wide = bilevel(&resized(scan, width / 2, height));
    let mut all = vec![
        png("skew-5", &askew(scan, 5.0)),
        png("skew-minus-8", &bilevel(&askew(scan, -8.0))),
        png("skew-14", &askew(scan, 14.0)),
        png("skew-1", &askew(scan, 1.2)),
        Scan::new("fax-tiff", "tif", tiff_of_resolution(&fax, 204, 98), letter()),
        Scan::new("fax-png", "png", png_of_resolution(&fax, 204.0, 98.0), letter()),
        Scan::new("fax-jpeg", "jpg", jpeg_of_resolution(&resized(&fax, width, height / 2), 200, 100), letter()),
        Scan::new("fax-on-its-side", "png", png_of_resolution(&wide, 100.0, 200.0), letter()),
        Scan::new("gif", "gif", encode(scan, ImageFormat::Gif), letter()),
        Scan::new("webp", "webp", encode(scan, ImageFormat::WebP), letter()),
        Scan::new("photograph", "jpg", jpeg(&photographed(scan), 75), letter()),
        Scan::new("scan-at-110-dpi", "png", encode(&smaller(scan, 0.55), ImageFormat::Png), letter()),
        Scan::new("scan-upside-down", "png", encode(&image::imageops::rotate180(scan), ImageFormat::Png), letter()),
    ];
    all.extend(conditions());
    all.extend(screenshots());
    all.extend(tables_and_columns());
    all.extend(other_scripts());
    all
}

/// What scanners and screens make of a page besides. Where it cannot be read, the page is to be reviewed.
fn conditions() -> Vec<Scan> {
    let scan = letter_scan();
    let (width, height) = scan.dimensions();
    let dark = GrayImage::from_fn(width, height, |x, y| {
        Luma([235 - (u16::from(scan.get_pixel(x, y).0[0]) * 215 / 255) as u8])
    });
    let faint = GrayImage::from_fn(width, height, |x, y| Luma([170 + scan.get_pixel(x, y).0[0] / 4]));
    let mut framed = GrayImage::from_pixel(width + 160, height + 120, Luma([12]));
    image::imageops::overlay(&mut framed, &askew(scan, 1.5), 100, 40);
    let mut punched = scan.clone();
    for (x, y) in [(60_i64, 500_i64), (60, 1_150)] {
        for (dx, dy) in (-32..=32).flat_map(|dx| (-32..=32).map(move |dy| (dx, dy))) {
            if dx * dx + dy * dy < 1_000 {
                punched.put_pixel((x + dx) as u32, (y + dy) as u32, Luma([20]));
            }
        }
    }
    // Two pages of a book, each askew in its own way, with a dark fold between.
    let mut spread = GrayImage::from_pixel(2 * width, height, Luma([255]));
    image::imageops::overlay(&mut spread, &askew(scan, 1.0), 0, 0);
    let (other, text) = prose(&WINDMILL[..WINDMILL.find("Twice").unwrap() - 1]);
    image::imageops::overlay(&mut spread, &askew(&render(&other, 200.0), -1.0), i64::from(width), 0);
    for (x, y) in (0..30).flat_map(|x| (0..height).map(move |y| (x, y))) {
        spread.put_pixel(width - 15 + x, y, Luma([60 + 4 * x.abs_diff(15) as u8]));
    }
    let png = |name: &str, image: &GrayImage, text: &str| Scan {
        name: name.to_owned(),
        extension: "png",
        bytes: encode(image, ImageFormat::Png),
        expected: Expected::TextOrReview(text.to_owned()),
    };
    let mut rough = png("scan-jpeg-of-low-quality", scan, letter());
    (rough.extension, rough.bytes) = ("jpg", jpeg(scan, 18));
    vec![
        png("scan-dark", &dark, letter()),
        png("scan-faint", &faint, letter()),
        png("scan-with-black-edges", &framed, letter()),
        png("scan-punched", &punched, letter()),
        png("scan-of-two-pages", &spread, &format!("{} {text}", letter())),
        rough,
    ]
}

/// Text of so many lines in one narrow column.
fn column(lines: usize) -> (Page, String) {
    let mut page = Page::new(Manner::Plain);
    let font = page.font(&Font::helvetica());
    let text = format!("{ORCHARD} {WINDMILL} ").repeat(4);
    let mut lines = wrap(&page, &font, 13.0, 330.0, &text).into_iter().take(lines).collect::<Vec<_>>();
    page.size = (380.0, 60.0 + 19.0 * lines.len() as f64);
    let top = page.size.1 - 40.0;
    lines.iter().enumerate().for_each(|(row, line)| page.text(&font, 13.0, 24.0, top - 19.0 * row as f64, line));
    let text = lines.join("\n");
    lines.clear();
    (page, text)
}

fn screenshots() -> Vec<Scan> {
    let (page, text) = column(90);
    // Letters some 26 pixels high.
    let long = render(&page, 144.0);
    assert!(long.height() > 4 * long.width());
    let mut wide = Page::new(Manner::Plain);
    wide.size = (1_400.0, 120.0);
    let font = wide.font(&Font::helvetica());
    let lines = [
        "Tide tables of Carrow Bay for the second week of May, heights in metres above the sill of the old gate",
        "All times are those of the harbour clock, which is four minutes slow, as it has been since the flood of that year",
    ];
    lines.iter().enumerate().for_each(|(row, line)| wide.text(&font, 20.0, 30.0, 80.0 - 30.0 * row as f64, line));
    let inverted =
        GrayImage::from_fn(long.width(), long.height(), |x, y| Luma([245 - long.get_pixel(x, y).0[0] / 255 * 220]));
    vec![
        Scan::new("screenshot-long-dark", "png", encode(&inverted, ImageFormat::Png), text.clone()),
        Scan::new("screenshot-long", "png", encode(&long, ImageFormat::Png), text.clone()),
        Scan::new("screenshot-long-webp", "webp", encode(&long, ImageFormat::WebP), text),
        Scan::new("banner", "png", encode(&render(&wide, 110.0), ImageFormat::Png), lines.join("\n")),
    ]
}

fn tables_and_columns() -> Vec<Scan> {
    let table = |name: &str, dpi: f32| {
        let kind = tables::KINDS.iter().find(|kind| kind.name == name).unwrap();
        let (page, text) = (kind.make)(&Setting::default());
        Scan::new(&format!("{name}-scan"), "png", encode(&render(&page, dpi), ImageFormat::Png), text)
    };
    let mut columns = Page::new(Manner::Plain);
    let font = columns.font(&Font::times());
    paragraph(&mut columns, &font, 11.0, (50.0, 780.0), 235.0, ORCHARD);
    paragraph(&mut columns, &font, 11.0, (310.0, 780.0), 235.0, WINDMILL);
    let columns = render(&columns, 170.0);
    vec![
        table("table-assay", 170.0),
        table("table-receipt", 220.0),
        table("table-balance-sheet", 170.0),
        table("table-account", 170.0),
        Scan::new("columns-scan", "png", encode(&columns, ImageFormat::Png), format!("{ORCHARD} {WINDMILL}")),
    ]
}

/// Greek by the one font of the standard fourteen that has it; Vietnamese by letters and accents; Spanish and German signs.
fn other_scripts() -> Vec<Scan> {
    let mut greek = Page::new(Manner::Plain);
    greek.size = (420.0, 420.0);
    let font = greek.font(&Font::standard("Symbol", Encoding::WinAnsi, ""));
    greek.fonts[0].builtin = true;
    // The font's own codes: a is alpha, and so on.
    let lines = [
        "oi adelfai efuteusan dendra",
        "kai egrafan ton ariqmo touV",
        "o muloV gurizei me ton anemo",
        "to biblio caqhke sto potami",
        "ta paidia maqainoun ekei",
    ];
    lines.iter().enumerate().for_each(|(row, line)| greek.text(&font, 16.0, 40.0, 360.0 - 32.0 * row as f64, line));
    let greek = encode(&render(&greek, 200.0), ImageFormat::Png);
    let (spanish, spanish_text) = prose(
        "¿Quién plantó los árboles? ¡Nadie lo sabe! ¿Y el molino? ¡Gira todavía! La niña contó once años de cosecha.",
    );
    let (german, german_text) = prose(
        "Sie sagte: „Der Müller schläft.“ Er rief: „Öffnet die Tür, es stürmt!“ Für süße Äpfel gab es größere Körbe.",
    );
    let marked =
        |name: &str, bytes| Scan { name: name.to_owned(), extension: "png", bytes, expected: Expected::Marked };
    let or_review = |name: &str, page: &Page, text: String| Scan {
        name: name.to_owned(),
        extension: "png",
        bytes: encode(&render(page, 200.0), ImageFormat::Png),
        expected: Expected::TextOrReview(text),
    };
    let (vietnamese, vietnamese_text) = vietnamese();
    vec![
        marked("greek", greek),
        or_review("spanish-signs", &spanish, spanish_text),
        or_review("german-quotes", &german, german_text),
        or_review("vietnamese", &vietnamese, vietnamese_text),
        blank_sheet(),
    ]
}

fn vietnamese() -> (Page, String) {
    use unicode_normalization::UnicodeNormalization as _;
    let mut page = Page::new(Manner::Plain);
    page.size = (420.0, 420.0);
    let font = page.font(&Font::times());
    let lines = ["Việt Nam là một nước đẹp", "Cối xay gió bên bờ sông", "Bà lão kể chuyện ngày xưa"];
    for (row, line) in lines.iter().enumerate() {
        let (mut x, y) = (40.0, 340.0 - 44.0 * row as f64);
        for c in line.chars() {
            let parts: Vec<char> = std::iter::once(c).nfd().collect();
            let letter = if parts[0] == 'đ' { 'd' } else { parts[0] };
            page.text(&font, 22.0, x, y, &letter.to_string());
            let wide = page.width(&font, 22.0, &letter.to_string());
            for (at, mark) in parts[1..].iter().enumerate() {
                let middle = x + wide / 2.0;
                match mark {
                    '\u{323}' => page.text(&font, 22.0, middle - 2.75, y - 7.0, "."),
                    '\u{31b}' => page.text(&font, 22.0, middle + 2.0, y + 2.0, "'"),
                    mark => {
                        let accent = match mark {
                            '\u{300}' => "`",
                            '\u{301}' => "´",
                            '\u{302}' => "ˆ",
                            '\u{303}' => "˜",
                            _ => "¨",
                        };
                        page.text(&font, 22.0, middle - 3.6 + 3.0 * at as f64, y + 5.0 * at as f64, accent);
                    }
                }
            }
            if parts[0] == 'đ' {
                page.turned(&font, turned_by(0.0, 22.0, x + 3.0, y + 7.0), "", "–");
            }
            x += wide;
        }
    }
    (page, lines.join("\n"))
}

fn blank_sheet() -> Scan {
    let sheet = GrayImage::from_fn(1_000, 1_400, |x, y| Luma([240 + ((x * 31 + y * 17) % 9) as u8]));
    Scan::new("blank-sheet", "png", encode(&sheet, ImageFormat::Png), "")
}
