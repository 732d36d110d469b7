//! Fonts of the cases: those of the standard fourteen, which every reader has, and fonts of boxes, which can be of any script.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

use super::{
    encoding::{Encoding, glyph_name, width},
    to_unicode::{Form, cmap},
    truetype::{self, Contour},
};

/// What a map says that a character is.
pub type Says = fn(char) -> String;

/// A font, and the characters that it can set.
#[derive(Clone)]
pub struct Font {
    kind: Kind,
    /// In the order of their codes, where the font has codes of its own.
    chars: Vec<char>,
    /// How its ToUnicode map is written, and what it says that each character is. `None`: it has none.
    pub to_unicode: Option<(Form, Says)>,
    /// Whether the font's own encoding is used, and none is said.
    pub builtin: bool,
    /// Shapes and width of its letters, in thousandths of an em, where they are not boxes.
    pub shapes: Option<fn(char) -> Letter>,
}

/// How a letter looks.
#[derive(Clone, Default)]
pub struct Letter {
    pub width: u16,
    pub contours: Vec<Contour>,
}

#[derive(Clone, Copy)]
enum Kind {
    Standard(&'static str, Encoding),
    /// Identity-H or Identity-V, with a TrueType font of boxes.
    Wide {
        vertical: bool,
    },
    /// A TrueType font of boxes without an encoding, symbolic or not: its codes are ASCII.
    Unencoded {
        symbolic: bool,
    },
    /// Boxes again, as procedures, with so many units to the em; the y axis may point down.
    Type3 {
        em: f64,
        flipped: bool,
        unit_matrix: bool,
    },
}

/// As the document says it is.
pub fn as_is(c: char) -> String {
    c.to_string()
}

impl Font {
    pub fn standard(base: &'static str, encoding: Encoding, text: &str) -> Self {
        Self::new(Kind::Standard(base, encoding), text)
    }

    pub fn helvetica() -> Self {
        Self::standard("Helvetica", Encoding::WinAnsi, "")
    }

    pub fn times() -> Self {
        Self::standard("Times-Roman", Encoding::WinAnsi, "")
    }

    /// Every character of `text` as a box.
    pub fn boxes(text: &str) -> Self {
        Self { to_unicode: Some((Form::Chars, as_is)), ..Self::new(Kind::Wide { vertical: false }, text) }
    }

    pub fn vertical(text: &str) -> Self {
        Self { to_unicode: Some((Form::Ranges, as_is)), ..Self::new(Kind::Wide { vertical: true }, text) }
    }

    pub fn unencoded(symbolic: bool) -> Self {
        Self::new(Kind::Unencoded { symbolic }, "")
    }

    pub fn type3(em: f64, flipped: bool, text: &str) -> Self {
        Self {
            to_unicode: Some((Form::Chars, as_is)),
            ..Self::new(Kind::Type3 { em, flipped, unit_matrix: false }, text)
        }
    }

    /// With a matrix of 1: at size 1 its letters are `em` points high, and what `Tf` says is a fraction.
    pub fn type3_of_unit_matrix(em: f64, text: &str) -> Self {
        Self { kind: Kind::Type3 { em, flipped: false, unit_matrix: true }, ..Self::type3(em, false, text) }
    }

    pub fn with_map(self, form: Form, says: Says) -> Self {
        Self { to_unicode: Some((form, says)), ..self }
    }

    fn new(kind: Kind, text: &str) -> Self {
        let mut chars: Vec<char> = text.chars().filter(|c| !c.is_control()).collect();
        chars.sort_unstable();
        chars.dedup();
        if matches!(kind, Kind::Unencoded { .. }) {
            chars = (' '..='~').collect();
        }
        Self { kind, chars, to_unicode: None, builtin: false, shapes: None }
    }

    pub fn is_vertical(&self) -> bool {
        matches!(self.kind, Kind::Wide { vertical: true })
    }

