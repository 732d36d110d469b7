//! The lines of a formula that has several above each other.

use super::{
    alphabet::Class,
    items::{Item, Level, Line, SAME, SCRIPT},
};

/// Lines nearer than this are one, in ems; those of a limit are a little nearer than those of text.
const APART: f32 = 0.8;

/// The baselines of a formula's lines, from top to bottom.
pub(super) fn baselines(items: &[Item]) -> Vec<f32> {
    let Some(line) = Line::of(items) else { return Vec::new() };
    let mut levels: Vec<(f32, usize)> = Vec::new();
    for item in items.iter().filter(|item| item.size >= SCRIPT * line.size && item.class != Class::Punctuation) {
        let Level::Baseline(baseline) = item.level else { continue };
        match levels.iter_mut().find(|(level, _)| (*level - baseline).abs() < SAME * line.size) {
            Some(level) => level.1 += 1,
            None => levels.push((baseline, 1)),
        }
    }
    levels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lines: Vec<(f32, usize)> = Vec::new();
    for (baseline, count) in levels {
        match lines.last_mut() {
            Some(last) if baseline - last.0 < APART * line.size => {
                if count > last.1 {
                    *last = (baseline, count);
                }
            }
            _ => lines.push((baseline, count)),
        }
    }
    lines.into_iter().map(|(baseline, _)| baseline).collect()
}

/// By lines, each with what belongs to it.
pub(super) fn split(items: Vec<Item>) -> Vec<Vec<Item>> {
    let bases = baselines(&items);
    if bases.len() < 2 {
        return vec![items];
    }
    let size = Line::of(&items).map_or(1.0, |line| line.size);
    let mut lines: Vec<Vec<Item>> = vec![Vec::new(); bases.len()];
    for item in items {
        let distance = |baseline: f32| {
            let line = Line { size, baseline };
            match item.level {
                Level::Baseline(_) if item.size >= SCRIPT * size => item.distance(&line),
                Level::Axis(_) => item.distance(&line),
                Level::Baseline(_) => (item.rect.center().y - line.axis()).abs() / size,
            }
        };
        let nearest = (0..bases.len()).min_by(|&a, &b| distance(bases[a]).total_cmp(&distance(bases[b]))).unwrap_or(0);
        lines[nearest].push(item);
    }
    lines.retain(|line| !line.is_empty());
    lines
}
