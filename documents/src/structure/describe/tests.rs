use super::*;
use crate::blocks::GoesOn;
use crate::{
    blocks::{HyphenEvidence, MarkKind},
    geometry::Point,
    structure::{Face, LineStyle, StyledRun, VerticalShift},
};

/// Text, left, top, height; letters are half as wide as the line is high.
pub(super) type Set<'a> = (&'a str, f32, f32, f32);

/// A page of 600 by 800, its lines in reading order.
pub(super) fn page(lines: &[Set<'_>]) -> PageText {
    let line = |&(text, left, top, height): &Set<'_>| {
        let advance = 0.5 * height;
        let width = |text: &str| advance * text.chars().count() as f32;
        let rect = |from: f32, to: f32| Rect { left: left + from, top, right: left + to, bottom: top + height };
        let mut words = Vec::new();
        let mut at = 0.0;
        for word in text.split(' ') {
            let polygon = Polygon::from_rect(rect(at, at + width(word)));
            words.push(Word { text: word.to_owned(), polygon, confidence: None });
            at += width(word) + advance;
        }
        TextLine { text: text.to_owned(), polygon: Polygon::from_rect(rect(0.0, width(text))), confidence: None, words }
    };
    let lines: Vec<TextLine> = lines.iter().map(line).collect();
    let order = vec![(0..lines.len()).collect()];
    PageText::arrange(lines, &order)
}

pub(super) fn hints() -> Hints {
    Hints { width: 600.0, height: 800.0, ..Hints::default() }
}

/// Kind, level, marker and text of each block.
pub(super) fn told(page: &PageText) -> Vec<(BlockKind, Option<u8>, Option<&str>, &str)> {
    page.blocks.iter().map(|block| (block.kind, block.level, block.marker.as_deref(), block.text.as_str())).collect()
}

const BOOK: [Set<'_>; 17] = [
    ("400", 60.0, 30.0, 10.0),
    ("BRITISH HUSBANDRY", 240.0, 30.0, 10.0),
    ("[Ch. XIX", 480.0, 30.0, 10.0),
    ("2.1 Of Harbours", 60.0, 70.0, 15.0),
    (
        "The tide comes in slowly and stays for hours at the quay, where boats of all sizes are kept as",
        60.0,
        100.0,
        10.0,
    ),
    (
        "they were left by those who had sailed them there in the long summer when all the fish had gone away",
        60.0,
        113.0,
        10.0,
    ),
    ("from the bay.1", 60.0, 126.0, 10.0),
    (
        "Later it falls, and what was hidden below it can be seen by anyone who walks there at the right time, so",
        75.0,
        139.0,
        10.0,
    ),
    ("that many come.", 60.0, 152.0, 10.0),
    (
        "1. Ropes that hold the boats where they are, whatever the wind may do to them in the coming night",
        75.0,
        172.0,
        10.0,
    ),
    ("and the next", 90.0, 185.0, 10.0),
    ("2. Oars", 75.0, 198.0, 10.0),
    ("a) long", 95.0, 211.0, 10.0),
    ("b) short", 95.0, 224.0, 10.0),
    ("3. Sails", 75.0, 237.0, 10.0),
    ("1 The bay was full of fish then, as the older books of the harbour have it.", 60.0, 740.0, 8.0),
    ("77", 295.0, 775.0, 8.0),
];

#[test]
fn boxes_alone_tell_much() {
    use BlockKind::{Footnote, Heading, ListItem, PageHeader, PageNumber, Paragraph};
    let page = describe(page(&BOOK), &hints());
    let first = "The tide comes in slowly and stays for hours at the quay, where boats of all sizes are kept as they were left by those who had sailed \
                 them there in the long summer when all the fish had gone away from the bay.1";
    let second = "Later it falls, and what was hidden below it can be seen by anyone who walks there at the right time, so that many come.";
    let ropes =
        "Ropes that hold the boats where they are, whatever the wind may do to them in the coming night and the next";
    assert_eq!(
        told(&page),
        [
            (PageNumber, None, None, "400"),
            (PageHeader, None, None, "BRITISH HUSBANDRY [Ch. XIX"),
            (Heading, Some(2), None, "2.1 Of Harbours"),
            (Paragraph, None, None, first),
            (Paragraph, None, None, second),
            (ListItem, Some(1), Some("1."), ropes),
            (ListItem, Some(1), Some("2."), "Oars"),
            (ListItem, Some(2), Some("a)"), "long"),
            (ListItem, Some(2), Some("b)"), "short"),
            (ListItem, Some(1), Some("3."), "Sails"),
            (Footnote, None, Some("1"), "The bay was full of fish then, as the older books of the harbour have it."),
            (PageNumber, None, None, "77"),
        ]
    );
    assert_eq!(page.blocks[10].of, Some(3));
    let mark = &page.blocks[3].marks[0];
    assert_eq!((mark.kind, mark.start as usize), (MarkKind::NoteReference, first.chars().count() - 1));
}

