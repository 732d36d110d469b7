//! Where rows stand that may be those of a table: consecutive rows of text with words far apart.

use std::ops::Range;

use super::{
    atoms::{Atom, Segment, TextRow},
    grid::{Keeping, rows_of},
    prose::Prose,
};

/// Space between two rows of a table, in heights of its type, where nothing is drawn between them.
const MOST_SPACE: f32 = 2.0;
/// Lines of one cell below the first, where nothing is drawn.
const MOST_LINES: usize = 8;
/// How much more than between those before it, and what is more than any table has.
const MORE_SPACE: f32 = 1.3;
const AIRIEST: f32 = 4.5;
/// Two inner margins, as a share of the width of a sheet of two pages.
const FOLD: f32 = 0.1;
/// A line of text is longer, in ems.
const LINE: f32 = 14.0;
/// Rows of one cell between others.
const MOST_SINGLE: usize = 3;

/// Rows of text one below the other, by the atoms in each.
pub(super) type Lane = Vec<(TextRow, Vec<Segment>)>;

/// Runs of rows that begin and end with several cells. `is_together(a, b)` says of neighbours that stand far apart whether what is drawn
/// holds them together; `ends(row)` that a row is none of a table; `is_held(row)` that one of one cell stands beside others of its row, as
/// far as what is drawn tells.
pub(super) fn runs(
    lane: &Lane,
    em: f32,
    is_together: impl Fn(&TextRow, &TextRow) -> bool,
    ends: impl Fn(&TextRow, &[Segment]) -> bool,
    is_held: impl Fn(&TextRow) -> bool,
) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut open: Option<Range<usize>> = None;
    let mut single = 0;
    for (at, (row, parts)) in lane.iter().enumerate() {
        let is_near = at > 0 && {
            let before = &lane[at - 1].0;
            let space = row.top - before.bottom;
            // Rows of an airy table stand as far apart as its others do.
            let usual = || open.clone().map_or(0.0, |run| MORE_SPACE * usual_space(&lane[run]));
            space < MOST_SPACE * em
                || is_together(before, row)
                || (space < AIRIEST * em && (space < usual() || is_even(lane, at)))
        };
        if (!is_near || ends(row, parts))
            && let Some(run) = open.take()
        {
            runs.push(run);
        }
        if ends(row, parts) {
            continue;
        }
        if parts.len() > 1 {
            single = 0;
            match &mut open {
                Some(run) => run.end = at + 1,
                None => open = Some(at..at + 1),
            }
        } else {
            // Lines of a cell that has many stand in its column.
            let goes_on = open.clone().is_some_and(|run| {
                let own = &parts[0];
                let meets = |part: &&Segment| part.left < own.right + 0.5 * em && own.left < part.right + 0.5 * em;
                let is_set = |part: &Segment| {
                    let off =
                        [own.left - part.left, own.right - part.right, own.left + own.right - part.left - part.right];
                    off.iter().any(|off| off.abs() < 0.3 * em)
                };
                let above = &lane[run.end - 1].1;
                at - run.end < MOST_LINES && above.iter().filter(meets).count() < 2 && above.iter().any(is_set)
            });
            single += usize::from(!goes_on && !is_held(row));
            if single > MOST_SINGLE
                && let Some(run) = open.take()
            {
                runs.push(run);
            }
        }
    }
    runs.extend(open);
    runs
}

/// Whether a row stands as far below the one above it as the next rows do there. Rows of several cells are among them, and those that name
/// others.
fn is_even(lane: &Lane, at: usize) -> bool {
    let space = |at: usize| {
        let (above, row) = (lane.get(at.checked_sub(1)?)?, lane.get(at)?);
        (above.1.len() > 1 || row.1.len() > 1).then_some(row.0.top - above.0.bottom)
    };
    let Some(own) = space(at) else { return false };
    let is_same = |other: f32| (other - own).abs() < 0.25 * own.max(other);
    space(at - 1).is_some_and(is_same) || space(at + 1).is_some_and(is_same)
}

/// The space between rows of several cells that follow each other; 0 where that is not known.
fn usual_space(rows: &[(TextRow, Vec<Segment>)]) -> f32 {
    let several = rows.windows(2).filter(|pair| pair.iter().all(|(_, parts)| parts.len() > 1));
    // Lines of cells stand nearer than rows.
    let spaces: Vec<f32> = several.rev().take(16).map(|pair| pair[1].0.top - pair[0].0.bottom).collect();
    spaces.iter().copied().fold(0.0, f32::max)
}

