//! Whether a page's tags are to be believed. Programs tag pages as one paragraph, tag a part and forget the rest, or keep the order of
//! something else; then the page itself says more.

use std::collections::HashMap;

use crate::{
    geometry::Rect,
    record::TextLine,
    structure::{LineStyle, TagRole},
};

/// Share of the letters that must be tagged, or marked as no part of the text.
const TAGGED: f64 = 0.8;
/// On pages of so many lines and more, one paragraph is not all of them.
const MANY_LINES: usize = 16;
const ALL_OF_THEM: f64 = 0.9;
/// More than this share of a page's letters are no headings.
const HEADINGS: f64 = 0.6;
/// Share of lines that may be followed, in the order of the structure, by one that stands above them in the same column.
const BACKWARD: f64 = 0.15;

/// Whether what `styles` have for tags is to be kept; lines as they are drawn.
pub(in super::super) fn are_believed(lines: &[TextLine], styles: &[LineStyle]) -> bool {
    let letters = |line: &TextLine| line.text.chars().filter(|c| !c.is_whitespace()).count() as f64;
    let (mut all, mut tagged, mut headings) = (0.0, 0.0, 0.0);
    let mut of_element: HashMap<u32, usize> = HashMap::new();
    let mut body: Vec<(u32, usize, Rect)> = Vec::new();
    for (at, (line, style)) in lines.iter().zip(styles).enumerate().filter(|(_, (_, style))| !style.is_invisible) {
        let letters = letters(line);
        all += letters;
        let Some(tag) = &style.tag else { continue };
        tagged += letters;
        match tag.role {
            TagRole::Artifact | TagRole::ArtifactHeader | TagRole::ArtifactFooter | TagRole::Watermark => continue,
            TagRole::Heading | TagRole::Title => headings += letters,
            _ => {}
        }
        if matches!(tag.role, TagRole::Paragraph | TagRole::Other | TagRole::Heading | TagRole::Title) {
            *of_element.entry(tag.element).or_default() += 1;
        }
        body.push((tag.element, at, line.polygon.bounds()));
    }
    if all == 0.0 || tagged < TAGGED * all || (body.len() > 2 && headings > HEADINGS * all) {
        return false;
    }
    let largest = of_element.values().copied().max().unwrap_or(0);
    if body.len() >= MANY_LINES && largest as f64 > ALL_OF_THEM * body.len() as f64 {
        return false;
    }
    // Columns and tables are left at their foot for the head of the next, beside them.
    body.sort_by_key(|&(element, at, _)| (element, at));
    let goes_back = |pair: &[(u32, usize, Rect)]| {
        let (before, after) = (&pair[0].2, &pair[1].2);
        let shared = before.right.min(after.right) - before.left.max(after.left);
        pair[0].0 != pair[1].0
            && after.bottom < before.top - 0.5 * before.height()
            && shared > 0.5 * before.width().min(after.width())
    };
    let backward = body.windows(2).filter(|pair| goes_back(pair)).count();
    backward <= 2 || backward as f64 <= BACKWARD * body.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Polygon, structure::Tag};

    /// Lines from top to bottom, each with its element and role.
    fn believed(tags: &[Option<(u32, TagRole)>]) -> bool {
        let line = |row: usize| {
            let top = 20.0 * row as f32;
            let polygon = Polygon::from_rect(Rect { left: 50.0, top, right: 300.0, bottom: top + 12.0 });
            TextLine { text: "ten letters".to_owned(), polygon, confidence: None, words: Vec::new() }
        };
        let lines: Vec<TextLine> = (0..tags.len()).map(line).collect();
        let style = |tag: &Option<(u32, TagRole)>| {
            let tag = tag.map(|(element, role)| Tag { role, element, level: 0, cell: None });
            LineStyle { tag, ..LineStyle::default() }
        };
        let styles: Vec<LineStyle> = tags.iter().map(style).collect();
        are_believed(&lines, &styles)
    }

    #[test]
    fn tags_are_believed_unless_the_page_says_otherwise() {
        let paragraph = |element: u32| Some((element, TagRole::Paragraph));
        let sound: Vec<_> = (1..=20).map(|at| paragraph(at / 3)).collect();
        assert!(believed(&sound));
        let mut partly = sound.clone();
        partly[10..].fill(None);
        assert!(!believed(&partly), "half of the page is not tagged");
        assert!(!believed(&[Some((1, TagRole::Paragraph)); 20]), "all of it is one paragraph");
        assert!(believed(&[paragraph(1); 5]));
        let reversed: Vec<_> = (1..=20).map(|at| paragraph(40 - at)).collect();
        assert!(!believed(&reversed), "from the foot to the head");
        let headings: Vec<_> = (1..=20).map(|at| Some((at, TagRole::Heading))).collect();
        assert!(!believed(&headings), "nothing but headings");
        let furniture = [Some((0, TagRole::ArtifactHeader)), paragraph(1), paragraph(2)];
        assert!(believed(&furniture));
    }
}
