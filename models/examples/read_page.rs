//! Reads pages with nothing but this crate, for looking at what the reader does and for measuring it:
//!
//! ```text
//! PAGESTREAM_MODELS_DIR=… PAGESTREAM_ORT_DYLIB=… cargo run --release -p pagestream-models --features built-in-models \
//!     --example read_page -- [--quality Q] [--int8] [--fp32] [--portable] [--out DIR] [--lines] [--no-looks] [--side N] [--unclip R] [--box S] [--keep C] DOCUMENT …
//! ```
//!
//! Prints, for each page of each document, the CPU seconds, the inferences by task, lines, confidence and rotation; with
//! `--out`, writes its text to `DIR/DOCUMENT-PAGE.txt`; with `--lines`, prints every line with its confidence and
//! polygon. The other flags change one of `OcrOptions`, to see what it costs and gains.

use std::{collections::BTreeMap, error::Error, path::Path, path::PathBuf, sync::Arc};

use pagestream_documents::{OpenOptions, PageNumber, RenderOptions};
use pagestream_models::{
    backend::{
        Backend, ModelSource,
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        portable::PortableBackend,
    },
    built_in,
    formula::{FormulaOptions, FormulaRecognizer, OwnRecognizer},
    ocr::{Alphabet, LargeModels, LayoutNetwork, OcrModels, OcrOptions, PageReader, Sessions, Step, Task},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = None;
    let mut show_lines = false;
    let mut pages = Vec::new();
    let mut options = OcrOptions::default();
    let (mut portable, mut layout) = (false, false);
    let (mut detector, mut line_reader) = (built_in::DETECTOR.f32, built_in::FAST_RECOGNIZER.int8);
    let mut layout_network = built_in::LAYOUT.f32;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--out" => out = args.next().map(PathBuf::from),
            "--lines" => show_lines = true,
            "--quality" => options.quality = args.next().ok_or("--quality QUALITY")?.parse()?,
            "--portable" => portable = true,
            "--int8" => (detector, layout_network) = (built_in::DETECTOR.int8, built_in::LAYOUT.int8),
            "--fp32" => line_reader = built_in::FAST_RECOGNIZER.f32,
            "--layout" => layout = true,
            "--no-looks" => options.second_looks = false,
            "--side" => options.detect_max_side = args.next().ok_or("--side SIDE")?.parse()?,
            "--unclip" => options.unclip_ratio = args.next().ok_or("--unclip RATIO")?.parse()?,
            "--box" => options.box_threshold = args.next().ok_or("--box SCORE")?.parse()?,
            "--keep" => options.min_confidence = args.next().ok_or("--keep CONFIDENCE")?.parse()?,
            page => pages.push(PathBuf::from(page)),
        }
    }
    let models = PathBuf::from(std::env::var("PAGESTREAM_MODELS_DIR")?);
    let runtime = OnnxRuntime::load(Path::new(&std::env::var("PAGESTREAM_ORT_DYLIB")?))?;
    let backend = OnnxBackend::new(runtime, OnnxOptions::default());
    let source = |file: &str| ModelSource::of_file(models.join(file));
    let recognizer = source("PP-OCRv6_rec_small.onnx")?;
    let mut sessions = Sessions::default();
    for (task, model) in [
        (Task::Detect, source("PP-OCRv6_det_small.onnx")?),
        (Task::Orient, source("ch_ppocr_mobile_v2.0_cls_mobile.onnx")?),
        (Task::Recognize, recognizer.clone()),
        (Task::CompactDetect, detector.source()),
        (Task::CompactRecognize, line_reader.source()),
        (Task::CompactReread, built_in::LARGE_RECOGNIZER.int8.source()),
        (Task::Layout, layout_network.source()),
        (Task::InlineFormulas, built_in::INLINE_FORMULAS.int8.source()),
    ] {
        let ours = portable && !task.is_large();
        sessions.0.insert(task, if ours { PortableBackend.load(&model)? } else { backend.load(&model)? });
    }
    let formulas = Arc::new(OwnRecognizer { model: built_in::formula()?, options: FormulaOptions::default() });
    sessions.0.insert(Task::Formula, formulas.session(&PortableBackend)?);
    let large = LargeModels::Ready(Alphabet::of_model(&recognizer)?);
    let knowledge = OcrModels {
        compact: Some(built_in::alphabet()),
        reread: true,
        large,
        structure: layout,
        layout: layout.then_some(LayoutNetwork::Own),
        table: None,
        formula: layout.then_some(formulas),
        inline_formulas: layout,
    };
    let mut total = 0.0;
    let pages = numbered(&pages)?;
    let count = pages.len();
    for (path, number) in &pages {
        let source = pagestream_documents::open(Arc::new(std::fs::read(path)?), &OpenOptions::default())?;
        let raster = Arc::new(source.render(*number, &RenderOptions::default())?);
        let started = cpu_seconds();
        let mut spent: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        let (mut reader, mut wanted) = PageReader::start(raster, &options, &knowledge)?;
        let reading = loop {
            let mut results = Vec::new();
            for inference in &wanted {
                let before = cpu_seconds();
                results.push(sessions.run(inference)?);
                let task = spent.entry(format!("{:?}", inference.task)).or_default();
                *task = (task.0 + 1, task.1 + cpu_seconds() - before);
            }
            match reader.advance(results)? {
                Step::Infer(more) => wanted = more,
                Step::Done(reading) => break reading,
            }
        };
        let seconds = cpu_seconds() - started;
        total += seconds;
        let name = format!("{}-{number}", path.file_stem().unwrap_or_default().to_string_lossy());
        let tasks: Vec<String> = spent.iter().map(|(task, (n, s))| format!("{task} {n} {s:.3}")).collect();
        let rotation = reading.rotation.degrees();
        let (lines, sure) = (reading.lines.len(), reading.confidence.unwrap_or(0.0));
        println!(
            "{name}: {seconds:.3} s, {lines} lines, confidence {sure:.4}, turned {rotation}, {}",
            tasks.join(", ")
        );
        if show_lines {
            for line in &reading.lines {
                let corners = line.polygon.0.map(|p| format!("{:.0},{:.0}", p.x, p.y)).join(" ");
                println!(
                    "  {:.3} [{corners}] h {:.1} {}",
                    line.confidence.unwrap_or(0.0),
                    line.polygon.height(),
                    line.text
                );
            }
        }
        if layout {
            for region in &reading.hints.regions {
                let r = region.rect;
                let place = format!("{:.0},{:.0} {:.0},{:.0}", r.left, r.top, r.right, r.bottom);
                println!("  {:?} {:?} {:.2} [{place}]", region.scope, region.kind, region.confidence);
            }
            for ruling in &reading.hints.rulings {
                let r = ruling.rect;
                println!("  ruling [{:.0},{:.0} {:.0},{:.0}]", r.left, r.top, r.right, r.bottom);
            }
        }
        if let Some(out) = &out {
            std::fs::create_dir_all(out)?;
            std::fs::write(out.join(format!("{name}.txt")), &reading.text)?;
        }
    }
    println!("{:.3} CPU s a page", total / count.max(1) as f64);
    Ok(())
}

/// CPU time of this thread: on a busy machine the only fair clock.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec, to a place that is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Every page of every document.
fn numbered(documents: &[PathBuf]) -> Result<Vec<(PathBuf, PageNumber)>, Box<dyn Error>> {
    let mut pages = Vec::new();
    for path in documents {
        let source = pagestream_documents::open(Arc::new(std::fs::read(path)?), &OpenOptions::default())?;
        pages.extend((0..source.page_count()).map(|index| (path.clone(), PageNumber::from_index(index))));
    }
    Ok(pages)
}
