//! One formula under way: what was written so far, what the decoder is asked next, and what becomes of its answer.
//!
//! Hypotheses of a beam share the past: each knows which of the tokens in it are its own. One hypothesis is greedy decoding, and may ask for
//! drafted tokens to be verified together with the one that it is sure of (Leviathan et al., "Fast inference from transformers via speculative
//! decoding", 2023): since each is compared with the best token of the run that would have come to it, what is written is the same.

use super::{
    Ending,
    grammar::{Grammar, Position},
    vocabulary::{END, START},
};

/// What bounds a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub beam: usize,
    /// Most tokens, without the one that ends.
    pub tokens: usize,
}

/// A way to read the formula.
#[derive(Clone, Debug)]
struct Hypothesis {
    tokens: Vec<usize>,
    /// Of the tokens, the sum of the logarithms of their probabilities.
    score: f64,
    position: Position,
    /// Places of the past that are its own, in order.
    past: Vec<u32>,
}

/// A token for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub token: usize,
    /// Tokens before it.
    pub position: usize,
    /// The hypothesis that asks.
    hypothesis: usize,
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub tokens: Vec<usize>,
    /// Mean logarithm of the tokens' probabilities, the end's among them.
    pub score: f64,
    pub ending: Ending,
}

#[derive(Clone, Debug)]
pub struct Search {
    limits: Limits,
    live: Vec<Hypothesis>,
    finished: Vec<Found>,
    /// Tokens in the past.
    used: usize,
    asked: Vec<Asked>,
    /// Tokens that were drafted, and those of them that were right.
    pub drafted: usize,
    pub accepted: usize,
}

/// Where a token that was asked is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Which of the tokens asked.
    pub asked: usize,
    pub at: usize,
}

impl Search {
    pub fn new(limits: Limits) -> Self {
        let start = Hypothesis { tokens: Vec::new(), score: 0.0, position: Position::default(), past: Vec::new() };
        Self { limits, live: vec![start], finished: Vec::new(), used: 0, asked: Vec::new(), drafted: 0, accepted: 0 }
    }

    /// What is written so far, of the best hypothesis.
    pub fn tokens(&self) -> &[usize] {
        self.live.first().map_or(&[], |first| &first.tokens)
    }

    pub fn position(&self) -> Option<&Position> {
        self.live.first().map(|first| &first.position)
    }

    /// Whether drafts are of use: with one hypothesis.
    pub fn is_greedy(&self) -> bool {
        self.limits.beam == 1
    }

    /// Tokens in the past, with those that the next run may add.
    pub fn room(&self, drafted: usize) -> usize {
        self.used + self.live.len() + drafted
    }

    /// Begins a run; `draft` is what may come after the last token. What is asked: [`Search::asked`].
    pub fn ask(&mut self, draft: &[usize]) {
        self.asked.clear();
        for (index, hypothesis) in self.live.iter().enumerate() {
            let token = hypothesis.tokens.last().copied().unwrap_or(START);
            self.asked.push(Asked { token, position: hypothesis.tokens.len(), hypothesis: index });
        }
        if let [only] = &self.live[..] {
            let first = only.tokens.len() + 1;
            // Beyond the longest formula there is nothing to verify.
            let drafted = draft.iter().zip(first..=self.limits.tokens);
            self.asked.extend(drafted.map(|(&token, position)| Asked { token, position, hypothesis: 0 }));
        }
    }

    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// Writes what the `index`th token asked sees into its row of the mask: of the past, and of the tokens of this run. All is hidden before.
    pub fn show(&self, index: usize, past: &mut [f32], new: &mut [f32]) {
        let asked = self.asked[index];
        for &at in &self.live[asked.hypothesis].past {
            past[at as usize] = 0.0;
        }
        if self.live.len() == 1 {
            new[..=index].fill(0.0);
        } else {
            new[index] = 0.0;
        }
    }

