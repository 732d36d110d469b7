use super::*;
use crate::{backend::portable::activation::Activation, instructions::Instructions};

/// The same bytes in every run.
fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn activation(size: [usize; 3], zero: u8, padding: (usize, usize), seed: u64) -> Activation<u8> {
    // Memory that held something else: what lies around the pixels must mean nothing all the same.
    let mut made = Activation::surrounded_by(zero, vec![77; 100_000], size, padding);
    let [height, width, channels] = size;
    let values = bytes(height * width * channels, seed);
    for (y, row) in values.chunks_exact(width * channels).enumerate() {
        made.row_mut(y).copy_from_slice(row);
    }
    made
}

fn content(value: &Activation<u8>) -> Vec<u8> {
    (0..value.height).flat_map(|y| value.row(y)).copied().collect()
}

struct Case {
    input: [usize; 3],
    shape: Shape,
    joined: bool,
}

const STEPS: Steps = Steps { scale: 0.02, zero: 17 };
const OWN: Steps = Steps { scale: 0.9, zero: 121 };
const JOIN: Join = Join { own: OWN, other: Steps { scale: 0.31, zero: 40 }, sum: Steps { scale: 0.77, zero: 90 } };

impl Case {
    fn weights(&self) -> (Vec<i32>, Vec<i32>, Vec<f32>) {
        let Shape { kernel, inputs, outputs, depthwise, .. } = self.shape;
        let count = outputs * if depthwise { 1 } else { inputs } * kernel.0 * kernel.1;
        // Of 7 bits, with the largest among them.
        let weights = bytes(count, 1).into_iter().map(|byte| i32::from(byte) % 129 - 64).collect();
        let bias = bytes(outputs, 2).into_iter().map(|byte| (i32::from(byte) - 128) * 50).collect();
        let scale = bytes(outputs, 3).into_iter().map(|byte| (f32::from(byte) + 20.0) / 1000.0).collect();
        (weights, bias, scale)
    }

    fn run(&self, instructions: Instructions) -> Vec<u8> {
        let (weights, bias, scale) = self.weights();
        let packed = Weights::new(self.shape, &weights, (&bias, &scale), STEPS, OWN.scale, instructions).unwrap();
        let [height, width, _] = self.input;
        let padding = self.shape.padding;
        // More padding than it asks for, as another reader of the same value may want.
        let input = activation(self.input, STEPS.zero, (padding.0 + 1, padding.1), 4);
        let (height, width) = packed.output_size(height, width).unwrap();
        let size = [height, width, self.shape.outputs];
        let other = self.joined.then(|| activation(size, JOIN.other.zero, (0, 1), 5));
        let mut output = activation(size, 3, (1, 1), 6);
        convolve(instructions, &packed, &input, OWN.zero, other.as_ref().map(|other| (other, &JOIN)), &mut output);
        let around = output.offset(0, 0) - output.channels;
        assert!(output.data[..around].iter().all(|byte| *byte == 3), "nothing is written into the padding");
        content(&output)
    }

    fn by_definition(&self) -> Vec<u8> {
        let (weights, bias, scale) = self.weights();
        let Shape { kernel: (rows, columns), stride, padding, inputs, outputs, depthwise } = self.shape;
        let [height, width, _] = self.input;
        let input = activation(self.input, STEPS.zero, (0, 0), 4);
        let size =
            |length: usize, padding: usize, kernel: usize, stride: usize| (length + 2 * padding - kernel) / stride + 1;
        let (out_height, out_width) =
            (size(height, padding.0, rows, stride.0), size(width, padding.1, columns, stride.1));
        let other = activation([out_height, out_width, outputs], JOIN.other.zero, (0, 1), 5);
        let pixel = |y: i64, x: i64, i: usize| {
            let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
            if inside { i32::from(input.row(y as usize)[x as usize * inputs + i]) - i32::from(STEPS.zero) } else { 0 }
        };
        let per_output = if depthwise { 1 } else { inputs };
        let to_byte = |steps: f32, zero: u8| (steps.round_ties_even() + f32::from(zero)).clamp(0.0, 255.0) as u8;
        let mut result = Vec::new();
        for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
            for o in 0..outputs {
                let mut sum = bias[o];
                for (i, r, c) in
                    (0..per_output).flat_map(|i| (0..rows * columns).map(move |k| (i, k / columns, k % columns)))
                {
                    let (y, x) =
                        ((y * stride.0 + r) as i64 - padding.0 as i64, (x * stride.1 + c) as i64 - padding.1 as i64);
                    let weight = weights[((o * per_output + i) * rows + r) * columns + c];
                    sum += weight * pixel(y, x, if depthwise { o } else { i });
                }
                let own = to_byte(sum as f32 * (STEPS.scale * scale[o] / OWN.scale), OWN.zero);
                if !self.joined {
                    result.push(own);
                    continue;
                }
                let steps = |byte: u8, of: Steps| (i32::from(byte) - i32::from(of.zero)) as f32;
                let own = steps(own, OWN) * (OWN.scale / JOIN.sum.scale);
                let other = steps(other.row(y)[x * outputs + o], JOIN.other) * (JOIN.other.scale / JOIN.sum.scale);
                result.push(to_byte(own + other, JOIN.sum.zero));
            }
        }
        result
    }
}

