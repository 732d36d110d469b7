//! Lists: what a printed bullet or number means, and which list an item belongs to.

/// How the items of a list are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::output) enum Numbering {
    Bullet,
    Decimal,
    LowerAlpha,
    UpperAlpha,
    LowerRoman,
    UpperRoman,
    /// As no list program numbers: `1.2.3`, `§ 4`, a box that is ticked. It is written as it is printed.
    Printed,
}

/// An item's bullet or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::output) struct Label {
    pub(in crate::output) numbering: Numbering,
    /// Of a number what it says; else 0.
    pub(in crate::output) value: u32,
    /// Whether it stands between `(` and `)`, or has nothing before it, and what stands behind it.
    pub(in crate::output) is_bracketed: bool,
    pub(in crate::output) end: Option<char>,
    /// The whole of it.
    pub(in crate::output) printed: String,
}

impl Label {
    pub(in crate::output) fn is_numbered(&self) -> bool {
        !matches!(self.numbering, Numbering::Bullet | Numbering::Printed)
    }
}

/// What a writer does, one after the other, to write the next item. Lists within a list are within its latest item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::output) enum Step {
    /// `depth` counts from 0; it begins with this label.
    OpenList {
        depth: usize,
        label: Label,
    },
    CloseList(Numbering),
    /// `is_next` says whether its number is the one that follows, or the first.
    OpenItem {
        depth: usize,
        label: Label,
        is_next: bool,
    },
    CloseItem,
}

/// The lists that are open, from the outer one inwards: nine at most, since levels are.
#[derive(Debug, Default)]
pub(in crate::output) struct Lists {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    level: u8,
    numbering: Numbering,
    is_bracketed: bool,
    end: Option<char>,
    next: u32,
}

impl Lists {
    pub(in crate::output) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Another item.
    pub(in crate::output) fn item(&mut self, level: u8, marker: Option<&str>) -> Vec<Step> {
        let mut steps = Vec::new();
        while self.open.last().is_some_and(|open| open.level > level) && self.open.len() > 1 {
            self.close(&mut steps);
        }
        let same = self.open.last().filter(|open| open.level >= level);
        let label = read(marker, same.map(|open| (open.numbering, open.next)));
        let is_same = same.map(|open| {
            open.numbering == label.numbering
                && (!label.is_numbered() || (open.is_bracketed, open.end) == (label.is_bracketed, label.end))
        });
        match is_same {
            Some(true) => steps.push(Step::CloseItem),
            Some(false) => self.close(&mut steps),
            None => {}
        }
        let depth = if is_same == Some(true) {
            self.open.len() - 1
        } else {
            let depth = self.open.len();
            let Label { numbering, is_bracketed, end, value, .. } = label;
            self.open.push(Open { level, numbering, is_bracketed, end, next: value });
            steps.push(Step::OpenList { depth, label: label.clone() });
            depth
        };
        if let Some(open) = self.open.last_mut() {
            let is_next = !label.is_numbered() || label.value == open.next;
            open.next = label.value.saturating_add(1);
            steps.push(Step::OpenItem { depth, label, is_next });
        }
        steps
    }

    /// Something else follows.
    pub(in crate::output) fn end(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        while !self.open.is_empty() {
            self.close(&mut steps);
        }
        steps
    }

    fn close(&mut self, steps: &mut Vec<Step>) {
        if let Some(open) = self.open.pop() {
            steps.extend([Step::CloseItem, Step::CloseList(open.numbering)]);
        }
    }
}

/// What a marker says, in a list that has got so far.
fn read(marker: Option<&str>, list: Option<(Numbering, u32)>) -> Label {
    let printed = marker.map(str::trim).unwrap_or_default();
    let is_bracketed = printed.starts_with('(') && printed.ends_with(')') && printed.len() > 2;
    let core = printed.strip_prefix('(').filter(|_| is_bracketed).unwrap_or(printed);
    let end = core.chars().next_back().filter(|c| matches!(c, '.' | ')'));
    let core = end.and_then(|end| core.strip_suffix(end)).unwrap_or(core);
    let label =
        |numbering: Numbering, value: u32| Label { numbering, value, is_bracketed, end, printed: printed.to_owned() };
    let mut readings = readings(core, end.is_some());
    // What goes on with the list comes first, then what the list is of.
    let rank = |&(numbering, value): &(Numbering, u32)| match list {
        Some((of, next)) if of == numbering => i32::from(value != next),
        _ => 2,
    };
    readings.sort_by_key(rank);
    match readings.first() {
        Some(&(numbering, value)) => label(numbering, value),
        None if is_bullet(printed) => label(Numbering::Bullet, 0),
        None => label(Numbering::Printed, 0),
    }
}

