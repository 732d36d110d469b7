//! Attention of a few questions to keys and values that were made before, and to those that are new.
//!
//! Keys are `[depth][places]`, so that the scores of sixteen places are computed at once; values are `[places][depth]`. What a question does not
//! see is left out before the shares are made, so that a question comes to the same to the last bit wherever in memory lies what it sees.

use crate::backend::portable::{
    functions,
    lanes::{BLOCK, Lanes, Plain},
};
#[cfg(target_arch = "x86_64")]
use crate::instructions::Instructions;

/// Keys and values of one head: `keys` has rows of `stride` numbers.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    pub keys: &'a [f32],
    pub values: &'a [f32],
    pub stride: usize,
}

/// What a question sees of some keys, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The first so many.
    First(usize),
    /// These.
    These(Vec<u32>),
}

impl Seen {
    /// Of a mask that is added to scores: what is hidden is far below zero.
    pub fn of(mask: &[f32]) -> Self {
        const HIDDEN: f32 = -1e8;
        let first = mask.iter().position(|&value| value < HIDDEN).unwrap_or(mask.len());
        if mask[first..].iter().all(|&value| value < HIDDEN) {
            return Self::First(first);
        }
        Self::These((0u32..).zip(mask).filter(|(_, value)| **value >= HIDDEN).map(|(place, _)| place).collect())
    }
}

/// Memory that is used again.
#[derive(Default)]
pub struct Scratch {
    scores: Vec<f32>,
    shares: Vec<f32>,
}

/// The mean of what `question` sees, weighed by how well it fits the keys, to `mean`. Both are of the head's depth. A question that sees nothing gets
/// nothing.
pub fn attend(question: &[f32], kept: &[(Kept<'_>, &Seen)], mean: &mut [f32], scratch: &mut Scratch) {
    #[cfg(target_arch = "x86_64")]
    {
        if Instructions::chosen() >= Instructions::Avx512 {
            // SAFETY: the instructions are there.
            return unsafe { x86::attend_avx512(question, kept, mean, scratch) };
        }
        if Instructions::chosen() >= Instructions::Avx2 {
            // SAFETY: the instructions are there.
            return unsafe { x86::attend_avx2(question, kept, mean, scratch) };
        }
    }
    with::<Plain>(question, kept, mean, scratch);
}

#[inline(always)]
fn with<L: Lanes>(question: &[f32], kept: &[(Kept<'_>, &Seen)], mean: &mut [f32], scratch: &mut Scratch) {
    let Scratch { scores, shares } = scratch;
    shares.clear();
    for (kept, seen) in kept {
        match seen {
            Seen::First(0) => {}
            Seen::First(count) => {
                score::<L>(question, kept, *count, scores);
                shares.extend_from_slice(&scores[..*count]);
            }
            Seen::These(places) => {
                let count = places.last().map_or(0, |&last| last as usize + 1);
                score::<L>(question, kept, count, scores);
                shares.extend(places.iter().map(|&place| scores[place as usize]));
            }
        }
    }
    mean.fill(0.0);
    if shares.is_empty() {
        return;
    }
    functions::softmax(shares);
    let depth = mean.len();
    for first in (0..depth).step_by(BLOCK) {
        weigh::<L>(kept, shares, depth, first, mean);
    }
}

/// Scores of the first `count` keys.
#[inline(always)]
fn score<L: Lanes>(question: &[f32], kept: &Kept<'_>, count: usize, scores: &mut Vec<f32>) {
    let blocks = count.div_ceil(BLOCK);
    if scores.len() < blocks * BLOCK {
        scores.resize(blocks * BLOCK, 0.0);
    }
    let mut block = 0;
    while block < blocks {
        block += match blocks - block {
            4.. => score_blocks::<L, 4>(question, kept, block, scores),
            _ => score_blocks::<L, 1>(question, kept, block, scores),
        };
    }
}

#[inline(always)]
fn score_blocks<L: Lanes, const B: usize>(
    question: &[f32],
    kept: &Kept<'_>,
    block: usize,
    scores: &mut [f32],
) -> usize {
    let mut sums = [L::splat(0.0); B];
    for (j, &q) in question.iter().enumerate() {
        let q = L::splat(q);
        for (b, sum) in sums.iter_mut().enumerate() {
            *sum = sum.add_product(q, sixteen(kept.keys, j * kept.stride + (block + b) * BLOCK));
        }
    }
    for (b, sum) in sums.iter().enumerate() {
        let to = &mut scores[(block + b) * BLOCK..];
        sum.store(to.first_chunk_mut().expect("the scores are whole blocks"));
    }
    B
}

/// Sixteen numbers, of which those beyond the end are nothing.
#[inline(always)]
fn sixteen<L: Lanes>(numbers: &[f32], at: usize) -> L {
    if let Some(block) = numbers.get(at..).and_then(|rest| rest.first_chunk()) {
        return L::load(block);
    }
    let mut block = [0.0; BLOCK];
    let rest = numbers.get(at..).unwrap_or_default();
    block[..rest.len()].copy_from_slice(rest);
    L::load(&block)
}

/// Sixteen numbers of the mean, from `first` on. There are four sums, by turns, so that one need not wait for another.
#[inline(always)]
fn weigh<L: Lanes>(kept: &[(Kept<'_>, &Seen)], shares: &[f32], depth: usize, first: usize, mean: &mut [f32]) {
    let mut sums = [L::splat(0.0); 4];
    let mut at = 0;
    for (kept, seen) in kept {
        match seen {
            Seen::First(count) => {
                for place in 0..*count {
                    let value = sixteen(kept.values, place * depth + first);
                    sums[at % 4] = sums[at % 4].add_product(L::splat(shares[at]), value);
                    at += 1;
                }
            }
            Seen::These(places) => {
                for &place in places {
                    let value = sixteen(kept.values, place as usize * depth + first);
                    sums[at % 4] = sums[at % 4].add_product(L::splat(shares[at]), value);
                    at += 1;
                }
            }
        }
    }
    let mut block = [0.0; BLOCK];
    sums[0].add(sums[1]).add(sums[2].add(sums[3])).store(&mut block);
    let to = &mut mean[first..];
    let count = to.len().min(BLOCK);
    to[..count].copy_from_slice(&block[..count]);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kept, Scratch, Seen, with};
    use crate::backend::portable::lanes::x86::{Avx2, Avx512};

    #[target_feature(enable = "avx512f")]
    pub fn attend_avx512(question: &[f32], kept: &[(Kept<'_>, &Seen)], mean: &mut [f32], scratch: &mut Scratch) {
        with::<Avx512>(question, kept, mean, scratch);
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn attend_avx2(question: &[f32], kept: &[(Kept<'_>, &Seen)], mean: &mut [f32], scratch: &mut Scratch) {
        with::<Avx2>(question, kept, mean, scratch);
    }
}
