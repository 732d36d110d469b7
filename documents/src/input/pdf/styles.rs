//! How the characters of one line are set: which of them in which face and size, and which are raised or lowered.

use super::{
    glyph::Glyph,
    runs::Run,
    settings::{Setting, Settings},
};
use crate::{
    record::TextLine,
    structure::{LineStyle, StyledRun, VerticalShift},
};

/// Sizes within this share of each other are the same, and baselines within this many ems.
const SAME_SIZE: f64 = 0.03;
const SAME_LEVEL: f64 = 0.04;
/// Different sizes and baselines of one line that are told apart.
const MOST_LEVELS: usize = 24;
/// What is smaller than the line's type is a script where it is raised or lowered by so many ems of it; what is as large, by more.
const RAISED: f64 = 0.12;
const LOWERED: f64 = 0.08;
const SHIFTED: f64 = 0.2;
const SCRIPT_SIZE: f64 = 0.9;
/// What is larger is a drop capital or a sign, and stands as it does.
const LARGE: f64 = 1.4;

/// A line and how it is set.
#[derive(Clone, Debug)]
pub(super) struct SetLine {
    pub(super) line: TextLine,
    pub(super) style: LineStyle,
    /// Of the page's marked content, what most of its letters are in; see [`super::settings::Setting`].
    pub(super) mark: u32,
    /// All of it, each with the end of its characters.
    pub(super) marks: Vec<(u32, u32)>,
    /// Its glyphs in the order in which they are read, each with its first character.
    pub(super) places: Vec<(usize, u32)>,
}

/// Takes note of how characters are set while the line's text is put together of them.
pub(super) struct Styles<'a> {
    glyphs: &'a [Glyph],
    settings: &'a Settings,
    level: Level,
    baseline_of: &'a Run,
    stretches: Vec<Stretch>,
    /// Marked content, and the end of the characters that are in it.
    marks: Vec<(u32, u32)>,
    places: Vec<(usize, u32)>,
    /// Characters so far.
    count: u32,
}

struct Stretch {
    end: u32,
    setting: Setting,
    size: f64,
    shift: VerticalShift,
    is_emboldened: bool,
}

/// Size and baseline that many letters have in common.
#[derive(Clone, Copy, Default)]
struct Level {
    size: f64,
    down: f64,
    letters: u32,
}

impl<'a> Styles<'a> {
    pub(super) fn of(run: &'a Run, glyphs: &'a [Glyph], settings: &'a Settings) -> Self {
        Self {
            glyphs,
            settings,
            level: level_of(run, glyphs),
            baseline_of: run,
            stretches: Vec::new(),
            marks: Vec::new(),
            places: Vec::with_capacity(run.glyphs.len()),
            count: 0,
        }
    }

    /// Adds a word and the blank before it: `characters` of its glyphs, from the one after the first `skipped` on.
    pub(super) fn add_word(&mut self, glyphs: impl Iterator<Item = usize>, skipped: usize, characters: usize) {
        if self.count > 0 {
            self.count += 1;
            if let Some(last) = self.stretches.last_mut() {
                last.end = self.count;
            }
        }
        let (mut skipped, mut left) = (skipped, characters);
        for index in glyphs {
            let glyph = &self.glyphs[index];
            let all = glyph.text.chars().count();
            let out = all.min(skipped);
            skipped -= out;
            let kept = (all - out).min(left);
            left -= kept;
            if kept > 0 {
                self.places.push((index, self.count));
                self.push(glyph, kept as u32);
            }
        }
    }

    fn push(&mut self, glyph: &Glyph, characters: u32) {
        self.count += characters;
        let setting = self.settings.get(glyph.setting);
        match self.marks.last_mut() {
            Some((mark, end)) if *mark == setting.mark => *end = self.count,
            _ => self.marks.push((setting.mark, self.count)),
        }
        let shift = self.shift(glyph);
        if let Some(last) = self.stretches.last_mut()
            && last.setting.face == setting.face
            && last.shift == shift
            && last.is_emboldened == glyph.is_emboldened
            && (last.size - glyph.size).abs() <= SAME_SIZE * glyph.size
        {
            last.end = self.count;
            return;
        }
        self.stretches.push(Stretch {
            end: self.count,
            setting,
            size: glyph.size,
            shift,
            is_emboldened: glyph.is_emboldened,
        });
    }