    /// Goes on by the answer: by token asked, its logits. Which of them are kept, and where; the formula, when it has ended.
    pub fn advance<'a>(
        &mut self,
        logits: impl Fn(usize) -> &'a [f32],
        grammar: &Grammar,
        keep: &mut Vec<Keep>,
    ) -> Option<Found> {
        keep.clear();
        if self.is_greedy() {
            self.advance_greedily(logits, grammar, keep)
        } else {
            self.advance_all(logits, grammar, keep)
        }
    }

    fn advance_greedily<'a>(
        &mut self,
        logits: impl Fn(usize) -> &'a [f32],
        grammar: &Grammar,
        keep: &mut Vec<Keep>,
    ) -> Option<Found> {
        let limit = self.limits.tokens;
        let hypothesis = self.live.first_mut()?;
        self.drafted += self.asked.len() - 1;
        for index in 0..self.asked.len() {
            keep.push(Keep { asked: index, at: self.used });
            hypothesis.past.push(self.used as u32);
            self.used += 1;
            let logits = logits(index);
            let token = best(logits, grammar.allowed(&hypothesis.position))?;
            let ended = hypothesis.take(token, log_probability(logits, token), grammar, limit);
            if ended.is_some() {
                return ended;
            }
            match self.asked.get(index + 1) {
                Some(next) if next.token == token => self.accepted += 1,
                _ => return None,
            }
        }
        None
    }

    fn advance_all<'a>(
        &mut self,
        logits: impl Fn(usize) -> &'a [f32],
        grammar: &Grammar,
        keep: &mut Vec<Keep>,
    ) -> Option<Found> {
        let beam = self.limits.beam;
        let mut candidates: Vec<(f64, usize, usize)> = Vec::new();
        for (index, hypothesis) in self.live.iter().enumerate() {
            let logits = logits(index);
            let of_all = log_sum(logits);
            for token in best_few(logits, grammar.allowed(&hypothesis.position), beam) {
                candidates.push((hypothesis.score + f64::from(logits[token]) - of_all, index, token));
            }
        }
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut places: Vec<Option<u32>> = vec![None; self.live.len()];
        let mut grown = Vec::with_capacity(beam);
        for (score, index, token) in candidates.into_iter().take(beam) {
            let mut hypothesis = self.live[index].clone();
            let gained = score - hypothesis.score;
            if let Some(found) = hypothesis.take(token, gained, grammar, self.limits.tokens) {
                self.finished.push(found);
                continue;
            }
            let used = &mut self.used;
            let at = *places[index].get_or_insert_with(|| {
                keep.push(Keep { asked: index, at: *used });
                *used += 1;
                (*used - 1) as u32
            });
            hypothesis.past.push(at);
            grown.push(hypothesis);
        }
        self.live = grown;
        if !self.live.is_empty() && self.finished.len() < beam {
            return None;
        }
        self.finished.drain(..).reduce(|best, other| if other.score > best.score { other } else { best })
    }

    /// The places of the past that somebody still needs, in rising order, where that makes room: they are to be moved to its beginning.
    pub fn compact(&mut self) -> Option<Vec<u32>> {
        let mut needed: Vec<u32> = self.live.iter().flat_map(|hypothesis| &hypothesis.past).copied().collect();
        needed.sort_unstable();
        needed.dedup();
        if needed.len() == self.used {
            return None;
        }
        for at in self.live.iter_mut().flat_map(|hypothesis| &mut hypothesis.past) {
            *at = needed.binary_search(at).unwrap_or_default() as u32;
        }
        self.used = needed.len();
        Some(needed)
    }
}

impl Hypothesis {
    /// Goes on by a token that is allowed; what was read, if it ends with that.
    fn take(&mut self, token: usize, log_probability: f64, grammar: &Grammar, limit: usize) -> Option<Found> {
        let score = (self.score + log_probability) / (self.tokens.len() + 1) as f64;
        if token == END {
            let tokens = std::mem::take(&mut self.tokens);
            return Some(Found { tokens, score, ending: Ending::Complete });
        }
        let before = self.position.clone();
        grammar.step(&mut self.position, token);
        let length = self.tokens.len() + 1;
        let fits = |position: &Position| {
            length + position.closing_bound() <= limit || length + grammar.closing(position).len() <= limit
        };
        if !fits(&self.position) {
            let mut tokens = std::mem::take(&mut self.tokens);
            tokens.extend(grammar.closing(&before));
            return Some(Found { tokens, score, ending: Ending::TooLong });
        }
        self.tokens.push(token);
        self.score += log_probability;
        let repeated = repetition(&self.tokens)?;
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.truncate(repeated);
        let mut position = Position::default();
        tokens.iter().for_each(|&token| grammar.step(&mut position, token));
        tokens.extend(grammar.closing(&position));
        Some(Found { tokens, score, ending: Ending::Repetition })
    }
}

/// Longest part that is looked for again and again.
const LONGEST_PERIOD: usize = 20;
/// So often, or so many tokens, said again before it counts: a matrix of seven rows of seven noughts has 84 tokens that are the row before.
const TIMES: usize = 8;
const AT_LEAST: usize = 48;

/// Where a formula is cut that says the same again and again: behind the first time.
pub fn repetition(tokens: &[usize]) -> Option<usize> {
    (1..=LONGEST_PERIOD).find_map(|period| {
        let pairs = tokens.iter().rev().zip(tokens.iter().rev().skip(period));
        let same = pairs.take_while(|(a, b)| a == b).count();
        (same >= AT_LEAST.max(TIMES * period)).then(|| tokens.len() - same)
    })
}

/// The token of the largest logit among those that are allowed; of equal ones, the first.
fn best(logits: &[f32], allowed: &[bool]) -> Option<usize> {
    let allowed = logits.iter().zip(allowed).enumerate().filter(|(_, (_, allowed))| **allowed);
    allowed.reduce(|best, other| if other.1.0 > best.1.0 { other } else { best }).map(|(token, _)| token)
}

fn best_few(logits: &[f32], allowed: &[bool], count: usize) -> Vec<usize> {
    let mut tokens: Vec<usize> = (0..logits.len()).filter(|&token| allowed[token]).collect();
    tokens.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    tokens.truncate(count);
    tokens
}

pub fn log_probability(logits: &[f32], token: usize) -> f64 {
    f64::from(logits[token]) - log_sum(logits)
}

/// The logarithm of the sum of the exponentials.
fn log_sum(logits: &[f32]) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    largest + logits.iter().map(|&logit| f64::from(logit - largest as f32).exp()).sum::<f64>().ln()
}
