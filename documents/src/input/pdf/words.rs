//! The words of one line: where its gaps part them, and in which order they are read.

use super::{
    direction,
    glyph::{ASCENT, BASELINE_SHIFT, DESCENT, Glyph},
    runs::Run,
    settings::Settings,
    styles::{SetLine, Styles},
};
use crate::{
    geometry::{self, Polygon},
    record::{TextLine, Word},
    script::has_letters_from_the_right,
};

/// A gap of this many ems is a space between words (spaces are .25 to .33 em, justified ones down to .2; kerning in
/// capitals reaches .1). What is less is one only where the line's own gaps fall into two kinds.
const WORD_GAP: f64 = 0.16;
/// In a line whose letters keep the distances of their font, less is one already: nothing but a space is as wide.
const WORD_GAP_WHERE_EVEN: f64 = 0.115;
/// A bracket stands so far from what it encloses where that leans.
const BRACKET_GAP: f64 = 0.22;
/// The letters of such a line stand within this many ems of where the font puts them.
const EVEN: f64 = 0.03;
/// Tightly set newspapers part their words by so little, and no letters of a word by so much.
const LEAST_WORD_GAP: f64 = 0.07;
/// A stop of a tab that the number before it nearly reaches parts it from its title by so little, and no letter stands so far behind a digit.
const TITLE_GAP: f64 = 0.05;
/// Letters that are spaced out stand nearer than this, in ems; initials and columns of single letters do not.
const SPACED_OUT: f64 = 1.0;
/// Glyphs of a word for which there is room from the beginning.
const USUAL_WORD: usize = 8;
/// What parts a drop capital from the rest of its word is no space, in ems of that.
const LED_GAP: f64 = 0.7;

/// Words of one line while it is put together: glyphs in reading order, and whether their brackets are mirrored.
type Piece = Vec<(usize, bool)>;

pub(super) fn line_of(run: &Run, glyphs: &[Glyph], settings: &Settings) -> Option<SetLine> {
    let pieces = join_spaced_out(words_as_seen(run, glyphs), run, glyphs);
    let in_reading_order = as_read(&pieces, run, glyphs);
    let count = in_reading_order.as_ref().map_or(pieces.len(), Vec::len);
    let mut styles = Styles::of(run, glyphs, settings);
    let mut words: Vec<Word> = Vec::with_capacity(count);
    let mut text = String::with_capacity(2 * run.glyphs.len());
    let (mut piece, mut of_word) = (Piece::new(), String::new());
    for at in 0..count {
        piece.clear();
        match &in_reading_order {
            Some(words) => piece.extend_from_slice(&words[at]),
            None => piece.extend(pieces[at].iter().map(|&index| (index, false))),
        }
        of_word.clear();
        of_word.extend(piece.iter().flat_map(|&(index, turned)| characters(&glyphs[index], turned)));
        let inked = of_word.trim();
        if inked.is_empty() {
            continue;
        }
        let skipped = of_word.chars().take_while(|c| c.is_whitespace()).count();
        styles.add_word(piece.iter().map(|&(index, _)| index), skipped, inked.chars().count());
        let members = || piece.iter().map(|&(index, _)| &glyphs[index]);
        let polygon = polygon(run, members(), members());
        if !words.is_empty() {
            text.push(' ');
        }
        text.push_str(inked);
        words.push(Word { text: inked.to_owned(), polygon, confidence: None });
    }
    if text.is_empty() {
        return None;
    }
    let all = || pieces.iter().flatten().map(|&index| &glyphs[index]);
    // The line is as high as its own letters, whatever is set above and below.
    let is_level = |glyph: &&Glyph| {
        (run.down(glyph.origin) - run.baseline).abs() < BASELINE_SHIFT * run.size && glyph.size < 1.5 * run.size
    };
    let polygon = match all().any(|glyph| is_level(&glyph)) {
        true => polygon(run, all(), all().filter(is_level)),
        false => polygon(run, all(), all()),
    };
    text.shrink_to_fit();
    let line = TextLine { text, polygon, confidence: None, words };
    Some(styles.finish(line))
}

/// A glyph's characters. A soft hyphen that is drawn is a hyphen, wherever it stands: who sets a page breaks lines, and leaves out those
/// that are not seen.
fn characters(glyph: &Glyph, turned: bool) -> impl Iterator<Item = char> + '_ {
    glyph.text.chars().map(move |c| match c {
        '\u{ad}' => '-',
        c if turned => direction::mirrored(c),
        c => c,
    })
}

