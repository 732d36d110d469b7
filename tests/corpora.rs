//! Reading quality on real pages with known text, through the whole pipeline and the real models. The corpora take their
//! place from `PAGESTREAM_CORPORA`; where it is not set these tests say so and pass.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use pagestream::{
    DocumentState, Fetching, MarkKind, OcrMode, Pipeline, Quality, Settings, Source, SubmitOptions,
    evaluation::{Reading, evaluate, truth::truth_of},
};

/// What is asked of a source of pages.
struct Gate {
    folder: &'static str,
    /// Median over the source's pages, as a fraction of the truth's characters.
    median_cer: f64,
    median_recall: f64,
    /// Of every single page.
    worst_cer: f64,
}

const fn gate(folder: &'static str, median_cer: f64, median_recall: f64, worst_cer: f64) -> Gate {
    Gate { folder, median_cer, median_recall, worst_cer }
}

/// Letterheads have no one reading order and printed small capitals no one case, so that only the simple sources are gated
/// page by page. `accurate` is asked for RapidOCR's best settings, or better; `fast` for better than Tesseract.
const GATES: [(Quality, [Gate; 4]); 3] = [
    (
        Quality::Fast,
        [
            gate("ocr/old-books-dataset", 0.004, 0.985, 0.08),
            gate("ocr/ehri-dataset", 0.03, 0.95, 1.0),
            gate("ocr/test", 0.006, 0.98, 0.01),
            gate("ocr/docling", 0.006, 0.99, 0.01),
        ],
    ),
    (
        Quality::Balanced,
        [
            gate("ocr/old-books-dataset", 0.004, 0.985, 0.08),
            gate("ocr/ehri-dataset", 0.009, 0.96, 1.0),
            gate("ocr/test", 0.006, 0.98, 0.01),
            gate("ocr/docling", 0.006, 0.99, 0.01),
        ],
    ),
    (
        Quality::Accurate,
        [
            gate("ocr/old-books-dataset", 0.005, 0.99, 0.06),
            gate("ocr/ehri-dataset", 0.009, 0.97, 1.0),
            gate("ocr/test", 0.01, 0.99, 0.01),
            gate("ocr/docling", 0.01, 0.99, 0.01),
        ],
    ),
];

