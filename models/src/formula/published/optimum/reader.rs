//! Formulas token by token: of all tokens that may come next the likeliest is taken, until the model says that it ends.
//!
//! Formulas under way are all equally long, since exports take no mask over their past; who has ended leaves its row. A formula by itself may ask
//! for drafted tokens to be verified: what followed the last two tokens where they came before ("prompt lookup"), which needs no table. Whether
//! an export can do that is tried once, on the first draft: many were traced with one token a run, and lack the mask that hides later tokens.

use super::{
    network::{Answer, Network, State},
    ports::Past,
    settings::Settings,
};
use crate::{
    backend::TensorView,
    error::Result,
    formula::{
        Ending, FormulaCounts, FormulaOptions, Written, WrittenAs,
        draft::earlier,
        search::{log_probability, repetition},
    },
};

/// Tokens that must have been the same for what followed them to be drafted.
const REPEATED: usize = 2;
/// How far numbers may differ, of the largest, where the same tokens were run together and one by one.
const TOLERANCE: f32 = 1e-3;

/// Reads formulas with one model on one thread of one device.
pub struct Reader {
    network: Network,
    settings: Settings,
    options: FormulaOptions,
    past: Vec<Past>,
    shares: bool,
    /// Whether drafts are verified as they should be; `None` before it was tried.
    drafts: Option<bool>,
    pub counts: FormulaCounts,
}

struct UnderWay {
    key: usize,
    tokens: Vec<usize>,
    /// Sum of the logarithms of the tokens' probabilities.
    score: f64,
}

impl Reader {
    pub fn new(network: Network, settings: Settings, options: FormulaOptions, past: Vec<Past>, shares: bool) -> Self {
        let drafts = if options.draft > 0 && network.takes_several() { None } else { Some(false) };
        Self { network, settings, options, past, shares, drafts, counts: FormulaCounts::default() }
    }

    pub fn memory(&self) -> pagestream_documents::ByteSize {
        self.network.memory()
    }

    /// Reads pictures, in their order.
    ///
    /// # Errors
    /// [`crate::Error::Inference`]
    pub fn read(&mut self, pictures: &[TensorView<'_>]) -> Result<Vec<Written>> {
        let mut written = Vec::with_capacity(pictures.len());
        while let Some(first) = pictures.get(written.len()) {
            let mut state = State::default();
            self.network.encode(*first, &mut state)?;
            let tokens = self.settings.start.len() + self.max_tokens();
            let rows = self.options.max_bytes / state.bytes_a_row(&self.past, tokens).max(1);
            let rows =
                if self.shares && self.options.draft == 0 { rows.clamp(1, self.options.max_rows.max(1)) } else { 1 };
            let others = pictures[written.len() + 1..].iter().take(rows - 1);
            for picture in others.take_while(|picture| picture.shape == first.shape) {
                self.network.encode(*picture, &mut state)?;
            }
            written.extend(self.write(state)?);
        }
        Ok(written)
    }

    fn max_tokens(&self) -> usize {
        self.options.max_tokens.min(self.settings.max_tokens)
    }

    /// Writes all formulas of a state to their ends.
    fn write(&mut self, mut state: State) -> Result<Vec<Written>> {
        let mut all: Vec<Option<Written>> = vec![None; state.rows];
        let mut under_way: Vec<UnderWay> =
            (0..state.rows).map(|key| UnderWay { key, tokens: Vec::new(), score: 0.0 }).collect();
        let mut answer = Answer::default();
        while let Some(first) = under_way.first() {
            let draft = self.draft(&mut state, first)?;
            self.run(&mut state, &under_way, &draft, &mut answer)?;
            let mut ended = Vec::new();
            for (row, formula) in under_way.iter_mut().enumerate() {
                let logits = |index: usize| answer.of(row, index);
                match self.advance(formula, &draft, logits) {
                    Some(written) => ended.push((row, written)),
                    None => self.network.cut(&mut state, self.settings.start.len() + formula.tokens.len() - 1),
                }
            }
            // From the last row on, so that the rows before stay where they are.
            for (row, written) in ended.into_iter().rev() {
                self.counts.formulas += 1;
                self.counts.tokens += written.tokens.len() as u64;
                all[under_way.swap_remove(row).key] = Some(written);
                state.swap_remove(row);
            }
        }
        Ok(all.into_iter().flatten().collect())
    }

    /// Asks what comes after all tokens and after each of the draft.
    fn run(&mut self, state: &mut State, under_way: &[UnderWay], draft: &[usize], answer: &mut Answer) -> Result<()> {
        let mut tokens: Vec<i64> = Vec::new();
        for formula in under_way {
            let start = self.settings.start.iter().map(|&token| i64::from(token));
            let written = formula.tokens.iter().chain(draft).map(|&token| token as i64);
            tokens.extend(start.chain(written).skip(state.past));
        }
        self.counts.runs += 1;
        self.network.step(state, &tokens, draft.len() + 1, answer)
    }

    /// Goes on by the answer; what was written, where that ends it.
    fn advance<'a>(
        &mut self,
        formula: &mut UnderWay,
        draft: &[usize],
        logits: impl Fn(usize) -> &'a [f32],
    ) -> Option<Written> {
        self.counts.drafted += draft.len() as u64;
        for index in 0..=draft.len() {
            let logits = logits(index);
            let token = best(logits);
            formula.score += log_probability(logits, token);
            let score = (formula.score / (formula.tokens.len() + 1) as f64) as f32;
            let written = |tokens: &[usize], ending| {
                let tokens = tokens.iter().map(|&token| token as u32).collect();
                Some(Written { tokens, kind: WrittenAs::Tokens, score, ending })
            };
            if self.settings.ends.iter().any(|&end| end as usize == token) {
                return written(&formula.tokens, Ending::Complete);
            }
            formula.tokens.push(token);
            if let Some(repeated) = repetition(&formula.tokens) {
                return written(&formula.tokens[..repeated], Ending::Repetition);
            }
            if formula.tokens.len() >= self.max_tokens() {
                return written(&formula.tokens, Ending::TooLong);
            }
            match draft.get(index) {
                Some(&next) if next == token => self.counts.accepted += 1,
                _ => return None,
            }
        }
        None
    }