    fn shift(&self, glyph: &Glyph) -> VerticalShift {
        let Level { size, down, .. } = self.level;
        let rise = (down - self.baseline_of.down(glyph.origin)) / size;
        let is_small = glyph.size <= SCRIPT_SIZE * size;
        match rise {
            _ if glyph.size > LARGE * size => VerticalShift::None,
            rise if rise > if is_small { RAISED } else { SHIFTED } => VerticalShift::Raised,
            rise if rise < -(if is_small { LOWERED } else { SHIFTED }) => VerticalShift::Lowered,
            _ => VerticalShift::None,
        }
    }

    /// Ends a line with what was noted of it.
    pub(super) fn finish(self, line: TextLine) -> SetLine {
        let mut runs = Vec::with_capacity(self.stretches.len());
        let mut start = 0;
        for stretch in &self.stretches {
            let mut face = self.settings.face(stretch.setting).clone();
            face.bold |= stretch.is_emboldened;
            runs.push(StyledRun {
                characters: start..stretch.end,
                face,
                size: stretch.size as f32,
                shift: stretch.shift,
            });
            start = stretch.end;
        }
        let letters =
            || self.baseline_of.glyphs.iter().map(|&index| &self.glyphs[index]).filter(|glyph| !glyph.is_space());
        let (mut darkness, mut count) = (0.0, 0.0_f32);
        let mut marks: Vec<(u32, u32)> = Vec::new();
        for glyph in letters() {
            let setting = self.settings.get(glyph.setting);
            darkness += setting.darkness;
            count += 1.0;
            match marks.iter_mut().rev().take(MOST_LEVELS).find(|(mark, _)| *mark == setting.mark) {
                Some((_, letters)) => *letters += 1,
                None => marks.push((setting.mark, 1)),
            }
        }
        let mark = marks.iter().rev().max_by_key(|(_, letters)| *letters).map_or(0, |(mark, _)| *mark);
        let style = LineStyle {
            size: self.level.size as f32,
            runs,
            tag: None,
            cells: Vec::new(),
            is_invisible: letters().all(|glyph| glyph.invisible),
            darkness: darkness / count.max(1.0),
        };
        SetLine { line, style, mark, marks: self.marks, places: self.places }
    }
}

/// The size of most letters of the line, and the baseline of most of those.
fn level_of(run: &Run, glyphs: &[Glyph]) -> Level {
    let mut levels: Vec<Level> = Vec::new();
    for glyph in run.glyphs.iter().map(|&index| &glyphs[index]).filter(|glyph| !glyph.is_space()) {
        let down = run.down(glyph.origin);
        let is_same = |level: &Level| {
            (level.size - glyph.size).abs() <= SAME_SIZE * glyph.size
                && (level.down - down).abs() <= SAME_LEVEL * glyph.size
        };
        match levels.iter().position(is_same) {
            Some(at) => levels[at].letters += 1,
            None if levels.len() < MOST_LEVELS => levels.push(Level { size: glyph.size, down, letters: 1 }),
            None => {}
        }
    }
    let of_size = |size: f64| -> u32 {
        levels.iter().filter(|level| (level.size - size).abs() <= SAME_SIZE * size).map(|level| level.letters).sum()
    };
    // Where there are as many of two sizes, the larger is the line's.
    let rank = |level: &Level| (of_size(level.size), level.letters);
    levels.iter().copied().max_by(|a, b| rank(a).cmp(&rank(b)).then(a.size.total_cmp(&b.size))).unwrap_or(Level {
        size: run.size,
        down: run.baseline,
        letters: 0,
    })
}