fn cases() -> Vec<Case> {
    let shape =
        |kernel, stride, padding, inputs, outputs| Shape { kernel, stride, padding, inputs, outputs, depthwise: false };
    let by_channel =
        |kernel, stride, channels| Shape { depthwise: true, ..shape(kernel, stride, (1, 1), channels, channels) };
    vec![
        Case { input: [5, 9, 4], shape: shape((3, 3), (1, 1), (1, 1), 4, 16), joined: false },
        Case { input: [8, 30, 1], shape: shape((3, 5), (1, 4), (1, 1), 1, 8), joined: false },
        Case { input: [9, 33, 8], shape: shape((3, 3), (2, 2), (1, 1), 8, 40), joined: false },
        Case { input: [1, 21, 80], shape: shape((1, 7), (1, 1), (0, 3), 80, 80), joined: false },
        Case { input: [4, 17, 20], shape: shape((4, 1), (1, 1), (0, 0), 20, 37), joined: true },
        Case { input: [6, 5, 44], shape: shape((1, 1), (1, 1), (0, 0), 44, 88), joined: true },
        Case { input: [3, 19, 7], shape: shape((3, 3), (1, 1), (1, 1), 7, 28), joined: true },
        Case { input: [6, 19, 24], shape: by_channel((3, 3), (1, 1), 24), joined: false },
        Case { input: [6, 3, 37], shape: by_channel((3, 3), (2, 1), 37), joined: true },
    ]
}

#[test]
fn every_kind_of_instructions_gives_the_bytes_of_the_definition() {
    let mut tried = 0;
    for (number, case) in cases().iter().enumerate() {
        let expected = case.by_definition();
        assert!(expected.iter().any(|byte| (1..255).contains(byte)), "case {number} has bytes of all kinds");
        for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
            assert!(case.run(instructions) == expected, "case {number}: {instructions}");
            tried += 1;
        }
    }
    assert!(tried >= 9, "with the least of instructions at least");
}

#[test]
fn the_largest_products_that_are_allowed_are_exact_everywhere() {
    let shape = Shape { kernel: (1, 1), stride: (1, 1), padding: (0, 0), inputs: 6, outputs: 11, depthwise: false };
    for four in [[64, 64, 64, 64], [-64; 4], [127, -128, 127, -128], [-128, 127, -128, 127], [-128, 0, -128, 0]] {
        let weights: Vec<i32> = (0..11).flat_map(|_| four.into_iter().chain([four[0], four[1]])).collect();
        for pair in [[0, 0], [255, 255], [0, 255], [255, 0]] {
            let mut input = Activation::surrounded_by(STEPS.zero, Vec::new(), [1, 9, 6], (0, 0));
            input.row_mut(0).copy_from_slice(&pair.repeat(27));
            let sum: i32 =
                weights.iter().zip(pair.repeat(3)).map(|(weight, byte)| weight * (i32::from(byte) - 17)).sum();
            for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
                let packed = Weights::new(shape, &weights, (&[0; 11], &[50.0; 11]), STEPS, 1.0, instructions).unwrap();
                let mut output = Activation::in_memory(Vec::new(), 1, 9, 11, (0, 0));
                multiply(instructions, &packed, &input, &[0.0; 16], &mut output);
                assert_eq!(output.data, [sum as f32; 99], "{four:?} times {pair:?}: {instructions}");
            }
        }
    }
}

#[test]
fn fours_whose_products_are_added_in_16_bits_are_exact_at_their_largest() {
    // Seven fours of a row, some of which fit together to the last unit, some by their halves alone, and one that fits none.
    let fours = [
        [64, 64, 0, 0],
        [0, 0, 64, 64],
        [-64, -64, -1, 0],
        [1, 0, -64, -63],
        [32, 32, 32, 32],
        [32, 32, 32, 32],
        [64, 64, 64, 64],
    ];
    let shape = Shape { kernel: (1, 1), stride: (1, 1), padding: (0, 0), inputs: 28, outputs: 35, depthwise: false };
    let weights: Vec<i32> =
        (0..35).flat_map(|o| fours.map(|four| four.map(|w| if o % 3 == 2 { -w } else { w }))).flatten().collect();
    for values in [[255; 28].to_vec(), [[255, 255, 0, 0]; 7].concat(), bytes(28, 12)] {
        let mut input = Activation::surrounded_by(STEPS.zero, Vec::new(), [1, 9, 28], (0, 0));
        input.row_mut(0).copy_from_slice(&values.repeat(9));
        let sum = |o: usize| (0..28).map(|i| weights[o * 28 + i] * (i32::from(values[i]) - 17)).sum::<i32>() as f32;
        let expected: Vec<f32> = (0..9).flat_map(|_| (0..35).map(sum)).collect();
        for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
            let packed = Weights::new(shape, &weights, (&[0; 35], &[50.0; 35]), STEPS, 1.0, instructions).unwrap();
            let in_pairs = matches!(instructions, Instructions::Avx2 | Instructions::Avx512);
            assert_eq!(
                packed.in_order(0).map(|(_, pairs)| pairs),
                in_pairs.then_some(&[3_usize][..]),
                "{instructions}"
            );
            let mut output = Activation::in_memory(Vec::new(), 1, 9, 35, (0, 0));
            multiply(instructions, &packed, &input, &[0.0; 48], &mut output);
            assert_eq!(output.data, expected, "{instructions}");
        }
    }
}

