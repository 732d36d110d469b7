//! Attention: each piece's new value is a mean of all values, weighed by how well its question fits their keys.

use super::{Activation, Epilogue, conv, functions, product, rows};

/// `[L, 3 * width]`, questions (scaled already), keys and values one after another, to `[L, width]`.
pub fn attend(all: &Activation, heads: usize) -> Activation {
    let (length, width) = (all.width, all.channels / 3);
    let depth = width / heads;
    let epilogue = Epilogue { residual: None, relu: false };
    let mut context = rows(length, width);
    let mut question = rows(length, depth);
    let mut scores = rows(length, length);
    let mut mean = rows(length, depth);
    let (mut keys, mut values) = (vec![0.0; length * depth], vec![0.0; length * depth]);
    let none = vec![0.0; length.max(depth)];
    for head in 0..heads {
        let at = head * depth;
        for (piece, row) in all.data.chunks_exact(all.channels).enumerate() {
            let of = |part: usize| &row[part * width + at..][..depth];
            question.data[piece * depth..][..depth].copy_from_slice(of(0));
            keys[piece * depth..][..depth].copy_from_slice(of(1));
            // A value's numbers are the outputs of the second product, the pieces its inputs.
            of(2).iter().enumerate().for_each(|(number, value)| values[number * length + piece] = *value);
        }
        conv::convolve(&product(length, depth, &keys, &none[..length]), &question, epilogue, &mut scores);
        scores.data.chunks_exact_mut(length).for_each(functions::softmax);
        conv::convolve(&product(depth, length, &values, &none[..depth]), &scores, epilogue, &mut mean);
        for (to, from) in context.data.chunks_exact_mut(width).zip(mean.data.chunks_exact(depth)) {
            to[at..at + depth].copy_from_slice(from);
        }
    }
    context
}
