//! One page: what is drawn on it, piece by piece.

use std::fmt::Write as _;

use lopdf::Dictionary;

use super::font::Font;

/// In which way a line of text is set. All of them look the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// One string at one place.
    #[default]
    Plain,
    /// Size 1 in a matrix that makes it as large as it is.
    ScaledMatrix,
    /// With the y axis pointing down, as programs for screens have it.
    Flipped,
    /// A negative size, in a matrix that turns it about.
    NegativeSize,
    /// Every letter at a place of its own, spaces too.
    Letters,
    /// Every word at a place of its own, and no spaces.
    Words,
    /// One array, with a little between letters.
    Kerned,
}

/// Pixels that a page shows.
#[derive(Clone)]
pub struct Picture {
    /// What stands in the image's dictionary beside its type.
    pub dict: Dictionary,
    pub data: Vec<u8>,
}

/// What is drawn on a page of so many points, y upwards.
#[derive(Clone)]
pub struct Page {
    pub size: (f64, f64),
    pub manner: Manner,
    pub fonts: Vec<Font>,
    pub pictures: Vec<Picture>,
    /// Each with its `Rect`.
    pub annotations: Vec<Dictionary>,
    /// What the form of the document says, beside its fields.
    pub form: Option<Dictionary>,
    /// Operators that belong together; in any order they make the same page.
    pub pieces: Vec<String>,
    /// Property lists, by name: `MC0` and on.
    pub properties: Vec<Dictionary>,
}

pub const A4: (f64, f64) = (595.0, 842.0);

/// a, b, c, d, e, f of PDF 32000-1, 8.3.3.
pub type Matrix = [f64; 6];

impl Page {
    pub fn new(manner: Manner) -> Self {
        Self {
            size: A4,
            manner,
            fonts: Vec::new(),
            pictures: Vec::new(),
            annotations: Vec::new(),
            form: None,
            pieces: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// The name by which content calls a font.
    pub fn font(&mut self, font: &Font) -> String {
        self.fonts.push(font.clone());
        format!("/F{}", self.fonts.len() - 1)
    }

    pub fn picture(&mut self, picture: Picture) -> String {
        self.pictures.push(picture);
        format!("/I{}", self.pictures.len() - 1)
    }

    /// Operators as they stand.
    pub fn raw(&mut self, operators: impl Into<String>) {
        self.pieces.push(operators.into());
    }

    /// A line from (x, y) on.
    pub fn text(&mut self, font: &str, size: f64, x: f64, y: f64, text: &str) {
        self.turned(font, [size, 0.0, 0.0, size, x, y], "", text);
    }

    /// A line that ends at (x, y).
    pub fn text_to(&mut self, font: &str, size: f64, x: f64, y: f64, text: &str) {
        let width = size * self.font_of(font).width_of(text);
        self.text(font, size, x - width, y, text);
    }

    pub fn width(&self, font: &str, size: f64, text: &str) -> f64 {
        size * self.font_of(font).width_of(text)
    }

    pub fn font_of(&self, name: &str) -> &Font {
        &self.fonts[name[2..].parse::<usize>().unwrap()]
    }

    /// A line in a matrix that maps ems to the page, after operators that set colour or rendering mode.
    pub fn turned(&mut self, name: &str, matrix: Matrix, before: &str, text: &str) {
        let piece = self.line(name, matrix, before, text);
        self.pieces.push(piece);
    }

    /// The operators of [`Self::turned`].
    pub fn line(&self, name: &str, matrix: Matrix, before: &str, text: &str) -> String {
        let font = self.font_of(name);
        let [a, b, c, d, e, f] = matrix;
        let size = c.hypot(d);
        let tm = |[a, b, c, d, e, f]: Matrix| format!("{a:.4} {b:.4} {c:.4} {d:.4} {e:.3} {f:.3} Tm");
        let by_size = |[a, b, c, d, e, f]: Matrix, size: f64| [a / size, b / size, c / size, d / size, e, f];
        let further = |ems: f64| {
            let (dx, dy) = if font.is_vertical() { (-c * ems, -d * ems) } else { (a * ems, b * ems) };
            tm(by_size([a, b, c, d, e + dx, f + dy], size))
        };
        let whole = font.encode(text);
        let mut out = format!("BT {before}\n");
        match self.manner {
            Manner::Plain => {
                let _ = writeln!(out, "{name} {size:.3} Tf {}\n{whole} Tj", tm(by_size(matrix, size)));
            }
            Manner::ScaledMatrix => {
                let _ = writeln!(out, "{name} 1 Tf {}\n{whole} Tj", tm(matrix));
            }
            Manner::Flipped => {
                let flipped = tm(by_size([a, -b, c, -d, e, -f], size));
                return format!("q 1 0 0 -1 0 0 cm\n{out}{name} {size:.3} Tf {flipped}\n{whole} Tj\nET Q\n");
            }
            Manner::NegativeSize => {
                let _ = writeln!(out, "{name} {:.3} Tf {}\n{whole} Tj", -size, tm(by_size(matrix, -size)));
            }
            Manner::Letters => {
                let _ = writeln!(out, "{name} {size:.3} Tf");
                let mut ems = 0.0;
                for letter in text.chars() {
                    let _ = writeln!(out, "{} {} Tj", further(ems), font.encode(&letter.to_string()));
                    ems += if font.is_vertical() { 1.0 } else { font.width(letter) };
                }
            }
            Manner::Words => {
                let _ = writeln!(out, "{name} {size:.3} Tf");
                let mut ems = 0.0;
                for word in text.split_inclusive(' ') {
                    let _ = writeln!(out, "{} {} Tj", further(ems), font.encode(word.trim_end()));
                    ems += if font.is_vertical() { word.chars().count() as f64 } else { font.width_of(word) };
                }
            }
            Manner::Kerned => {
                let _ = write!(out, "{name} {size:.3} Tf {}\n[", tm(by_size(matrix, size)));
                for (at, letter) in text.chars().enumerate() {
                    let _ = write!(out, "{}{}", font.encode(&letter.to_string()), [18, -25, 7][at % 3]);
                }
                out.push_str("] TJ\n");
            }
        }
        out.push_str("ET\n");
        out
    }
}

/// A matrix that sets ems of `size` points from (x, y), turned by `degrees` against the clock.
pub fn turned_by(degrees: f64, size: f64, x: f64, y: f64) -> Matrix {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [size * cos, size * sin, -size * sin, size * cos, x, y]
}
