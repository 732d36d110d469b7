//! A few rows times a matrix, the one operation of a decoder that costs time: most of it goes into reading the weights, which int8 makes a
//! quarter of.
//!
//! Each output is one sum in the order of the inputs, whatever rows share the run, so that a row comes to the same to the last bit.

use crate::backend::portable::{
    lanes::{BLOCK, Lanes, Plain, of, of_mut},
    tensors::Tensors,
};
#[cfg(target_arch = "x86_64")]
use crate::instructions::Instructions;

/// A matrix and what is added to a product with it.
pub struct Product {
    pub inputs: usize,
    pub outputs: usize,
    weights: Weights,
    /// By output, padded to whole blocks: what sums are multiplied with.
    scale: Vec<f32>,
    /// By output, padded likewise: added to the scaled sums.
    bias: Vec<f32>,
}

/// For each block of 16 outputs, for each input, 16 weights.
enum Weights {
    F32(Vec<f32>),
    Int8(Vec<i8>),
}

/// What becomes of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Store,
    /// What is negative becomes nothing.
    Rectify,
    /// It is added to what is there.
    Add,
}

impl Product {
    /// `NAME.weight` `[inputs][outputs]`, in f32, or in int8 with `NAME.scale` by output, and `NAME.bias`.
    ///
    /// # Errors
    /// What the model lacks of it.
    pub fn of(tensors: &Tensors<'_>, name: &str) -> Result<Self, String> {
        let bias = tensors.f32(&format!("{name}.bias"))?.1;
        let weight = format!("{name}.weight");
        match tensors.i8(&weight) {
            Ok((shape, values)) => {
                let scale = tensors.f32(&format!("{weight}.scale"))?.1;
                let [inputs, outputs] = matrix(&shape, &weight)?;
                let at = |input: usize, output: usize| values[input * outputs + output];
                Self::new(inputs, outputs, Weights::Int8(packed(inputs, outputs, at)), scale, bias, name)
            }
            Err(_) => {
                let (shape, values) = tensors.f32(&weight)?;
                let [inputs, outputs] = matrix(&shape, &weight)?;
                let at = |input: usize, output: usize| values[input * outputs + output];
                let scale = vec![1.0; outputs];
                Self::new(inputs, outputs, Weights::F32(packed(inputs, outputs, at)), scale, bias, name)
            }
        }
    }

    /// With a table `[outputs][inputs]`, whose rows have a scale each if it is of int8.
    ///
    /// # Errors
    /// Where sizes do not fit together.
    pub fn of_table(table: &Table, bias: Vec<f32>) -> Result<Self, String> {
        let (rows, width) = (table.rows(), table.width);
        match table {
            Table { numbers: Numbers::F32(values), .. } => {
                let weights = Weights::F32(packed(width, rows, |input, output| values[output * width + input]));
                Self::new(width, rows, weights, vec![1.0; rows], bias, "bias")
            }
            Table { numbers: Numbers::Int8(values, scale), .. } => {
                let weights = Weights::Int8(packed(width, rows, |input, output| values[output * width + input]));
                Self::new(width, rows, weights, scale.clone(), bias, "bias")
            }
        }
    }

    fn new(
        inputs: usize,
        outputs: usize,
        weights: Weights,
        mut scale: Vec<f32>,
        mut bias: Vec<f32>,
        name: &str,
    ) -> Result<Self, String> {
        if inputs == 0 || outputs == 0 || scale.len() != outputs || bias.len() != outputs {
            return Err(format!("its `{name}` has sizes that do not fit together"));
        }
        scale.resize(outputs.next_multiple_of(BLOCK), 1.0);
        bias.resize(outputs.next_multiple_of(BLOCK), 0.0);
        Ok(Self { inputs, outputs, weights, scale, bias })
    }

    pub fn bytes(&self) -> usize {
        let weights = match &self.weights {
            Weights::F32(weights) => size_of_val(&weights[..]),
            Weights::Int8(weights) => weights.len(),
        };
        weights + 2 * size_of_val(&self.bias[..])
    }

