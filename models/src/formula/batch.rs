//! Keys and values of all formulas under way, as the decoder takes them: a tensor a layer, a row a formula.
//!
//! Rows are filled up to the widest picture and the longest past of all; masks say what is meant.

use crate::backend::TensorView;

/// Places and tokens are filled up to multiples of this: what a register holds, and few shapes.
const CHUNK: usize = 16;

/// What is hidden from a token, as it is added to scores.
pub const HIDDEN: f32 = -1e9;

/// Sizes of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub layers: usize,
    pub heads: usize,
    /// Numbers of a head.
    pub depth: usize,
    pub vocabulary: usize,
}

impl Sizes {
    /// Bytes of keys and values of one place of a picture, or of one token.
    pub fn bytes_a_place(&self) -> usize {
        2 * self.layers * self.heads * self.depth * size_of::<f32>()
    }
}

/// A tensor `[rows][heads]` of keys, `[depth][length]`, and one of values, `[length][depth]`.
#[derive(Debug, Default)]
struct Pair {
    keys: Vec<f32>,
    values: Vec<f32>,
}

#[derive(Debug)]
pub struct Batch {
    sizes: Sizes,
    /// Of the rows' pictures; as many as there are rows.
    places: Vec<usize>,
    /// Numbers that rows have room for.
    width: usize,
    past: usize,
    pictures: Vec<Pair>,
    tokens: Vec<Pair>,
    /// `[rows][width]`
    mask: Vec<f32>,
}

impl Batch {
    pub fn new(sizes: Sizes) -> Self {
        let pairs = || (0..sizes.layers).map(|_| Pair::default()).collect();
        let (pictures, tokens) = (pairs(), pairs());
        Self { sizes, places: Vec::new(), width: CHUNK, past: CHUNK, pictures, tokens, mask: Vec::new() }
    }

    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// Places that rows have room for.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Tokens that rows have room for.
    pub fn past(&self) -> usize {
        self.past
    }

    /// `[rows][width]`: 0 for places of a formula's own picture, [`HIDDEN`] for others.
    pub fn mask(&self) -> &[f32] {
        &self.mask
    }

    /// Of a layer: keys and values of the pictures, and of the tokens.
    pub fn layer(&self, layer: usize) -> [&[f32]; 4] {
        let (picture, tokens) = (&self.pictures[layer], &self.tokens[layer]);
        [&picture.keys, &picture.values, &tokens.keys, &tokens.values]
    }

    /// Bytes of keys and values, with one more row of so many places.
    pub fn bytes_with(&self, places: usize) -> usize {
        let width = self.width.max(places.next_multiple_of(CHUNK));
        (self.rows() + 1) * (width + self.past) * self.sizes.bytes_a_place()
    }

