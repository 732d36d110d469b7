//! The formula recogniser from pixels to LaTeX, with the weights that the program carries, on both runtimes and against the lab.
#![cfg(feature = "built-in-models")]

use pagestream_models::{
    Backend,
    backend::portable::PortableBackend,
    built_in,
    formula::{FormulaOptions, FormulaReader, FormulaReading, GrayCrop, Picture, picture::prepare},
};
use serde_json::Value;

mod vectors;

use vectors::gray;

/// One crop of the lab, and what it makes of it.
struct Case {
    width: usize,
    height: usize,
    crop: Vec<u8>,
    /// `[height][width]` of the ink alone, 0 paper, 255 ink.
    scaled: image::GrayImage,
    shape: [usize; 2],
    latex: String,
}

impl Case {
    fn crop(&self) -> GrayCrop<'_> {
        GrayCrop::new(&self.crop, self.width, self.height).unwrap()
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../shipped/vectors/formula.json");
    let cases: Value = serde_json::from_str(text).unwrap();
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let case = |case: &Value| {
        let crop = gray(&case["crop"]);
        Case {
            width: crop.width() as usize,
            height: crop.height() as usize,
            crop: crop.into_raw(),
            scaled: gray(&case["picture"]),
            shape: [number(&case["shape"][0]), number(&case["shape"][1])],
            latex: case["latex"].as_str().unwrap().to_owned(),
        }
    };
    cases["cases"].as_array().unwrap().iter().map(case).collect()
}

fn reader(backend: &dyn Backend, options: FormulaOptions) -> FormulaReader {
    FormulaReader::load(backend, &built_in::formula().unwrap(), options).unwrap()
}

/// Several at a time, greedily.
fn plain() -> FormulaOptions {
    FormulaOptions { beam: 1, draft: 0, max_rows: 16, ..FormulaOptions::default() }
}

fn drafting() -> FormulaOptions {
    FormulaOptions { draft: 5, ..plain() }
}

fn latex(readings: &[FormulaReading]) -> Vec<&str> {
    readings.iter().map(|reading| reading.latex.as_str()).collect()
}

/// Pictures of the cases and of their parts, all unlike each other: `count` of them, none larger than that many places.
fn many(count: usize, places: usize) -> Vec<Option<Picture>> {
    let cases = cases();
    let mut pictures = Vec::new();
    for step in 1.. {
        for case in &cases {
            let (width, left) = (case.width * (step % 7 + 2) / 9, case.width * (step % 11) / 40);
            let width = width.min(case.width - left).max(1);
            let part = GrayCrop::part(&case.crop[left..], case.width, width, case.height - usize::from(left > 0));
            let picture = part.and_then(prepare).filter(|picture| picture.places() <= places);
            if picture.is_some() && !pictures.contains(&picture) {
                pictures.push(picture);
            }
            if pictures.len() == count {
                return pictures;
            }
        }
        assert!(step < 1000, "there are not so many: {}", pictures.len());
    }
    unreachable!()
}

#[test]
fn the_encoder_is_given_what_the_lab_gave_it() {
    for (number, case) in cases().iter().enumerate() {
        let picture = prepare(case.crop()).unwrap();
        assert_eq!([picture.height, picture.width], case.shape, "{number}");
        let (width, height) = (case.scaled.width() as usize, case.scaled.height() as usize);
        let mut beyond = 0;
        for (y, row) in picture.data.chunks_exact(picture.width).enumerate() {
            for (x, value) in row.iter().enumerate() {
                let inside = (4..4 + height).contains(&y) && (4..4 + width).contains(&x);
                let level = if inside { case.scaled.get_pixel(x as u32 - 4, y as u32 - 4).0[0] } else { 0 };
                let apart = (value * 255.0 - f32::from(level)).abs();
                // OpenCV adds in another order, so that a level may be rounded otherwise.
                assert!(apart < 1.01, "{number} at {x}, {y}: {} and {level}", value * 255.0);
                beyond += usize::from(apart > 0.5);
            }
        }
        assert!(beyond * 500 < width * height, "{number}: {beyond} of {} levels differ", width * height);
    }
}