#[test]
fn a_product_comes_to_the_same_numbers_everywhere() {
    let shape = Shape { kernel: (1, 1), stride: (1, 1), padding: (0, 0), inputs: 20, outputs: 37, depthwise: false };
    let case = Case { input: [1, 13, 20], shape, joined: false };
    let (weights, none, scale) = (case.weights().0, vec![0; 37], case.weights().2);
    let input = activation(case.input, STEPS.zero, (0, 0), 4);
    let mut bias: Vec<f32> = (0..37).map(|n| n as f32 / 7.0).collect();
    bias.resize(48, 0.0);
    let run = |instructions| {
        let packed = Weights::new(shape, &weights, (&none, &scale), STEPS, 1.0, instructions).unwrap();
        let mut output = Activation::in_memory(Vec::new(), 1, 13, 37, (0, 0));
        multiply(instructions, &packed, &input, &bias, &mut output);
        output.data
    };
    let plain = run(Instructions::Plain);
    let sum: i32 = (0..20).map(|i| weights[36 * 20 + i] * (i32::from(input.row(0)[12 * 20 + i]) - 17)).sum();
    assert_eq!(plain.last(), Some(&(sum as f32 * (STEPS.scale * scale[36]) + bias[36])));
    for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
        assert!(run(instructions) == plain, "{instructions}");
    }
}

#[test]
fn numbers_become_the_nearest_bytes_and_of_two_as_near_the_even_one() {
    let steps = Steps { scale: 0.5, zero: 10 };
    let numbers =
        [0.0, 0.24, 0.25, 0.26, 0.75, 1.25, -0.25, -0.75, 200.0, -200.0, f32::INFINITY, f32::NAN, 3e38, -3e38];
    let expected = [10, 10, 10, 11, 12, 12, 10, 8, 255, 0, 255, 10, 255, 0];
    for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
        // As many as several registers hold.
        let (mut all, mut made) = (numbers.repeat(5), vec![1; 5 * numbers.len()]);
        quantise(instructions, &all, steps, &mut made);
        assert_eq!(made, expected.repeat(5), "{instructions}");
        dequantise(instructions, &made, steps, &mut all);
        assert_eq!(all[..4], [0.0, 0.0, 0.0, 0.5], "{instructions}");
    }
}

#[test]
fn sums_of_bytes_are_the_same_everywhere() {
    let (own, other) = (bytes(200, 8), bytes(200, 9));
    let made = |instructions| {
        let mut sum = vec![0; own.len()];
        add(instructions, &own, &other, &JOIN, &mut sum);
        sum
    };
    let plain = made(Instructions::Plain);
    for (n, byte) in plain.iter().enumerate() {
        let steps = |byte: u8, of: Steps| f64::from(of.scale) * (f64::from(byte) - f64::from(of.zero));
        let exact = (steps(own[n], JOIN.own) + steps(other[n], JOIN.other)) / f64::from(JOIN.sum.scale) + 90.0;
        assert!((exact.clamp(0.0, 255.0) - f64::from(*byte)).abs() < 0.501, "{n}: {exact} {byte}");
    }
    for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
        assert_eq!(made(instructions), plain, "{instructions}");
    }
}

#[test]
fn weights_whose_products_could_overflow_are_refused_on_every_machine() {
    let shape = Shape { kernel: (1, 1), stride: (1, 1), padding: (0, 0), inputs: 4, outputs: 1, depthwise: false };
    for (weights, fits) in [
        ([64, 64, 0, 0], true),
        ([-64, -64, 3, 3], true),
        ([127, -127, 127, -127], true),
        ([64, 65, 0, 0], false),
        ([0, 0, -100, -100], false),
        // Only neighbours share 16 bits.
        ([0, 100, 100, 0], true),
        ([200, 0, 0, 0], false),
    ] {
        for instructions in Instructions::ALL {
            let made = Weights::new(shape, &weights, (&[0], &[0.01]), STEPS, 0.5, instructions);
            assert_eq!(made.is_ok(), fits, "{weights:?}: {made:?}");
        }
    }
    let made = Weights::new(shape, &[1; 4], (&[i32::MAX], &[0.01]), STEPS, 0.5, Instructions::Plain);
    assert!(made.is_err(), "its sum does not fit");
}
