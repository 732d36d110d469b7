use super::{
    activation::Activation,
    conv::{self, Epilogue, Weights},
    *,
};
use crate::instructions::Instructions;

/// The same numbers in every run, -1 to 1.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn activation(height: usize, width: usize, channels: usize, padding: (usize, usize), seed: u64) -> Activation {
    // Memory that held something else: what lies around the pixels must be zero all the same.
    let mut made = Activation::in_memory(vec![7.0; 100_000], height, width, channels, padding);
    let values = numbers(height * width * channels, seed);
    for (y, row) in values.chunks_exact(width * channels).enumerate() {
        made.row_mut(y).copy_from_slice(row);
    }
    made
}

struct Case {
    input: (usize, usize, usize),
    outputs: usize,
    kernel: (usize, usize),
    stride: (usize, usize),
    padding: (usize, usize),
    depthwise: bool,
    residual: bool,
    relu: bool,
}

fn by_definition(
    case: &Case,
    weights: &[f32],
    bias: &[f32],
    input: &Activation,
    residual: Option<&Activation>,
) -> Vec<f32> {
    let (height, width, inputs) = case.input;
    let (rows, columns) = case.kernel;
    let size =
        |length: usize, padding: usize, kernel: usize, stride: usize| (length + 2 * padding - kernel) / stride + 1;
    let out_height = size(height, case.padding.0, rows, case.stride.0);
    let out_width = size(width, case.padding.1, columns, case.stride.1);
    let pixel = |y: i64, x: i64, i: usize| {
        let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
        if inside { input.row(y as usize)[x as usize * inputs + i] } else { 0.0 }
    };
    let per_output = if case.depthwise { 1 } else { inputs };
    let mut result = Vec::new();
    for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
        for o in 0..case.outputs {
            let mut sum = bias[o];
            for (i, r, c) in
                (0..per_output).flat_map(|i| (0..rows * columns).map(move |k| (i, k / columns, k % columns)))
            {
                let y = (y * case.stride.0 + r) as i64 - case.padding.0 as i64;
                let x = (x * case.stride.1 + c) as i64 - case.padding.1 as i64;
                let weight = weights[((o * per_output + i) * rows + r) * columns + c];
                sum += weight * pixel(y, x, if case.depthwise { o } else { i });
            }
            sum += residual.map_or(0.0, |residual| residual.row(y)[x * case.outputs + o]);
            result.push(if case.relu { sum.max(0.0) } else { sum });
        }
    }
    result
}

#[test]
fn convolutions_are_those_of_the_definition() {
    let plain = Case {
        input: (5, 9, 3),
        outputs: 16,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (1, 1),
        depthwise: false,
        residual: false,
        relu: false,
    };
    for (number, case) in [
        Case { ..plain },
        Case { outputs: 40, stride: (2, 2), relu: true, ..plain },
        Case { input: (8, 30, 1), outputs: 8, kernel: (3, 5), stride: (1, 4), ..plain },
        Case { input: (1, 21, 80), outputs: 80, kernel: (1, 7), padding: (0, 3), relu: true, ..plain },
        Case { input: (4, 17, 20), outputs: 340, kernel: (4, 1), padding: (0, 0), ..plain },
        Case { input: (6, 5, 48), outputs: 32, kernel: (1, 1), padding: (0, 0), residual: true, relu: true, ..plain },
        Case { input: (6, 19, 24), outputs: 24, depthwise: true, relu: true, ..plain },
        Case { input: (6, 19, 56), outputs: 56, depthwise: true, residual: true, ..plain },
        Case { input: (6, 19, 37), outputs: 37, depthwise: true, stride: (2, 2), ..plain },
        Case { input: (9, 40, 1), outputs: 24, kernel: (5, 5), padding: (2, 2), ..plain },
        Case { input: (2, 8, 64), outputs: 33, kernel: (1, 1), padding: (0, 0), residual: true, ..plain },
    ]
    .iter()
    .enumerate()
    {
        let (height, width, inputs) = case.input;
        let per_output = if case.depthwise { 1 } else { inputs };
        let shape = [case.outputs, per_output, case.kernel.0, case.kernel.1];
        let (kernel, bias) = (numbers(shape.iter().product(), 1), numbers(case.outputs, 2));
        let weights = Weights::new(shape, &kernel, &bias, case.stride, case.padding, case.depthwise);
        // More padding than it asks for, as another reader of the same value may want.
        let input = activation(height, width, inputs, (case.padding.0 + 1, case.padding.1), 3);
        let (out_height, out_width) = weights.output_size(height, width).unwrap();
        let residual = case.residual.then(|| activation(out_height, out_width, case.outputs, (0, 1), 4));
        let expected = by_definition(case, &kernel, &bias, &input, residual.as_ref());
        for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
            let mut output = activation(out_height, out_width, case.outputs, (1, 1), 5);
            let epilogue = Epilogue { residual: residual.as_ref(), relu: case.relu };
            conv::convolve_with(instructions, &weights, &input, epilogue, &mut output);
            let found: Vec<f32> = (0..out_height).flat_map(|y| output.row(y)).copied().collect();
            assert_eq!(found.len(), expected.len(), "case {number}");
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "case {number}, {instructions}: off by {worst}");
            let around: f32 = output.data[..(out_width + 2) * case.outputs].iter().map(|v| v.abs()).sum();
            assert_eq!(around, 0.0, "case {number}: nothing is written into the padding");
        }
    }
}

