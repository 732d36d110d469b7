//! The pure stages of reading a page, each by itself and without a model: `cargo bench -p pagestream-models --bench ocr`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fearless_simd::Level;
use pagestream_documents::{PixelFormat, Point, Polygon, Raster, Rect, Rotation};
use pagestream_models::{
    TensorView,
    ocr::{
        OcrOptions, Task, crop,
        detector::{self, View},
        orientation::Upright,
        pixels, reduce,
    },
};

/// A letter page at 300 dpi with 40 lines of words.
fn page(format: PixelFormat) -> Raster {
    let (width, height) = (2550_usize, 3300_usize);
    let mut data = vec![255; width * height * format.channels()];
    for row in 0..40 {
        for y in 300 + row * 66..334 + row * 66 {
            for x in (300..2250).filter(|x| (x + row * 37) % 190 > 20 && x % 9 > 3) {
                let at = (y * width + x) * format.channels();
                data[at..at + format.channels()].fill(20);
            }
        }
    }
    Raster { width: width as u32, height: height as u32, format, data, dpi: 300.0 }
}

fn lines() -> Vec<Polygon> {
    let line = |row: usize| {
        let top = 290.0 + 66.0 * row as f32;
        Polygon::from_rect(Rect { left: 285.0, top, right: 2265.0, bottom: top + 54.0 })
    };
    (0..40).map(line).collect()
}

/// The least that every machine of this kind has, and the most that this one has.
fn levels() -> Vec<(Level, &'static str)> {
    let best = Level::new();
    let mut levels = Vec::new();
    #[cfg(target_arch = "x86_64")]
    levels.extend(best.as_sse2().map(|level| (Level::Sse2(level), "SSE2")));
    levels.push((best, "best"));
    levels
}

fn stages(criterion: &mut Criterion) {
    let (gray, color) = (page(PixelFormat::Gray8), page(PixelFormat::Rgb8));
    let view = View::page(&gray, Rotation::None, 960);
    criterion.bench_function("detector input, gray", |b| b.iter(|| detector::prepare(black_box(&gray), &view)));
    criterion.bench_function("detector input, colour", |b| b.iter(|| detector::prepare(black_box(&color), &view)));

    for (name, page) in [("gray", &gray), ("colour", &color)] {
        let whole = Rect { left: 0.0, top: 0.0, right: 2550.0, bottom: 3300.0 };
        let small = pixels::resize(page, whole, view.width, view.height);
        let mut tensor = vec![0.0; 3 * view.width as usize * view.height as usize];
        for (level, instructions) in levels() {
            criterion.bench_function(&format!("planes of the detector input, {name}, {instructions}"), |b| {
                b.iter(|| pixels::normalize_at(level, black_box(&small), view.width as usize, &mut tensor));
            });
        }
    }

    let input = detector::prepare(&gray, &view);
    let plane = view.width as usize * view.height as usize;
    // Lines as bars: where three neighbouring pixels are dark on the mean.
    let data: Vec<f32> = input.data[..plane]
        .windows(9)
        .map(|w| if w.iter().sum::<f32>() < 7.0 { 0.9 } else { 0.0 })
        .chain([0.0; 8])
        .collect();
    let shape = [1, 1, view.height as usize, view.width as usize];
    let output = TensorView { shape: &shape, data: &data };
    criterion.bench_function("detector output to map", |b| b.iter(|| reduce(Task::Detect, black_box(output))));
    let map = detector::reduce(output).expect("the shape is a detector's");
    let options = OcrOptions::default();
    criterion.bench_function("map to boxes", |b| b.iter(|| detector::boxes(black_box(&map), &options)));

    let lines = lines();
    let upright = Upright { rotation: Rotation::None, width: 2550.0, height: 3300.0 };
    criterion.bench_function("gutters of a page of 40 lines", |b| {
        b.iter(|| pagestream_models::ocr::compact::gutter::cut_at_gutters(black_box(&gray), &lines, &upright));
    });
    criterion.bench_function("crop, level", |b| b.iter(|| crop::recognizer_input(black_box(&gray), &lines[20])));
    criterion.bench_function("crop, colour", |b| b.iter(|| crop::recognizer_input(black_box(&color), &lines[20])));
    let (sin, cos) = 2.0_f32.to_radians().sin_cos();
    let skew = lines[20].map(|p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos));
    criterion.bench_function("crop, skew", |b| b.iter(|| crop::recognizer_input(black_box(&gray), &skew)));

    // One line: 220 steps of 18,710 classes.
    let (steps, classes) = (220, 18_710);
    let mut data = vec![1e-6; steps * classes];
    for step in 0..steps {
        data[step * classes + (step * 7919) % classes] = 0.98;
    }
    let shape = [1, steps, classes];
    let output = TensorView { shape: &shape, data: &data };
    criterion.bench_function("ctc of one line", |b| b.iter(|| reduce(Task::Recognize, black_box(output))));
}

criterion_group!(benches, stages);
criterion_main!(benches);