    /// What may come next of a formula, for the decoder to verify; nothing where it cannot.
    fn draft(&mut self, state: &mut State, formula: &UnderWay) -> Result<Vec<usize>> {
        if self.drafts == Some(false) || state.rows != 1 {
            return Ok(Vec::new());
        }
        // The run itself writes one token more than the draft has.
        let room = (self.max_tokens() - formula.tokens.len()).saturating_sub(1);
        let mut tokens = formula.tokens.clone();
        while tokens.len() < formula.tokens.len() + self.options.draft.min(room)
            && let Some(next) = earlier(&tokens, REPEATED)
        {
            tokens.push(next);
        }
        let draft = tokens.split_off(formula.tokens.len());
        if self.drafts.is_none() && !draft.is_empty() {
            self.drafts = Some(self.verifies(state, formula, &draft)?);
            return Ok(if self.drafts == Some(true) { draft } else { Vec::new() });
        }
        Ok(draft)
    }

    /// Whether a run of several tokens answers as runs of one do. The state is as it was.
    fn verifies(&mut self, state: &mut State, formula: &UnderWay, draft: &[usize]) -> Result<bool> {
        let past = state.past;
        let row = |more: &[usize]| {
            let tokens = formula.tokens.iter().chain(more).copied().collect();
            [UnderWay { key: formula.key, tokens, score: formula.score }]
        };
        let [mut alone, mut next, mut together] = [(); 3].map(|()| Answer::default());
        self.run(state, &row(&[]), &[], &mut alone)?;
        self.run(state, &row(&draft[..1]), &[], &mut next)?;
        self.network.cut(state, past);
        self.run(state, &row(&[]), draft, &mut together)?;
        self.network.cut(state, past);
        Ok(is_near(alone.of(0, 0), together.of(0, 0)) && is_near(next.of(0, 0), together.of(0, 1)))
    }
}

fn is_near(a: &[f32], b: &[f32]) -> bool {
    let largest = a.iter().fold(1.0f32, |largest, number| largest.max(number.abs()));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE * largest)
}

/// The token of the largest logit; of equal ones, the first.
fn best(logits: &[f32]) -> usize {
    let best = logits.iter().enumerate().reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map_or(0, |(token, _)| token)
}