#[test]
fn a_turned_page_is_told_as_an_upright_one() {
    let upright = describe(page(&BOOK), &hints());
    let mut turned = page(&BOOK);
    turned.move_points(|p| Point::new(800.0 - p.y, p.x));
    let turned = describe(turned, &Hints { width: 800.0, height: 600.0, ..Hints::default() });
    assert_eq!(told(&turned), told(&upright));
    let number = turned.blocks[0].polygon.bounds();
    assert!(number.left > 750.0 && number.top < 100.0, "{number:?}");
}

#[test]
fn paragraphs_go_on_in_the_next_column_with_their_words_whole() {
    let mut lines: Vec<Set<'_>> = Vec::new();
    for row in 0..20 {
        lines.push(("some words that fill the whole of a column here", 40.0, 60.0 + 13.0 * row as f32, 10.0));
    }
    lines[19].0 = "and here a word is broken by the line in inter-";
    lines.push(("polation of what comes next in the other column", 320.0, 60.0, 10.0));
    lines.push(("which ends here.", 320.0, 73.0, 10.0));
    let lines: Vec<Set<'_>> = lines.iter().map(|&(text, left, top, height)| (text, left, top, height)).collect();
    let mut page = page(&lines);
    page.blocks = vec![
        Block::new(BlockKind::Text, Polygon::default(), 0..20),
        Block::new(BlockKind::Text, Polygon::default(), 20..22),
    ];
    let page = describe(page, &hints());
    let [first, second] = page.blocks.as_slice() else { panic!("{:?}", told(&page)) };
    assert_eq!(first.goes_on, Some(GoesOn::Column));
    assert!(first.text.ends_with("in inter") && first.joins_without_blank(second), "{:?}", first.text);
    assert_eq!(first.hyphens.last().map(|hyphen| (hyphen.kept, hyphen.by)), Some((false, HyphenEvidence::WordList)));
}

#[test]
fn captions_know_their_figures() {
    let lines = [
        (
            "The first row of the text above the picture, which is long enough to fill the page from side to side",
            50.0,
            60.0,
            10.0,
        ),
        ("and ends.", 50.0, 73.0, 10.0),
        ("0.5", 110.0, 240.0, 8.0),
        ("Figure 3: Tides at noon", 200.0, 330.0, 10.0),
        (
            "The text below it goes on for as long as the row above did, and is another paragraph of the page, too",
            50.0,
            370.0,
            10.0,
        ),
        ("short.", 50.0, 383.0, 10.0),
    ];
    let pictures = vec![Rect { left: 100.0, top: 120.0, right: 500.0, bottom: 320.0 }];
    let page = describe(page(&lines), &Hints { pictures, ..hints() });
    let kinds: Vec<_> = page.blocks.iter().map(|block| (block.kind, block.of)).collect();
    use BlockKind::{Caption, Figure, Paragraph};
    let expected = [(Paragraph, None), (Figure, None), (Caption, Some(1)), (Paragraph, None)];
    assert_eq!(kinds, expected, "{:?}", told(&page));
    assert_eq!(page.lines[page.blocks[1].lines.clone()][0].text, "0.5");
}

fn styled(characters: std::ops::Range<u32>, face: Face, shift: VerticalShift) -> StyledRun {
    StyledRun { characters, face, size: 10.0, shift }
}