/// Adds rows before and behind a run that keep to the columns of the rows `like` it: of several cells, or of one where lines of a cell go on.
pub(super) fn grown(
    atoms: &[Atom<'_>],
    lane: &Lane,
    run: Range<usize>,
    like: Range<usize>,
    em: f32,
    limit: Range<usize>,
) -> Range<usize> {
    let keeping = Keeping::of(atoms, &lane[like.clone()], em);
    let (mut from, mut to) = (run.start, run.end);
    let space = |at: usize| lane[at].0.top - lane[at - 1].0.bottom;
    let pitch = |at: usize| lane[at].0.middle() - lane[at - 1].0.middle();
    // Lines of cells stand no further apart than lines do.
    let is_line = |at: usize, distance: usize| {
        pitch(distance) < 0.85 * em
            || (space(distance) < 0.45 * em && keeping.column(&lane[at]).is_some_and(|column| column > 0))
    };
    let is_row = |at: usize| lane[at].1.len() > 1 && keeping.keeps(&lane[at]);
    let most = (1.2 * em).max((MORE_SPACE * usual_space(&lane[like.clone()])).min(AIRIEST * em));
    let is_near = |at: usize| space(at) < most || (space(at) < AIRIEST * em && is_even(lane, at));
    let mut at = to;
    while at < limit.end && at < to + 4 && is_near(at) {
        // A row whose other cells are empty stands as far away as rows do.
        let is_first = || {
            let usual = usual_space(&lane[like.clone()]);
            usual > 0.45 * em && (space(at) - usual).abs() < 0.15 * usual && keeping.column(&lane[at]) == Some(0)
        };
        if is_row(at) || (lane[at].1.len() == 1 && (is_line(at, at) || (at == to && is_first()))) {
            to = at + 1;
        } else if lane[at].1.len() > 1 || keeping.column(&lane[at]).is_none() {
            break;
        }
        at += 1;
    }
    while from > limit.start && is_near(from) {
        let is_more = is_row(from - 1) || (lane[from - 1].1.len() == 1 && pitch(from) < 0.85 * em);
        if !is_more {
            break;
        }
        from -= 1;
    }
    from..to
}

/// Where the page's columns part a run, if what stands on both sides is no row of one table: mostly one side has text, or one side has lines as
/// wide as its column.
pub(super) fn parting(rows: &[(TextRow, Vec<Segment>)], prose: &Prose, em: f32) -> Option<f32> {
    prose.between.iter().map(|&(left, right)| (left + right) / 2.0).find(|&middle| {
        let is_free = |part: &Segment| part.right <= middle || part.left >= middle;
        if !rows.iter().all(|(_, parts)| parts.iter().all(is_free)) {
            return false;
        }
        let of_side = |side: bool| -> Vec<Vec<&Segment>> {
            let own = rows.iter().map(|(_, parts)| parts.iter().filter(|part| (part.left >= middle) == side).collect());
            own.filter(|parts: &Vec<&Segment>| !parts.is_empty()).collect()
        };
        let sides = [of_side(false), of_side(true)];
        if sides.iter().any(Vec::is_empty) {
            return false;
        }
        let both = sides[0].len() + sides[1].len() - rows.len();
        let is_plain = |side: &Vec<Vec<&Segment>>| {
            let plain = side.iter().filter(|parts| parts.len() == 1 && parts[0].right - parts[0].left > 9.0 * em);
            plain.count() * 10 >= side.len() * 7
        };
        both * 10 < rows.len() * 7 || sides.iter().any(is_plain)
    })
}

/// Where a sheet of two pages folds: it is broad, nothing stands around its middle, and both halves have lines of text.
pub(super) fn fold(lane: &Lane, width: f32, height: f32, em: f32) -> Option<f32> {
    let middle = width / 2.0;
    let parts = || lane.iter().flat_map(|(_, parts)| parts);
    let left = parts().filter(|part| part.left < middle).map(|part| part.right).fold(0.0, f32::max);
    let right = parts().filter(|part| part.right > middle).map(|part| part.left).fold(width, f32::min);
    let lines = |is_left: bool| {
        parts().filter(|part| (part.left < middle) == is_left && part.right - part.left > LINE * em).count()
    };
    let is_folded = width > 1.2 * height && left < middle && middle < right && right - left > FOLD * width;
    (is_folded && lines(true).min(lines(false)) >= 3).then_some(middle)
}

/// What of a lane stands on either side.
pub(super) fn halves(atoms: &[Atom<'_>], lane: &Lane, middle: f32, em: f32) -> [Lane; 2] {
    [true, false].map(|is_left| {
        let own = lane.iter().flat_map(|(row, _)| row.atoms.iter().copied());
        rows_of(atoms, own.filter(|&at| (atoms[at].rect.center().x < middle) == is_left).collect(), em)
    })
}

/// Whether the text begins as that of a caption does.
pub(super) fn is_caption(text: &str) -> bool {
    begins_with(text, &TABLES) || begins_with(text, &FIGURES)
}

/// Whether the text begins as that of a table's caption does.
pub(super) fn names_table(text: &str) -> bool {
    begins_with(text, &TABLES)
}

const TABLES: [&str; 7] = ["table", "tab", "tabelle", "tableau", "tabla", "tabela", "tabella"];
const FIGURES: [&str; 5] = ["figure", "fig", "abbildung", "abb", "figura"];

/// Whether the text begins with one of the names and a number.
fn begins_with(text: &str, names: &[&str]) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or("").trim_end_matches(['.', ':']).to_lowercase();
    names.contains(&first.as_str())
        && words.next().is_some_and(|number| {
            let number = number.trim_end_matches(['.', ':', ')']);
            !number.is_empty()
                && number
                    .chars()
                    .all(|c| c.is_ascii_digit() || c == '.' || "IVXLC".contains(c) || c.is_ascii_uppercase())
        })
}
