use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::*;
use crate::{
    blocks::{Block, BlockKind, GoesOn, Mark, MarkKind},
    output::testing::{block, blocks, document, grid, mark, page, written},
};

fn markdown(pages: &[PageRecord], page_marks: bool) -> String {
    let options = DocumentOptions { page_marks, ..DocumentOptions::default() };
    written(|out| Box::new(Markdown::new(out, options)), pages)
}

fn of(list: Vec<Block>) -> String {
    markdown(&[blocks(&document("a.pdf", 1), 1, list)], false)
}

/// What a reader sees of it: elements in brackets, text as it is, line ends as blanks.
fn seen(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let mut out = String::new();
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => out.push('¶'),
            Event::Start(Tag::Strong | Tag::Emphasis) | Event::End(TagEnd::Strong | TagEnd::Emphasis) => {}
            Event::InlineHtml(_) => {}
            event => out.push_str(&format!("[{event:?}]")),
        }
    }
    out
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A fixed sequence of numbers that look like chance (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

const WORDS: [&str; 5] = ["Plum", "Quince", "Sloe", "Medlar", "Rowan"];

const HOSTILE: [&str; 44] = [
    "*", "**", "_", "__", "`", "``", "~", "~~", "$", "$$", "[", "]", "(", ")", "![", "](", "]:", "[^1]", "[^1]:", "<",
    ">", "<b>", "</b", "<!--", "&amp;", "&", ";", "#", "##", "-", "---", "+", "1.", "2)", "|", "|-|", "=", ":", "\\",
    "!", "a", "b c", " ", "é“",
];

fn hostile(chance: &mut Chance) -> String {
    let parts = 1 + chance.below(9);
    (0..parts).map(|_| HOSTILE[chance.below(HOSTILE.len())]).collect()
}

#[test]
fn whatever_a_text_is_a_reader_sees_that_text() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let text = words(&hostile(&mut chance));
        let found = of(vec![block(BlockKind::Paragraph, &text)]);
        let expected = if text.is_empty() { String::new() } else { format!("¶{text}¶") };
        assert_eq!(words(&seen(&found)), expected, "{found:?}");
    }
}

#[test]
fn whatever_stands_out_a_reader_sees_that_text() {
    let mut chance = Chance(0x1234_5678_9abc_def1);
    let kinds = [MarkKind::Bold, MarkKind::Italic, MarkKind::Superscript, MarkKind::Monospace, MarkKind::SmallCapitals];
    for _ in 0..20_000 {
        let text = words(&format!("{} {}", hostile(&mut chance), hostile(&mut chance)));
        let length = text.chars().count() + 1;
        let mut of_text = block(BlockKind::Paragraph, &text);
        for _ in 0..1 + chance.below(3) {
            let (from, to) = (chance.below(length) as u32, chance.below(length) as u32);
            of_text.marks.push(mark(from.min(to), from.max(to), kinds[chance.below(kinds.len())]));
        }
        let (marks, found) = (of_text.marks.clone(), of(vec![of_text]));
        // Blanks at the edges of code may go.
        let plain = |text: &str| text.replace(' ', "");
        let expected = if text.is_empty() { String::new() } else { format!("¶{text}¶") };
        assert_eq!(plain(&seen(&found)), plain(&expected), "{found:?} {marks:?}");
    }
}

