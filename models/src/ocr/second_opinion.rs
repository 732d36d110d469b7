//! What PP-OCRv6 left out of a line, seen by our own recogniser.
//!
//! It has no class for what it does not know, reads a blank there and is sure of the rest: a Cyrillic line comes as its comma, and
//! "Việt Nam" as "Vit Nam" at .99. Our own recogniser knows fewer characters, but has a class for what it does not know. So both readings
//! are laid beside each other, by where their characters stand in the line. What has no counterpart in PP-OCRv6's is there all the
//! same: it becomes the mark of what nobody could read, or, where PP-OCRv6 does not have the character at all, what ours says.

use pagestream_documents::Word;

use super::{
    confidence::{self, UNKNOWN},
    recognizer::{Character, Decoded},
};

/// Ours is believed to have seen something at this probability, and to know what it is at the next.
const SEEN: f32 = 0.6;
const READ: f32 = 0.8;

/// Of what ours has seen, the part from which on PP-OCRv6 has not read the line.
const LOST: f32 = 0.5;

/// Costs of laying two readings beside each other, in widths of a character: two that differ, and one without a counterpart.
const OTHER: f32 = 0.4;
const ALONE: f32 = 0.7;
/// How far apart in the line two characters may be taken for the same one.
const REACH: f32 = 2.5;

/// Characters of theirs that are several of ours: a numeral, a unit.
fn is_several(character: char) -> bool {
    matches!(character, '\u{2100}'..='\u{218f}' | '\u{3300}'..='\u{33ff}' | '\u{bc}'..='\u{be}')
}

/// Room for a character beyond what its neighbours take, in widths of a character: where there is less, ours has seen one letter as two.
const ROOM: f32 = 0.6;
/// What a blank takes, and the margins of a line's box.
const BLANK: f32 = 0.6;

/// Of a line of one character, as a part of its length.
const PITCH: f32 = 0.5;

/// A line of another script, in ours: theirs are then to be this sure of what they make of it.
const SURE_OF_FOREIGN: f32 = 0.5;

/// What becomes of a line that both have read.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    Theirs,
    /// Theirs with marks, and what they have no character for.
    Marked(Decoded),
    /// They have not read it.
    Ours,
}

/// Lays `ours` beside `theirs`; `knows` says whether theirs can be a character at all.
pub fn settle(theirs: &Decoded, ours: &Decoded, knows: impl Fn(char) -> bool) -> Settled {
    let inked = |line: &Decoded| -> Vec<Character> {
        line.characters.iter().filter(|c| !c.character.is_whitespace()).copied().collect()
    };
    let (their_characters, our_characters) = (inked(theirs), inked(ours));
    let counterparts = align(&our_characters, &their_characters);
    let is_letter = |c: &Character| c.probability >= SEEN && (c.character.is_alphanumeric() || c.character == UNKNOWN);
    // A point or a dash more or less is noise, but for those that they cannot know.
    let is_seen = |c: &Character| is_letter(c) || (c.probability >= READ && !knows(c.character));
    let seen = our_characters.iter().filter(|c| is_letter(c)).count();
    let is_part = |index: usize| {
        let beside = [index.checked_sub(1), Some(index + 1)].into_iter().flatten();
        let beside = beside.filter_map(|index| *counterparts.get(index)?).map(|at| their_characters[at].character);
        beside.into_iter().any(is_several)
    };
    if theirs.certainty < SURE_OF_FOREIGN && confidence::is_lost(ours) {
        return Settled::Ours;
    }
    let missing: Vec<usize> = (0..our_characters.len())
        .filter(|&index| counterparts[index].is_none() && is_seen(&our_characters[index]) && !is_part(index))
        .collect();
    if missing.is_empty() {
        return Settled::Theirs;
    }
    if missing.len() as f32 >= LOST * seen as f32 {
        // Specks are no text that was lost; words that ours knows, or marks as words, are.
        let is_text = confidence::has_unknown(ours) || (missing.len() > 2 && ours.certainty >= SEEN);
        return if is_text { Settled::Ours } else { Settled::Theirs };
    }
    let places = Places::new(theirs, ours, &counterparts);
    let insertions = missing.into_iter().filter_map(|index| {
        let Character { character, probability, .. } = our_characters[index];
        // A sign that they do not have may stand close to its neighbours.
        if probability >= READ && !character.is_alphanumeric() && !knows(character) && character != UNKNOWN {
            return Some(places.insertion(index, character));
        }
        places.has_room(index).then(|| {
            let is_read = probability >= READ && character != UNKNOWN && !knows(character);
            places.insertion(index, if is_read { character } else { UNKNOWN })
        })
    });
    let mut insertions: Vec<Insertion> = insertions.collect();
    insertions.sort_by_key(|insertion| insertion.before);
    if insertions.is_empty() { Settled::Theirs } else { Settled::Marked(with_insertions(theirs, &insertions)) }
}