#[test]
fn formulas_are_read_as_in_the_lab() {
    let cases = cases();
    let crops: Vec<GrayCrop<'_>> = cases.iter().map(Case::crop).collect();
    let readings = reader(&PortableBackend, plain()).read(&crops).unwrap();
    // The lab parts all tokens by blanks, a reading those that are better read so.
    let bare = |latex: &str| latex.replace(' ', "");
    let right = readings.iter().zip(&cases).filter(|(reading, case)| bare(&reading.latex) == bare(&case.latex)).count();
    // A level of gray that is rounded otherwise may turn a token that was as likely as another.
    assert!(right * 12 >= cases.len() * 11, "{right} of {}", cases.len());
    assert!(readings.iter().all(|reading| (0.0..=1.0).contains(&reading.confidence)));
}

#[test]
fn a_formula_is_read_the_same_alone_in_company_and_in_steps() {
    let cases = cases();
    let crops: Vec<GrayCrop<'_>> = cases.iter().map(Case::crop).collect();
    for options in [plain(), drafting(), FormulaOptions { beam: 3, ..plain() }] {
        let mut together = reader(&PortableBackend, options.clone());
        let company = together.read(&crops).unwrap();
        let mut alone = reader(&PortableBackend, FormulaOptions { max_rows: 1, ..options });
        let single = alone.read(&crops).unwrap();
        assert_eq!(company, single, "to the last bit of the confidence");
        assert!(together.counts().runs * 3 < alone.counts().runs, "they share runs");
        // Some come while others are under way.
        let mut found = vec![None; crops.len()];
        let mut coming = crops.iter().zip(0u64..);
        while found.iter().any(Option::is_none) {
            for (&crop, key) in coming.by_ref().take(2) {
                together.submit(key, crop);
            }
            for (key, reading) in together.step().unwrap() {
                assert!(found[key as usize].replace(reading).is_none());
            }
        }
        assert!(together.is_idle());
        assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), single);
    }
}

#[test]
fn a_thousand_formulas_are_read_the_same_with_drafts() {
    let pictures = many(1000, 60);
    let mut drafts = reader(&PortableBackend, FormulaOptions { max_tokens: 20, ..drafting() });
    let drafted = drafts.read_pictures(pictures.clone()).unwrap();
    let mut plainly = reader(&PortableBackend, FormulaOptions { max_tokens: 20, ..plain() });
    assert_eq!(drafted, plainly.read_pictures(pictures).unwrap());
    let (with, without) = (drafts.counts(), plainly.counts());
    let is_of_use = with.accepted * 3 > with.drafted && with.accepted < with.drafted;
    assert!(is_of_use && without.drafted == 0, "{with:?}");
    assert_eq!((with.formulas, with.tokens), (without.formulas, without.tokens));
}

#[test]
fn a_beam_finds_what_is_at_least_as_likely_and_keeps_to_its_memory() {
    let cases = cases();
    let crops: Vec<GrayCrop<'_>> = cases.iter().map(Case::crop).collect();
    let greedy = reader(&PortableBackend, plain()).read(&crops).unwrap();
    let small = FormulaOptions { beam: 4, max_bytes: 1, ..plain() };
    let beam = reader(&PortableBackend, small).read(&crops).unwrap();
    let mean = |readings: &[FormulaReading]| readings.iter().map(|r| r.confidence).sum::<f32>() / readings.len() as f32;
    assert!(mean(&beam) >= mean(&greedy), "{} {}", mean(&beam), mean(&greedy));
    assert_ne!(latex(&beam), latex(&greedy), "it looks further");
}

#[cfg(feature = "onnx")]
mod on_onnx_runtime {
    use pagestream_models::{
        backend::onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        registry::{Fetching, Registry, RegistryOptions},
    };

    use super::*;

    #[test]
    fn both_runtimes_read_the_same() {
        let registry = Registry::open(RegistryOptions::default()).unwrap();
        let runtime = OnnxRuntime::load(&registry.runtime(&Fetching::allowed()).unwrap()).unwrap();
        let backend = OnnxBackend::new(runtime, OnnxOptions::default());
        let cases = cases();
        let crops: Vec<GrayCrop<'_>> = cases.iter().map(Case::crop).collect();
        for options in [plain(), drafting(), FormulaOptions { beam: 3, ..plain() }] {
            let theirs = reader(&backend, options.clone()).read(&crops).unwrap();
            let ours = reader(&PortableBackend, options).read(&crops).unwrap();
            assert_eq!(latex(&ours), latex(&theirs));
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert!((ours.confidence - theirs.confidence).abs() < 1e-3, "{ours:?} {theirs:?}");
            }
        }
    }
}
