//! Placed glyphs to words and lines. Knows nothing of PDF.

use super::{glyph::Glyph, runs::runs_of, settings::Settings, styles::SetLine, words::line_of};
use crate::page_text::is_covered;

/// The lines of a page in the order in which they are drawn; each line's words are in reading order.
pub(super) fn lines_of(glyphs: &[Glyph], settings: &Settings) -> Vec<SetLine> {
    let mut lines = lines_of_kind(glyphs, settings, true);
    let seen = lines_of_kind(glyphs, settings, false);
    if !lines.is_empty() {
        // A layer of OCR over text that is there to be seen says the same again.
        lines.retain(|(_, set)| !is_covered(&set.line, seen.iter().map(|(_, other)| &other.line)));
    }
    lines.extend(seen);
    lines.sort_by_key(|&(drawn, _)| drawn);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Lines of the glyphs that are visible, or of those that are not, each with the first of its glyphs that is drawn.
fn lines_of_kind(glyphs: &[Glyph], settings: &Settings, invisible: bool) -> Vec<(usize, SetLine)> {
    let runs = runs_of(glyphs, invisible);
    let drawn = |glyphs: &[usize]| glyphs.iter().copied().min().unwrap_or(0);
    runs.iter().filter_map(|run| Some((drawn(&run.glyphs), line_of(run, glyphs, settings)?))).collect()
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::{Point, Vec2};

    use super::*;
    use crate::record::TextLine;

    /// Sets `text` in half-em letters of 10 points from (x, y), running in `direction` (degrees, clockwise).
    fn set(text: &str, x: f64, y: f64, direction: f64) -> Vec<Glyph> {
        let along = Vec2::from_angle(direction.to_radians());
        text.chars()
            .enumerate()
            .filter_map(|(i, c)| {
                let origin = Point::new(x, y) + along * (5.0 * i as f64);
                Glyph::new(smol_str::SmolStr::from_iter([c]), true, false, origin, along, 10.0, 5.0)
            })
            .collect()
    }

    fn lines_of(glyphs: &[Glyph]) -> Vec<TextLine> {
        let lines = super::lines_of(glyphs, &Settings::default());
        for SetLine { line, style, .. } in &lines {
            // Every character is set somehow, and there are no others.
            assert_eq!(style.runs.first().map(|run| run.characters.start), Some(0));
            assert!(style.runs.windows(2).all(|pair| pair[0].characters.end == pair[1].characters.start));
            assert_eq!(style.runs.last().map(|run| run.characters.end as usize), Some(line.text.chars().count()));
        }
        lines.into_iter().map(|set| set.line).collect()
    }

    fn texts(glyphs: &[Glyph]) -> Vec<String> {
        lines_of(glyphs).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn words_are_parted_by_spaces_and_by_gaps() {
        let glyphs = [set("one two", 10.0, 20.0, 0.0), set("three", 47.5, 20.0, 0.0)].concat();
        let lines = lines_of(&glyphs);
        assert_eq!(lines[0].text, "one two three");
        let words: Vec<_> = lines[0].words.iter().map(|word| word.polygon.bounds().left).collect();
        assert_eq!(words, [10.0, 30.0, 47.5]);
        // Kerning is no gap, and spaced-out letters are one word.
        assert_eq!(texts(&[set("AV", 10.0, 20.0, 0.0), set("A", 19.0, 20.0, 0.0)].concat()), ["AVA"]);
        let spaced: Vec<_> = (0..6).flat_map(|i| set("x", 10.0 + 8.0 * f64::from(i), 20.0, 0.0)).collect();
        assert_eq!(texts(&spaced), ["xxxxxx"]);
    }

    #[test]
    fn columns_drawn_one_after_the_other_stay_apart_and_a_line_drawn_in_pieces_comes_together() {
        // A gutter of 9 points, less than an em.
        let columns =
            [set("left", 10.0, 20.0, 0.0), set("more", 10.0, 32.0, 0.0), set("right", 39.0, 20.0, 0.0)].concat();
        assert_eq!(texts(&columns), ["left", "more", "right"]);
        let pieces =
            [set("first", 10.0, 20.0, 0.0), set("below", 10.0, 32.0, 0.0), set("second", 38.0, 20.0, 0.0)].concat();
        assert_eq!(texts(&pieces), ["first second", "below"]);
    }

    #[test]
    fn turned_lines_start_at_their_own_beginning() {
        for (direction, corner) in
            [(0.0, (100.0, 92.2)), (90.0, (107.8, 100.0)), (180.0, (100.0, 107.8)), (270.0, (92.2, 100.0))]
        {
            let lines = lines_of(&set("turned text", 100.0, 100.0, direction));
            assert_eq!(lines[0].text, "turned text");
            let first = lines[0].polygon.0[0];
            assert!((first.x - corner.0 as f32).abs() < 0.01 && (first.y - corner.1 as f32).abs() < 0.01, "{first:?}");
            assert!((lines[0].polygon.width() - 55.0).abs() < 0.01);
            assert!((lines[0].polygon.height() - 10.0).abs() < 0.01);
        }
    }

    #[test]
    fn superscripts_stay_in_their_line_and_hyphens_at_their_end() {
        let mut glyphs = set("mc", 10.0, 20.0, 0.0);
        glyphs.extend(Glyph::new("2".into(), true, false, Point::new(20.0, 16.0), Vec2::new(1.0, 0.0), 7.0, 3.5));
        glyphs.extend(set("is", 28.0, 20.0, 0.0));
        assert_eq!(texts(&glyphs), ["mc2 is"]);
        assert_eq!(texts(&set("exam-", 0.0, 10.0, 0.0)), ["exam-"]);
        assert_eq!(texts(&set("A\u{ad}47\u{ad}", 0.0, 10.0, 0.0)), ["A-47-"], "they are drawn");
    }

    /// `text` in letters of `size` points, half an em wide.
    fn sized(text: &str, size: f64, x: f64, y: f64) -> Vec<Glyph> {
        let glyphs = text.chars().enumerate().filter_map(|(i, c)| {
            let origin = Point::new(x + 0.5 * size * i as f64, y);
            Glyph::new(smol_str::SmolStr::from_iter([c]), true, false, origin, Vec2::new(1.0, 0.0), size, 0.5 * size)
        });
        glyphs.collect()
    }

    #[test]
    fn what_stands_above_and_below_a_line_belongs_to_it_where_it_is_drawn() {
        let line = |parts: &[(&str, f64, f64, f64)]| {
            let glyphs: Vec<Glyph> = parts.iter().flat_map(|&(text, size, x, y)| sized(text, size, x, y)).collect();
            texts(&glyphs)
        };
        // An exponent that stands higher than type of the line does; at its end; and drawn after the whole line.
        assert_eq!(line(&[("e", 10.0, 0.0, 20.0), ("ix", 7.0, 5.0, 14.0), ("+1", 10.0, 14.0, 20.0)]), ["eix +1"]);
        assert_eq!(line(&[("note", 10.0, 0.0, 20.0), ("12", 6.0, 20.0, 15.0)]), ["note12"]);
        assert_eq!(line(&[("a", 10.0, 0.0, 20.0), ("+b", 10.0, 9.0, 20.0), ("2", 7.0, 5.0, 14.0)]), ["a2+b"]);
        // Both halves of a fraction, of full size, between an equals sign and a full stop.
        let halves =
            [("x=", 10.0, 0.0, 20.0), ("ab", 10.0, 13.0, 13.0), ("cd", 10.0, 13.0, 27.0), (".", 10.0, 24.0, 20.0)];
        assert_eq!(line(&halves), ["x= ab cd."]);
        // The first letter of a paragraph, three lines high.
        let led = [
            ("T", 38.0, 0.0, 44.0),
            ("he tide", 10.0, 20.0, 24.0),
            ("comes", 10.0, 20.0, 34.0),
            ("in slow", 10.0, 20.0, 44.0),
        ];
        assert_eq!(line(&led), ["The tide", "comes", "in slow"]);
        // What is as near, and as large, is a line of its own.
        assert_eq!(line(&[("above", 10.0, 0.0, 20.0), ("below", 10.0, 26.0, 26.0)]), ["above", "below"]);
    }

    #[test]
    fn dots_that_lead_to_a_number_do_not_join_the_words_before_them() {
        let mut glyphs = set("Of names", 0.0, 20.0, 0.0);
        (0..40).for_each(|dot| glyphs.extend(set(".", 45.0 + 9.0 * f64::from(dot), 20.0, 0.0)));
        assert!(texts(&glyphs)[0].starts_with("Of names . ."), "{:?}", texts(&glyphs));
    }

    #[test]
    fn right_to_left_lines_are_read_from_the_right() {
        // Drawn from left to right: the word for "peace" after the number and before the word for "on you".
        assert_eq!(texts(&set("םכילע 12 םולש", 0.0, 10.0, 0.0)), ["שלום 12 עליכם"]);
        assert_eq!(texts(&set("םכילע Rust-ב", 0.0, 10.0, 0.0)), ["ב-Rust עליכם"]);
    }
}