/// A character that is put into theirs.
#[derive(Clone, Copy, Debug)]
struct Insertion {
    /// Before which of theirs, blanks included.
    before: usize,
    character: char,
    /// Whether a word begins with it, and ends.
    begins: bool,
    ends: bool,
}

/// Where in theirs what they left out belongs.
struct Places<'a> {
    theirs: &'a [Character],
    ours: &'a [Character],
    /// Ours and theirs without blanks, as places in those.
    our_inked: Vec<usize>,
    their_inked: Vec<usize>,
    counterparts: &'a [Option<usize>],
    pitch: f32,
}

impl<'a> Places<'a> {
    fn new(theirs: &'a Decoded, ours: &'a Decoded, counterparts: &'a [Option<usize>]) -> Self {
        let inked = |line: &Decoded| -> Vec<usize> {
            (0..line.characters.len()).filter(|&at| !line.characters[at].character.is_whitespace()).collect()
        };
        let (our_inked, their_inked) = (inked(ours), inked(theirs));
        let pitch = pitch(&their_inked.iter().map(|&at| theirs.characters[at]).collect::<Vec<_>>());
        let pitch = pitch.unwrap_or(PITCH).max(1e-4);
        Self { theirs: &theirs.characters, ours: &ours.characters, our_inked, their_inked, counterparts, pitch }
    }

    /// Theirs before and after the `index`th of ours.
    fn neighbours(&self, index: usize) -> (Option<usize>, Option<usize>) {
        let before = self.counterparts[..index].iter().rev().find_map(|c| *c);
        let after = self.counterparts[index + 1..].iter().find_map(|c| *c);
        (before.map(|at| self.their_inked[at]), after.map(|at| self.their_inked[at]))
    }

    fn insertion(&self, index: usize, character: char) -> Insertion {
        let (before, after) = self.neighbours(index);
        // In ours it belongs to the word before it, to that after it, or to none.
        let at = self.our_inked[index];
        let is_blank =
            |at: Option<usize>| at.and_then(|at| self.ours.get(at)).is_none_or(|c| c.character.is_whitespace());
        let (begins, ends) = (is_blank(at.checked_sub(1)), is_blank(Some(at + 1)));
        let place = match (before, after) {
            (_, Some(after)) if begins => after,
            (Some(before), _) => before + 1,
            (None, Some(after)) => after,
            (None, None) => 0,
        };
        Insertion { before: place, character, begins, ends }
    }

    /// Whether theirs stand further apart than they would if nothing were between them.
    fn has_room(&self, index: usize) -> bool {
        let (before, after) = self.neighbours(index);
        let half = |at: usize| width(self.theirs[at].character) / 2.0;
        let (from, taken_before) = before.map_or((0.0, BLANK), |at| (self.theirs[at].at, half(at)));
        let (to, taken_after) = after.map_or((1.0, BLANK), |at| (self.theirs[at].at, half(at)));
        let blanks = match (before, after) {
            (Some(before), Some(after)) => (after - before - 1) as f32 * BLANK,
            _ => BLANK,
        };
        (to - from) / self.pitch - taken_before - taken_after - blanks > ROOM
    }
}

/// What a character takes of a line, where a usual one takes 1.
fn width(character: char) -> f32 {
    match character {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '1' | '!' | '(' | ')' | '[' | ']' | '|' | '/' => 0.65,
        c if c.is_alphanumeric() => match c {
            'm' | 'w' | 'M' | 'W' => 1.6,
            c if c.is_uppercase() => 1.3,
            // Chinese and other wide ones.
            '\u{2e80}'.. => 1.8,
            _ => 1.0,
        },
        '%' | '@' | '&' | '—' => 1.6,
        '-' => 0.7,
        _ => 0.5,
    }
}