/// The glyphs of a line, word by word, from left to right.
fn words_as_seen(run: &Run, glyphs: &[Glyph]) -> Vec<Vec<usize>> {
    let mut pieces: Vec<Vec<usize>> = Vec::with_capacity(run.glyphs.len() / 4 + 1);
    let mut end = f64::INFINITY;
    // Where a space began that was drawn after the last letter, and its width.
    let mut space: Option<(f64, f64)> = None;
    let gap_of_words = word_gap(run, glyphs);
    let mut last: Option<&Glyph> = None;
    for &index in &run.glyphs {
        let glyph = &glyphs[index];
        let start = run.along(glyph.origin);
        if glyph.is_space() {
            space = space.or(Some((start, glyph.advance)));
            continue;
        }
        let gap = start - end;
        let before = last.replace(glyph);
        // The denominator after the numerator; the first word after a drop capital.
        let goes_back = gap < -0.3 * glyph.size && before.is_some_and(|before| is_off_level(before, glyph));
        let is_led =
            before.is_some_and(|before| before.size > 1.6 * glyph.size) && !glyph.text.chars().all(|c| c.is_numeric());
        let limit = match before {
            _ if is_led => LED_GAP,
            Some(before) if is_opening(before) || is_closing(glyph) => gap_of_words.max(BRACKET_GAP),
            Some(_) if begins_title(pieces.last(), glyph, glyphs) => gap_of_words.min(TITLE_GAP),
            _ => gap_of_words,
        };
        // A space under the next letter parts nothing: some programs lay them there.
        let spaced = space.take().is_some_and(|(from, width)| start - from > 0.4 * width.min(0.3 * glyph.size));
        match pieces.last_mut() {
            Some(piece) if !spaced && !goes_back && gap <= limit * glyph.size => piece.push(index),
            _ => {
                let mut piece = Vec::with_capacity(USUAL_WORD);
                piece.push(index);
                pieces.push(piece);
            }
        }
        end = start + glyph.advance;
    }
    pieces
}

/// Whether a capital follows a number of a section, as in `1.3.2 Methods`.
fn begins_title(number: Option<&Vec<usize>>, glyph: &Glyph, glyphs: &[Glyph]) -> bool {
    let is_capital = glyph.text.chars().all(char::is_uppercase);
    if !is_capital || glyph.text.is_empty() {
        return false;
    }
    let text: String = number.into_iter().flatten().map(|&index| glyphs[index].text.as_str()).collect();
    let is_part = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.contains('.') && text.trim_end_matches('.').split('.').all(is_part)
}

fn is_opening(glyph: &Glyph) -> bool {
    matches!(glyph.text.as_str(), "(" | "[" | "{" | "\u{2329}" | "\u{3008}" | "\u{27e8}")
}

fn is_closing(glyph: &Glyph) -> bool {
    matches!(glyph.text.as_str(), ")" | "]" | "}" | "\u{232a}" | "\u{3009}" | "\u{27e9}")
}

/// Whether two glyphs of a line stand above and below each other.
fn is_off_level(a: &Glyph, b: &Glyph) -> bool {
    (a.origin - b.origin).dot(a.down).abs() > 0.5 * a.size.min(b.size)
}

/// Letters that are spaced out (`N O  V A T`), with spaces or without, are words all the same: where nearly all pieces are single
/// letters, the wider of their gaps part words.
fn join_spaced_out(pieces: Vec<Vec<usize>>, run: &Run, glyphs: &[Glyph]) -> Vec<Vec<usize>> {
    let is_letter =
        |piece: &Vec<usize>| piece.len() == 1 && glyphs[piece[0]].text.chars().all(|c| c.is_alphabetic() || c == '&');
    let letters = pieces.iter().filter(|piece| is_letter(piece)).count();
    if pieces.len() < 4 || letters * 10 < pieces.len() * 8 {
        return pieces;
    }
    let start = |piece: &[usize]| run.along(glyphs[piece[0]].origin);
    let end = |piece: &[usize]| {
        let last = &glyphs[piece[piece.len() - 1]];
        run.along(last.origin) + last.advance
    };
    let gaps: Vec<f64> = pieces.windows(2).map(|pair| (start(&pair[1]) - end(&pair[0])) / run.size).collect();
    let (least, most) = gaps.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &gap| (a.min(gap), b.max(gap)));
    if least > SPACED_OUT || least <= 0.0 {
        return pieces;
    }
    // All alike: one word.
    let limit = if most > 1.5 * least { (least + most) / 2.0 } else { f64::INFINITY };
    let mut joined: Vec<Vec<usize>> = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        match joined.last_mut() {
            Some(word) if gaps[at - 1] <= limit => word.extend(piece),
            _ => joined.push(piece),
        }
    }
    joined
}

