//! Reads a folder's pictures of formulas and says what that took: `cargo run --release -p pagestream-models --features built-in-models
//! --example formulas -- FOLDER [beam] [drafts] [rows]`. Beside a picture `NAME.png` may lie what it should be, `NAME.tokens`; CPU time is of the process.

use std::{collections::BTreeMap, error::Error, fs, path::PathBuf};

use pagestream_models::{
    backend::portable::PortableBackend,
    built_in,
    formula::{FormulaOptions, FormulaReader, GrayCrop, Picture, picture::prepare},
};

/// CPU milliseconds of this process.
fn cpu_ms() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct is valid and lives through the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("give it a folder of pictures")?);
    let numbers: Vec<usize> = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    let number = |at: usize, default: usize| numbers.get(at).copied().unwrap_or(default);
    let options =
        FormulaOptions { beam: number(0, 1), draft: number(1, 0), max_rows: number(2, 1), ..FormulaOptions::default() };

    let mut pictures: BTreeMap<PathBuf, Option<Picture>> = BTreeMap::new();
    let mut preparing = 0.0;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "png") {
            let image = image::open(&path)?.into_luma8();
            let crop = GrayCrop::new(image.as_raw(), image.width() as usize, image.height() as usize);
            let since = cpu_ms();
            pictures.insert(path, crop.and_then(prepare));
            preparing += cpu_ms() - since;
        }
    }
    let count = pictures.len().max(1) as f64;
    let mut reader = FormulaReader::load(&PortableBackend, &built_in::formula()?, options.clone())?;
    let given: Vec<_> = pictures.values().cloned().collect();
    reader.read_pictures(given.iter().take(3).cloned().collect())?;
    let (before, since) = (reader.counts(), cpu_ms());
    let readings = reader.read_pictures(given.clone())?;
    let reading = cpu_ms() - since;
    let mut brief = FormulaReader::load(
        &PortableBackend,
        &built_in::formula()?,
        FormulaOptions { max_tokens: 1, draft: 0, beam: 1, ..options.clone() },
    )?;
    let since = cpu_ms();
    brief.read_pictures(given)?;
    let encoding = cpu_ms() - since;

    let (counts, mut right, mut known) = (reader.counts(), 0, 0);
    for (path, reading) in pictures.keys().zip(&readings) {
        if let Ok(wanted) = fs::read_to_string(path.with_extension("tokens")) {
            known += 1;
            right += usize::from(wanted.trim() == reading.tokens.join(" "));
        }
        println!(
            "{}\t{:.3}\t{}",
            path.file_stem().unwrap_or_default().to_string_lossy(),
            reading.confidence,
            reading.latex
        );
    }
    let (tokens, runs) = (counts.tokens - before.tokens, counts.runs - before.runs);
    let (drafted, accepted) = (counts.drafted - before.drafted, counts.accepted - before.accepted);
    eprintln!(
        "{count} formulas of {:.1} tokens, {right} of {known} exact; beam {}, drafts {}, rows {}: CPU ms a formula: preparing {:.2}, reading {:.2}, of which encoding and one token {:.2}; \
         {:.3} ms a token behind that, {runs} runs, {drafted} drafted, {accepted} right",
        tokens as f64 / count,
        options.beam,
        options.draft,
        options.max_rows,
        preparing / count,
        reading / count,
        encoding / count,
        (reading - encoding) / (tokens as f64 - count).max(1.0),
    );
    Ok(())
}
