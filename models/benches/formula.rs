//! What reading formulas costs on one thread: `cargo bench -p pagestream-models --features built-in-models --bench formula`.
//!
//! The formulas are the lab's vectors. `examples/formulas.rs` counts tokens, runs and drafts of many.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pagestream_models::{
    backend::portable::PortableBackend,
    built_in,
    formula::{FormulaOptions, FormulaReader, Picture},
};

/// A picture of 48 x 320, as of a formula of 35 tokens: strokes as an upright print's.
fn picture() -> Picture {
    let (height, width) = (48, 320);
    let mut data = vec![0.0; height * width];
    for y in 16..30 {
        for x in (8..300).filter(|x| x % 9 > 6 || (y % 7 == 0 && x % 5 > 1)) {
            data[y * width + x] = 1.0;
        }
    }
    Picture { height, width, data }
}

fn reader(options: FormulaOptions) -> FormulaReader {
    let model = built_in::formula().expect("it is a part of the program");
    FormulaReader::load(&PortableBackend, &model, options).expect("it is a part of the program")
}

fn read(reader: &mut FormulaReader, count: usize) {
    let pictures = (0..count).map(|_| Some(picture())).collect();
    black_box(reader.read_pictures(pictures).expect("the recogniser runs"));
}

fn formulas(criterion: &mut Criterion) {
    let plain = FormulaOptions { beam: 1, draft: 0, max_tokens: 35, ..FormulaOptions::default() };
    for (name, options, count) in [
        ("one formula, one token", FormulaOptions { max_tokens: 1, ..plain.clone() }, 1),
        ("one formula, 35 tokens at most", plain.clone(), 1),
        ("one formula, drafts", FormulaOptions { draft: 4, ..plain.clone() }, 1),
        ("one formula, beam of 4", FormulaOptions { beam: 4, ..plain.clone() }, 1),
        ("16 formulas together", FormulaOptions { max_rows: 16, ..plain }, 16),
    ] {
        let mut reader = reader(options);
        criterion.bench_function(name, |bench| bench.iter(|| read(&mut reader, count)));
    }
    criterion.bench_function("loading", |bench| bench.iter(|| reader(FormulaOptions::default())));
}

criterion_group!(benches, formulas);
criterion_main!(benches);
