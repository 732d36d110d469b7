//! Guesses at the next tokens, for the decoder to verify several in one run.
//!
//! What follows the last tokens is looked up, the longest context first: in the formula itself, which repeats its symbols, and in a table of what follows
//! what in the formulas that the lab trains with.

use super::{
    grammar::{Grammar, Position},
    vocabulary::END,
};

/// Tokens of the longest context.
const ORDER: usize = 4;
/// Bits of a token in an entry of the table.
const BITS: u32 = 10;

/// Tokens that must have been the same for what followed them in the same formula to be guessed.
const REPEATED: usize = 3;

/// What follows what. An entry is a little-endian u64: 4 x 10 bits of the context, the last token lowest and what is not there zero, then 10 bits of
/// the token that follows, lowest of all; entries are in rising order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ngrams {
    entries: Vec<u64>,
}

impl Ngrams {
    /// # Errors
    /// Where the bytes are no such table, or one of other tokens.
    pub fn parse(bytes: &[u8], vocabulary: usize) -> Result<Self, String> {
        let (entries, rest) = bytes.as_chunks();
        let entries: Vec<u64> = entries.iter().map(|&eight| u64::from_le_bytes(eight)).collect();
        let mask = (1 << BITS) - 1;
        let is_known = |entry: &u64| (0..=ORDER as u32).all(|k| ((entry >> (BITS * k)) & mask) < vocabulary as u64);
        if !rest.is_empty() || !entries.is_sorted() || !entries.iter().all(is_known) {
            return Err("it is no table of drafts for these tokens".to_owned());
        }
        Ok(Self { entries })
    }

    /// What follows these tokens most often, by the longest context that is known.
    fn next(&self, tokens: &[usize]) -> Option<usize> {
        (1..=ORDER.min(tokens.len())).rev().find_map(|order| {
            let context = &tokens[tokens.len() - order..];
            let key = context.iter().fold(0u64, |key, &token| key << BITS | token as u64) << BITS;
            let at = self.entries.partition_point(|&entry| entry < key);
            let entry = self.entries.get(at).filter(|&&entry| entry >> BITS == key >> BITS)?;
            Some((entry & ((1 << BITS) - 1)) as usize)
        })
    }

    /// At most `most` tokens that may come after `tokens`, which have led to `position`.
    pub fn draft(&self, tokens: &[usize], position: &Position, grammar: &Grammar, most: usize) -> Vec<usize> {
        let (mut tokens, mut position, start) = (tokens.to_vec(), position.clone(), tokens.len());
        while tokens.len() < start + most {
            let next = earlier(&tokens, REPEATED).or_else(|| self.next(&tokens));
            let Some(token) = next.filter(|&token| token != END && grammar.allows(&position, token)) else { break };
            grammar.step(&mut position, token);
            tokens.push(token);
        }
        tokens.split_off(start)
    }
}

/// What followed the last `repeated` tokens when they came before, one at least.
pub fn earlier(tokens: &[usize], repeated: usize) -> Option<usize> {
    let context = tokens.len().checked_sub(repeated).map(|from| &tokens[from..])?;
    let before = &tokens[..tokens.len() - 1];
    let at = before.windows(repeated).rposition(|window| window == context)?;
    tokens.get(at + repeated).copied()
}