    /// The code of a character, in one byte or two.
    fn code(&self, c: char) -> u32 {
        let place =
            || self.chars.iter().position(|other| *other == c).unwrap_or_else(|| panic!("{c:?} is not in the font"));
        match self.kind {
            Kind::Standard(_, Encoding::Differences) => (place() as u32 * 97 + 13) % 255 + 1,
            Kind::Standard(_, encoding) => u32::from(encoding.code(c).unwrap_or_else(|| panic!("{c:?} has no code"))),
            Kind::Wide { .. } => place() as u32 + 1,
            Kind::Unencoded { .. } => c as u32,
            Kind::Type3 { .. } => place() as u32 + 33,
        }
    }

    fn bytes_of_code(&self) -> usize {
        if matches!(self.kind, Kind::Wide { .. }) { 2 } else { 1 }
    }

    /// A string of the content stream.
    pub fn encode(&self, text: &str) -> String {
        let digits = 2 * self.bytes_of_code();
        let codes = text.chars().map(|c| format!("{:0digits$x}", self.code(c)));
        format!("<{}>", codes.collect::<String>())
    }

    /// Of one character, in ems.
    pub fn width(&self, c: char) -> f64 {
        if let Some(shape) = self.shapes {
            return f64::from(shape(c).width) / 1_000.0;
        }
        match (self.kind, c) {
            (Kind::Standard(base, _), _) => width(base, c),
            (_, ' '..='~') => width("Helvetica", c),
            (_, '\u{2e80}'..) => 1.0,
            (_, '\u{a0}' | '\u{2000}'..='\u{206f}') => 0.28,
            _ => 0.55,
        }
    }

    pub fn width_of(&self, text: &str) -> f64 {
        text.chars().map(|c| self.width(c)).sum()
    }

    /// The font as it stands in a document.
    pub fn add_to(&self, document: &mut Document) -> ObjectId {
        let mut font = match self.kind {
            Kind::Standard(base, encoding) => dictionary! {
                "Type" => "Font", "Subtype" => "Type1", "BaseFont" => base, "Encoding" => self.encoding(encoding),
            },
            Kind::Wide { vertical } => self.wide(document, vertical),
            Kind::Unencoded { symbolic } => self.unencoded_font(document, symbolic),
            Kind::Type3 { em, flipped, unit_matrix } => {
                self.type3_font(document, em, flipped, if unit_matrix { 1.0 } else { 1.0 / em })
            }
        };
        if self.builtin {
            font.remove(b"Encoding");
        }
        if let Some((form, says)) = self.to_unicode {
            let chars: Vec<char> = if self.chars.is_empty() { (' '..='~').collect() } else { self.chars.clone() };
            let mut entries: Vec<(u32, String)> = chars.iter().map(|&c| (self.code(c), says(c))).collect();
            entries.sort_unstable();
            let map = cmap(&entries, self.bytes_of_code(), form);
            font.set("ToUnicode", document.add_object(Stream::new(dictionary! {}, map)));
        }
        document.add_object(font)
    }

    fn encoding(&self, encoding: Encoding) -> Object {
        match encoding {
            Encoding::WinAnsi => "WinAnsiEncoding".into(),
            Encoding::MacRoman => "MacRomanEncoding".into(),
            Encoding::Differences => {
                let mut named: Vec<(u32, String)> = self.chars.iter().map(|&c| (self.code(c), glyph_name(c))).collect();
                named.sort_unstable();
                let differences: Vec<Object> = named
                    .into_iter()
                    .flat_map(|(code, name)| [Object::from(code as i64), Object::Name(name.into_bytes())])
                    .collect();
                dictionary! { "Type" => "Encoding", "Differences" => differences }.into()
            }
        }
    }

    /// In thousandths of an em.
    fn widths(&self) -> Vec<u16> {
        self.chars.iter().map(|&c| (1_000.0 * self.width(c)).round() as u16).collect()
    }

