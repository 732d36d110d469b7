//! Tokens to what may come next, one step of many formulas at a time.

use pagestream_documents::ByteSize;

use super::{
    Sizes,
    attention::{Kept, Scratch, Seen, attend},
    f32_input, find, port,
    product::{Product, Table, Then},
};
use crate::{
    backend::{
        TensorView,
        named::{Element, NamedInput, NamedSession, Numbers, Port, check},
        portable::{norm::Norm, tensors::Tensors},
    },
    error::{Error, Result},
};

struct Layer {
    norms: [Norm; 3],
    /// Questions, keys and values of the token itself.
    own: Product,
    out: Product,
    /// Questions to the picture.
    query: Product,
    out2: Product,
    widen: Product,
    narrow: Product,
}

struct Network {
    width: usize,
    heads: usize,
    epsilon: f32,
    tokens: Table,
    positions: Table,
    layers: Vec<Layer>,
    norm: Norm,
    logits: Product,
}

pub struct DecoderSession {
    model: String,
    network: Network,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// `[n, t, vocabulary]`
    logits: Vec<f32>,
    /// Keys and values of the tokens given, by layer.
    made: Vec<[Vec<f32>; 2]>,
    work: Work,
}

/// Memory that is used again.
#[derive(Default)]
struct Work {
    hidden: Vec<f32>,
    normal: Vec<f32>,
    wide: Vec<f32>,
    mean: Vec<f32>,
    scratch: Scratch,
    rows: Vec<Row>,
}

/// A token that is given.
struct Row {
    /// Which formula, and which of its tokens.
    formula: usize,
    token: usize,
    past: Seen,
    new: Seen,
}

/// A run's inputs, checked.
struct Given<'a> {
    n: usize,
    t: usize,
    tokens: &'a [i64],
    positions: &'a [i64],
    past: usize,
    places: usize,
    seen: &'a [f32],
    /// Of each formula.
    seen_places: Vec<Seen>,
    /// By layer: keys and values of the picture, of the past.
    kept: Vec<[&'a [f32]; 4]>,
}

impl DecoderSession {
    /// # Errors
    /// What the file lacks, in a few words.
    pub fn load(model: &str, bytes: &[u8]) -> std::result::Result<Self, String> {
        let network = Network::of(bytes)?;
        let Network { heads, width, .. } = network;
        let (h, d) = (Some(heads), Some(width / heads));
        let open = [None, None];
        let mut inputs = vec![
            port("tokens".to_owned(), Element::I64, &open),
            port("positions".to_owned(), Element::I64, &open),
            port("seen".to_owned(), Element::F32, &[None; 3]),
            port("places".to_owned(), Element::F32, &open),
        ];
        let mut outputs = vec![port("logits".to_owned(), Element::F32, &[None, None, Some(network.tokens.rows())])];
        for layer in 0..network.layers.len() {
            for (ports, prefix) in [(&mut inputs, ""), (&mut outputs, "new.")] {
                ports.push(port(format!("{prefix}keys.{layer}"), Element::F32, &[None, h, d, None]));
                ports.push(port(format!("{prefix}values.{layer}"), Element::F32, &[None, h, None, d]));
            }
            inputs.push(port(format!("past.keys.{layer}"), Element::F32, &[None, h, d, None]));
            inputs.push(port(format!("past.values.{layer}"), Element::F32, &[None, h, None, d]));
        }
        let made = network.layers.iter().map(|_| [Vec::new(), Vec::new()]).collect();
        Ok(Self { model: model.to_owned(), network, inputs, outputs, logits: Vec::new(), made, work: Work::default() })
    }
}

impl Network {
    fn of(bytes: &[u8]) -> std::result::Result<Self, String> {
        let Sizes { heads, layers, epsilon } = Sizes::of(bytes)?;
        let tensors = Tensors::of_onnx(bytes)?;
        let (tokens, positions) = (Table::of(&tensors, "tokens")?, Table::of(&tensors, "positions")?);
        let width = tokens.width;
        let layers =
            (0..layers).map(|layer| Layer::of(&tensors, layer, width)).collect::<std::result::Result<Vec<_>, _>>()?;
        let norm = Norm::of(&tensors, "norm")?;
        let logits = Product::of_table(&tokens, tensors.f32("bias")?.1)?;
        if positions.width != width || norm.weight.len() != width || !width.is_multiple_of(heads) {
            return Err("its sizes do not fit together".to_owned());
        }
        Ok(Self { width, heads, epsilon, tokens, positions, layers, norm, logits })
    }

    fn bytes(&self) -> usize {
        let products = self
            .layers
            .iter()
            .flat_map(|layer| [&layer.own, &layer.out, &layer.query, &layer.out2, &layer.widen, &layer.narrow]);
        products.chain([&self.logits]).map(Product::bytes).sum::<usize>() + self.tokens.bytes() + self.positions.bytes()
    }

