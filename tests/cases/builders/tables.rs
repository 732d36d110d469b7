//! Tables: a row a line, however its cells lie.

use crate::{
    kinds::{ALL, Kind, NOT_ORDER, Setting},
    pdf::Page,
    texts::{ORCHARD, WINDMILL, paragraph},
};

pub const KINDS: &[Kind] = &[
    Kind { name: "table-assay", make: assay, varies: ALL },
    Kind { name: "table-account", make: account, varies: ALL },
    Kind { name: "table-phrases", make: phrases, varies: ALL },
    Kind { name: "table-phrases-small-letters", make: phrases_in_small_letters, varies: NOT_ORDER },
    Kind { name: "table-receipt", make: receipt, varies: ALL },
    Kind { name: "table-balance-sheet", make: balance_sheet, varies: ALL },
    Kind { name: "table-timetable", make: timetable, varies: ALL },
    Kind { name: "table-contents", make: contents, varies: ALL },
    Kind { name: "table-contents-without-dots", make: contents_without_dots, varies: ALL },
    Kind { name: "table-form-rows", make: form_rows, varies: ALL },
    Kind { name: "table-by-columns", make: by_columns, varies: NOT_ORDER },
    Kind { name: "table-under-prose", make: under_prose, varies: NOT_ORDER },
    Kind { name: "table-of-three-rows", make: three_rows, varies: ALL },
    Kind { name: "table-of-many-lines", make: many_lines, varies: NOT_ORDER },
    Kind { name: "table-receipt-by-columns", make: receipt_by_columns, varies: NOT_ORDER },
    Kind { name: "table-ruled", make: ruled, varies: ALL },
    Kind { name: "table-of-names", make: names, varies: ALL },
    Kind { name: "columns-of-prose", make: columns_of_prose, varies: NOT_ORDER },
    Kind { name: "columns-of-prose-three", make: three_columns, varies: NOT_ORDER },
];

/// Where a column stands: from its left end, or to its right end.
#[derive(Clone, Copy)]
enum At {
    Left(f64),
    Right(f64),
}

/// Sets rows from `top` on; an empty cell is no cell.
fn table(page: &mut Page, font: &str, size: f64, top: f64, pitch: f64, columns: &[At], rows: &[&[&str]]) {
    for (index, row) in rows.iter().enumerate() {
        let y = top - pitch * index as f64;
        for (cell, at) in row.iter().zip(columns).filter(|(cell, _)| !cell.is_empty()) {
            match *at {
                At::Left(x) => page.text(font, size, x, y, cell),
                At::Right(x) => page.text_to(font, size, x, y, cell),
            }
        }
    }
}

/// As it is to be read.
fn by_rows(rows: &[&[&str]]) -> String {
    let row = |row: &&[&str]| row.iter().filter(|cell| !cell.is_empty()).copied().collect::<Vec<_>>().join(" ");
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn whole(setting: &Setting, size: f64, pitch: f64, columns: &[At], rows: &[&[&str]]) -> (Page, String) {
    let mut page = setting.page();
    let text = by_rows(rows);
    let font = page.font(&setting.font(&text));
    table(&mut page, &font, size, 720.0, pitch, columns, rows);
    (page, text)
}

fn assay(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Analyte", "Method", "Result", "Unit", "Range"],
        &["Ferritin", "immunoassay", "82", "ug/l", "30-300"],
        &["Vitamin B12", "immunoassay", "311", "ng/l", "197-771"],
        &["Folic acid", "immunoassay", "7.9", "ug/l", "3.1-20.5"],
        &["Magnesium", "colorimetric", "0.84", "mmol/l", "0.66-1.07"],
        &["Zinc", "colorimetric", "12.2", "umol/l", "9.2-18.4"],
        &["Uric acid", "enzymatic", "341", "umol/l", "202-416"],
        &["Total protein", "biuret", "71", "g/l", "64-83"],
    ];
    whole(
        setting,
        8.5,
        13.0,
        &[At::Left(48.0), At::Left(190.0), At::Right(330.0), At::Left(352.0), At::Left(450.0)],
        rows,
    )
}

