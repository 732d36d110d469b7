//! Which font a glyph is of, and what that font is: bold, italic, monospaced.
//!
//! hayro hands out glyphs without their font's dictionary, which alone has the name and what is said of it. But each glyph knows its font
//! program, and so does the font that is made of a dictionary: where the programs are the same, so are the fonts. Making one takes a tenth
//! of a millisecond, and is done once a document. Letters of Type 3 fonts have no program; their widths and characters tell.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

use hayro::{
    hayro_interpret::{
        InterpreterSettings,
        font::{Glyph as PdfGlyph, OutlineGlyph, PositionedGlyph},
    },
    hayro_syntax::{
        object::{Array, Dict, Name, Object, Stream, dict::keys::ANNOTS},
        page::{Page, Resources},
    },
};
use hayro_font::{Font, FontCache, FontGlyph, GlyphId};

use super::names::face_of;
use crate::structure::Face;

/// Fonts of a document of which is remembered what they are; more than that are looked at anew.
const MOST_KNOWN: usize = 4_096;
/// Fonts that one page may have, and forms in which they are looked for.
const MOST_CANDIDATES: usize = 512;
const MOST_FORMS: usize = 256;
/// Forms within forms: in deeper ones fonts are not looked for.
const DEEPEST_FORM: u32 = 8;
/// Glyphs of a run that are compared where several fonts may be theirs.
const COMPARED: usize = 32;

/// What is known of a document's fonts, by their object numbers.
#[derive(Default)]
pub(super) struct KnownFonts(HashMap<(u32, i32), Known>);

#[derive(Clone)]
struct Known {
    /// What all glyphs of the font have in common; of Type 3 fonts nothing.
    program: Option<u128>,
    is_type3: bool,
    face: Face,
}

/// The fonts of one page.
pub(super) struct Faces<'a, 'k> {
    page: &'a Page<'a>,
    known: &'k mut KnownFonts,
    made: &'k FontCache<'a>,
    settings: &'k InterpreterSettings,
    /// The first is that of glyphs of which nothing is known.
    faces: Vec<Face>,
    candidates: Vec<Candidate<'a>>,
    /// Where candidates have been looked for.
    searched: usize,
    /// Programs that have been looked for: what they are, as far as one font has them.
    programs: HashMap<u128, Found>,
    last: u16,
}

#[derive(Clone, Copy)]
enum Found {
    One(u16),
    /// Several fonts that do not look the same have this program.
    Several,
}

struct Candidate<'a> {
    dict: Dict<'a>,
    known: Known,
    /// Its place in `faces`.
    face: u16,
    font: Option<Option<Font<'a>>>,
}

impl<'a, 'k> Faces<'a, 'k> {
    pub(super) fn new(
        page: &'a Page<'a>,
        known: &'k mut KnownFonts,
        made: &'k FontCache<'a>,
        settings: &'k InterpreterSettings,
    ) -> Self {
        Self {
            page,
            known,
            made,
            settings,
            faces: vec![Face::default()],
            candidates: Vec::new(),
            searched: 0,
            programs: HashMap::new(),
            last: 0,
        }
    }

    /// All that were found; the numbers of [`Self::of`] are places in it.
    pub(super) fn into_all(self) -> Vec<Face> {
        self.faces
    }

    /// Whether a face is one of mathematics.
    pub(super) fn is_of_mathematics(&self, face: u16) -> bool {
        self.faces.get(usize::from(face)).is_some_and(|face| face.mathematics)
    }