    /// What the tokens and where they stand are, a row a token.
    fn embed(&self, given: &Given<'_>, work: &mut Work) -> std::result::Result<(), String> {
        let Work { hidden, rows, .. } = work;
        rows.clear();
        hidden.clear();
        for formula in 0..given.n {
            for token in 0..given.t {
                let at = formula * given.t + token;
                let Ok(number) = usize::try_from(given.tokens[at]) else { continue };
                let position = usize::try_from(given.positions[at]).unwrap_or(usize::MAX);
                if number >= self.tokens.rows() || position >= self.positions.rows() {
                    return Err(format!("it does not know token {number} at position {position}"));
                }
                hidden.resize(hidden.len() + self.width, 0.0);
                let start = hidden.len() - self.width;
                self.tokens.add(number, &mut hidden[start..]);
                self.positions.add(position, &mut hidden[start..]);
                let seen = &given.seen[at * (given.past + given.t)..][..given.past + given.t];
                let (past, new) = seen.split_at(given.past);
                rows.push(Row { formula, token, past: Seen::of(past), new: Seen::of(new) });
            }
        }
        Ok(())
    }

    fn layer(&self, index: usize, given: &Given<'_>, made: &mut [Vec<f32>; 2], work: &mut Work) {
        let (layer, width) = (&self.layers[index], self.width);
        let Work { hidden, normal, wide, mean, scratch, rows } = work;
        let count = rows.len();
        let [keys, values, past_keys, past_values] = given.kept[index];
        let depth = width / self.heads;

        self.normal(&layer.norms[0], hidden, normal);
        resize(wide, count * 3 * width);
        layer.own.apply(normal, wide, Then::Store);
        self.keep(given, rows, wide, made);
        resize(mean, count * width);
        let [new_keys, new_values] = &*made;
        for head in 0..self.heads {
            for (row, at) in rows.iter().zip(0..) {
                let question = &wide[at * 3 * width + head * depth..][..depth];
                let size = |count: usize| (row.formula * self.heads + head) * depth * count..;
                let past = Kept {
                    keys: &past_keys[size(given.past)],
                    values: &past_values[size(given.past)],
                    stride: given.past,
                };
                let new = Kept { keys: &new_keys[size(given.t)], values: &new_values[size(given.t)], stride: given.t };
                let to = &mut mean[at * width + head * depth..][..depth];
                attend(question, &[(past, &row.past), (new, &row.new)], to, scratch);
            }
        }
        layer.out.apply(mean, hidden, Then::Add);

        self.normal(&layer.norms[1], hidden, normal);
        resize(wide, count * width);
        layer.query.apply(normal, wide, Then::Store);
        for head in 0..self.heads {
            for (row, at) in rows.iter().zip(0..) {
                let question = &wide[at * width + head * depth..][..depth];
                let start = (row.formula * self.heads + head) * depth * given.places;
                let picture = Kept { keys: &keys[start..], values: &values[start..], stride: given.places };
                let to = &mut mean[at * width + head * depth..][..depth];
                attend(question, &[(picture, &given.seen_places[row.formula])], to, scratch);
            }
        }
        layer.out2.apply(mean, hidden, Then::Add);

        self.normal(&layer.norms[2], hidden, normal);
        resize(wide, count * layer.widen.outputs);
        layer.widen.apply(normal, wide, Then::Rectify);
        layer.narrow.apply(wide, hidden, Then::Add);
    }

    fn normal(&self, norm: &Norm, hidden: &[f32], normal: &mut Vec<f32>) {
        normal.clear();
        normal.extend_from_slice(hidden);
        norm.apply(normal, self.epsilon);
    }

    /// Keys and values of the tokens given, out of `[questions, keys, values]` of each, to where they go out.
    fn keep(&self, given: &Given<'_>, rows: &[Row], all: &[f32], made: &mut [Vec<f32>; 2]) {
        let (width, depth) = (self.width, self.width / self.heads);
        made.iter_mut().for_each(|made| {
            made.clear();
            made.resize(given.n * width * given.t, 0.0);
        });
        let [keys, values] = made;
        for (row, all) in rows.iter().zip(all.chunks_exact(3 * width)) {
            for (channel, &key) in all[width..2 * width].iter().enumerate() {
                keys[(row.formula * width + channel) * given.t + row.token] = key;
            }
            for (head, value) in all[2 * width..].chunks_exact(depth).enumerate() {
                values[((row.formula * self.heads + head) * given.t + row.token) * depth..][..depth]
                    .copy_from_slice(value);
            }
        }
    }
}

fn resize(numbers: &mut Vec<f32>, count: usize) {
    numbers.resize(count, 0.0);
}

