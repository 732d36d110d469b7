//! Runs over the real files of $PAGESTREAM_CORPORA: damaged, encrypted and odd ones from other projects' test suites.
//! Each must end in pages or in one clear error, within the limits; and what poppler, qpdf and Pillow read, we read, but
//! for the exceptions listed here with their reasons.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use pagestream_documents::{ErrorKind, OpenOptions, PageNumber, RenderOptions, open};

/// What a reference program reads and we do not, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    (
        "robust/hayro/encrypted_oob_length.pdf",
        "states a key of 256 bits where the cipher has 128; both readers refuse it",
    ),
    ("robust/hayro/page_tree_cycle.pdf", "poppler counts the loop in the tree as a second page, but cannot show it"),
    ("robust/image-png/xcsn0g01.png", "wrong checksum of the pixels: refused, for who knows what they were"),
    ("robust/pdf.js/poppler-742-0-fuzzed.pdf", "fuzzed: list of pages and page dictionary both broken"),
    ("robust/pdf.js/poppler-937-0-fuzzed.pdf", "fuzzed: list of pages and page dictionary both broken"),
    ("robust/pillow/badplanes.bmp", "claims more than one plane, which no BMP has"),
    ("robust/pillow/badrle.bmp", "broken run lengths: Pillow shows what came before"),
    ("robust/pillow/truncated_app14.jpg", "segment shorter than its own header"),
];

/// One row of MANIFEST.tsv.
struct Entry {
    file: String,
    password: Option<String>,
    reference: String,
}

fn corpora() -> Option<PathBuf> {
    let path = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from);
    if path.is_none() {
        println!("skipped: PAGESTREAM_CORPORA is not set");
    }
    path
}

fn entries(corpora: &Path, kind: &str) -> Vec<Entry> {
    let manifest = fs::read_to_string(corpora.join("MANIFEST.tsv")).expect("the corpora have a manifest");
    let mut rows = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = rows.next().expect("the manifest has a header");
    let column = |name: &str| header.iter().position(|field| *field == name).expect("the manifest has this column");
    let [file, kind_of, password, reference] = ["file", "kind", "password", "reference_result"].map(column);
    rows.filter(|row| row[kind_of] == kind)
        .map(|row| Entry {
            file: row[file].to_owned(),
            // "hôtel (user) / âge (owner), Latin-1": the first one will do.
            password: Some(row[password].split([' ', '/', ',']).next().unwrap_or_default().to_owned())
                .filter(|password| !password.is_empty()),
            reference: row[reference].to_owned(),
        })
        .collect()
}

/// Pages that the reference program found, if it read the file.
fn reference_pages(reference: &str) -> Option<u32> {
    let value = |key: &str| {
        reference.split(' ').find_map(|field| field.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
    };
    if reference.starts_with("pillow=ok") {
        // An animated PNG counts as one page here.
        return value("frames")?.parse().ok();
    }
    (value("pdfinfo")? == "0" && value("pdftoppm")? == "0").then(|| value("pages")?.parse().ok())?
}

/// What became of a file.
struct Outcome {
    pages: u32,
    failed: Vec<String>,
    text_pages: u32,
}

fn read(corpora: &Path, entry: &Entry) -> Result<Outcome, pagestream_documents::Error> {
    let data = fs::read(corpora.join(&entry.file)).expect("the manifest names files that exist");
    let options = OpenOptions { password: entry.password.clone(), ..Default::default() };
    let source = open(Arc::new(data), &options)?;
    let mut outcome = Outcome { pages: source.page_count(), failed: Vec::new(), text_pages: 0 };
    // Sixteen pages of a long document stand for all: this is a test of robustness.
    for page in (0..source.page_count().min(16)).map(PageNumber::from_index) {
        let render = RenderOptions { dpi: 72.0, min_side: 400 };
        let result = source.page_info(page, &render).and_then(|info| {
            assert!(info.cost <= options.limits.page, "{}: {info:?}", entry.file);
            let raster = source.render(page, &render)?;
            assert_eq!((raster.width, raster.height), (info.width, info.height), "{}", entry.file);
            let bytes = raster.width as usize * raster.height as usize * raster.format.channels();
            assert_eq!(raster.data.len(), bytes, "{}", entry.file);
            assert!(raster.byte_size() <= info.cost, "{}", entry.file);
            source.text_layer(page)
        });
        match result {
            Ok(layer) => outcome.text_pages += u32::from(layer.is_some()),
            Err(error) => {
                assert_eq!(error.page, Some(page), "{}: {error}", entry.file);
                outcome.failed.push(checked(entry, error));
            }
        }
    }
    Ok(outcome)
}

/// The error as one line, if it is one clear sentence.
fn checked(entry: &Entry, error: pagestream_documents::Error) -> String {
    let message = &error.message;
    assert!(!message.is_empty() && !message.contains('\n') && !message.ends_with('.'), "{}: {message}", entry.file);
    assert!(
        !message.starts_with(|c: char| c.is_uppercase()) || message.starts_with("TIFF"),
        "{}: {message}",
        entry.file
    );
    assert_ne!(error.kind, ErrorKind::Internal, "{}: {error}", entry.file);
    format!("{:?}: {error}", error.kind)
}

fn check(kind: &str, exceptions: &[(&str, &str)]) {
    let Some(corpora) = corpora() else { return };
    let exceptions: BTreeMap<_, _> = exceptions.iter().copied().collect();
    let mut unexplained = Vec::new();
    for entry in entries(&corpora, kind) {
        let before = Instant::now();
        let expected = reference_pages(&entry.reference);
        let (line, as_expected) = match read(&corpora, &entry) {
            Ok(Outcome { pages, failed, text_pages }) => {
                let animation = entry.reference.contains("PNG");
                let complete = failed.is_empty() && expected.is_none_or(|expected| expected == pages || animation);
                let failed =
                    failed.first().map_or_else(String::new, |first| format!(", {} failed: {first}", failed.len()));
                (format!("{pages} pages, {text_pages} with text{failed}"), complete || expected.is_none())
            }
            Err(error) => (checked(&entry, error), expected.is_none()),
        };
        let mark = match (as_expected, exceptions.get(entry.file.as_str())) {
            (true, None) => "",
            (false, Some(_)) => "  [exception]",
            (true, Some(_)) => {
                unexplained.push(format!("{} is read now: strike it from the exceptions", entry.file));
                "  [no exception any more]"
            }
            (false, None) => {
                unexplained.push(format!("{}: {line}; the reference: {}", entry.file, entry.reference));
                "  [UNEXPECTED]"
            }
        };
        println!("{} ({:?}): {line}{mark}", entry.file, before.elapsed());
    }
    assert!(unexplained.is_empty(), "\n{}", unexplained.join("\n"));
}

#[test]
fn every_robust_file_ends_in_pages_or_one_clear_error() {
    check("robust", &EXCEPTIONS);
}

#[test]
fn every_multipage_file_is_read() {
    check("multipage", &[]);
}
