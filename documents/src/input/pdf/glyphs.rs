//! What is done to a page's glyphs before lines are made of them: what the document says of them is put in their place, and what is
//! drawn twice, or in two parts, is made one.

use smol_str::SmolStr;

use super::{
    characters::{combining, composed},
    glyph::Glyph,
};

/// Within this many ems the same glyph counts as the same one, drawn again to look bold.
const BOLD_OFFSET: f64 = 0.12;

/// And beyond this many, it is not the same one in the same place.
const NO_OFFSET: f64 = 0.004;

/// Glyphs that are looked at beside each: a page has one such letter a line, above each other, and garbage may have a million in one place.
const MOST_NEIGHBOURS: usize = 256;

/// Puts `text` in the place of the glyphs from `start` on: it is what they stand for (`ActualText`, PDF 32000-1, 14.9.4). Nothing
/// stands for glyphs that are there for the look alone. The characters share the glyphs' width evenly.
pub(super) fn replace(glyphs: &mut Vec<Glyph>, start: usize, text: &str) {
    let Some(first) = glyphs.get(start).cloned() else { return };
    let text = text.trim_matches('\u{ad}');
    let last = glyphs[glyphs.len() - 1].clone();
    let is_one_line = glyphs[start..].iter().all(|glyph| glyph.is_beside(&first));
    // Over several lines it says what a word is that was broken; the lines say that too, and where.
    if !is_one_line && glyphs[start..].iter().all(|glyph| glyph.decoded) {
        return;
    }
    let characters = text.chars().count();
    let width = if is_one_line { first.distance_to_end_of(&last) } else { first.size };
    let step = width / characters.max(1) as f64;
    let pieces = text.chars().enumerate().map(|(at, c)| first.piece(c, step * at as f64, step));
    let pieces: Vec<Glyph> = pieces.collect();
    glyphs.truncate(start);
    glyphs.extend(pieces);
}

/// Leaves out glyphs that are drawn again in nearly the same place: bold type is imitated so, letter by letter, run by run or line by
/// line.
pub(super) fn drop_repeated(glyphs: &mut Vec<Glyph>) {
    // By their first character and from left to right, those that may be the same are neighbours; one number says both.
    let place = |(index, glyph): (usize, &Glyph)| {
        let first = glyph.text.chars().next().map_or(0, u64::from);
        (first << 32 | u64::from(ascending(glyph.origin.x as f32)), index)
    };
    let mut sorted = Vec::with_capacity(glyphs.len());
    sorted.extend(glyphs.iter().enumerate().filter(|(_, glyph)| !glyph.is_space()).map(place));
    sorted.sort_unstable();
    let mut repeated = Vec::new();
    for (at, &(key, index)) in sorted.iter().enumerate() {
        let glyph = &glyphs[index];
        let farthest = (key >> 32 << 32) | u64::from(ascending((glyph.origin.x + BOLD_OFFSET * glyph.size) as f32));
        let near = sorted[at + 1..].iter().take_while(|&&(other, _)| other <= farthest);
        let near = near.take(MOST_NEIGHBOURS);
        for &(_, other_index) in near {
            let other = &glyphs[other_index];
            let reach = BOLD_OFFSET * glyph.size.min(other.size);
            let is_same = (glyph.origin.y - other.origin.y).abs() < reach
                && other.invisible == glyph.invisible
                && other.text == glyph.text
                && glyph.origin.distance(other.origin) < reach;
            if is_same {
                // What is drawn later repeats what is there.
                let looks_bold = glyph.is_stroked != other.is_stroked
                    || glyph.origin.distance(other.origin) > NO_OFFSET * glyph.size;
                repeated.push((index.max(other_index), looks_bold.then_some(index.min(other_index))));
            }
        }
    }
    if repeated.is_empty() {
        return;
    }
    repeated.sort_unstable();
    repeated.iter().filter_map(|&(_, kept)| kept).for_each(|kept| glyphs[kept].is_emboldened = true);
    let mut index = 0;
    glyphs.retain(|_| {
        index += 1;
        repeated.binary_search_by_key(&(index - 1), |&(repeated, _)| repeated).is_err()
    });
}

/// A number that grows with the given one.
fn ascending(x: f32) -> u32 {
    let bits = x.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// Makes one character of an accent and the letter that it is set over or under, whichever is drawn first.
pub(super) fn compose_accents(glyphs: &mut Vec<Glyph>) {
    let mut at = 0;
    while at + 1 < glyphs.len() {
        let (a, b) = (&glyphs[at], &glyphs[at + 1]);
        let pair = match (combining(&a.text), combining(&b.text)) {
            (Some(mark), None) if b.stands_under(a) => composed(&b.text, mark).map(|c| (c, at + 1, at)),
            (None, Some(mark)) if a.stands_under(b) => composed(&a.text, mark).map(|c| (c, at, at + 1)),
            _ => None,
        };
        match pair {
            Some((c, letter, accent)) => {
                glyphs[letter].text = SmolStr::from_iter([c]);
                glyphs.remove(accent);
            }
            None => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::{Point, Vec2};

    use super::*;

    fn glyph(text: &str, x: f64, y: f64, advance: f64) -> Glyph {
        let along = Vec2::new(1.0, 0.0);
        Glyph::new(text.into(), true, false, Point::new(x, y), along, 10.0, advance).unwrap()
    }

    fn text(glyphs: &[Glyph]) -> String {
        glyphs.iter().map(|glyph| glyph.text.as_str()).collect()
    }

    #[test]
    fn a_glyph_drawn_again_beside_itself_counts_once() {
        let mut glyphs: Vec<Glyph> = [("a", 0.0), ("l", 5.0), ("l", 7.2), ("a", 0.35), ("l", 5.35), ("a", 40.0)]
            .map(|(text, x)| glyph(text, x, 0.0, 5.0))
            .into();
        drop_repeated(&mut glyphs);
        assert_eq!(text(&glyphs), "alla");
        let bold: Vec<bool> = glyphs.iter().map(|glyph| glyph.is_emboldened).collect();
        assert_eq!(bold, [true, true, false, false]);
    }

    #[test]
    fn an_accent_joins_the_letter_that_it_stands_over() {
        let mut glyphs: Vec<Glyph> =
            [("t", 0.0), ("\u{b4}", 4.8), ("e", 5.0), ("c", 10.0), ("\u{b8}", 10.2), ("^", 20.0)]
                .map(|(text, x)| glyph(text, x, 0.0, 5.0))
                .into();
        compose_accents(&mut glyphs);
        assert_eq!(text(&glyphs), "téç^");
    }

    #[test]
    fn what_the_document_says_stands_for_its_glyphs() {
        let set = || -> Vec<Glyph> { (0..4).map(|i| glyph("_", 5.0 * f64::from(i), 0.0, 5.0)).collect() };
        for (start, said, expected) in [(1, "fi", "_fi"), (2, "", "__"), (0, "EUR 5", "EUR 5"), (4, "x", "____")] {
            let mut glyphs = set();
            replace(&mut glyphs, start, said);
            assert_eq!(text(&glyphs), expected);
            assert!(glyphs.windows(2).all(|pair| pair[0].origin.x < pair[1].origin.x));
        }
        let mut lines = [set(), vec![glyph("_", 0.0, 12.0, 5.0)]].concat();
        replace(&mut lines, 2, "said of two lines");
        assert_eq!(text(&lines), "_____");
    }
}