impl Layer {
    fn of(tensors: &Tensors<'_>, layer: usize, width: usize) -> std::result::Result<Self, String> {
        let name = |part: &str| format!("layer.{layer}.{part}");
        let product = |part: &str| Product::of(tensors, &name(part));
        let norm = |number: usize| Norm::of(tensors, &name(&format!("norm{number}")));
        let read = Self {
            norms: [norm(1)?, norm(2)?, norm(3)?],
            own: product("self")?,
            out: product("out")?,
            query: product("query")?,
            out2: product("out2")?,
            widen: product("widen")?,
            narrow: product("narrow")?,
        };
        let sizes = |product: &Product| (product.inputs, product.outputs);
        let inner = read.widen.outputs;
        let fits = [&read.own, &read.out, &read.query, &read.out2, &read.widen, &read.narrow].map(sizes)
            == [(width, 3 * width), (width, width), (width, width), (width, width), (width, inner), (inner, width)];
        let norms = read.norms.iter().all(|norm| norm.weight.len() == width);
        (fits && norms).then_some(read).ok_or_else(|| format!("its layer {layer} has sizes that do not fit together"))
    }
}

impl DecoderSession {
    fn given<'a>(&self, inputs: &'a [NamedInput<'_>]) -> std::result::Result<Given<'a>, String> {
        let Network { heads, width, .. } = self.network;
        let depth = width / heads;
        let integers = |name: &str| match *find(inputs, name)? {
            NamedInput { shape: &[n, t], numbers: Numbers::I64(numbers), .. } => Ok(([n, t], numbers)),
            other => Err(format!("its input `{name}` has shape {:?}, not [n, t] of i64", other.shape)),
        };
        let ([n, t], tokens) = integers("tokens")?;
        let (shape, positions) = integers("positions")?;
        let last = |name: &str| {
            let shape = find(inputs, name)?.shape;
            shape.last().copied().ok_or_else(|| format!("its input `{name}` is one number"))
        };
        let (places, past) = (last("keys.0")?, last("past.keys.0")?);
        if shape != [n, t] {
            return Err("it has not as many positions as tokens".to_owned());
        }
        let seen = f32_input(inputs, "seen", &[n, t, past + t])?;
        let masks = f32_input(inputs, "places", &[n, places])?;
        let seen_places = masks.chunks_exact(places.max(1)).map(Seen::of).collect();
        let kept = (0..self.network.layers.len())
            .map(|layer| {
                Ok([
                    f32_input(inputs, &format!("keys.{layer}"), &[n, heads, depth, places])?,
                    f32_input(inputs, &format!("values.{layer}"), &[n, heads, places, depth])?,
                    f32_input(inputs, &format!("past.keys.{layer}"), &[n, heads, depth, past])?,
                    f32_input(inputs, &format!("past.values.{layer}"), &[n, heads, past, depth])?,
                ])
            })
            .collect::<std::result::Result<_, String>>()?;
        Ok(Given { n, t, tokens, positions, past, places, seen, seen_places, kept })
    }

    fn decode(&mut self, given: &Given<'_>) -> std::result::Result<(), String> {
        let Self { network, logits, made, work, .. } = self;
        network.embed(given, work)?;
        for (layer, made) in made.iter_mut().enumerate() {
            network.layer(layer, given, made, work);
        }
        let Work { hidden, normal, wide, rows, .. } = work;
        network.normal(&network.norm, hidden, normal);
        let vocabulary = network.logits.outputs;
        resize(wide, rows.len() * vocabulary);
        network.logits.apply(normal, wide, Then::Store);
        logits.clear();
        logits.resize(given.n * given.t * vocabulary, 0.0);
        for (row, numbers) in rows.iter().zip(wide.chunks_exact(vocabulary)) {
            logits[(row.formula * given.t + row.token) * vocabulary..][..vocabulary].copy_from_slice(numbers);
        }
        Ok(())
    }
}

impl NamedSession for DecoderSession {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(
        &mut self,
        inputs: &[NamedInput<'_>],
        wanted: &[&str],
        read: &mut dyn FnMut(&[TensorView<'_>]),
    ) -> Result<()> {
        let model = self.model.clone();
        let fail = |cause: String| Error::Inference { model: model.clone(), cause };
        check(&self.model, inputs)?;
        let given = self.given(inputs).map_err(fail)?;
        let (n, t) = (given.n, given.t);
        self.decode(&given).map_err(fail)?;
        let Network { heads, width, .. } = self.network;
        let depth = width / heads;
        let shapes = [[n, heads, depth, t], [n, heads, t, depth]];
        let logits = [n, t, self.network.logits.outputs];
        let mut lent = Vec::with_capacity(wanted.len());
        for name in wanted {
            let at = self.outputs.iter().position(|port| port.name == *name);
            lent.push(match at.ok_or_else(|| fail(format!("it has no output `{name}`")))? {
                0 => TensorView { shape: &logits, data: &self.logits },
                at => TensorView { shape: &shapes[(at - 1) % 2], data: &self.made[(at - 1) / 2][(at - 1) % 2] },
            });
        }
        read(&lent);
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        let made = self.made.iter().flatten().map(Vec::capacity).sum::<usize>() + self.logits.capacity();
        let Work { hidden, normal, wide, mean, .. } = &self.work;
        let work: usize = [hidden, normal, wide, mean].map(Vec::capacity).iter().sum();
        ByteSize((self.network.bytes() + (made + work) * size_of::<f32>()) as u64)
    }
}