fn account(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Booked", "Value", "Text", "Out", "In", "Balance"],
        &["04.05.2023", "05.05.", "Bakery Holm and Daughters", "17.80", "", "1,204.11"],
        &["05.05.2023", "05.05.", "Ferry pass, May", "64.00", "", "1,140.11"],
        &["08.05.2023", "09.05.", "Refund Tolvane Garage", "", "212.45", "1,352.56"],
        &["09.05.2023", "10.05.", "Rent, Upper Meadow 12", "790.00", "", "562.56"],
        &["11.05.2023", "12.05.", "Wages Ostrava Print Works", "", "2,318.07", "2,880.63"],
        &["12.05.2023", "12.05.", "Cash, Mill Square", "100.00", "", "2,780.63"],
        &["15.05.2023", "16.05.", "Electricity Westerly Power", "88.19", "", "2,692.44"],
        &["17.05.2023", "17.05.", "Library fine", "2.50", "", "2,689.94"],
    ];
    let columns =
        [At::Left(45.0), At::Left(105.0), At::Left(150.0), At::Right(390.0), At::Right(460.0), At::Right(540.0)];
    whole(setting, 8.0, 14.0, &columns, rows)
}

const PHRASES: &[&[&str]] = &[
    &["Goods", "Delivered by"],
    &["Oak boards, dried for two years", "Brothers Tamsin, Saw Mill Road"],
    &["Copper nails, square, by the pound", "Ironmonger Velde at the Old Gate"],
    &["Linseed oil in cans of five litres", "Oil Press Carrow, Lower Village"],
    &["Hemp rope, tarred, by the fathom", "Rope Walk of the Widow Anders"],
    &["Lime from the northern kiln, sieved", "Kiln Master Orrin and Company"],
    &["Slates for the roof, first choice", "Quarry of Saint Brannoc, Pier 2"],
];

fn phrases(setting: &Setting) -> (Page, String) {
    whole(setting, 10.0, 15.0, &[At::Left(50.0), At::Left(315.0)], PHRASES)
}

/// Cells begin with small letters, as dictionaries and lists of terms have them.
fn phrases_in_small_letters(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["oak boards, dried for two years", "planches de bois de la scierie"],
        &["copper nails, square, by the pound", "clous de cuivre, de section droite"],
        &["linseed oil in cans of five litres", "huile de lin en bidons scellables"],
        &["hemp rope, tarred, by the fathom", "cordage de chanvre au goudron"],
        &["lime from the northern kiln, sieved", "chaux du grand four du nord"],
        &["slates for the roof, first choice", "ardoises de toit, premier choix"],
        &["tallow for the wheels of the carts", "suif pour les roues des chariots"],
    ];
    whole(setting, 10.0, 15.0, &[At::Left(50.0), At::Left(315.0)], rows)
}

fn receipt(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Rye bread", "3.90"],
        &["Milk 1.5%", "1.29"],
        &["Goat cheese, young", "5.49"],
        &["Apples 1.240 kg x 2.80", "3.47"],
        &["Paper towels", "2.15"],
        &["Discount card", "-0.80"],
        &["Subtotal", "15.50"],
        &["VAT 7%", "1.02"],
        &["TOTAL", "15.50"],
        &["Cash", "20.00"],
        &["Change", "4.50"],
    ];
    let mut page = setting.page();
    page.size = (226.0, 400.0);
    let text = by_rows(rows);
    let font = page.font(&setting.font(&text));
    table(&mut page, &font, 9.0, 340.0, 12.0, &[At::Left(14.0), At::Right(212.0)], rows);
    (page, text)
}