    /// `[rows][inputs]` to `[rows][outputs]`.
    pub fn apply(&self, input: &[f32], output: &mut [f32], then: Then) {
        debug_assert_eq!(input.len() / self.inputs, output.len() / self.outputs, "as many rows");
        #[cfg(target_arch = "x86_64")]
        {
            if Instructions::chosen() >= Instructions::Avx512 {
                // SAFETY: the instructions are there.
                return unsafe { x86::apply_avx512(self, input, output, then) };
            }
            if Instructions::chosen() >= Instructions::Avx2 {
                // SAFETY: the instructions are there.
                return unsafe { x86::apply_avx2(self, input, output, then) };
            }
        }
        all::<Plain>(self, input, output, then);
    }
}

/// Rows of numbers, of which one is picked at a time.
pub struct Table {
    pub width: usize,
    numbers: Numbers,
}

enum Numbers {
    F32(Vec<f32>),
    /// With a scale a row.
    Int8(Vec<i8>, Vec<f32>),
}

impl Table {
    /// `NAME.weight` `[rows][width]`, in f32 or in int8 with `NAME.weight.scale`.
    ///
    /// # Errors
    /// What the model lacks of it.
    pub fn of(tensors: &Tensors<'_>, name: &str) -> Result<Self, String> {
        let weight = format!("{name}.weight");
        let (shape, numbers) = match tensors.i8(&weight) {
            Ok((shape, values)) => (shape, Numbers::Int8(values, tensors.f32(&format!("{weight}.scale"))?.1)),
            Err(_) => {
                let (shape, values) = tensors.f32(&weight)?;
                (shape, Numbers::F32(values))
            }
        };
        let [rows, width] = matrix(&shape, &weight)?;
        match &numbers {
            Numbers::Int8(_, scale) if scale.len() != rows => Err(format!("its `{weight}` has not a scale a row")),
            _ => Ok(Self { width, numbers }),
        }
    }

    pub fn rows(&self) -> usize {
        match &self.numbers {
            Numbers::F32(values) => values.len() / self.width,
            Numbers::Int8(_, scale) => scale.len(),
        }
    }

