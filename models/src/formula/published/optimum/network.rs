//! The networks of an export in a backend: pictures to states, tokens to what may come next, with what is kept in between.

use pagestream_documents::ByteSize;

use super::ports::{Decoder, GIVEN_STATES, LOGITS, PICTURE, Past, STATES, STATES_MASK, SWITCH};
use crate::{
    backend::{
        Backend, ModelSource, TensorView,
        named::{NamedInput, NamedSession, Numbers},
    },
    error::{Error, Result},
};

/// Encoder and decoder on one thread of one device.
pub struct Network {
    encoder: Box<dyn NamedSession>,
    /// What begins, and what goes on where that is another.
    decoder: Box<dyn NamedSession>,
    with_past: Option<Box<dyn NamedSession>>,
    ports: Decoder,
    model: String,
}

/// What is kept of the formulas under way, which are all equally long.
#[derive(Debug, Default)]
pub struct State {
    pub rows: usize,
    /// Of the encoder, `[rows][places][width]`.
    states: Vec<f32>,
    places: usize,
    width: usize,
    /// Tokens that the past is of; 0 without one.
    pub past: usize,
    kept: Vec<Kept>,
}

/// `[rows][heads][length][depth]`
#[derive(Debug, Default)]
struct Kept {
    heads: usize,
    length: usize,
    depth: usize,
    numbers: Vec<f32>,
}

/// What may come after the last tokens of a run.
#[derive(Debug, Default)]
pub struct Answer {
    /// `[rows][wanted][vocabulary]`
    pub logits: Vec<f32>,
    pub wanted: usize,
    pub vocabulary: usize,
}

impl Answer {
    /// What may come after the `index`th of the tokens that were asked about.
    pub fn of(&self, row: usize, index: usize) -> &[f32] {
        let from = (row * self.wanted + index) * self.vocabulary;
        &self.logits[from..from + self.vocabulary]
    }
}

impl Network {
    /// # Errors
    /// [`Error::Load`]
    pub fn load(
        backend: &dyn Backend,
        encoder: &ModelSource,
        decoder: &ModelSource,
        with_past: Option<&ModelSource>,
        ports: Decoder,
    ) -> Result<Self> {
        Ok(Self {
            encoder: backend.load_named(encoder)?,
            decoder: backend.load_named(decoder)?,
            with_past: with_past.map(|source| backend.load_named(source)).transpose()?,
            ports,
            model: decoder.id.clone(),
        })
    }

    pub fn memory(&self) -> ByteSize {
        let past = self.with_past.as_ref().map_or(0, |session| session.memory().0);
        ByteSize(self.encoder.memory().0 + self.decoder.memory().0 + past)
    }

    /// Whether several tokens can go into one run once there is a past.
    pub fn takes_several(&self) -> bool {
        match &self.ports {
            Decoder::Whole(takes) | Decoder::Merged { takes, .. } => takes.several,
            Decoder::Two { next, .. } => next.several,
        }
    }

    fn fail(&self, cause: String) -> Error {
        Error::Inference { model: self.model.clone(), cause }
    }

    /// Adds a formula to those that begin.
    ///
    /// # Errors
    /// [`Error::Inference`], also where its picture has other places than those before; the state is as it was.
    pub fn encode(&mut self, picture: TensorView<'_>, state: &mut State) -> Result<()> {
        let input = NamedInput { name: PICTURE, shape: picture.shape, numbers: Numbers::F32(picture.data) };
        let mut fits = false;
        self.encoder.run(&[input], &[STATES], &mut |outputs| {
            let [TensorView { shape: &[1, places, width], data }] = *outputs else { return };
            fits = state.rows == 0 || (state.places, state.width) == (places, width);
            if fits {
                (state.places, state.width) = (places, width);
                state.states.extend_from_slice(data);
                state.rows += 1;
            }
        })?;
        if !fits {
            return Err(
                self.fail("the encoder's states are not [1, places, width], or not like those before".to_owned())
            );
        }
        Ok(())
    }