fn balance_sheet(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Assets", "2022", "2021"],
        &["Fixed assets", "", ""],
        &["Land and buildings", "1,480,000", "1,512,500"],
        &["Machines", "312,040", "288,910"],
        &["Current assets", "", ""],
        &["Stock", "96,300", "101,775"],
        &["Receivables", "54,118", "47,002"],
        &["Cash at bank", "23,871", "31,640"],
        &["Total assets", "1,966,329", "1,981,827"],
        &["Liabilities", "", ""],
        &["Capital", "1,200,000", "1,200,000"],
        &["Loans due after one year", "640,000", "700,000"],
        &["Creditors", "126,329", "81,827"],
        &["Total liabilities", "1,966,329", "1,981,827"],
    ];
    whole(setting, 10.0, 16.0, &[At::Left(60.0), At::Right(430.0), At::Right(530.0)], rows)
}

fn timetable(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Harbour", "06:10", "07:10", "08:10", "09:10", "10:10"],
        &["Mill Bridge", "06:17", "07:17", "08:17", "09:17", "10:17"],
        &["Orchard", "06:24", "", "08:24", "", "10:24"],
        &["Upper Gate", "06:31", "07:29", "08:31", "09:29", "10:31"],
        &["Quarry", "06:40", "07:38", "08:40", "09:38", "10:40"],
    ];
    let columns = [At::Left(50.0), At::Left(180.0), At::Left(240.0), At::Left(300.0), At::Left(360.0), At::Left(420.0)];
    whole(setting, 9.0, 12.5, &columns, rows)
}

const CHAPTERS: &[&[&str]] = &[
    &["1 The mill and its keepers", "7"],
    &["2 Water rights", "19"],
    &["2.1 The upper meadows", "23"],
    &["2.2 The lower meadows and the dam", "31"],
    &["3 Fires", "48"],
    &["4 Accounts of the back door", "55"],
    &["Index", "71"],
];

fn contents(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let lines: Vec<String> = CHAPTERS.iter().map(|row| format!("{} {} {}", row[0], ".".repeat(24), row[1])).collect();
    let text = lines.join("\n");
    let font = page.font(&setting.font(&text));
    for (row, chapter) in CHAPTERS.iter().enumerate() {
        let y = 700.0 - 18.0 * row as f64;
        page.text(&font, 11.0, 60.0, y, chapter[0]);
        let from = 60.0 + page.width(&font, 11.0, chapter[0]) + 4.0;
        let dot = page.width(&font, 11.0, ".");
        let until = 520.0 - page.width(&font, 11.0, chapter[1]) - 4.0;
        page.text(&font, 11.0, from, y, &".".repeat(((until - from) / dot) as usize));
        page.text_to(&font, 11.0, 520.0, y, chapter[1]);
    }
    // How many dots there are is nobody's concern: they are left out of both.
    (page, by_rows(CHAPTERS))
}

fn contents_without_dots(setting: &Setting) -> (Page, String) {
    whole(setting, 11.0, 18.0, &[At::Left(60.0), At::Right(520.0)], CHAPTERS)
}

fn form_rows(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Name:", "Ottoline Marsh", "Member no.:", "00417"],
        &["Street:", "Ropewalk 3", "Since:", "1 June 2009"],
        &["Town:", "Carrow Bay", "Class:", "B"],
        &["Telephone:", "555 0199", "Renewal:", "yearly"],
    ];
    whole(setting, 10.0, 20.0, &[At::Left(60.0), At::Left(130.0), At::Left(340.0), At::Left(430.0)], rows)
}

/// The same table, drawn column after column.
fn by_columns(setting: &Setting) -> (Page, String) {
    let (mut page, text) = assay(setting);
    let rows = page.pieces.len() / 5;
    let columns = (0..5).flat_map(|column| (0..rows).map(move |row| 5 * row + column));
    page.pieces = columns.map(|at| page.pieces[at].clone()).collect();
    (page, text)
}