#[test]
fn type_makes_marks_and_code() {
    let lines = [
        (
            "A bold word2 in a row of text that is as long as rows of text are wont to be on a page like this one",
            50.0,
            60.0,
            10.0,
        ),
        ("and its end.", 50.0, 73.0, 10.0),
        ("if tide > 3:", 50.0, 100.0, 10.0),
        ("return 1", 70.0, 112.0, 10.0),
    ];
    let bold = Face { bold: true, ..Face::default() };
    let monospace = Face { monospace: true, ..Face::default() };
    let style = |runs: Vec<StyledRun>| LineStyle { size: 10.0, runs, darkness: 1.0, ..LineStyle::default() };
    let none = VerticalShift::None;
    let styles = vec![
        style(vec![
            styled(0..2, Face::default(), none),
            styled(2..6, bold, none),
            styled(6..11, Face::default(), none),
            styled(11..12, Face::default(), VerticalShift::Raised),
            styled(12..102, Face::default(), none),
        ]),
        style(vec![styled(0..12, Face::default(), none)]),
        style(vec![styled(0..12, monospace.clone(), none)]),
        style(vec![styled(0..8, monospace, none)]),
    ];
    let page = describe(page(&lines), &Hints { styles, ..hints() });
    let marks: Vec<_> = page.blocks[0].marks.iter().map(|mark| (mark.kind, mark.start, mark.end)).collect();
    assert_eq!(marks, [(MarkKind::Bold, 2, 6), (MarkKind::Superscript, 11, 12)]);
    assert_eq!(told(&page)[1], (BlockKind::Code, None, None, "if tide > 3:\n    return 1"));
}

#[test]
fn no_line_is_lost_whatever_the_page() {
    // A linear congruential generator: the same pages in every run.
    let mut state = 5_u64;
    let mut next = |bound: u32| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32 % bound
    };
    let texts = [
        "12",
        "• one",
        "Figure 1. It",
        "and so on",
        "A sentence ends.",
        "1. One",
        "",
        "Table 2: x",
        "Downloaded from here",
        "har-",
        "(a) b",
    ];
    for count in [0, 1, 2, 5, 40, 200] {
        for odd in [false, true] {
            let mut lines: Vec<Set<'_>> = Vec::new();
            for _ in 0..count {
                let text = texts[next(texts.len() as u32) as usize];
                lines.push((text, next(600) as f32, next(800) as f32, (4 + next(20)) as f32));
            }
            let mut page = page(&lines);
            if odd && let Some(line) = page.lines.first_mut() {
                line.polygon.0[0].x = f32::NAN;
                line.polygon.0[2].y = f32::INFINITY;
            }
            let before = page.lines.clone();
            let rect = |a: u32| Rect { left: a as f32, top: 40.0, right: 300.0, bottom: f32::from(a as u16) };
            let (width, height) = if odd { (f32::NAN, -5.0) } else { (600.0, 800.0) };
            let hints = Hints {
                width,
                height,
                pictures: (0..5).map(|a| rect(100 * a)).collect(),
                fills: vec![rect(3); 9],
                ..Hints::default()
            };
            let page = describe(page, &hints);
            let sorted = |lines: &[TextLine]| {
                let mut all: Vec<String> = lines.iter().map(|line| format!("{line:?}")).collect();
                all.sort();
                all
            };
            assert_eq!(sorted(&page.lines), sorted(&before));
            let mut at = 0;
            for block in &page.blocks {
                assert_eq!(block.lines.start, at);
                at = block.lines.end;
                assert!(block.of.is_none_or(|of| of < page.blocks.len()));
                let length = block.text.chars().count() as u32;
                assert!(block.marks.iter().all(|mark| mark.start < mark.end && mark.end <= length), "{block:?}");
            }
            assert_eq!(at, page.lines.len());
        }
    }
}

#[test]
fn a_heading_under_the_last_line_of_a_table_is_no_footnote() {
    let mut lines: Vec<Set<'_>> = BOOK[4..9].to_vec();
    lines.push(("2 Of Harbours in Winter", 60.0, 600.0, 15.0));
    lines.push(("The tide comes in slowly and stays for hours at the quay, where boats are kept.", 60.0, 625.0, 10.0));
    let ruling = Ruling { rect: Rect { left: 60.0, top: 594.0, right: 260.0, bottom: 594.5 } };
    let page = describe(page(&lines), &Hints { rulings: vec![ruling], ..hints() });
    let kinds: Vec<BlockKind> = told(&page).iter().map(|block| block.0).collect();
    assert!(kinds.contains(&BlockKind::Heading) && !kinds.contains(&BlockKind::Footnote), "{:?}", told(&page));
}