#[test]
fn what_must_be_exact_comes_to_the_same_to_the_last_bit_on_every_kind_of_instructions() {
    for (inputs, outputs, depthwise) in [(12, 40, false), (1, 8, false), (24, 24, true)] {
        let shape = [outputs, if depthwise { 1 } else { inputs }, 3, 3];
        let (kernel, bias) = (numbers(shape.iter().product(), 1), numbers(outputs, 2));
        let mut weights = Weights::new(shape, &kernel, &bias, (1, 1), (1, 1), depthwise);
        weights.exact = true;
        let input = activation(6, 21, inputs, (1, 1), 3);
        let run = |instructions| {
            let mut output = activation(6, 21, outputs, (0, 0), 4);
            conv::convolve_with(instructions, &weights, &input, Epilogue { residual: None, relu: true }, &mut output);
            output.data.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        let plain = run(Instructions::Plain);
        for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
            assert!(run(instructions) == plain, "{inputs} to {outputs}: {instructions}");
        }
    }
}

#[test]
fn a_model_of_other_operations_is_refused_with_the_reason() {
    // The same graph with an operator that is not known.
    let mut graph = crate::backend::tiny::doubling_model(3);
    let at = graph.windows(3).position(|w| w == b"Add").unwrap();
    graph[at..at + 3].copy_from_slice(b"Erf");
    for (bytes, reason) in [(&*graph.leak(), "operation Erf"), (b"no model".as_slice(), "no graph"), (b"", "no graph")]
    {
        let source = ModelSource::built_in("odd", bytes, pagestream_documents::Digest::of(bytes));
        let Err(error) = PortableBackend.load(&source) else { panic!("{reason}: it was loaded") };
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[cfg(feature = "built-in-models")]
mod with_our_models {
    use serde_json::Value;

    use super::*;
    use crate::{
        built_in,
        ocr::compact::{recognizer, resize::Plane},
    };

    fn run(model: built_in::BuiltIn, input: &Tensor) -> Tensor {
        let mut session = PortableBackend.load(&model.source()).unwrap();
        let mut output = Tensor::default();
        // Twice: the second run finds the first one's memory.
        for _ in 0..2 {
            session
                .run(input.view(), &mut |view| {
                    output = Tensor { shape: view.shape.to_vec(), data: view.data.to_vec() };
                })
                .unwrap();
        }
        output
    }

    fn vectors(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/shipped/vectors/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn the_detector_answers_as_in_the_lab() {
        use crate::ocr::compact::detector::{View, prepare};
        let image = image::load_from_memory(&vectors("page.png")).unwrap().into_luma8();
        let (width, height) = image.dimensions();
        let view = View::page(width, height, pagestream_documents::Rotation::None, 960);
        let input = prepare(Plane::new(image.as_raw(), width as usize, height as usize), &view);
        let output = run(built_in::DETECTOR.f32, &input);
        let expected: Vec<f32> =
            vectors("page-maps.f32").as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        assert_eq!(output.shape, [1, 4, view.shape()[2] / 2, view.shape()[3] / 8]);
        let worst = output.data.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(output.data.len() == expected.len() && worst < 1e-2, "off by {worst}");
    }

    #[test]
    fn the_recognisers_read_as_in_the_lab() {
        for network in [built_in::FAST_RECOGNIZER, built_in::LARGE_RECOGNIZER] {
            reads_as_in_the_lab(network.f32);
        }
    }

    fn reads_as_in_the_lab(model: built_in::BuiltIn) {
        let cases: Value = serde_json::from_slice(&vectors(&format!("{}.json", model.id))).unwrap();
        for (number, case) in cases["cases"].as_array().unwrap().iter().enumerate() {
            let (width, height) = (case["width"].as_u64().unwrap() as usize, recognizer::LINE_HEIGHT);
            let line = crate::ocr::compact::tests::base64(&case["resized"]);
            let input = recognizer::tensor(Plane::new(&line, width, height));
            let output = run(model, &input);
            let classes = output.shape[2];
            let best =
                |step: &[f32]| (0..classes).max_by(|&a, &b| step[a].total_cmp(&step[b]).then(b.cmp(&a))).unwrap();
            let path: Vec<usize> = output.data.chunks_exact(classes).map(best).collect();
            let expected: Vec<usize> =
                case["classes"].as_array().unwrap().iter().map(|c| c.as_u64().unwrap() as usize).collect();
            assert_eq!(path, expected, "{} {number}", model.id);
        }
    }

    #[test]
    fn inputs_that_do_not_fit_are_errors_and_the_session_goes_on() {
        let mut session = PortableBackend.load(&built_in::FAST_RECOGNIZER.f32.source()).unwrap();
        for shape in [vec![1, 3, 32, 64], vec![1, 1, 48, 64], vec![32, 64], vec![1, 1, 1, 1]] {
            let input = Tensor { data: vec![0.0; shape.iter().product()], shape };
            assert!(session.run(input.view(), &mut |_| {}).is_err(), "{:?}", input.shape);
        }
        let two = Tensor { shape: vec![2, 1, 32, 64], data: numbers(2 * 32 * 64, 9) };
        let mut shapes = Vec::new();
        session.run(two.view(), &mut |output| shapes.push(output.shape.to_vec())).unwrap();
        assert_eq!(shapes, [[2, 16, 341]]);
    }

    /// What ONNX Runtime makes of a network in int8: `training/lab/int8_vectors.py`.
    #[derive(serde::Deserialize)]
    struct Int8Case {
        model: String,
        /// Top, left, height and width of what is cut out of the page.
        cut: [usize; 4],
        shape: Vec<usize>,
        /// Each so manieth value of the output is kept.
        every: usize,
        values: Vec<f32>,
    }

    fn int8_cases() -> Vec<(Int8Case, Tensor)> {
        #[derive(serde::Deserialize)]
        struct Cases {
            models: Vec<Int8Case>,
        }
        let cases: Cases = serde_json::from_str(include_str!("../../../tests/data/int8.json")).unwrap();
        let page = image::load_from_memory(&vectors("page.png")).unwrap().into_luma8();
        let input = |case: &Int8Case| {
            let [top, left, height, width] = case.cut;
            let pixel = |n: usize| page.get_pixel((left + n % width) as u32, (top + n / width) as u32).0[0];
            let data = (0..height * width).map(|n| 1.0 - f32::from(pixel(n)) / 127.5).collect();
            Tensor { shape: vec![1, 1, height, width], data }
        };
        cases.models.into_iter().map(|case| (input(&case), case)).map(|(input, case)| (case, input)).collect()
    }

    fn run_with(model: &str, instructions: Instructions, input: &Tensor) -> Tensor {
        let source = built_in::model(model).unwrap().source();
        let mut session = PortableBackend.load_for(&source, instructions).unwrap();
        let mut made = Tensor::default();
        session
            .run(input.view(), &mut |view| made = Tensor { shape: view.shape.to_vec(), data: view.data.to_vec() })
            .unwrap();
        made
    }

    #[test]
    fn networks_in_int8_answer_as_on_onnx_runtime() {
        for (case, input) in int8_cases() {
            let output = run_with(&case.model, Instructions::chosen(), &input);
            assert_eq!(output.shape, case.shape, "{}", case.model);
            let ours: Vec<f32> = output.data.into_iter().step_by(case.every).collect();
            let off: Vec<f32> = ours.iter().zip(&case.values).map(|(a, b)| (a - b).abs()).collect();
            let (mean, worst) = (off.iter().sum::<f32>() / off.len() as f32, off.iter().copied().fold(0.0, f32::max));
            assert_eq!(ours.len(), case.values.len(), "{}", case.model);
            // Logits of a recogniser are sums of integers, which come to the same to the last bit. In the others the first layer is computed in f32:
            // a few of its bytes are rounded otherwise, which ONNX Runtime's own levels of optimisation do, too, by as much.
            let (mean_allowed, worst_allowed) =
                if case.model.starts_with("recogniser") { (1e-6, 1e-5) } else { (0.03, 0.7) };
            assert!(mean <= mean_allowed && worst <= worst_allowed, "{}: {mean}, {worst} at most", case.model);
        }
    }

    #[test]
    fn networks_in_int8_come_to_the_same_to_the_last_bit_on_every_kind_of_instructions() {
        for (case, input) in int8_cases() {
            let plain = run_with(&case.model, Instructions::Plain, &input);
            for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
                let other = run_with(&case.model, instructions, &input);
                let same = plain.data.iter().zip(&other.data).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same && plain.shape == other.shape, "{}: {instructions}", case.model);
            }
        }
    }

    #[test]
    fn networks_in_f32_come_to_nearly_the_same_on_every_kind_of_instructions() {
        for (case, input) in int8_cases() {
            let model = case.model.trim_end_matches("-int8");
            let plain = run_with(model, Instructions::Plain, &input);
            for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
                let other = run_with(model, instructions, &input);
                let worst = plain.data.iter().zip(&other.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-2 && plain.shape == other.shape, "{model}: {instructions}: off by {worst}");
            }
        }
    }
}