/// The words of a line, and the glyphs of each, in the order in which they are read; `None` where that is the order in which they are seen.
fn as_read(pieces: &[Vec<usize>], run: &Run, glyphs: &[Glyph]) -> Option<Vec<Piece>> {
    let has_rtl = pieces.iter().flatten().any(|&i| has_letters_from_the_right(&glyphs[i].text));
    // Mirrored text runs along its own direction, from the right.
    if !has_rtl || run.is_mirrored {
        return None;
    }
    // What is not seen was laid there by a program that knows the text, in the order of the text.
    if pieces.iter().flatten().all(|&index| glyphs[index].invisible) {
        let mut pieces = pieces.to_vec();
        pieces.iter_mut().for_each(|piece| piece.sort_unstable());
        pieces.sort_by_key(|piece| piece[0]);
        return Some(pieces.iter().map(|piece| piece.iter().map(|&index| (index, false)).collect()).collect());
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut members: Vec<Option<usize>> = Vec::new();
    for piece in pieces {
        if !members.is_empty() {
            seen.push(" ");
            members.push(None);
        }
        for &index in piece {
            seen.push(&glyphs[index].text);
            members.push(Some(index));
        }
    }
    let mut words: Vec<Piece> = vec![Vec::new()];
    for (at, turned) in direction::reading_order(&seen) {
        match members[at] {
            Some(index) => words.last_mut().into_iter().for_each(|word| word.push((index, turned))),
            None => words.push(Vec::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    Some(words)
}

/// Ems that part two words in this line: more where the letters themselves are spaced out, less where they are tight.
fn word_gap(run: &Run, glyphs: &[Glyph]) -> f64 {
    let pairs = || run.glyphs.windows(2).map(|pair| (&glyphs[pair[0]], &glyphs[pair[1]]));
    let mut gaps: Vec<f64> = Vec::with_capacity(run.glyphs.len());
    gaps.extend(
        pairs()
            .filter(|(a, b)| !(a.is_space() || b.is_space() || (is_leader(a) && is_leader(b))))
            .map(|(a, b)| (run.along(b.origin) - run.along(a.origin) - a.advance) / b.size),
    );
    // A word of two letters says nothing about its spacing.
    if gaps.len() < 4 {
        return WORD_GAP;
    }
    // Where letters are spaced out, nearly all gaps are wide; in a formula, many are, but not those within words.
    gaps.sort_unstable_by(f64::total_cmp);
    let (low, high) = (gaps[gaps.len() / 5], gaps[gaps.len() * 3 / 4]);
    let is_even = low > -EVEN && high < EVEN;
    let usual = if is_even { WORD_GAP_WHERE_EVEN } else { WORD_GAP + low.clamp(0.0, 1.0) };
    let has_spaces = run.glyphs.iter().any(|&index| glyphs[index].is_space());
    // Words have two to twelve letters in the mean.
    let parted = gaps.len() - gaps.partition_point(|&gap| gap <= usual);
    if has_spaces || gaps.len() < 16 || parted * 12 >= gaps.len() {
        return usual;
    }
    narrow_gap(&gaps).map_or(usual, |narrow| narrow.min(usual))
}

/// A dot of those that lead to the number of a page, which are spaced as they please.
fn is_leader(glyph: &Glyph) -> bool {
    matches!(glyph.text.as_str(), "." | "\u{b7}" | "\u{2024}" | "\u{2026}" | "_")
}

/// Where a line without spaces is set so tightly that its word gaps are below the usual: the middle of the widest step between its
/// sorted gaps, if what lies above are as many gaps as a line has words, and none lies near the step.
fn narrow_gap(sorted: &[f64]) -> Option<f64> {
    let within = sorted[sorted.len() / 2];
    let steps = sorted.windows(2).enumerate().filter(|(_, pair)| pair[1] - within > LEAST_WORD_GAP && pair[1] < 0.25);
    let (at, pair) = steps.max_by(|(_, a), (_, b)| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    let above = sorted.len() - at - 1;
    // Words have two to twelve letters in the mean.
    let is_plausible = (sorted.len() / 12..=sorted.len() / 2).contains(&above);
    (is_plausible && pair[1] - pair[0] > 0.04).then_some((pair[0] + pair[1]) / 2.0)
}

/// Around glyphs of a line: from the beginning of the first to the end of the last of `along`, and as high as those of `across`.
fn polygon<'a>(run: &Run, along: impl Iterator<Item = &'a Glyph>, across: impl Iterator<Item = &'a Glyph>) -> Polygon {
    let (mut left, mut right) = (f64::INFINITY, f64::NEG_INFINITY);
    for glyph in along {
        let start = run.along(glyph.origin);
        (left, right) = (left.min(start), right.max(start + glyph.advance));
    }
    let (mut top, mut bottom) = (f64::INFINITY, f64::NEG_INFINITY);
    for glyph in across {
        let down = run.down(glyph.origin);
        (top, bottom) = (top.min(down - ASCENT * glyph.size), bottom.max(down + DESCENT * glyph.size));
    }
    // Corners are told from the left end, where mirrored text has its last letter.
    let (left, right) = if run.is_mirrored { (right, left) } else { (left, right) };
    Polygon([(left, top), (right, top), (right, bottom), (left, bottom)].map(|(along, down)| {
        let point = run.direction * along + run.across * down;
        geometry::Point::new(point.x as f32, point.y as f32)
    }))
}