/// The pages in a folder that have their truth beside them: file and truth.
fn pages(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let is_document = |path: &Path| std::fs::read(path).is_ok_and(|bytes| pagestream::is_supported(&bytes));
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = files.filter(|path| is_document(path)).filter_map(|p| Some((truth_of(&p)?, p))).collect();
    pages.sort();
    pages.into_iter().map(|(truth, file)| (file, truth)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_read_as_well_as_the_gates_ask() {
    let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) else {
        println!("PAGESTREAM_CORPORA is not set: nothing is read");
        return;
    };
    for (quality, gates) in GATES {
        let mut settings = Settings::defaults();
        settings.ocr.quality = quality;
        let pipeline = pagestream::start_with(settings, Fetching::allowed()).await.unwrap();
        for gate in gates {
            check(&pipeline, &corpora, quality, &gate).await;
        }
        pipeline.stop().await;
    }
}

async fn check(pipeline: &Pipeline, corpora: &Path, quality: Quality, gate: &Gate) {
    let mut readings = Vec::new();
    let pages = pages(&corpora.join(gate.folder));
    assert!(!pages.is_empty(), "{} has no pages", gate.folder);
    let mut documents = Vec::new();
    for (file, truth) in pages {
        let options = SubmitOptions { ocr: OcrMode::Always, ..SubmitOptions::default() };
        documents.push((file.clone(), truth, pipeline.submit(Source::Path(file), options).await.unwrap()));
    }
    for (file, truth, document) in documents {
        let mut text = String::new();
        let mut records = document.pages();
        while let Some(record) = records.next().await {
            text.push_str(&record.unwrap().text);
            text.push('\n');
        }
        assert_eq!(document.progress().state, DocumentState::Done, "{}", file.display());
        let (name, truth) = (file.file_name().unwrap().to_string_lossy(), std::fs::read(truth).unwrap());
        readings.push(Reading::of(gate.folder, name, String::from_utf8_lossy(&truth), text));
    }
    let evaluation = evaluate(readings);
    let report = evaluation.source(gate.folder).unwrap();
    let (cer, recall) = (report.summary.cer.median, report.summary.recall.median);
    let count = report.pages.len();
    println!("{quality}, {}: {count} pages, median CER {cer:.4}, median recall {recall:.4}", gate.folder);
    for page in &report.pages {
        println!("  {}: CER {:.4}, recall {:.4}", page.page, page.score.cer, page.score.recall);
        assert!(page.score.cer <= gate.worst_cer, "{quality}, {}: CER {:.4}", page.page, page.score.cer);
    }
    assert!(cer <= gate.median_cer, "{quality}, {}: median CER {cer:.4}", gate.folder);
    assert!(recall >= gate.median_recall, "{quality}, {}: median recall {recall:.4}", gate.folder);
}

/// Formulas within the lines of a page, page by page, as their LaTeX without blanks.
async fn formulas_in_lines(pipeline: &Pipeline, file: PathBuf, options: SubmitOptions) -> Vec<Vec<String>> {
    let document = pipeline.submit(Source::Path(file), options).await.unwrap();
    let mut records = document.pages();
    let mut pages = Vec::new();
    while let Some(record) = records.next().await {
        let record = record.unwrap();
        let marks = record.blocks.iter().flat_map(|block| &block.marks);
        let latex = marks.filter(|mark| mark.kind == MarkKind::Formula).filter_map(|mark| mark.latex.as_deref());
        pages.push(latex.map(|latex| latex.replace(' ', "")).collect());
    }
    pages
}

/// Of `wanted`, how many are in `found`, each once.
fn shared(wanted: &[String], found: &[String]) -> usize {
    let mut left: Vec<&String> = found.iter().collect();
    wanted
        .iter()
        .filter(|latex| left.iter().position(|other| other == latex).map(|at| left.swap_remove(at)).is_some())
        .count()
}

/// A textbook of topology: what its text layer says of the formulas in its sentences against what `fast` reads of its pixels. And pages that
/// have none, old print and typewriting.
#[tokio::test(flavor = "multi_thread")]
async fn formulas_in_lines_are_read_from_pixels_where_there_are_some_and_nowhere_else() {
    let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) else {
        println!("PAGESTREAM_CORPORA is not set: nothing is read");
        return;
    };
    let mut settings = Settings::defaults();
    settings.ocr.quality = Quality::Fast;
    let pipeline = pagestream::start_with(settings, Fetching::never()).await.unwrap();
    let pixels = SubmitOptions { ocr: OcrMode::Always, ..SubmitOptions::default() };
    let book = corpora.join("multipage/sample-files/GeoTopo-komprimiert.pdf");
    let some = |options: &SubmitOptions| SubmitOptions { pages: "20-30".parse().unwrap(), ..options.clone() };
    let layer = formulas_in_lines(&pipeline, book.clone(), some(&SubmitOptions::default())).await;
    let read = formulas_in_lines(&pipeline, book, some(&pixels)).await;
    let count = |pages: &[Vec<String>]| pages.iter().map(Vec::len).sum::<usize>();
    let same: usize = layer.iter().zip(&read).map(|(layer, read)| shared(layer, read)).sum();
    println!("in the layer {}, read {}, alike {same}", count(&layer), count(&read));
    assert!(count(&layer) > 250, "the yardstick is what it was");
    assert!(same * 100 >= 45 * count(&layer), "half of them are read to the last token");
    assert!(same * 100 >= 60 * count(&read), "most of what is read is right");
    let mut taken = 0;
    for folder in ["ocr/old-books-dataset", "ocr/ehri-dataset"] {
        for (file, _) in pages(&corpora.join(folder)) {
            taken += count(&formulas_in_lines(&pipeline, file, pixels.clone()).await);
        }
    }
    pipeline.stop().await;
    assert!(taken <= 3, "{taken} formulas on 34 pages that have none");
}

/// Pictures of formulas that nothing was trained on, whole pages and crops: as good as asked for.
#[test]
fn pictures_of_formulas_are_read_exactly_more_often_than_not_and_what_is_written_parses() {
    use pagestream::{FormulaReader, evaluation::formula};

    let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) else {
        println!("PAGESTREAM_CORPORA is not set: nothing is read");
        return;
    };
    let mut settings = Settings::defaults();
    settings.ocr.quality = Quality::Fast;
    let mut reader = FormulaReader::new(&settings).unwrap();
    let mut readings = Vec::new();
    for source in ["im2markup", "texteller"] {
        for entry in std::fs::read_dir(corpora.join("formula").join(source)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(truth) = std::fs::read_to_string(path.with_extension("tex")) else { continue };
            if path.extension().is_some_and(|extension| extension == "png") {
                let reading = reader.read(std::fs::read(&path).unwrap()).unwrap();
                readings.push(formula::Reading::of(source, &path.display().to_string(), &truth, &reading.latex));
            }
        }
    }
    let all = formula::evaluate(readings).overall;
    println!("of {} exact {:.3}, edit {:.3}, BLEU {:.3}", all.formulas, all.exact, all.edit, all.bleu);
    assert!(all.formulas >= 75);
    assert!(all.exact >= 0.6 && all.edit <= 0.1 && all.bleu >= 0.85, "{all:?}");
    assert_eq!(all.parses, 1.0);
}