#[test]
fn a_page_number_far_from_the_edge_is_one_where_it_stands_alone_below_all_text() {
    let mut lines: Vec<Set<'_>> = BOOK[4..9].to_vec();
    lines.push(("12", 295.0, 660.0, 10.0));
    let page = describe(page(&lines), &hints());
    assert_eq!(page.blocks.last().unwrap().kind, BlockKind::PageNumber, "{:?}", told(&page));
}

/// Two paragraphs of five rows beside a margin that is wide at the left, with what stands there among them.
fn beside<'a>(margin: &[(usize, Set<'a>)]) -> PageText {
    let row = "some words of the text that fill the whole of the row here";
    let mut lines: Vec<Set<'a>> = Vec::new();
    for at in 0..10 {
        lines.extend(margin.iter().filter(|(before, _)| *before == at).map(|(_, set)| *set));
        let text = if at % 5 == 4 { "which ends here." } else { row };
        let indent = if at == 5 { 15.0 } else { 0.0 };
        lines.push((text, 180.0 + indent, 60.0 + 13.0 * at as f32, 10.0));
    }
    page(&lines)
}

#[test]
fn notes_in_the_margin_part_no_text_and_come_behind_what_they_stand_beside() {
    let page = beside(&[
        (2, ("Of tides and", 60.0, 87.0, 7.0)),
        (3, ("what they leave.", 60.0, 96.0, 7.0)),
        (8, ("Of boats", 60.0, 165.0, 7.0)),
    ]);
    let page = describe(page, &hints());
    use BlockKind::{MarginalNote, Paragraph};
    let kinds: Vec<BlockKind> = page.blocks.iter().map(|block| block.kind).collect();
    assert_eq!(kinds, [Paragraph, MarginalNote, Paragraph, MarginalNote], "{:?}", told(&page));
    assert_eq!(page.blocks[1].text, "Of tides and what they leave.");
    assert_eq!(page.blocks[0].lines.len(), 5);
}

#[test]
fn pieces_of_a_notice_that_runs_up_the_margin_part_no_text() {
    let pieces: Vec<(usize, Set<'_>)> = (0..8).map(|at| (at, ("=", 30.0, 55.0 + 14.0 * at as f32, 11.0))).collect();
    let mut page = beside(&pieces);
    page.lines.iter_mut().for_each(|line| line.confidence = Some(0.9));
    let page = describe(page, &hints());
    use BlockKind::{Paragraph, Stamp};
    let kinds: Vec<BlockKind> = page.blocks.iter().map(|block| block.kind).collect();
    assert_eq!(kinds, [Paragraph, Paragraph, Stamp], "{:?}", told(&page));
}

#[test]
fn thick_strokes_make_a_heading_of_a_line_as_large_as_the_text() {
    let told_with = |stroke: f32| {
        let mut page = beside(&[(5, ("Of harbours and boats", 180.0, 128.0, 10.0))]);
        for line in &mut page.lines {
            line.confidence = Some(0.9);
            if line.polygon.bounds().top > 124.0 && !line.text.starts_with("Of") {
                line.polygon = line.polygon.map(|p| Point::new(p.x, p.y + 16.0));
            }
        }
        let region = |line: &TextLine| {
            let is_it = line.text.starts_with("Of");
            let (rect, stroke) = (line.polygon.bounds(), if is_it { stroke } else { 1.0 });
            let (scope, kind) = (crate::hints::RegionScope::Line, BlockKind::Text);
            Region { scope, kind, rect, confidence: 0.0, stroke: Some(stroke) }
        };
        let regions = page.lines.iter().map(region).collect();
        let page = describe(page, &Hints { regions, ..hints() });
        page.blocks
            .iter()
            .find(|block| block.text.starts_with("Of harbours"))
            .map(|block| (block.kind, block.lines.len()))
    };
    assert_eq!((told_with(1.0), told_with(1.5)), (Some((BlockKind::Paragraph, 1)), Some((BlockKind::Heading, 1))));
}
