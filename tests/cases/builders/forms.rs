//! Values of fields and notes that no content draws.

use lopdf::{Dictionary, Object, Stream, StringFormat, dictionary};

use crate::{
    kinds::{FACE, Kind, STANDING, Setting, UPRIGHT},
    pdf::Page,
};

pub const KINDS: &[Kind] = &[
    Kind { name: "form-comb", make: comb, varies: STANDING },
    Kind { name: "form-of-several-choices", make: several_choices, varies: STANDING },
    Kind { name: "form-buttons", make: buttons, varies: STANDING },
    Kind { name: "form-fields", make: form_fields, varies: FACE },
    Kind { name: "form-fields-of-parents", make: inherited_fields, varies: STANDING },
    Kind { name: "form-choices", make: choices, varies: STANDING },
    Kind { name: "form-of-many-lines", make: many_lines, varies: STANDING },
    Kind { name: "form-with-empty-appearances", make: empty_appearances, varies: STANDING },
    Kind { name: "form-with-old-appearances", make: old_appearances, varies: STANDING },
    Kind { name: "form-with-drawn-appearances", make: drawn_appearances, varies: STANDING },
    Kind { name: "free-text", make: free_text, varies: STANDING },
    Kind { name: "notes-that-are-not-on-the-page", make: notes, varies: STANDING },
    Kind { name: "free-text-of-lines", make: free_text_of_lines, varies: UPRIGHT },
    Kind { name: "form-hidden-fields", make: hidden_fields, varies: STANDING },
];

/// A letter a cell.
fn comb(setting: &Setting) -> (Page, String) {
    form(setting, &[("Member", "TM88417"), ("Postcode", "4077")], |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("Ff", 1 << 24);
        field.set("MaxLen", 10);
        field.set("V", string(value));
        field
    })
}

/// Of a list, more than one may be chosen.
fn several_choices(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("Fruit Signed"));
    page.text(&font, 11.0, 60.0, 700.0, "Fruit");
    let mut list = field([60, 640, 300, 690], "Ch");
    list.set("Ff", 1 << 21);
    list.set("Opt", ["Pears", "Walnuts"].map(Object::string_literal).to_vec());
    list.set("V", ["Pears", "Walnuts"].map(Object::string_literal).to_vec());
    page.annotations.push(list);
    page.text(&font, 11.0, 60.0, 600.0, "Signed");
    page.form = Some(shown_form());
    (page, "Fruit\nPears\nWalnuts\nSigned".into())
}

/// Buttons have no text but their state: a ticked one is seen as ticked.
fn buttons(setting: &Setting) -> (Page, String) {
    let (page, _) = form(setting, &[("By barge", "Yes"), ("By cart", "Off")], |rect, value| {
        let mut field = field([rect[0], rect[1], rect[0] + 12, rect[1] + 12], "Btn");
        field.set("V", Object::Name(value.into()));
        field.set("AS", Object::Name(value.into()));
        field
    });
    (page, "By barge \u{2612}\nBy cart".into())
}

fn field(rect: [i64; 4], kind: &str) -> Dictionary {
    dictionary! {
        "Type" => "Annot", "Subtype" => "Widget", "F" => 4, "FT" => kind, "T" => Object::string_literal(format!("f{}", rect[1])),
        "Rect" => rect.map(Object::from).to_vec(), "DA" => Object::string_literal("/Helv 10 Tf 0 g"),
    }
}

fn shown_form() -> Dictionary {
    let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding" };
    dictionary! {
        "NeedAppearances" => true, "DA" => Object::string_literal("/Helv 10 Tf 0 g"),
        "DR" => dictionary! { "Font" => dictionary! { "Helv" => font } },
    }
}

fn string(text: &str) -> Object {
    if text.is_ascii() {
        return Object::string_literal(text);
    }
    let bytes = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    Object::String(bytes, StringFormat::Hexadecimal)
}

/// Labels on the left, and fields beside them; `fill` makes a field of its rectangle and value.
fn form(setting: &Setting, rows: &[(&str, &str)], fill: impl Fn([i64; 4], &str) -> Dictionary) -> (Page, String) {
    let mut page = setting.page();
    let labels: String = rows.iter().map(|(label, _)| *label).collect();
    let font = page.font(&setting.font(&labels));
    for (row, (label, value)) in rows.iter().enumerate() {
        let y = 740 - 30 * row as i64;
        page.text(&font, 11.0, 60.0, y as f64, label);
        page.annotations.push(fill([180, y - 5, 420, y + 12], value));
    }
    page.form = Some(shown_form());
    let text: Vec<String> = rows.iter().map(|(label, value)| format!("{label} {value}")).collect();
    (page, text.join("\n"))
}

const FORM: [(&str, &str); 5] = [
    ("Surname", "Tamsin"),
    ("First names", "Runa Ottoline"),
    ("Birthplace", "Łódź"),
    ("Born", "1979-11-30"),
    ("Needs", "Two seats by the window"),
];

fn form_fields(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        field
    })
}

/// Kind and value are said by the field above the widget.
fn inherited_fields(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut widget = field(rect, "Tx");
        widget.remove(b"FT");
        widget.remove(b"T");
        widget
            .set("Parent", dictionary! { "FT" => "Tx", "T" => Object::string_literal("above"), "V" => string(value) });
        widget
    })
}