    /// Adds a row: the encoder's outputs for one picture, keys and values by turns.
    ///
    /// # Errors
    /// Where they are not of the decoder's sizes.
    pub fn push(&mut self, encoded: &[TensorView<'_>]) -> Result<(), String> {
        let Sizes { layers, heads, depth, .. } = self.sizes;
        let places = encoded.first().and_then(|keys| keys.shape.last()).copied().unwrap_or_default();
        let (keys, values) = ([1, heads, depth, places], [1, heads, places, depth]);
        let fits = |(index, view): (usize, &TensorView<'_>)| view.shape == if index % 2 == 0 { keys } else { values };
        if places == 0 || encoded.len() != 2 * layers || !encoded.iter().enumerate().all(fits) {
            return Err("the encoder's output is not what the decoder takes".to_owned());
        }
        if places > self.width {
            self.set_width(places.next_multiple_of(CHUNK));
        }
        self.places.push(places);
        for (pair, encoded) in self.pictures.iter_mut().zip(encoded.chunks_exact(2)) {
            pair.push(heads, depth, self.width, (encoded[0].data, encoded[1].data), places);
        }
        for pair in &mut self.tokens {
            pair.push(heads, depth, self.past, (&[], &[]), 0);
        }
        self.mask.extend((0..self.width).map(|place| if place < places { 0.0 } else { HIDDEN }));
        Ok(())
    }

    /// Takes a row out; the last one takes its place.
    pub fn swap_remove(&mut self, row: usize) {
        let size = self.sizes.heads * self.sizes.depth;
        self.places.swap_remove(row);
        let rows = self.rows();
        for pair in &mut self.pictures {
            pair.swap_remove(row, rows, size * self.width);
        }
        for pair in &mut self.tokens {
            pair.swap_remove(row, rows, size * self.past);
        }
        swap_remove(&mut self.mask, row, rows, self.width);
        // What a large picture took is given back when it is gone.
        let needed = self.places.iter().copied().max().unwrap_or(CHUNK).next_multiple_of(CHUNK);
        if 2 * needed <= self.width {
            self.set_width(needed);
        }
        if rows == 0 {
            self.past = CHUNK;
        }
    }

    fn set_width(&mut self, width: usize) {
        let Sizes { heads, depth, .. } = self.sizes;
        let rows = self.rows() * heads;
        for pair in &mut self.pictures {
            pair.set_length(rows, depth, self.width, width);
        }
        self.width = width;
        self.mask.clear();
        let shown =
            |places: &usize| (0..width).map(|place| if place < *places { 0.0 } else { HIDDEN }).collect::<Vec<_>>();
        self.mask.extend(self.places.iter().flat_map(shown));
    }

    /// Sees to it that rows have room for so many tokens.
    pub fn make_room(&mut self, tokens: usize) {
        if tokens <= self.past {
            return;
        }
        // In steps of a half, so that there are few of them and few shapes.
        let past = tokens.max(self.past * 3 / 2).next_multiple_of(CHUNK);
        let Sizes { heads, depth, .. } = self.sizes;
        let rows = self.rows() * heads;
        for pair in &mut self.tokens {
            pair.set_length(rows, depth, self.past, past);
        }
        self.past = past;
    }

    /// Keeps what the decoder made of a token, the `token`th of `count` that were given of a row, at a place of the row's past. `made` are keys
    /// `[rows][heads][depth][count]` and values `[rows][heads][count][depth]` of the layer.
    pub fn keep(
        &mut self,
        layer: usize,
        row: usize,
        made: (&[f32], &[f32]),
        (token, count): (usize, usize),
        at: usize,
    ) {
        let Sizes { heads, depth, .. } = self.sizes;
        let (pair, past) = (&mut self.tokens[layer], self.past);
        for head in row * heads..(row + 1) * heads {
            let new = &made.0[head * depth * count..(head + 1) * depth * count];
            let old = &mut pair.keys[head * depth * past..(head + 1) * depth * past];
            for (old, new) in old.chunks_exact_mut(past).zip(new.chunks_exact(count)) {
                old[at] = new[token];
            }
            let new = &made.1[(head * count + token) * depth..][..depth];
            pair.values[(head * past + at) * depth..][..depth].copy_from_slice(new);
        }
    }

    /// Moves the tokens `from`, in rising order, to the beginning of a row's past.
    pub fn gather(&mut self, row: usize, from: &[u32]) {
        let Sizes { heads, depth, .. } = self.sizes;
        let past = self.past;
        for pair in &mut self.tokens {
            for head in row * heads..(row + 1) * heads {
                for keys in pair.keys[head * depth * past..(head + 1) * depth * past].chunks_exact_mut(past) {
                    from.iter().enumerate().for_each(|(to, &from)| keys[to] = keys[from as usize]);
                }
                let values = &mut pair.values[head * past * depth..(head + 1) * past * depth];
                for (to, &from) in from.iter().enumerate() {
                    values.copy_within(from as usize * depth..(from as usize + 1) * depth, to * depth);
                }
            }
        }
    }
}

impl Pair {
    fn push(&mut self, heads: usize, depth: usize, length: usize, (keys, values): (&[f32], &[f32]), given: usize) {
        let (at, size) = (self.keys.len(), heads * depth * length);
        self.keys.resize(at + size, 0.0);
        self.values.resize(at + size, 0.0);
        if given == 0 {
            return;
        }
        for (to, from) in self.keys[at..].chunks_exact_mut(length).zip(keys.chunks_exact(given)) {
            to[..given].copy_from_slice(from);
        }
        for (to, from) in self.values[at..].chunks_exact_mut(length * depth).zip(values.chunks_exact(given * depth)) {
            to[..given * depth].copy_from_slice(from);
        }
    }

    fn swap_remove(&mut self, row: usize, last: usize, size: usize) {
        swap_remove(&mut self.keys, row, last, size);
        swap_remove(&mut self.values, row, last, size);
    }

    fn set_length(&mut self, heads: usize, depth: usize, old: usize, new: usize) {
        let both = old.min(new);
        let mut longer = Self { keys: vec![0.0; heads * depth * new], values: vec![0.0; heads * depth * new] };
        for (to, from) in longer.keys.chunks_exact_mut(new).zip(self.keys.chunks_exact(old)) {
            to[..both].copy_from_slice(&from[..both]);
        }
        for (to, from) in longer.values.chunks_exact_mut(new * depth).zip(self.values.chunks_exact(old * depth)) {
            to[..both * depth].copy_from_slice(&from[..both * depth]);
        }
        *self = longer;
    }
}

fn swap_remove(numbers: &mut Vec<f32>, row: usize, last: usize, size: usize) {
    if row < last {
        numbers.copy_within(last * size..(last + 1) * size, row * size);
    }
    numbers.truncate(last * size);
}