fn readings(core: &str, has_end: bool) -> Vec<(Numbering, u32)> {
    if !core.is_empty() && core.len() <= 9 && core.bytes().all(|byte| byte.is_ascii_digit()) {
        return core.parse().map(|value| (Numbering::Decimal, value)).into_iter().collect();
    }
    let is_lower = core.bytes().all(|byte| byte.is_ascii_lowercase());
    if core.is_empty() || !has_end || !(is_lower || core.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return Vec::new();
    }
    let (alpha, roman) = match is_lower {
        true => (Numbering::LowerAlpha, Numbering::LowerRoman),
        false => (Numbering::UpperAlpha, Numbering::UpperRoman),
    };
    let letter = match core.as_bytes() {
        [letter] => Some((alpha, u32::from(letter.to_ascii_lowercase() - b'a') + 1)),
        _ => None,
    };
    let number = roman_value(core).map(|value| (roman, value));
    // A list that begins with i is numbered in Roman, one that begins with another letter is not.
    match number {
        Some((_, 1)) => number.into_iter().chain(letter).collect(),
        _ => letter.into_iter().chain(number).collect(),
    }
}

fn roman_value(text: &str) -> Option<u32> {
    let value = |c: char| {
        Some(match c.to_ascii_lowercase() {
            'i' => 1,
            'v' => 5,
            'x' => 10,
            'l' => 50,
            'c' => 100,
            _ => return None,
        })
    };
    let values: Vec<u32> = text.chars().map(value).collect::<Option<_>>()?;
    let mut sum = 0;
    for (at, &value) in values.iter().enumerate() {
        match values.get(at + 1) {
            Some(&next) if next > value => sum -= value as i32,
            _ => sum += value as i32,
        }
    }
    let sum = u32::try_from(sum).ok()?;
    // Only what is written as it should be: `iiii` and `vx` are no numbers.
    (roman(sum) == text.to_ascii_lowercase()).then_some(sum)
}

/// In small letters, below 400.
fn roman(mut value: u32) -> String {
    const PARTS: [(u32, &str); 9] =
        [(100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")];
    let mut text = String::new();
    if value < 400 {
        for (part, letters) in PARTS {
            while value >= part {
                text.push_str(letters);
                value -= part;
            }
        }
    }
    text
}

/// Whether it is a sign that says nothing; boxes and ticks do.
fn is_bullet(printed: &str) -> bool {
    let mut signs = printed.chars();
    match (signs.next(), signs.next()) {
        (None, _) => true,
        (Some(sign), None) => sign == 'o' || !(sign.is_alphanumeric() || matches!(sign, '☐'..='☒' | '✓'..='✘' | '§')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_in_the_light_of_what_came_before() {
        use Numbering::*;
        for (marker, list, expected) in [
            ("•", None, (Bullet, 0)),
            ("", None, (Bullet, 0)),
            ("o", None, (Bullet, 0)),
            ("3.", None, (Decimal, 3)),
            ("(12)", None, (Decimal, 12)),
            ("a)", None, (LowerAlpha, 1)),
            ("i.", None, (LowerRoman, 1)),
            ("i.", Some((LowerAlpha, 9)), (LowerAlpha, 9)),
            ("v)", Some((LowerRoman, 5)), (LowerRoman, 5)),
            ("IV.", None, (UpperRoman, 4)),
            ("C.", None, (UpperAlpha, 3)),
            ("iiii.", None, (Printed, 0)),
            ("1.2.3", None, (Printed, 0)),
            ("☑", None, (Printed, 0)),
            ("9999999999.", None, (Printed, 0)),
        ] {
            let label = read(Some(marker), list);
            assert_eq!((label.numbering, label.value), expected, "{marker}");
        }
    }

    #[test]
    fn lists_lie_within_items_and_every_one_is_closed() {
        let mut lists = Lists::default();
        let mut told = String::new();
        let mut tell = |steps: Vec<Step>| {
            for step in steps {
                match step {
                    Step::OpenList { label, .. } => told.push_str(if label.is_numbered() { "<ol>" } else { "<ul>" }),
                    Step::CloseList(_) => told.push_str("</l>"),
                    Step::OpenItem { label, is_next, .. } => {
                        told.push_str(&format!("<li {}{}>", label.printed, if is_next { "" } else { "!" }));
                    }
                    Step::CloseItem => told.push_str("</li>"),
                }
            }
        };
        for (level, marker) in [(1, "1."), (2, "•"), (2, "•"), (1, "2."), (1, "5."), (1, "•"), (3, "a)"), (1, "•")]
        {
            tell(lists.item(level, Some(marker)));
        }
        tell(lists.end());
        assert!(lists.is_empty());
        assert_eq!(
            told,
            "<ol><li 1.><ul><li •></li><li •></li></l></li><li 2.></li><li 5.!></li></l>\
             <ul><li •><ol><li a)></li></l></li><li •></li></l>"
        );
    }
}