    fn descriptor(&self, document: &mut Document, name: &str, flags: i64, program: Vec<u8>) -> ObjectId {
        let length = program.len() as i64;
        let program = document.add_object(Stream::new(dictionary! { "Length1" => length }, program));
        document.add_object(dictionary! {
            "Type" => "FontDescriptor", "FontName" => name, "Flags" => flags, "FontFile2" => program, "ItalicAngle" => 0,
            "FontBBox" => vec![0.into(), (-200).into(), 1_000.into(), 800.into()], "Ascent" => 800, "Descent" => -200,
            "CapHeight" => 700, "StemV" => 80,
        })
    }

    fn wide(&self, document: &mut Document, vertical: bool) -> Dictionary {
        let widths: Vec<Object> = self.widths().into_iter().map(Object::from).collect();
        let program = match self.shapes {
            Some(shape) => {
                let shapes: Vec<Vec<Contour>> = self.chars.iter().map(|&c| shape(c).contours).collect();
                truetype::font(&self.widths(), &shapes, None)
            }
            None => truetype::boxes(&self.widths(), None),
        };
        let descriptor = self.descriptor(document, "AAAAAA+Boxes", 4, program);
        let descendant = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => "AAAAAA+Boxes", "FontDescriptor" => descriptor,
            "CIDToGIDMap" => "Identity", "DW" => 1_000, "W" => vec![1.into(), widths.into()],
            "CIDSystemInfo" => dictionary! {
                "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("Identity"), "Supplement" => 0,
            },
        });
        dictionary! {
            "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "AAAAAA+Boxes", "DescendantFonts" => vec![descendant.into()],
            "Encoding" => if vertical { "Identity-V" } else { "Identity-H" },
        }
    }

    fn unencoded_font(&self, document: &mut Document, symbolic: bool) -> Dictionary {
        let program = truetype::boxes(&self.widths(), Some(32));
        let flags = if symbolic { 4 } else { 32 };
        let descriptor = self.descriptor(document, "BBBBBB+Boxes", flags, program);
        dictionary! {
            "Type" => "Font", "Subtype" => "TrueType", "BaseFont" => "BBBBBB+Boxes", "FontDescriptor" => descriptor,
            "FirstChar" => 32, "LastChar" => 126,
            "Widths" => self.widths().into_iter().map(Object::from).collect::<Vec<_>>(),
        }
    }

    fn type3_font(&self, document: &mut Document, em: f64, flipped: bool, scale: f64) -> Dictionary {
        let mut procedures = Dictionary::new();
        let mut differences: Vec<Object> = vec![33.into()];
        let mut widths: Vec<Object> = Vec::new();
        let up = if flipped { -1.0 } else { 1.0 };
        for (index, &c) in self.chars.iter().enumerate() {
            let width = em * self.width(c);
            let (left, height) = (0.05 * em, 0.7 * em * up);
            let (low, high) = (height.min(0.0), height.max(0.0));
            let right = width - 2.0 * left;
            let mark = if c == ' ' { String::new() } else { format!("{left:.5} 0 {right:.5} {height:.5} re f\n") };
            let content = format!("{width:.5} 0 0 {low:.5} {width:.5} {high:.5} d1\n{mark}");
            // Where there is no map, names say what the glyphs are.
            let name = if self.to_unicode.is_some() { format!("g{index}") } else { glyph_name(c) };
            procedures.set(name.clone(), document.add_object(Stream::new(dictionary! {}, content.into_bytes())));
            differences.push(Object::Name(name.into_bytes()));
            widths.push((width as f32).into());
        }
        dictionary! {
            "Type" => "Font", "Subtype" => "Type3", "CharProcs" => procedures, "Resources" => dictionary! {},
            "Encoding" => dictionary! { "Type" => "Encoding", "Differences" => differences },
            "FirstChar" => 33, "LastChar" => 32 + self.chars.len() as i64, "Widths" => widths,
            "FontBBox" => vec![0.into(), 0.into(), 0.into(), 0.into()],
            "FontMatrix" => vec![(scale as f32).into(), 0.into(), 0.into(), ((scale * up) as f32).into(), 0.into(), 0.into()],
        }
    }
}
