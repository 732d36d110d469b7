//! Words for the pages: all invented.

use crate::pdf::Page;

/// Prose of some 1,400 characters.
pub const ORCHARD: &str = "The orchard above the village was planted by two sisters who had never owned land before. They kept a \
notebook in which every tree had a number, and beside the number stood the year of its first good harvest. Visitors were allowed to \
pick what had fallen, but nobody was to shake a branch. In dry summers the younger sister carried water from the mill, bucket by \
bucket, and wrote down how many she had carried. When the railway came, the station master asked for pears in exchange for coal, and \
the exchange went on for thirty winters. The notebook was lost in a flood and found again by a teacher, who had it bound in green \
cloth. It is shown today in the reading room, where the oldest entries can hardly be read any more. Of the first trees eleven are \
still alive, and four of them bear fruit that has no other name than its number.";

/// Another.
pub const WINDMILL: &str = "Before the dam was built the windmill pumped the lower meadows dry, and its keeper was paid by the acre. He \
had to watch the weather through the night, because a storm could tear the sails within minutes. His wife kept the accounts and sold \
flour at the back door to people who did not want to be seen at the front. Twice the mill burned, and twice it was raised again from \
the same oak beams, which had been laid in salt water for a year. The third mill had an iron shaft that came by barge from the coast. \
It turned more easily than the old one, so that even a light breeze was enough. Children learned to count by its sails, and a farmer \
who wanted rain would ask the keeper, who never gave an answer that could be held against him afterwards.";

/// As many lines as it takes, none wider than `width` points.
pub fn wrap(page: &Page, font: &str, size: f64, width: f64, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if page.width(font, size, &format!("{line} {word}")) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Sets a paragraph downwards from (x, y), `pitch` points a line; the y of the line after it.
pub fn paragraph(page: &mut Page, font: &str, size: f64, place: (f64, f64), width: f64, text: &str) -> f64 {
    let pitch = 1.25 * size;
    let lines = wrap(page, font, size, width, text);
    for (row, line) in lines.iter().enumerate() {
        page.text(font, size, place.0, place.1 - pitch * row as f64, line);
    }
    place.1 - pitch * lines.len() as f64
}
