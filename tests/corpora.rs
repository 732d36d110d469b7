//! Reading quality on real pages with known text, through the whole pipeline and the real models. The corpora take their
//! place from `PAGESTREAM_CORPORA`; where it is not set these tests say so and pass.

use std::path::PathBuf;

use futures::StreamExt;
use pagestream::{
    DocumentState, OcrMode, Settings, Source, SubmitOptions,
    evaluation::{Reading, evaluate},
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

/// RapidOCR's best settings, or better. Letterheads have no one reading order and printed small capitals no one case, so
/// that only the simple sources are gated page by page.
const GATES: [Gate; 4] = [
    Gate { folder: "ocr/old-books-dataset", median_cer: 0.005, median_recall: 0.99, worst_cer: 0.06 },
    Gate { folder: "ocr/ehri-dataset", median_cer: 0.009, median_recall: 0.97, worst_cer: 1.0 },
    Gate { folder: "ocr/test", median_cer: 0.01, median_recall: 0.99, worst_cer: 0.01 },
    Gate { folder: "ocr/docling", median_cer: 0.01, median_recall: 0.99, worst_cer: 0.01 },
];

struct Page {
    file: String,
    truth: PathBuf,
}

/// The pages of the manifest that have plain text as their truth.
fn pages(corpora: &std::path::Path, folder: &str) -> Vec<Page> {
    let manifest = std::fs::read_to_string(corpora.join("MANIFEST.tsv")).expect("the corpora have a manifest");
    let mut rows = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = rows.next().expect("the manifest has a header");
    let column = |name: &str| header.iter().position(|h| *h == name).expect("the manifest has this column");
    let (file, truth) = (column("file"), column("truth_file"));
    rows.filter(|row| row[file].starts_with(folder) && row[truth].ends_with(".txt"))
        .map(|row| Page { file: row[file].to_owned(), truth: corpora.join(row[truth]) })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_read_as_well_as_the_gates_ask() {
    let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) else {
        println!("PAGESTREAM_CORPORA is not set: nothing is read");
        return;
    };
    let pipeline = pagestream::start(Settings::defaults()).await.unwrap();
    for gate in GATES {
        let mut readings = Vec::new();
        let pages = pages(&corpora, gate.folder);
        assert!(!pages.is_empty(), "{} has no pages", gate.folder);
        let mut documents = Vec::new();
        for page in pages {
            let options = SubmitOptions { ocr: OcrMode::Always, ..SubmitOptions::default() };
            let source = Source::Path(corpora.join(&page.file));
            documents.push((page, pipeline.submit(source, options).await.unwrap()));
        }
        for (page, document) in documents {
            let mut text = String::new();
            let mut records = document.pages();
            while let Some(record) = records.next().await {
                text.push_str(&record.unwrap().text);
                text.push('\n');
            }
            assert_eq!(document.progress().state, DocumentState::Done, "{}", page.file);
            let truth = std::fs::read(&page.truth).unwrap();
            readings.push(Reading::of(gate.folder, page.file, String::from_utf8_lossy(&truth), text));
        }
        let evaluation = evaluate(readings);
        let report = evaluation.source(gate.folder).unwrap();
        let (cer, recall) = (report.summary.cer.median, report.summary.recall.median);
        println!("{}: {} pages, median CER {cer:.4}, median recall {recall:.4}", gate.folder, report.pages.len());
        for page in &report.pages {
            println!("  {}: CER {:.4}, recall {:.4}", page.page, page.score.cer, page.score.recall);
            assert!(page.score.cer <= gate.worst_cer, "{}: CER {:.4}", page.page, page.score.cer);
        }
        assert!(cer <= gate.median_cer, "{}: median CER {cer:.4}", gate.folder);
        assert!(recall >= gate.median_recall, "{}: median recall {recall:.4}", gate.folder);
    }
    pipeline.stop().await;
}