    pub fn bytes(&self) -> usize {
        match &self.numbers {
            Numbers::F32(values) => size_of_val(&values[..]),
            Numbers::Int8(values, scale) => values.len() + size_of_val(&scale[..]),
        }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// For a row that there is not.
    pub fn add(&self, row: usize, to: &mut [f32]) {
        let from = row * self.width..(row + 1) * self.width;
        match &self.numbers {
            Numbers::F32(values) => to.iter_mut().zip(&values[from]).for_each(|(to, value)| *to += value),
            Numbers::Int8(values, scale) => {
                let scale = scale[row];
                to.iter_mut().zip(&values[from]).for_each(|(to, &value)| *to += f32::from(value) * scale);
            }
        }
    }
}

fn matrix(shape: &[usize], name: &str) -> Result<[usize; 2], String> {
    match shape {
        &[rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
        _ => Err(format!("its `{name}` is no matrix")),
    }
}

fn packed<T: Default + Copy>(inputs: usize, outputs: usize, at: impl Fn(usize, usize) -> T) -> Vec<T> {
    let mut packed = vec![T::default(); inputs * outputs.next_multiple_of(BLOCK)];
    for output in 0..outputs {
        let start = output / BLOCK * inputs * BLOCK + output % BLOCK;
        for input in 0..inputs {
            packed[start + input * BLOCK] = at(input, output);
        }
    }
    packed
}

/// Weights as a kernel loads them.
trait Packed: Copy {
    fn load<L: Lanes>(values: &[Self; BLOCK]) -> L;
}

impl Packed for f32 {
    #[inline(always)]
    fn load<L: Lanes>(values: &[Self; BLOCK]) -> L {
        L::load(values)
    }
}

impl Packed for i8 {
    #[inline(always)]
    fn load<L: Lanes>(values: &[Self; BLOCK]) -> L {
        L::load_i8(values)
    }
}

#[inline(always)]
fn all<L: Lanes>(product: &Product, input: &[f32], output: &mut [f32], then: Then) {
    match &product.weights {
        Weights::F32(weights) => of_kind::<L, f32>(product, weights, input, output, then),
        Weights::Int8(weights) => of_kind::<L, i8>(product, weights, input, output, then),
    }
}

#[inline(always)]
fn of_kind<L: Lanes, W: Packed>(product: &Product, weights: &[W], input: &[f32], output: &mut [f32], then: Then) {
    let rows = input.len() / product.inputs;
    let mut row = 0;
    while row < rows {
        // More rows share what is loaded; with few of them, more blocks keep the processor busy.
        row += match rows - row {
            4.. => blocks::<L, W, 4, 2>(product, weights, input, output, then, row),
            2.. => blocks::<L, W, 2, 4>(product, weights, input, output, then, row),
            _ => blocks::<L, W, 1, 4>(product, weights, input, output, then, row),
        };
    }
}

/// `R` rows from `row` on, `B` blocks of outputs at a time. As many rows as that are.
#[inline(always)]
fn blocks<L: Lanes, W: Packed, const R: usize, const B: usize>(
    product: &Product,
    weights: &[W],
    input: &[f32],
    output: &mut [f32],
    then: Then,
    row: usize,
) -> usize {
    let count = product.outputs.div_ceil(BLOCK);
    let mut block = 0;
    while block + B <= count {
        tile::<L, W, R, B>(product, weights, input, output, then, (row, block));
        block += B;
    }
    while block < count {
        tile::<L, W, R, 1>(product, weights, input, output, then, (row, block));
        block += 1;
    }
    R
}

#[expect(clippy::needless_range_loop, reason = "indices that are known are what the compiler unrolls")]
#[inline(always)]
fn tile<L: Lanes, W: Packed, const R: usize, const B: usize>(
    product: &Product,
    weights: &[W],
    input: &[f32],
    output: &mut [f32],
    then: Then,
    (row, block): (usize, usize),
) {
    let inputs = product.inputs;
    let values: [&[f32]; R] = std::array::from_fn(|r| &input[(row + r) * inputs..(row + r + 1) * inputs]);
    let kernels: [&[W]; B] = std::array::from_fn(|b| &weights[(block + b) * inputs * BLOCK..][..inputs * BLOCK]);
    let mut sums = [[L::splat(0.0); B]; R];
    for k in 0..inputs {
        // A loop: a closure that `from_fn` calls is not always inlined, and then each instruction in it is a call, twenty times as slow.
        let mut w = [L::splat(0.0); B];
        for (w, kernel) in w.iter_mut().zip(kernels) {
            *w = W::load(of(kernel, k * BLOCK));
        }
        for r in 0..R {
            let value = L::splat(values[r][k]);
            for b in 0..B {
                sums[r][b] = sums[r][b].add_product(value, w[b]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (b, &sum) in sums.iter().enumerate() {
            let at = (block + b) * BLOCK;
            let scaled = L::load(of(&product.bias, at)).add_product(sum, L::load(of(&product.scale, at)));
            let scaled = if then == Then::Rectify { scaled.at_least_zero() } else { scaled };
            let to = &mut output[(row + r) * product.outputs + at..];
            let left = product.outputs - at;
            if left >= BLOCK {
                let to = of_mut(to, 0);
                let sum = if then == Then::Add { scaled.add(L::load(to)) } else { scaled };
                sum.store(to);
            } else {
                let mut numbers = [0.0; BLOCK];
                scaled.store(&mut numbers);
                for (to, number) in to[..left].iter_mut().zip(numbers) {
                    *to = if then == Then::Add { *to + number } else { number };
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Product, Then, all};
    use crate::backend::portable::lanes::x86::{Avx2, Avx512};

    #[target_feature(enable = "avx512f")]
    pub fn apply_avx512(product: &Product, input: &[f32], output: &mut [f32], then: Then) {
        all::<Avx512>(product, input, output, then);
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn apply_avx2(product: &Product, input: &[f32], output: &mut [f32], then: Then) {
        all::<Avx2>(product, input, output, then);
    }
}
