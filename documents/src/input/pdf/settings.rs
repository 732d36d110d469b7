//! How glyphs are set that are drawn together: their face, how dark they are, what marked content they are part of.

use hayro::{hayro_interpret::Paint, kurbo::Affine};

use crate::structure::Face;

/// The settings of one page. The first is that of glyphs of which nothing is known.
pub(super) struct Settings {
    pub(super) faces: Vec<Face>,
    all: Vec<Setting>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Setting {
    /// A place in the page's faces.
    pub(super) face: u16,
    /// See [`crate::structure::LineStyle::darkness`].
    pub(super) darkness: f32,
    /// The page's marked content that it is in, counted from 1; 0 where it is in none.
    pub(super) mark: u32,
}

/// Of what nothing is known it is assumed to be black.
const UNKNOWN: Setting = Setting { face: 0, darkness: 1.0, mark: 0 };

impl Default for Settings {
    fn default() -> Self {
        Self { faces: vec![Face::default()], all: vec![UNKNOWN] }
    }
}

impl Settings {
    /// The number of a setting, the last one's if that is the same.
    pub(super) fn number(&mut self, setting: Setting) -> u32 {
        if self.all.last() != Some(&setting) {
            self.all.push(setting);
        }
        (self.all.len() - 1) as u32
    }

    pub(super) fn get(&self, number: u32) -> Setting {
        self.all.get(number as usize).copied().unwrap_or(UNKNOWN)
    }

    pub(super) fn face(&self, setting: Setting) -> &Face {
        // The first is that of which nothing is known.
        self.faces.get(usize::from(setting.face)).unwrap_or(&self.faces[0])
    }
}

/// How much darker than white paper it is, 0 to 1; half where it is a pattern.
pub(super) fn darkness(paint: &Paint<'_>) -> f32 {
    match paint {
        Paint::Color(color) => {
            let [red, green, blue, alpha] = color.to_rgba().components();
            // ITU-R BT.709.
            let light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            ((1.0 - light) * alpha).clamp(0.0, 1.0)
        }
        Paint::Pattern(_) => 0.5,
    }
}

/// Shades of what was drawn last. Colours of print take longer to convert than all else of a run of glyphs or a path. How opaque a colour is
/// can only be had by converting it, so it counts as it was for what was set alike: in the same size and direction.
#[derive(Default)]
pub(super) struct LastShades {
    kept: Vec<Shade>,
    next: usize,
}

struct Shade {
    components: [f32; COMPONENTS],
    set_as: [f64; 4],
    darkness: f32,
}

/// Of a colour of print; fewer numbers may be another colour in another space, and are converted at once.
const COMPONENTS: usize = 4;
/// A page has few colours and sizes.
const MOST_SHADES: usize = 8;

impl LastShades {
    pub(super) fn darkness(&mut self, paint: &Paint<'_>, transform: Affine) -> f32 {
        let Paint::Color(color) = paint else { return darkness(paint) };
        let Ok(components) = <[f32; COMPONENTS]>::try_from(color.components()) else { return darkness(paint) };
        let [a, b, c, d, ..] = transform.as_coeffs();
        let set_as = [a, b, c, d];
        if let Some(shade) = self.kept.iter().find(|shade| shade.components == components && shade.set_as == set_as) {
            return shade.darkness;
        }
        let shade = Shade { components, set_as, darkness: darkness(paint) };
        let darkness = shade.darkness;
        match self.kept.get_mut(self.next) {
            Some(oldest) => *oldest = shade,
            None => self.kept.push(shade),
        }
        self.next = (self.next + 1) % MOST_SHADES;
        darkness
    }
}
