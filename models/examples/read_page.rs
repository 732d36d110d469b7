//! Reads pages with nothing but this crate, for looking at what the reader does and for measuring it:
//!
//! ```text
//! PAGESTREAM_MODELS_DIR=… PAGESTREAM_ORT_DYLIB=… cargo run --release -p pagestream-models --example read_page -- \
//!     [--out DIR] [--lines] [--no-looks] [--side N] [--unclip R] [--box S] [--keep C] PAGE.pgm PAGE.ppm …
//! ```
//!
//! Pages are binary PNM (`P5`, `P6`). Prints, for each, the CPU seconds, the inferences by task, lines and rotation; with
//! `--out`, writes its text to `DIR/PAGE.txt`; with `--lines`, prints every line with its confidence and polygon. The
//! other flags change one of `OcrOptions`, to see what it costs and gains.

use std::{collections::BTreeMap, error::Error, path::Path, path::PathBuf, sync::Arc};

use pagestream_documents::{PixelFormat, Raster};
use pagestream_models::{
    backend::{
        Backend, ModelSource,
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
    },
    ocr::{Alphabet, OcrModels, OcrOptions, PageReader, Sessions, Step},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = None;
    let mut show_lines = false;
    let mut pages = Vec::new();
    let mut options = OcrOptions::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--out" => out = args.next().map(PathBuf::from),
            "--lines" => show_lines = true,
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
    let mut sessions = Sessions {
        detect: backend.load(&source("PP-OCRv6_det_small.onnx")?)?,
        orient: backend.load(&source("ch_ppocr_mobile_v2.0_cls_mobile.onnx")?)?,
        recognize: backend.load(&recognizer)?,
    };
    let knowledge = OcrModels::new(Alphabet::of_model(&recognizer)?);
    let mut total = 0.0;
    for page in &pages {
        let raster = Arc::new(read_pnm(page)?);
        let started = cpu_seconds();
        let mut spent: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        let (mut reader, mut wanted) = PageReader::start(raster, &options, &knowledge);
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
        let name = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let tasks: Vec<String> = spent.iter().map(|(task, (n, s))| format!("{task} {n} {s:.2}")).collect();
        let rotation = reading.rotation.degrees();
        println!("{name}: {seconds:.2} s, {} lines, turned {rotation}, {}", reading.lines.len(), tasks.join(", "));
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
        if let Some(out) = &out {
            std::fs::create_dir_all(out)?;
            std::fs::write(out.join(format!("{name}.txt")), &reading.text)?;
        }
    }
    println!("{:.2} CPU s a page", total / pages.len().max(1) as f64);
    Ok(())
}

/// CPU time of this thread: on a busy machine the only fair clock.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec, to a place that is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn read_pnm(path: &Path) -> Result<Raster, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let mut at = 0;
    let mut fields = Vec::new();
    while fields.len() < 4 {
        let rest = &bytes[at..];
        let start = rest.iter().position(|b| !b.is_ascii_whitespace()).ok_or("cut short")?;
        let length = rest[start..].iter().position(u8::is_ascii_whitespace).ok_or("cut short")?;
        fields.push(std::str::from_utf8(&rest[start..start + length])?.to_owned());
        at += start + length;
    }
    let format = match fields[0].as_str() {
        "P5" => PixelFormat::Gray8,
        "P6" => PixelFormat::Rgb8,
        other => return Err(format!("{}: {other} is not P5 or P6", path.display()).into()),
    };
    let data = bytes[at + 1..].to_vec();
    Ok(Raster { width: fields[1].parse()?, height: fields[2].parse()?, format, data, dpi: 200.0 })
}
