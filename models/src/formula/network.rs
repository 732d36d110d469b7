//! The recogniser's two networks in a backend: pictures to keys and values, tokens to what may come next.

use pagestream_documents::ByteSize;

use super::{
    batch::{Batch, Sizes},
    picture::Picture,
};
use crate::{
    backend::{
        Backend, ModelSource, TensorView,
        named::{Element, NamedInput, NamedSession, Numbers, Port},
    },
    error::{Error, Result},
};

/// Both networks on one thread of one device.
pub struct Network {
    encoder: Box<dyn NamedSession>,
    decoder: Box<dyn NamedSession>,
    model: String,
    sizes: Sizes,
    encoded: Vec<String>,
    /// By layer: names of the decoder's inputs for what [`Batch::layer`] gives.
    layers: Vec<[String; 4]>,
    made: Vec<String>,
}

/// Tokens of all formulas for one run, `t` of each at the most.
#[derive(Debug, Default)]
pub struct Fed {
    pub t: usize,
    /// `[n][t]`; -1 where a formula has fewer.
    pub tokens: Vec<i64>,
    /// `[n][t]`
    pub positions: Vec<i64>,
    /// `[n][t][past + t]`
    pub seen: Vec<f32>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Answer {
    /// `[n][t][vocabulary]`
    pub logits: Vec<f32>,
    /// Keys and values of the tokens given, by layer.
    pub made: Vec<[Vec<f32>; 2]>,
}

impl Network {
    /// # Errors
    /// [`Error::Load`] where a model cannot be loaded, or is none of this kind.
    pub fn load(backend: &dyn Backend, encoder: &ModelSource, decoder: &ModelSource) -> Result<Self> {
        let fail = |cause: &str| Error::Load {
            model: decoder.id.clone(),
            backend: backend.name().to_owned(),
            cause: cause.to_owned(),
        };
        let (encoder_session, decoder_session) = (backend.load_named(encoder)?, backend.load_named(decoder)?);
        let find = |ports: &[Port], name: &str| ports.iter().find(|port| port.name == name).cloned();
        let past = find(decoder_session.inputs(), "past.keys.0").filter(|port| port.element == Element::F32);
        let logits = find(decoder_session.outputs(), "logits");
        let (Some(past), Some(logits)) = (past, logits) else {
            return Err(fail("it has no input `past.keys.0` or no output `logits`"));
        };
        let (&[_, Some(heads), Some(depth), _], Some(&Some(vocabulary))) = (past.shape.as_slice(), logits.shape.last())
        else {
            return Err(fail("it does not say how many heads and tokens it has"));
        };
        let layers =
            (0..).take_while(|layer| find(decoder_session.inputs(), &format!("keys.{layer}")).is_some()).count();
        let sizes = Sizes { layers, heads, depth, vocabulary };
        let by_layer = |prefix: &str| {
            let prefix = prefix.to_owned();
            (0..layers).flat_map(move |layer| ["keys", "values"].map(|part| format!("{prefix}{part}.{layer}")))
        };
        let names = |layer: usize| ["keys", "values", "past.keys", "past.values"].map(|part| format!("{part}.{layer}"));
        Ok(Self {
            encoder: encoder_session,
            decoder: decoder_session,
            model: decoder.id.clone(),
            sizes,
            encoded: by_layer("").collect(),
            layers: (0..layers).map(names).collect(),
            made: by_layer("new.").collect(),
        })
    }

    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Adds a formula to those under way.
    ///
    /// # Errors
    /// [`Error::Inference`]; the batch is as it was.
    pub fn encode(&mut self, picture: &Picture, batch: &mut Batch) -> Result<()> {
        let shape = [1, 1, picture.height, picture.width];
        let input = NamedInput { name: "image", shape: &shape, numbers: Numbers::F32(&picture.data) };
        let wanted: Vec<&str> = self.encoded.iter().map(String::as_str).collect();
        let mut pushed = Ok(());
        self.encoder.run(&[input], &wanted, &mut |encoded| pushed = batch.push(encoded))?;
        pushed.map_err(|cause| Error::Inference { model: self.model.clone(), cause })
    }

    /// One run for all formulas.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub fn step(&mut self, batch: &Batch, fed: &Fed, answer: &mut Answer) -> Result<()> {
        let Sizes { heads, depth, vocabulary, .. } = self.sizes;
        let (n, t, width, past) = (batch.rows(), fed.t, batch.width(), batch.past());
        let (given, seen, places) = ([n, t], [n, t, past + t], [n, width]);
        let shapes =
            [[n, heads, depth, width], [n, heads, width, depth], [n, heads, depth, past], [n, heads, past, depth]];
        let mut inputs = vec![
            NamedInput { name: "tokens", shape: &given, numbers: Numbers::I64(&fed.tokens) },
            NamedInput { name: "positions", shape: &given, numbers: Numbers::I64(&fed.positions) },
            NamedInput { name: "seen", shape: &seen, numbers: Numbers::F32(&fed.seen) },
            NamedInput { name: "places", shape: &places, numbers: Numbers::F32(batch.mask()) },
        ];
        for (layer, names) in self.layers.iter().enumerate() {
            let parts = names.iter().zip(&shapes).zip(batch.layer(layer));
            inputs.extend(parts.map(|((name, shape), numbers)| NamedInput {
                name,
                shape,
                numbers: Numbers::F32(numbers),
            }));
        }
        let wanted: Vec<&str> = ["logits"].into_iter().chain(self.made.iter().map(String::as_str)).collect();
        let mut fits = false;
        self.decoder.run(&inputs, &wanted, &mut |outputs| fits = answer.take(outputs, (n, t, vocabulary)))?;
        if !fits {
            let cause = "its outputs are not as large as they should be".to_owned();
            return Err(Error::Inference { model: self.model.clone(), cause });
        }
        Ok(())
    }

    pub fn memory(&self) -> ByteSize {
        ByteSize(self.encoder.memory().0 + self.decoder.memory().0)
    }
}

impl Answer {
    fn take(&mut self, outputs: &[TensorView<'_>], (n, t, vocabulary): (usize, usize, usize)) -> bool {
        let Some((logits, made)) = outputs.split_first() else { return false };
        let set = |to: &mut Vec<f32>, from: &TensorView<'_>| {
            to.clear();
            to.extend_from_slice(from.data);
        };
        set(&mut self.logits, logits);
        self.made.resize_with(made.len() / 2, Default::default);
        for (to, from) in self.made.iter_mut().zip(made.chunks_exact(2)) {
            set(&mut to[0], &from[0]);
            set(&mut to[1], &from[1]);
        }
        logits.shape == [n, t, vocabulary] && made.iter().all(|view| view.shape.first() == Some(&n))
    }

    /// Logits of the `token`th of `t` that were given of a row.
    pub fn of(&self, row: usize, token: usize, t: usize, vocabulary: usize) -> &[f32] {
        &self.logits[(row * t + token) * vocabulary..][..vocabulary]
    }
}
