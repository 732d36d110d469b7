//! What the layout network takes for tables.

use super::{Drawn, Evidence, Finder};
use crate::{blocks::BlockKind, hints::RegionScope};

impl Finder<'_> {
    /// Regions of tables, each with the columns beside it that are of its rows.
    pub(super) fn regions(&mut self) {
        // Lines that are parts of tables are regions, too, but say no more of where those are.
        let regions = self.hints.regions.iter().filter(|region| {
            region.scope == RegionScope::Area && region.kind == BlockKind::Table && region.confidence >= 0.3
        });
        for region in regions.take(64).map(|region| region.rect).collect::<Vec<_>>() {
            let mut members = self.within(&region, 0.0);
            self.leave_cut_lines(&mut members);
            if members.len() < 4 {
                continue;
            }
            self.widen(&mut members);
            let own = self.bounds(&members);
            let drawn = Drawn { bars: self.bars_within(&own), verticals: self.verticals_within(&own) };
            self.try_open(members, own, &drawn, Evidence::Network);
        }
    }

    /// Takes in columns that stand beside a region and in its rows: the network may see a wide table in part, or in several.
    pub(super) fn widen(&self, members: &mut Vec<usize>) {
        /// From a table to its next column, in ems.
        const FARTHEST: f32 = 25.0;
        let own = self.bounds(members);
        let middles = |atoms: &[usize]| {
            let mut all: Vec<f32> = atoms.iter().map(|&at| self.atoms[at].rect.center().y).collect();
            all.sort_by(f32::total_cmp);
            all.dedup_by(|a, b| (*a - *b).abs() < 0.4 * self.em);
            all
        };
        let rows = middles(members);
        let mut beside: Vec<usize> = (0..self.atoms.len())
            .filter(|&at| {
                let middle = self.atoms[at].rect.center();
                let is_beside = middle.x < own.left || middle.x > own.right;
                is_beside && !self.is_taken[at] && middle.y > own.top && middle.y < own.bottom
            })
            .collect();
        let distance = |at: &usize| (own.left - self.atoms[*at].rect.right).max(self.atoms[*at].rect.left - own.right);
        beside.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        let (mut left, mut right) = (own.left, own.right);
        beside.retain(|&at| {
            let rect = self.atoms[at].rect;
            let is_near = (left - rect.right).max(rect.left - right) < FARTHEST * self.em;
            if is_near {
                (left, right) = (left.min(rect.left), right.max(rect.right));
            }
            is_near
        });
        let others = middles(&beside);
        // Running text has full lines, and in another column it has its own.
        let is_prose = |at: &&usize| self.prose.is_prose.get(**at).copied().unwrap_or(false);
        if 3 * beside.iter().filter(is_prose).count() > beside.len() && self.are_full(&beside, &others) {
            return;
        }
        let in_rows = others.iter().filter(|&&y| rows.iter().any(|row| (row - y).abs() < 0.4 * self.em)).count();
        if rows.len() > 1 && others.len() * 3 >= rows.len() * 2 && in_rows * 4 >= others.len() * 3 {
            members.extend(beside);
            members.sort_unstable();
        }
    }

    /// Whether most rows of words end where the longest does.
    fn are_full(&self, atoms: &[usize], rows: &[f32]) -> bool {
        let end = |row: f32| {
            let own = atoms
                .iter()
                .map(|&at| self.atoms[at].rect)
                .filter(|rect| (rect.center().y - row).abs() < 0.4 * self.em);
            own.map(|rect| rect.right).fold(f32::NEG_INFINITY, f32::max)
        };
        let ends: Vec<f32> = rows.iter().map(|&row| end(row)).collect();
        let last = ends.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        2 * ends.iter().filter(|&&end| end > last - 2.0 * self.em).count() > ends.len()
    }

    /// Leaves out words of lines that go on outside without a gap: of text that the network's region reaches into.
    fn leave_cut_lines(&self, members: &mut Vec<usize>) {
        let mut is_in = vec![false; self.atoms.len()];
        members.iter().for_each(|&at| is_in[at] = true);
        let goes_on = |(a, b): (usize, usize)| {
            let (one, other) = (&self.atoms[a], &self.atoms[b]);
            one.line == other.line && is_in[a] != is_in[b] && other.rect.left - one.rect.right < self.em
        };
        let cut: std::collections::HashSet<usize> =
            (1..self.atoms.len()).filter(|&at| goes_on((at - 1, at))).map(|at| self.atoms[at].line).collect();
        members.retain(|&at| !cut.contains(&self.atoms[at].line));
    }
}