#[test]
fn what_is_bold_is_seen_as_bold_and_nothing_else() {
    let mut chance = Chance(77);
    for _ in 0..5_000 {
        let text = words(&format!("{} {}", hostile(&mut chance), hostile(&mut chance)));
        let characters: Vec<char> = text.chars().collect();
        let (from, to) = (chance.below(characters.len() + 1), chance.below(characters.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        let mut of_text = block(BlockKind::Paragraph, &text);
        of_text.marks.push(mark(from as u32, to as u32, MarkKind::Bold));
        let found = of(vec![of_text]);
        let (mut bold, mut depth) = (String::new(), 0);
        for event in Parser::new_ext(&found, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES) {
            match event {
                Event::Start(Tag::Strong) => depth += 1,
                Event::End(TagEnd::Strong) => depth -= 1,
                Event::InlineHtml(html) if &*html == "<strong>" => depth += 1,
                Event::InlineHtml(html) if &*html == "</strong>" => depth -= 1,
                Event::Text(text) if depth > 0 => bold.push_str(&text),
                _ => {}
            }
        }
        let expected: String = characters[from..to].iter().collect();
        assert_eq!(bold, expected.trim(), "{found:?}");
    }
}

#[test]
fn headings_lists_and_code_hold_whatever_text_there_is() {
    let mut chance = Chance(4_711);
    for _ in 0..5_000 {
        let text = words(&hostile(&mut chance));
        if text.is_empty() {
            continue;
        }
        let found = of(vec![block(BlockKind::Heading, &text)]);
        let inner = seen(&found);
        let (_, inner) = inner.split_once("attrs: [] })]").unwrap_or_default();
        let inner = inner.rsplit_once('[').map_or("", |(inner, _)| inner);
        assert_eq!(words(inner), text, "{found:?}");

        let mut item = block(BlockKind::ListItem, &text);
        item.marker = Some("7.".to_owned());
        let found = of(vec![item]);
        assert_eq!(
            words(&seen(&found)),
            format!("[Start(List(Some(7)))][Start(Item)]{text}[End(Item)][End(List(true))]")
        );

        let found = of(vec![block(BlockKind::Code, &format!("{text}\n  {text}"))]);
        let seen = seen(&found);
        assert!(seen.contains(&format!("{text}\n  {text}")), "{found:?} {seen}");
    }
}

#[test]
fn each_kind_is_written_as_markdown_has_it() {
    let heading = |level: u8, text: &str| Block { level: Some(level), ..block(BlockKind::Heading, text) };
    let item = |level: u8, marker: &str, text: &str| Block {
        level: Some(level),
        marker: Some(marker.to_owned()),
        ..block(BlockKind::ListItem, text)
    };
    let paragraph = |text: &str| block(BlockKind::Paragraph, text);
    for (list, expected) in [
        (vec![heading(1, "1. One #"), heading(2, "Two")], "# 1. One \\#\n\n## Two\n"),
        (vec![block(BlockKind::Title, "T"), heading(1, "One"), heading(6, "Six")], "# T\n\n## One\n\n###### Six\n"),
        (
            vec![item(1, "•", "a"), item(2, "1.", "b"), item(2, "2.", "c"), item(1, "•", "d"), paragraph("e")],
            "- a\n  1. b\n  2. c\n- d\n\ne\n",
        ),
        (vec![item(1, "9)", "a"), item(1, "10)", "b"), item(2, "–", "c")], "9) a\n10) b\n    - c\n"),
        (vec![item(1, "1.", "a"), item(1, "4.", "b")], "1. a\n\n<!-- -->\n\n4. b\n"),
        (vec![item(1, "•", "a"), item(2, "3.", "b")], "- a\n\n  3. b\n"),
        (vec![item(1, "(b)", "a"), item(1, "1.2.3", "b")], "- (b) a\n\n- 1.2.3 b\n"),
        (vec![item(1, "•", "[x] a"), item(1, "•", "1. b")], "- \\[x] a\n- 1\\. b\n"),
        (vec![block(BlockKind::Code, "a ``` b")], "````\na ``` b\n````\n"),
        (vec![paragraph("verse\nof two")], "verse\\\nof two\n"),
        (vec![block(BlockKind::MarginalNote, "# beside")], "> \\# beside\n"),
        (vec![block(BlockKind::PageHeader, "head"), paragraph("a"), block(BlockKind::PageNumber, "3")], "a\n"),
        (vec![Block { marker: Some("(2)".to_owned()), ..block(BlockKind::Formula, "a = b") }], "a = b (2)\n"),
    ] {
        assert_eq!(of(list.clone()), expected, "{list:?}");
    }
}

#[test]
fn what_is_marked_is_written_as_readers_read_it() {
    for (text, marks, expected) in [
        ("a bold word", vec![mark(2, 6, MarkKind::Bold)], "a **bold** word\n"),
        ("both at once", vec![mark(0, 12, MarkKind::Bold), mark(5, 7, MarkKind::Italic)], "**both _at_ once**\n"),
        ("unbold", vec![mark(2, 6, MarkKind::Bold)], "un<strong>bold</strong>\n"),
        ("E = mc2", vec![mark(6, 7, MarkKind::Superscript)], "E = mc<sup>2</sup>\n"),
        ("call f(`)", vec![mark(5, 9, MarkKind::Monospace)], "call ``f(`)``\n"),
        ("snake_case a_ 5 * 3 $5 ~7", vec![], "snake_case a\\_ 5 * 3 $5 ~7\n"),
        ("[1], see C:\\x & AT&T; <3", vec![], "[1], see C:\\x & AT\\&T; <3\n"),
    ] {
        let of_text = Block { marks, ..block(BlockKind::Paragraph, text) };
        assert_eq!(of(vec![of_text]), expected);
    }
    let link = |target: &str| Mark { target: Some(target.to_owned()), ..mark(4, 8, MarkKind::Link) };
    for (target, expected) in [
        ("https://a.b/c_d?e=f&copy;=1", "see [this](https://a.b/c_d?e=f&amp;copy;=1)\n"),
        ("https://a.b/(c", "see [this](<https://a.b/(c>)\n"),
        ("javascript:alert(1)", "see this\n"),
        ("#page=4", "see this\n"),
    ] {
        let of_text = Block { marks: vec![link(target)], ..block(BlockKind::Paragraph, "see this") };
        assert_eq!(of(vec![of_text]), expected);
    }
}

#[test]
fn what_goes_on_is_joined_over_pages_and_footnotes_come_behind() {
    let document = document("a.pdf", 2);
    let mut first = Block { goes_on: Some(GoesOn::Page), ..block(BlockKind::Paragraph, "It was1 no exam-") };
    first.marks.push(mark(6, 7, MarkKind::NoteReference));
    let note = Block { marker: Some("1".to_owned()), of: Some(1), ..block(BlockKind::Footnote, "1. It is.") };
    let pages = [
        blocks(&document, 1, vec![block(BlockKind::PageHeader, "head"), first, note]),
        blocks(
            &document,
            2,
            vec![
                block(BlockKind::PageHeader, "head"),
                block(BlockKind::Paragraph, "ple at all."),
                Block { marker: Some("*".to_owned()), ..block(BlockKind::Footnote, "Of nothing.") },
            ],
        ),
    ];
    assert_eq!(
        markdown(&pages, false),
        "It was[^1] no example at all.\n\n[^1]: 1\\. It is.\n\n<sup>\\*</sup> Of nothing.\n"
    );
    let marked = markdown(&pages, true);
    assert!(marked.starts_with("<!-- page 1 -->\n\nIt was[^1] no exam<!-- page 2 -->ple at all.\n"), "{marked}");
    let seen = seen(&marked);
    assert!(seen.contains("[FootnoteReference(Borrowed(\"1\"))]") && seen.contains("FootnoteDefinition"), "{seen}");
}

#[test]
fn a_footnote_without_a_mark_cuts_no_list() {
    let document = document("a.pdf", 2);
    let item =
        |text: &str| Block { level: Some(1), marker: Some("•".to_owned()), ..block(BlockKind::ListItem, text) };
    let pages = [
        blocks(&document, 1, vec![item("one"), block(BlockKind::Footnote, "A note.")]),
        blocks(&document, 2, vec![item("two"), block(BlockKind::Paragraph, "Then.")]),
    ];
    assert_eq!(markdown(&pages, false), "- one\n- two\n\nA note.\n\nThen.\n");
    assert_eq!(markdown(&pages[..1], false), "- one\n\nA note.\n");
}

#[test]
fn what_goes_on_and_never_does_is_let_go_of() {
    let document = document("a.pdf", 9);
    let figure = || block(BlockKind::Figure, "");
    let first = Block { goes_on: Some(GoesOn::Page), ..block(BlockKind::Paragraph, "one") };
    let mut pages = vec![blocks(&document, 1, vec![first])];
    pages.extend((2..=8).map(|number| blocks(&document, number, vec![figure()])));
    pages.push(blocks(&document, 9, vec![block(BlockKind::Paragraph, "two")]));
    assert_eq!(markdown(&pages, false), "one\n\ntwo\n");
}

#[test]
fn tables_that_go_on_are_one_and_captions_stand_where_they_stood() {
    let document = document("a.pdf", 2);
    let table = |rows: &[&str], header: u32| Block {
        table: Some(Box::new(grid(rows, header))),
        ..Block::new(BlockKind::Table, Default::default(), 0..0)
    };
    let caption = Block { of: Some(1), ..block(BlockKind::Caption, "Table 1: two") };
    let first = Block { goes_on: Some(GoesOn::Page), ..table(&["a|b", "1|2"], 1) };
    let pages = [
        blocks(&document, 1, vec![caption, first]),
        blocks(&document, 2, vec![table(&["3|4"], 0), block(BlockKind::Paragraph, "end")]),
    ];
    let text = markdown(&pages, true);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert!(text.starts_with("<!-- page 1 -->\n\nTable 1: two\n\n| a | b |\n"), "{text}");
    assert!(text.ends_with("| 3 | 4 |\n\n<!-- page 2 -->\n\nend\n"), "{text}");
}

#[test]
fn pages_without_structure_are_paragraphs_and_pages_that_are_missing_say_so() {
    let document = document("a.pdf", 3);
    let mut failed = page(&document, 2, "");
    failed.status = crate::record::PageStatus::Failed;
    failed.reason = Some("the image is\ndamaged_".to_owned());
    let pages = [page(&document, 1, "one\n# two\n\nthree"), failed, page(&document, 3, "")];
    assert_eq!(
        markdown(&pages, false),
        "one\n\\# two\n\nthree\n\n_Page 2 could not be read: the image is damaged\\__\n"
    );
}

#[test]
fn a_page_is_out_when_the_next_one_has_come() {
    let out = crate::output::testing::Shared::default();
    let mut writer = Markdown::new(out.clone(), DocumentOptions::default());
    let document = document("a.pdf", 900);
    for number in 1..=50 {
        let text = format!("{} stands here.", WORDS[number as usize % WORDS.len()].repeat(number as usize));
        let of_page = blocks(&document, number, vec![block(BlockKind::Paragraph, &text)]);
        writer.write_page(&of_page).unwrap();
        let text = String::from_utf8(out.bytes()).unwrap();
        assert_eq!(text.matches("stands here").count(), number as usize - 1, "{text}");
    }
}
