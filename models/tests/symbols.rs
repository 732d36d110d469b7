//! The reader of symbols with the network that the program carries: against the lab's contract, and on pictures of the lab.
#![cfg(feature = "built-in-models")]

use pagestream_models::{
    Backend,
    backend::portable::PortableBackend,
    built_in,
    formula::{
        GrayCrop,
        picture::{Ink, ink},
        symbols::{Parts, SymbolModel, SymbolReader},
    },
};
use serde_json::Value;

mod vectors;

use vectors::gray;

struct Case {
    crop: image::GrayImage,
    /// Of each part a row of 32 pixels height, its channels side by side.
    sheet: image::GrayImage,
    boxes: Vec<[usize; 4]>,
    size: f64,
    classes: Vec<usize>,
    numbers: Vec<[f32; 2]>,
    cuts: Vec<Vec<(bool, usize)>>,
}

fn cases() -> Vec<Case> {
    let cases: Value = serde_json::from_str(include_str!("../shipped/vectors/formula-symbols.json")).unwrap();
    fn of<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }
    let case = |case: &Value| Case {
        crop: gray(&case["crop"]),
        sheet: gray(&case["sheet"]),
        boxes: of(&case["boxes"]),
        size: of(&case["size"]),
        classes: of(&case["classes"]),
        numbers: of(&case["numbers"]),
        cuts: of::<Vec<Vec<(usize, usize)>>>(&case["cuts"])
            .into_iter()
            .map(|cuts| cuts.into_iter().map(|(axis, at)| (axis == 1, at)).collect())
            .collect(),
    };
    cases["cases"].as_array().unwrap().iter().map(case).collect()
}

fn ink_of(crop: &image::GrayImage) -> Vec<f32> {
    ink(GrayCrop::new(crop.as_raw(), crop.width() as usize, crop.height() as usize).unwrap()).unwrap()
}

fn of<'a>(crop: &image::GrayImage, data: &'a [f32]) -> Ink<'a> {
    Ink { data, width: crop.width() as usize, height: crop.height() as usize }
}

#[test]
fn parts_and_what_is_seen_of_each_are_those_of_the_lab() {
    let cases = cases();
    assert!(cases.len() >= 4);
    for Case { crop, sheet, boxes, size, cuts, .. } in &cases {
        let data = ink_of(crop);
        let parts = Parts::of(of(crop, &data)).unwrap();
        let own: Vec<[usize; 4]> =
            parts.parts.iter().map(|t| [t.part.left, t.part.top, t.part.right, t.part.bottom]).collect();
        assert_eq!(&own, boxes);
        assert!((parts.size - size).abs() < 0.01, "{} {size}", parts.size);
        let own: Vec<Vec<(bool, usize)>> = parts
            .parts
            .iter()
            .map(|part| parts.cuts(part).into_iter().map(|cut| (cut.is_column, cut.at)).collect())
            .collect();
        assert_eq!(&own, cuts);
        let tensor = parts.tensor(&parts.parts);
        assert_eq!(tensor.shape, [boxes.len(), 5, 32, 32]);
        let mut off = 0;
        for (at, value) in tensor.data.iter().enumerate() {
            let (pixel, channel, part) = (at % 1024, at / 1024 % 5, at / 5120);
            let (x, y) = (channel * 32 + pixel % 32, part * 32 + pixel / 32);
            let wanted = f32::from(sheet.get_pixel(x as u32, y as u32).0[0]) / 255.0;
            // Sums are taken in another order.
            assert!((value - wanted).abs() < 2.5 / 255.0, "part {part}, channel {channel}, {x} {y}: {value} {wanted}");
            off += usize::from((value - wanted).abs() > 0.5 / 255.0);
        }
        assert!(off * 200 < tensor.data.len(), "{off} of {} pixels are a step off", tensor.data.len());
    }
}

#[test]
fn the_network_says_on_our_own_runtime_what_it_says_on_the_labs() {
    let mut session = PortableBackend.load(&built_in::FORMULA_SYMBOLS.source()).unwrap();
    let (mut right, mut all) = (0, 0);
    for Case { crop, classes, numbers, .. } in cases() {
        let data = ink_of(&crop);
        let parts = Parts::of(of(&crop, &data)).unwrap();
        let tensor = parts.tensor(&parts.parts);
        session
            .run(tensor.view(), &mut |output| {
                let columns = output.shape[2];
                for ((row, class), numbers) in output.data.chunks_exact(columns).zip(&classes).zip(&numbers) {
                    let logits = &row[..columns - 2];
                    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
                    right += usize::from(best == *class);
                    all += 1;
                    assert!(row[columns - 2..].iter().zip(numbers).all(|(own, lab)| (own - lab).abs() < 0.1));
                }
            })
            .unwrap();
    }
    assert!(right * 50 >= all * 49, "{right} of {all}");
}

#[test]
fn rubbish_is_no_formula_of_symbols_and_no_panic() {
    let model = SymbolModel::new(built_in::FORMULA_SYMBOLS.source()).unwrap();
    let mut reader = SymbolReader::load(&PortableBackend, &model).unwrap();
    let mut state = 7_u64;
    let mut noise = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / 16_777_216.0
    };
    for (width, height) in [(1, 1), (1, 300), (300, 1), (90, 40), (400, 300)] {
        let data: Vec<f32> = (0..width * height).map(&mut noise).collect();
        let read = reader.read(Ink { data: &data, width, height }).unwrap();
        assert!(read.is_none_or(|reading| reading.confidence < 0.97), "{width} x {height}");
        let full = vec![1.0; width * height];
        reader.read(Ink { data: &full, width, height }).unwrap();
    }
    assert!(reader.read(Ink { data: &[0.0; 400], width: 20, height: 20 }).unwrap().is_none());
}
