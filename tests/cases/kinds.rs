//! What a kind of page is, and in how many ways it is made.

use std::fmt;

use crate::pdf::{Encoding, Font, Manner, Page, Standing, write};

/// What may vary on a page without changing what is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Setting {
    pub face: Face,
    pub manner: Manner,
    pub order: Order,
    pub standing: Standing,
}

/// A font for Latin text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Face {
    #[default]
    Helvetica,
    /// In Mac OS Roman.
    Times,
    /// With codes of its own, whose names say what they are.
    Courier,
    /// Identity-H, with a ToUnicode map.
    Wide,
}

/// In which order the pieces of a page are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    AsRead,
    Reversed,
    Mixed,
}

impl Setting {
    /// The font of this setting, for ASCII and the characters of `text`.
    pub fn font(&self, text: &str) -> Font {
        let text = &(' '..='~').chain(text.chars()).collect::<String>();
        match self.face {
            Face::Helvetica => Font::helvetica(),
            Face::Times => Font::standard("Times-Roman", Encoding::MacRoman, ""),
            Face::Courier => Font::standard("Courier", Encoding::Differences, text),
            Face::Wide => Font::boxes(text),
        }
    }

    /// An empty page to be set in this way.
    pub fn page(&self) -> Page {
        Page::new(self.manner)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        let mut parts = Vec::new();
        if self.face != default.face {
            parts.push(format!("{:?}", self.face));
        }
        if self.manner != default.manner {
            parts.push(format!("{:?}", self.manner));
        }
        if self.order != default.order {
            parts.push(format!("{:?}", self.order));
        }
        if self.standing != default.standing {
            parts.push(format!("{:?}", self.standing));
        }
        f.write_str(&parts.join(" ").replace(['(', ')', '.'], ""))
    }
}

/// Which parts of a setting a kind of page lets vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Varies {
    pub face: bool,
    pub manner: bool,
    pub order: bool,
    /// What is turned with the page is seen sideways.
    pub turned: bool,
}

pub const ALL: Varies = Varies { face: true, manner: true, order: true, turned: true };
/// The order of drawing says how it is to be read.
pub const NOT_ORDER: Varies = Varies { order: false, ..ALL };
/// Only how the page stands in the file.
pub const STANDING: Varies = Varies { face: false, manner: false, ..NOT_ORDER };
pub const ORDER: Varies = Varies { order: true, ..STANDING };
pub const UPRIGHT: Varies = Varies { turned: false, ..STANDING };
pub const FACE: Varies = Varies { face: true, ..STANDING };

/// A kind of page: its name, how it is made, with the text that is to be read, and what may vary.
pub struct Kind {
    pub name: &'static str,
    pub make: fn(&Setting) -> (Page, String),
    pub varies: Varies,
}

/// One file.
pub struct Case {
    /// Of the kind, and of the variant.
    pub name: String,
    pub bytes: Vec<u8>,
    pub expected: String,
}

impl Kind {
    pub fn settings(&self) -> Vec<Setting> {
        let plain = Setting::default();
        let mut settings: Vec<Setting> = Standing::ALL.map(|standing| Setting { standing, ..plain }).into();
        if !self.varies.turned {
            settings.retain(|setting| !matches!(setting.standing, Standing::Turned(_)));
        }
        if self.varies.face {
            settings.extend([Face::Times, Face::Courier, Face::Wide].map(|face| Setting { face, ..plain }));
        }
        if self.varies.manner {
            let manners = [
                Manner::ScaledMatrix,
                Manner::Flipped,
                Manner::NegativeSize,
                Manner::Letters,
                Manner::Words,
                Manner::Kerned,
            ];
            settings.extend(manners.map(|manner| Setting { manner, ..plain }));
        }
        if self.varies.order {
            settings.extend([Order::Reversed, Order::Mixed].map(|order| Setting { order, ..plain }));
        }
        settings
    }

    pub fn cases(&self) -> Vec<Case> {
        self.settings().into_iter().map(|setting| self.case(&setting)).collect()
    }

    /// Of a case in this setting.
    pub fn name_of(&self, setting: &Setting) -> String {
        let variant = setting.to_string();
        if variant.is_empty() { self.name.to_owned() } else { format!("{}: {variant}", self.name) }
    }

    pub fn case(&self, setting: &Setting) -> Case {
        let (mut page, expected) = (self.make)(setting);
        match setting.order {
            Order::AsRead => {}
            Order::Reversed => page.pieces.reverse(),
            Order::Mixed => mix(&mut page.pieces),
        }
        Case { name: self.name_of(setting), bytes: write(&[page], setting.standing), expected }
    }
}

/// In an order that is the same in every run (a linear congruential generator).
fn mix(pieces: &mut [String]) {
    let mut state = 20_211_u64;
    for at in (1..pieces.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        pieces.swap(at, (state >> 33) as usize % (at + 1));
    }
}