/// For each of `ours` the one of `theirs` that is the same ink, in order: the alignment of least cost.
fn align(ours: &[Character], theirs: &[Character]) -> Vec<Option<usize>> {
    let pitches = [pitch(ours), pitch(theirs)].into_iter().flatten();
    let pitch = pitches.reduce(f32::min).unwrap_or(PITCH).max(1e-4);
    let columns = theirs.len() + 1;
    let mut cost = vec![0.0_f32; (ours.len() + 1) * columns];
    let mut step = vec![Step::Both; cost.len()];
    for i in 0..=ours.len() {
        for j in 0..columns {
            let at = i * columns + j;
            if at == 0 {
                continue;
            }
            let mut best = (f32::MAX, Step::Both);
            let mut offer = |value: f32, step: Step| {
                if value < best.0 {
                    best = (value, step);
                }
            };
            if i > 0 && j > 0 {
                let (a, b) = (&ours[i - 1], &theirs[j - 1]);
                let apart = (a.at - b.at).abs() / pitch;
                let differ = if a.character == b.character { 0.0 } else { OTHER };
                if apart < REACH {
                    offer(cost[at - columns - 1] + 0.5 * apart + differ, Step::Both);
                }
            }
            if i > 0 {
                offer(cost[at - columns] + ALONE, Step::Ours);
            }
            if j > 0 {
                offer(cost[at - 1] + ALONE, Step::Theirs);
            }
            (cost[at], step[at]) = best;
        }
    }
    let mut counterparts = vec![None; ours.len()];
    let (mut i, mut j) = (ours.len(), theirs.len());
    while i > 0 || j > 0 {
        match step[i * columns + j] {
            Step::Both => {
                (i, j) = (i - 1, j - 1);
                counterparts[i] = Some(j);
            }
            Step::Ours => i -= 1,
            Step::Theirs => j -= 1,
        }
    }
    counterparts
}

#[derive(Clone, Copy)]
enum Step {
    Both,
    Ours,
    Theirs,
}

/// The usual distance between neighbours; that of a line's letters, not of its words.
fn pitch(characters: &[Character]) -> Option<f32> {
    let mut gaps: Vec<f32> = characters.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    gaps.sort_by(f32::total_cmp);
    gaps.get(gaps.len() / 2).copied()
}

/// Theirs with what they left out.
fn with_insertions(theirs: &Decoded, insertions: &[Insertion]) -> Decoded {
    let mut marked = theirs.clone();
    let mut texts: Vec<String> = vec![String::new()];
    let mut insertions = insertions.iter().copied().peekable();
    for at in 0..=theirs.characters.len() {
        while let Some(insertion) = insertions.next_if(|insertion| insertion.before <= at) {
            if insertion.begins {
                texts.push(String::new());
            }
            let word = texts.last_mut().expect("there is always a word");
            if insertion.character != UNKNOWN || !word.ends_with(UNKNOWN) {
                word.push(insertion.character);
            }
            if insertion.ends {
                texts.push(String::new());
            }
        }
        match theirs.characters.get(at).map(|c| c.character) {
            Some(c) if c.is_whitespace() => texts.push(String::new()),
            Some(c) => texts.last_mut().expect("there is always a word").push(c),
            None => {}
        }
    }
    texts.retain(|text| !text.is_empty());
    // A mark alone between two blanks is a word that theirs has not: it stands in the text, and the words keep their places.
    if texts.len() == marked.words.len() {
        for (word, text) in marked.words.iter_mut().zip(&texts) {
            word.text.clone_from(text);
        }
    } else {
        marked.words = words_of(theirs, &texts);
    }
    marked.text = texts.join(" ");
    marked
}