    /// The face that glyphs of one run are set in.
    pub(super) fn of(&mut self, glyphs: &[PositionedGlyph<'_>]) -> u16 {
        let Some(first) = glyphs.first() else { return 0 };
        self.last = match &**first {
            PdfGlyph::Outline(outline) => {
                let program = program_of(outline);
                match self.programs.get(&program).copied().unwrap_or_else(|| self.search(program)) {
                    Found::One(face) => face,
                    Found::Several => self.compare(Some(program), glyphs),
                }
            }
            PdfGlyph::Type3(_) => self.compare(None, glyphs),
        };
        self.last
    }

    /// Looks for a program among the fonts of the page, then in its forms, then in its annotations.
    fn search(&mut self, program: u128) -> Found {
        let found = loop {
            let mut faces =
                self.candidates.iter().filter(|font| font.known.program == Some(program)).map(|font| font.face);
            if let Some(face) = faces.next() {
                // Encodings of one font are fonts of their own, and look the same.
                break if faces.all(|other| other == face) { Found::One(face) } else { Found::Several };
            }
            if !self.look_further() {
                break Found::One(0);
            }
        };
        self.programs.insert(program, found);
        found
    }

    /// The font whose letters are as wide, and mean the same.
    fn compare(&mut self, program: Option<u128>, glyphs: &[PositionedGlyph<'_>]) -> u16 {
        let mut at = 0;
        // Runs of one font follow each other.
        let last = self.candidates.iter().position(|candidate| candidate.face == self.last);
        if let Some(last) = last.filter(|&last| self.may_be(last, program, glyphs)) {
            return self.candidates[last].face;
        }
        loop {
            while at < self.candidates.len() {
                if self.may_be(at, program, glyphs) {
                    return self.candidates[at].face;
                }
                at += 1;
            }
            if !self.look_further() {
                break;
            }
        }
        let alike = self.candidates.iter().find(|font| font.known.program == program && program.is_some());
        alike.map_or(0, |font| font.face)
    }

    fn may_be(&mut self, at: usize, program: Option<u128>, glyphs: &[PositionedGlyph<'_>]) -> bool {
        let candidate = &mut self.candidates[at];
        if candidate.known.program != program || candidate.known.is_type3 != program.is_none() {
            return false;
        }
        let font = candidate.font.get_or_insert_with(|| made(self.made, &candidate.dict, self.settings));
        let Some(font) = font else { return false };
        glyphs.iter().take(COMPARED).all(|glyph| is_glyph_of(font, glyph))
    }

    /// Whether there was another place to look for fonts.
    fn look_further(&mut self) -> bool {
        self.searched += 1;
        let page = self.page;
        match self.searched {
            1 => self.take(page.resources()),
            2 => {
                let mut forms = MOST_FORMS;
                self.take_forms(page.resources(), &mut forms, 0);
            }
            3 => {
                let mut forms = MOST_FORMS;
                let annotations = page.raw().get::<Array<'_>>(ANNOTS);
                for annotation in annotations.iter().flat_map(|all| all.iter::<Dict<'_>>()).take(MOST_FORMS) {
                    let Some(appearances) = annotation.get::<Dict<'_>>(b"AP") else { continue };
                    match appearances.get::<Object<'_>>(b"N") {
                        Some(Object::Stream(stream)) => self.take_form(&stream, &mut forms, 0),
                        Some(Object::Dict(states)) => {
                            let streams: Vec<Stream<'_>> =
                                states.keys().filter_map(|state| states.get::<Stream<'_>>(state)).collect();
                            streams.iter().for_each(|stream| self.take_form(stream, &mut forms, 0));
                        }
                        _ => {}
                    }
                }
            }
            _ => return false,
        }
        true
    }

    fn take_forms(&mut self, resources: &Resources<'a>, forms: &mut usize, depth: u32) {
        for name in sorted_keys(&resources.x_objects) {
            if *forms == 0 {
                return;
            }
            if let Some(stream) = resources.x_objects.get::<Stream<'_>>(name) {
                self.take_form(&stream, forms, depth);
            }
        }
    }

    fn take_form(&mut self, stream: &Stream<'a>, forms: &mut usize, depth: u32) {
        let dict = stream.dict();
        let is_form = dict.get::<Name<'_>>(b"Subtype").is_none_or(|subtype| &*subtype == b"Form");
        if !is_form || *forms == 0 || depth > DEEPEST_FORM {
            return;
        }
        *forms -= 1;
        if let Some(resources) = dict.get::<Dict<'_>>(b"Resources") {
            let resources = Resources::new(resources);
            self.take(&resources);
            self.take_forms(&resources, forms, depth + 1);
        }
    }

    fn take(&mut self, resources: &Resources<'a>) {
        for name in sorted_keys(&resources.fonts) {
            if self.candidates.len() >= MOST_CANDIDATES {
                return;
            }
            let Some(dict) = resources.fonts.get::<Dict<'_>>(&name) else { continue };
            let reference = resources.fonts.get_ref(&name);
            let number = reference.map(|reference| (reference.obj_number, reference.gen_number));
            if self.candidates.iter().any(|other| other.dict.data() == dict.data()) {
                continue;
            }
            let known = match number.and_then(|number| self.known.0.get(&number)) {
                Some(known) => known.clone(),
                None => {
                    let known = Known::of(&dict, self.settings);
                    if let Some(number) = number.filter(|_| self.known.0.len() < MOST_KNOWN) {
                        self.known.0.insert(number, known.clone());
                    }
                    known
                }
            };
            let alike = self.faces[1..].iter().position(|face| *face == known.face).map(|at| at + 1);
            let face = alike.unwrap_or_else(|| {
                self.faces.push(known.face.clone());
                self.faces.len() - 1
            });
            self.candidates.push(Candidate { dict, known, face: face as u16, font: None });
        }
    }
}

/// In an order that is always the same.
fn sorted_keys<'a>(dict: &Dict<'a>) -> Vec<Name<'a>> {
    let mut names: Vec<Name<'_>> = dict.keys().collect();
    names.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    names
}

impl Known {
    fn of(dict: &Dict<'_>, settings: &InterpreterSettings) -> Self {
        let is_type3 = dict.get::<Name<'_>>(b"Subtype").as_deref() == Some(b"Type3");
        let program = || match made(&FontCache::new(), dict, settings)?.glyph(GlyphId::NOTDEF, 0) {
            FontGlyph::Outline(outline) => Some(program_of(&outline)),
            FontGlyph::Type3(_) => None,
        };
        Self { program: if is_type3 { None } else { program() }, is_type3, face: face_of(dict) }
    }
}

fn made<'d>(cache: &FontCache<'d>, dict: &Dict<'d>, settings: &InterpreterSettings) -> Option<Font<'d>> {
    cache.font(dict, &settings.font_resolver, &settings.cmap_resolver)
}

fn is_glyph_of(font: &Font<'_>, glyph: &PdfGlyph<'_>) -> bool {
    let code = glyph.char_code();
    let (width, text) = match font.glyph(font.map_code(code), code) {
        FontGlyph::Outline(outline) => (outline.advance_width(), outline.as_unicode()),
        FontGlyph::Type3(letter) => (Some(letter.advance_width()), letter.as_unicode()),
    };
    let seen = match glyph {
        PdfGlyph::Outline(outline) => outline.advance_width(),
        PdfGlyph::Type3(letter) => letter.advance_width(),
    };
    width == seen && text == glyph.as_unicode()
}

/// A number for the font's program, the same for all of its glyphs: what a glyph's identifier hashes first.
fn program_of(glyph: &OutlineGlyph) -> u128 {
    struct First(Option<u128>);
    impl Hasher for First {
        fn write(&mut self, _: &[u8]) {}
        fn write_u128(&mut self, number: u128) {
            self.0.get_or_insert(number);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut first = First(None);
    glyph.identifier().hash(&mut first);
    first.0.unwrap_or(0)
}