    /// Runs the decoder for all formulas: `tokens` is `[rows][t]`, what is not in the past yet, and what may come after the last `wanted` of
    /// them is the answer. The past is of all of them then.
    ///
    /// # Errors
    /// [`Error::Inference`]; the state is of no use then.
    pub fn step(&mut self, state: &mut State, tokens: &[i64], wanted: usize, answer: &mut Answer) -> Result<()> {
        let model = self.model.clone();
        let fail = |cause: String| Error::Inference { model: model.clone(), cause };
        let begins = state.past == 0;
        let (session, takes, past, switch) = match (&self.ports, &mut self.with_past) {
            (Decoder::Whole(takes), _) => (&mut self.decoder, takes, None, None),
            (Decoder::Merged { takes, past }, _) => (&mut self.decoder, takes, Some(past), Some([!begins])),
            (Decoder::Two { next, past, .. }, Some(session)) if !begins => (session, next, Some(past), None),
            (Decoder::Two { first, past, .. }, _) => (&mut self.decoder, first, Some(past), None),
        };
        let (rows, t) = (state.rows, tokens.len() / state.rows.max(1));
        let gives_past = past.is_some() && (!begins || switch.is_some());
        let past: &[Past] = past.map_or(&[], |past| past);
        // A merged network wants something for a past even where it looks at none: of length 1, since not all libraries take 0.
        let nothing: Vec<f32> = match begins && gives_past {
            true => vec![0.0; past.iter().map(|past| rows * past.heads * past.depth).max().unwrap_or(0)],
            false => Vec::new(),
        };
        let shapes: Vec<[usize; 4]> = match begins {
            true => past.iter().map(|past| [rows, past.heads, 1, past.depth]).collect(),
            false => state.kept.iter().map(|kept| [rows, kept.heads, kept.length, kept.depth]).collect(),
        };
        let (given, states) = ([rows, t], [rows, state.places, state.width]);
        let (places, seen) = ([rows, state.places], [rows, state.past + t]);
        let ones = vec![1i64; places.iter().product::<usize>().max(seen.iter().product())];
        let mut inputs = vec![NamedInput { name: &takes.tokens, shape: &given, numbers: Numbers::I64(tokens) }];
        if takes.states {
            inputs.push(NamedInput { name: GIVEN_STATES, shape: &states, numbers: Numbers::F32(&state.states) });
        }
        if takes.states_mask {
            let numbers = Numbers::I64(&ones[..rows * state.places]);
            inputs.push(NamedInput { name: STATES_MASK, shape: &places, numbers });
        }
        if let Some(name) = &takes.mask {
            inputs.push(NamedInput { name, shape: &seen, numbers: Numbers::I64(&ones[..rows * seen[1]]) });
        }
        if let Some(switch) = &switch {
            inputs.push(NamedInput { name: SWITCH, shape: &[1], numbers: Numbers::Bool(switch) });
        }
        if gives_past {
            for (index, (port, shape)) in past.iter().zip(&shapes).enumerate() {
                let numbers = match begins {
                    true => &nothing[..shape.iter().product()],
                    false => &state.kept[index].numbers[..],
                };
                inputs.push(NamedInput { name: &port.given, shape, numbers: Numbers::F32(numbers) });
            }
        }
        let made: Vec<usize> = (0..past.len()).filter(|&index| begins || !past[index].is_fixed).collect();
        let names = made.iter().map(|&index| past[index].made.as_str());
        let outputs: Vec<&str> = [LOGITS].into_iter().chain(names).collect();
        let length = state.past + t;
        let mut taken: Result<Vec<Kept>, String> = Ok(Vec::new());
        session.run(&inputs, &outputs, &mut |outputs| {
            taken = answer.take(outputs, (rows, t, wanted)).and_then(|rest| {
                let is_right = |index: usize, kept: &Kept| past[index].is_fixed || kept.length == length;
                let kept = |(&index, view): (&usize, &TensorView<'_>)| {
                    let kept = Kept::of(*view, rows).filter(|kept| is_right(index, kept));
                    kept.ok_or_else(|| format!("its output `{}` is of shape {:?}", past[index].made, view.shape))
                };
                made.iter().zip(rest).map(kept).collect()
            });
        })?;
        let taken = taken.map_err(fail)?;
        if begins {
            state.kept = taken;
        } else {
            made.into_iter().zip(taken).for_each(|(index, kept)| state.kept[index] = kept);
        }
        if !past.is_empty() {
            state.past = length;
        }
        Ok(())
    }