/// What is chosen is shown by its name, not by the value that is sent.
fn choices(setting: &Setting) -> (Page, String) {
    let rows = [("Fruit", "Pears"), ("Sack", "Large, of hemp"), ("Way", "By barge")];
    form(setting, &rows, |rect, value| {
        let mut field = field(rect, "Ch");
        let options: Vec<Object> = ["Walnuts", "Pears", "Large, of hemp", "By barge"]
            .iter()
            .enumerate()
            .map(|(index, name)| vec![Object::string_literal(format!("opt{index}")), string(name)].into())
            .collect();
        let at = ["Walnuts", "Pears", "Large, of hemp", "By barge"].iter().position(|name| *name == value).unwrap();
        field.set("Ff", 1 << 17);
        field.set("Opt", options);
        field.set("V", Object::string_literal(format!("opt{at}")));
        field
    })
}

fn many_lines(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("Remarks Signed"));
    page.text(&font, 11.0, 60.0, 700.0, "Remarks");
    let mut remarks = field([60, 600, 400, 690], "Tx");
    remarks.set("Ff", 1 << 12);
    remarks.set(
        "V",
        Object::string_literal("The gate was open.\rNobody answered the bell.\rParcel left with the miller."),
    );
    page.annotations.push(remarks);
    page.text(&font, 11.0, 60.0, 560.0, "Signed");
    page.form = Some(shown_form());
    (page, "Remarks\nThe gate was open.\nNobody answered the bell.\nParcel left with the miller.\nSigned".into())
}

/// Appearances are there and have nothing to draw.
fn empty_appearances(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        field.set("AP", dictionary! {});
        field
    })
}

/// The viewer is told to make appearances anew; those that are there are blank, or show what was once the value.
fn old_appearances(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        let (width, height) = (rect[2] - rect[0], rect[3] - rect[1]);
        let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
        let dict = dictionary! {
            "Type" => "XObject", "Subtype" => "Form", "BBox" => [0, 0, width, height].map(Object::from).to_vec(),
            "Resources" => dictionary! { "Font" => dictionary! { "Helv" => font } },
        };
        let drawn = if value.len() > 7 { "/Tx BMC EMC" } else { "/Tx BMC BT /Helv 10 Tf 2 5 Td (unknown) Tj ET EMC" };
        field.set("AP", dictionary! { "N" => Stream::new(dict, drawn.as_bytes().to_vec()) });
        field
    })
}

/// As above, but nobody is told to make them anew: what is drawn is what is seen.
fn drawn_appearances(setting: &Setting) -> (Page, String) {
    let (mut page, _) = old_appearances(setting);
    page.form = Some(dictionary! {});
    let value = |label: &str| if label == "Surname" || label == "Birthplace" { " unknown" } else { "" };
    let text = FORM.map(|(label, said)| format!("{label}{}", if said.len() > 7 { "" } else { value(label) }));
    (page, text.join("\n"))
}

fn free_text(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("Delivery note 88 Two barrels of tar"));
    page.text(&font, 12.0, 60.0, 740.0, "Delivery note 88");
    page.text(&font, 12.0, 60.0, 700.0, "Two barrels of tar");
    page.annotations.push(dictionary! {
        "Type" => "Annot", "Subtype" => "FreeText", "F" => 4, "DA" => Object::string_literal("/Helv 11 Tf 1 0 0 rg"),
        "Rect" => [60, 640, 300, 660].map(Object::from).to_vec(), "Contents" => string("one barrel leaks – see photo"),
    });
    (page, "Delivery note 88\nTwo barrels of tar\none barrel leaks – see photo".into())
}

/// A note that opens, a mark with a remark, and a link: none of them shows its words on the page.
fn notes(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(""));
    page.text(&font, 12.0, 60.0, 740.0, "Delivery note 88");
    for (kind, words) in
        [("Text", "ask Runa"), ("Highlight", "too dear"), ("Popup", "ask Runa"), ("Link", "see elsewhere")]
    {
        page.annotations.push(dictionary! {
            "Type" => "Annot", "Subtype" => kind, "F" => 4, "Contents" => string(words),
            "Rect" => [60, 736, 160, 752].map(Object::from).to_vec(),
        });
    }
    (page, "Delivery note 88".into())
}

fn free_text_of_lines(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(""));
    page.text(&font, 12.0, 60.0, 740.0, "Delivery note 89");
    page.annotations.push(dictionary! {
        "Type" => "Annot", "Subtype" => "FreeText", "F" => 4, "DA" => Object::string_literal("/Helv 11 Tf 1 0 0 rg"),
        "Rect" => [60, 600, 300, 660].map(Object::from).to_vec(),
        "Contents" => string("not yet paid\rreminder sent\rwait until May"),
    });
    (page, "Delivery note 89\nnot yet paid\nreminder sent\nwait until May".into())
}

/// What is hidden, and what is a password, is not shown.
fn hidden_fields(setting: &Setting) -> (Page, String) {
    let (page, _) = form(setting, &[("User", "runa"), ("Password", "hush"), ("Token", "83-aa")], |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        match value {
            "hush" => field.set("Ff", 1 << 13),
            "83-aa" => field.set("F", 2),
            _ => {}
        }
        field
    });
    (page, "User runa\nPassword\nToken".into())
}