fn under_prose(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let text = format!("{ORCHARD} {}", by_rows(PHRASES));
    let font = page.font(&setting.font(&text));
    let y = paragraph(&mut page, &font, 10.0, (50.0, 780.0), 490.0, ORCHARD);
    table(&mut page, &font, 10.0, y - 20.0, 15.0, &[At::Left(50.0), At::Left(315.0)], PHRASES);
    (page, text)
}

/// Descriptions run on in a second line; what belongs to them stands beside the first.
fn many_lines(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["No.", "Description", "Days", "Sum"],
        &["1", "Repair of the upper sluice with oak", "3", "1,210.00"],
        &["", "from the society's own wood", "", ""],
        &["2", "Cleaning of the mill race", "1", "180.00"],
        &["3", "Two wheels, balanced and greased", "2", "644.50"],
        &["", "as in the year before", "", ""],
        &["4", "Carriage", "", "35.00"],
        &["", "Total", "", "2,069.50"],
    ];
    whole(setting, 10.0, 13.0, &[At::Left(50.0), At::Left(80.0), At::Right(400.0), At::Right(500.0)], rows)
}

/// All names, and then all prices.
fn receipt_by_columns(setting: &Setting) -> (Page, String) {
    let (mut page, text) = receipt(setting);
    let (names, prices): (Vec<_>, Vec<_>) = page.pieces.chunks(2).map(|row| (row[0].clone(), row[1].clone())).unzip();
    page.pieces = [names, prices].concat();
    (page, text)
}

fn three_rows(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Weight of the parcel in kilograms", "Price within the country"],
        &["Up to two, no longer than one metre", "Four crowns and sixty pence"],
        &["Up to five, no longer than one metre", "Six crowns and ten pence"],
    ];
    whole(setting, 10.0, 15.0, &[At::Left(60.0), At::Left(320.0)], rows)
}

/// With lines between its cells.
fn ruled(setting: &Setting) -> (Page, String) {
    let (mut page, text) = account(setting);
    for row in 0..10 {
        let y = 730.0 - 14.0 * f64::from(row);
        page.raw(format!("0.5 w 40 {y} m 545 {y} l S\n"));
    }
    for x in [40.0, 100.0, 146.0, 340.0, 400.0, 470.0, 545.0] {
        page.raw(format!("0.5 w {x} 604 m {x} 730 l S\n"));
    }
    (page, text)
}

/// Cells of one or two words each, all beginning with capitals.
fn names(setting: &Setting) -> (Page, String) {
    let rows: &[&[&str]] = &[
        &["Ottoline Marsh", "Carrow Bay", "Treasurer"],
        &["Piet Velde", "Old Gate", "Chair"],
        &["Runa Anders", "Lower Village", "Secretary"],
        &["Brannoc Orrin", "Saw Mill Road", "Member"],
        &["Tamsin Holm", "Upper Meadow", "Member"],
        &["Ludmila Quist", "Carrow Bay", "Auditor"],
    ];
    whole(setting, 11.0, 17.0, &[At::Left(60.0), At::Left(220.0), At::Left(380.0)], rows)
}

/// Baselines align, and it is no table for that.
fn columns_of_prose(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD} {WINDMILL}")));
    paragraph(&mut page, &font, 10.0, (50.0, 780.0), 235.0, ORCHARD);
    paragraph(&mut page, &font, 10.0, (310.0, 780.0), 235.0, WINDMILL);
    (page, format!("{ORCHARD} {WINDMILL}"))
}

fn three_columns(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD} {WINDMILL}")));
    let texts = [ORCHARD, WINDMILL, &ORCHARD[..ORCHARD.find("Visitors").unwrap()]];
    for (column, text) in texts.iter().enumerate() {
        paragraph(&mut page, &font, 9.0, (40.0 + 178.0 * column as f64, 780.0), 160.0, text);
    }
    (page, texts.join(" "))
}