    /// Lets go of the past's last tokens, so that `length` stay.
    pub fn cut(&self, state: &mut State, length: usize) {
        let past: &[Past] = match &self.ports {
            Decoder::Whole(_) => return,
            Decoder::Merged { past, .. } | Decoder::Two { past, .. } => past,
        };
        for (kept, _) in state.kept.iter_mut().zip(past).filter(|(_, past)| !past.is_fixed) {
            kept.cut(length);
        }
        state.past = state.past.min(length);
    }
}

impl Answer {
    /// Takes the logits after the last `wanted` of `t` tokens; the other outputs are left.
    fn take<'a, 'b>(
        &mut self,
        outputs: &'a [TensorView<'b>],
        (rows, t, wanted): (usize, usize, usize),
    ) -> Result<&'a [TensorView<'b>], String> {
        let Some((logits, rest)) = outputs.split_first() else { return Err("it has no outputs".to_owned()) };
        let &[found_rows, found_tokens, vocabulary] = logits.shape else {
            return Err(format!("its output `{LOGITS}` is of shape {:?}", logits.shape));
        };
        if (found_rows, found_tokens) != (rows, t) || vocabulary == 0 || wanted > t {
            return Err(format!("its output `{LOGITS}` is of shape {:?} for {rows} x {t} tokens", logits.shape));
        }
        self.logits.clear();
        for row in logits.data.chunks_exact(t * vocabulary) {
            self.logits.extend_from_slice(&row[(t - wanted) * vocabulary..]);
        }
        (self.wanted, self.vocabulary) = (wanted, vocabulary);
        Ok(rest)
    }
}

impl State {
    /// Bytes of a formula in it, once it has so many tokens.
    pub fn bytes_a_row(&self, past: &[Past], tokens: usize) -> usize {
        let size = |past: &Past| past.heads * past.depth * if past.is_fixed { self.places } else { tokens };
        size_of::<f32>() * (self.places * self.width + past.iter().map(size).sum::<usize>())
    }

    /// Takes a formula out; the last one has its row then.
    pub fn swap_remove(&mut self, row: usize) {
        let rows = self.rows;
        let all = self.kept.iter_mut().map(|kept| &mut kept.numbers).chain([&mut self.states]);
        for numbers in all {
            let size = numbers.len() / rows;
            numbers.copy_within((rows - 1) * size.., row * size);
            numbers.truncate((rows - 1) * size);
        }
        self.rows -= 1;
    }
}

impl Kept {
    fn of(view: TensorView<'_>, rows: usize) -> Option<Self> {
        match *view.shape {
            [found, heads, length, depth] if found == rows => {
                Some(Self { heads, length, depth, numbers: view.data.to_vec() })
            }
            _ => None,
        }
    }

    fn cut(&mut self, length: usize) {
        if length >= self.length {
            return;
        }
        let (old, new) = (self.length * self.depth, length * self.depth);
        let blocks = self.numbers.len() / old;
        for block in 1..blocks {
            self.numbers.copy_within(block * old..block * old + new, block * new);
        }
        self.numbers.truncate(blocks * new);
        self.length = length;
    }
}