/// The words of a line whose texts are others than before: they share the line's length by their letters.
fn words_of(line: &Decoded, texts: &[String]) -> Vec<Word> {
    let (Some(first), Some(last)) = (line.words.first(), line.words.last()) else { return Vec::new() };
    let ([a, _, _, d], [_, b, c, _]) = (first.polygon.0, last.polygon.0);
    let whole = pagestream_documents::Polygon([a, b, c, d]);
    let lengths: Vec<f32> = texts.iter().map(|text| text.chars().count() as f32).collect();
    let total = lengths.iter().sum::<f32>() + texts.len().saturating_sub(1) as f32;
    let mut passed = 0.0;
    texts
        .iter()
        .zip(&lengths)
        .map(|(text, length)| {
            let polygon = whole.piece(passed / total, (passed + length) / total);
            passed += length + 1.0;
            Word { text: text.clone(), polygon, confidence: Some(line.confidence) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use pagestream_documents::{Polygon, Rect};

    use super::*;

    /// A line whose characters stand one beside the other, dots for what is not read: "V.t" leaves a place.
    fn line(pattern: &str, probability: f32) -> Decoded {
        let count = pattern.chars().count() as f32;
        let character = |(index, character): (usize, char)| {
            let at = (index as f32 + 0.5) / count;
            (character != '.').then_some(Character { character, at, probability })
        };
        let characters: Vec<Character> = pattern.chars().enumerate().filter_map(character).collect();
        let text: String = characters.iter().map(|c| c.character).collect();
        let polygon = Polygon::from_rect(Rect { left: 0.0, top: 0.0, right: 100.0, bottom: 10.0 });
        let word = |text: &str| Word { text: text.to_owned(), polygon, confidence: Some(probability) };
        let words = text.split_whitespace().map(word).collect();
        Decoded { text, characters, words, confidence: probability, certainty: probability }
    }

    fn check(theirs: &str, ours: &str, expected: &str) {
        let (theirs, ours) = (line(theirs, 0.99), line(ours, 0.9));
        let text = match settle(&theirs, &ours, |c| !"¡„ộệ".contains(c)) {
            Settled::Theirs => theirs.text,
            Settled::Marked(marked) => {
                let words: Vec<&str> = marked.words.iter().map(|word| word.text.as_str()).collect();
                assert_eq!(words.join(" "), marked.text);
                marked.text
            }
            Settled::Ours => format!("ours: {}", ours.text),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn what_they_left_out_is_marked_where_it_stands() {
        check("Vi.tnames ghin s.nder", "Viêtnames ghin sônder", "Vi\u{fffd}tnames ghin s\u{fffd}nder");
        check("Αθήνα", "..\u{fffd}..", "Αθήνα");
        check("plain words here", "plain words here", "plain words here");
        check("plain wor.ds", "plaim word s", "plain words");
        check("he said ..", "he said xy", "he said \u{fffd}");
        check("rate ..... given", "rate ..\u{fffd}.. given", "rate \u{fffd} given");
    }

    #[test]
    fn where_there_is_no_room_nothing_was_left_out() {
        // The same pixels: theirs read "wh", ours "vvh".
        let at = |text: &str, places: &[f32]| {
            let mut line = line(text, 0.95);
            line.characters.iter_mut().zip(places).for_each(|(c, &at)| c.at = at);
            line
        };
        let theirs = at("awhen", &[0.1, 0.3, 0.5, 0.65, 0.8]);
        let ours = at("avvhen", &[0.1, 0.25, 0.35, 0.5, 0.65, 0.8]);
        assert_eq!(settle(&theirs, &ours, |_| true), Settled::Theirs);
    }

    #[test]
    fn what_they_have_no_character_for_is_what_ours_says() {
        check(".Buenos d.as!", "¡Buenos dias!", "¡Buenos d\u{fffd}as!");
        check("sagte: .Die Stadt", "sagte: „Die Stadt", "sagte: „Die Stadt");
    }

    #[test]
    fn a_line_of_which_they_read_next_to_nothing_is_ours() {
        check("............,..", ".\u{fffd}... ..\u{fffd}...,..", "ours: \u{fffd} \u{fffd},");
        check("...............", "a line of print", "ours: a line of print");
        check("...............", "....x..........", "");
    }

    #[test]
    fn what_ours_is_unsure_of_says_nothing() {
        let (theirs, ours) = (line("Vi.t Nam", 0.99), line("Viêt Nam", 0.5));
        assert_eq!(settle(&theirs, &ours, |_| true), Settled::Theirs);
    }
}
