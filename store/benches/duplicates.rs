//! How well pages that repeat each other are told from pages that only look alike, and what it costs:
//!
//! ```sh
//! PAGESTREAM_CORPORA=../shared/corpora cargo bench -p pagestream-store --bench duplicates
//! ```
//!
//! Positives are pages and the same pages as another scan would have read them, with 1 to 8% of the letters misread. Negatives
//! are pages made of one form with other values, and the pages of long documents that share a template. The thresholds were
//! chosen on the half that is called `tuned`; `held out` is other pages and other forms.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use pagestream_documents::{OpenOptions, PageNumber, open};
use pagestream_store::{
    NewDocument, Priority, Store, StoreOptions,
    similarity::{NEAR_DUPLICATE, PageKey, Verdict, align_texts, cosine, signature},
};

#[path = "duplicates/forms.rs"]
mod forms;
#[path = "duplicates/noise.rs"]
mod noise;

use noise::Random;

const ERROR_RATES: [f64; 5] = [0.01, 0.02, 0.04, 0.06, 0.08];

/// Instances of each form.
const INSTANCES: u64 = 60;

fn main() {
    // `cargo test` runs benches too, with this argument and nothing to measure.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let verbose = std::env::var_os("VERBOSE").is_some();
    let Some(root) = std::env::var_os("PAGESTREAM_CORPORA").map(std::path::PathBuf::from) else {
        println!("PAGESTREAM_CORPORA is not set: forms only");
        for half in [0, 1] {
            pairs(half, &[], verbose);
        }
        return;
    };
    let mut pages = texts(&root.join("ocr"));
    let documents = documents(&root.join("multipage"));
    // Every tenth page of the long documents is one more page to be scanned twice.
    for (name, layers) in &documents {
        for (at, text) in layers.iter().enumerate().filter(|(at, text)| at % 10 == 5 && text.len() > 400) {
            pages.push((format!("{name} {}", at + 1), text.clone()));
        }
    }
    println!("{} pages, {} long documents", pages.len(), documents.len());
    for half in [0, 1] {
        let of_half: Vec<_> =
            pages.iter().enumerate().filter(|(at, _)| at % 2 == half).map(|(_, page)| page.clone()).collect();
        pairs(half, &of_half, verbose);
    }
    articles(&root.join("neardup/minhash"));
    long_documents(&documents, verbose);
}

/// Texts of all files `*.txt` below a folder, which are the truths of scanned pages.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    let mut entries: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(texts(&path));
        } else if path.extension().is_some_and(|extension| extension == "txt")
            && let Ok(text) = fs::read_to_string(&path)
            && signature(&text).is_some()
        {
            found.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text));
        }
    }
    found
}

/// The text layers of the PDFs below a folder.
fn documents(folder: &Path) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    let mut entries: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(documents(&path));
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        let Ok(source) = open(std::sync::Arc::new(bytes), &OpenOptions::default()) else { continue };
        let layers: Vec<String> = (0..source.page_count())
            .map(|index| {
                source.text_layer(PageNumber::from_index(index)).ok().flatten().map_or(String::new(), |l| l.text)
            })
            .collect();
        if layers.iter().filter(|text| !text.is_empty()).count() > 20 {
            found.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), layers));
        }
    }
    found
}

#[derive(Default, Debug)]
struct Counts {
    positives: u32,
    found: u32,
    negatives: u32,
    marked: u32,
}

/// Two texts, judged as the index does.
fn judged(a: &str, b: &str) -> bool {
    let (Some(first), Some(second)) = (signature(a), signature(b)) else { return false };
    cosine(&first, &second) >= NEAR_DUPLICATE && align_texts(a, b).repeats()
}

fn pairs(half: usize, pages: &[(String, String)], verbose: bool) {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut random = Random::new(half as u64 + 17);
    for (name, text) in pages {
        for rate in ERROR_RATES {
            let noisy = noise::misread(text, rate, &mut random);
            let counts = counts.entry(format!("page, {:.0}% of letters misread", rate * 100.0)).or_default();
            counts.positives += 1;
            if judged(text, &noisy) {
                counts.found += 1;
            } else if verbose {
                told("missed", &format!("{name} at {rate}"), text, &noisy);
            }
        }
    }
    for form in forms::of_half(half) {
        let instances: Vec<String> = (0..INSTANCES).map(|seed| form(seed + 1000 * half as u64)).collect();
        for (at, text) in instances.iter().enumerate() {
            let rate = ERROR_RATES[at % ERROR_RATES.len()];
            let noisy = noise::misread(text, rate, &mut random);
            let same = counts.entry("form, read twice".to_owned()).or_default();
            same.positives += 1;
            same.found += u32::from(judged(text, &noisy));
            if verbose && !judged(text, &noisy) {
                told("missed", &format!("form {at} at {rate}"), text, &noisy);
            }
            for other in &instances[at + 1..] {
                for (kind, other) in [
                    ("form, other values", other.clone()),
                    ("form, other values, misread", noise::misread(other, rate, &mut random)),
                ] {
                    let counts = counts.entry(kind.to_owned()).or_default();
                    counts.negatives += 1;
                    if judged(text, &other) {
                        counts.marked += 1;
                        if verbose && counts.marked < 6 {
                            told("marked", kind, text, &other);
                        }
                    }
                }
            }
        }
    }
    println!("{}", ["tuned", "held out"][half]);
    let mut all = Counts::default();
    for (kind, of) in &counts {
        println!("  {kind:34} {of:?}");
        all.positives += of.positives;
        all.found += of.found;
        all.negatives += of.negatives;
        all.marked += of.marked;
    }
    println!(
        "  recall {:.4} of {}, precision {:.4} ({} of {} pairs that are none are marked)",
        f64::from(all.found) / f64::from(all.positives),
        all.positives,
        f64::from(all.found) / f64::from((all.found + all.marked).max(1)),
        all.marked,
        all.negatives
    );
}

fn told(what: &str, name: &str, a: &str, b: &str) {
    let (Some(first), Some(second)) = (signature(a), signature(b)) else { return };
    let found = align_texts(a, b);
    println!(
        "    {what} {name}: cosine {:.3}, letters {:.4}, words {}, misread {}, replaced {}, missing {} ({} numbers), numbers {} of {}, foreign {} {:?}",
        cosine(&first, &second),
        found.error_rate(),
        found.words,
        found.misread,
        found.replaced,
        found.missing,
        found.missing_numbers,
        found.other_numbers,
        found.number_lengths.len(),
        found.foreign,
        found.pairs.iter().take(4).collect::<Vec<_>>()
    );
}

fn submit(store: &Store) -> pagestream_documents::DocumentId {
    let new = NewDocument {
        id: pagestream_documents::DocumentId::new(),
        source: "bench".into(),
        blob: store.spool(&mut &b"bench"[..]).expect("spooled"),
        options: serde_json::Value::Null,
        selection: None,
        priority: Priority::Bulk,
        tags: Vec::new(),
    };
    store.submit(&new).expect("submitted");
    new.id
}

/// A hundred articles, five of them twice in slightly other words.
fn articles(folder: &Path) {
    let Ok(articles) = fs::read_to_string(folder.join("articles_100.train")) else { return };
    let truth = fs::read_to_string(folder.join("articles_100.truth")).unwrap_or_default();
    let articles: Vec<_> = articles.lines().filter_map(|line| line.split_once(' ')).collect();
    let store = Store::temporary(StoreOptions::default()).expect("a store");
    let document = submit(&store);
    let (mut right, mut wrong) = (0, 0);
    for (at, (id, text)) in articles.iter().enumerate() {
        let key = PageKey { document, page: PageNumber::from_index(at as u32) };
        if let Ok(Verdict::Duplicate { of, .. }) = store.similarity().check_and_insert(key, text) {
            let other = articles[of.page.index() as usize].0;
            let pairs = |line: &str| line.split_whitespace().all(|word| word == *id || word == other);
            if truth.lines().any(pairs) { right += 1 } else { wrong += 1 }
        }
    }
    println!(
        "neardup/minhash: {right} of {} pairs are found, {wrong} wrongly, among {} articles",
        truth.lines().count(),
        articles.len()
    );
}

/// Every page of every document after the other, as a run compares them.
fn long_documents(documents: &[(String, Vec<String>)], verbose: bool) {
    let (mut all_pages, mut all_near) = (0, 0);
    for (name, layers) in documents {
        let store = Store::temporary(StoreOptions::default()).expect("a store");
        let document = submit(&store);
        let (mut exact, mut near, mut pages) = (0, 0, 0);
        let since = Instant::now();
        for (at, text) in layers.iter().enumerate() {
            let key = PageKey { document, page: PageNumber::from_index(at as u32) };
            pages += u32::from(!text.is_empty());
            match store.similarity().check_and_insert(key, text) {
                Ok(Verdict::Duplicate { differs: None, of, .. }) => {
                    exact += 1;
                    if verbose {
                        println!(
                            "    {name} {}: the same text as {}: {:?}",
                            at + 1,
                            of.page,
                            text.chars().take(60).collect::<String>()
                        );
                    }
                }
                Ok(Verdict::Duplicate { of, .. }) => {
                    near += 1;
                    if verbose {
                        told(
                            "near",
                            &format!("{name} {} {}", of.page, at + 1),
                            &layers[of.page.index() as usize],
                            text,
                        );
                    }
                }
                _ => {}
            }
        }
        let each = since.elapsed().as_secs_f64() * 1e3 / f64::from(pages.max(1));
        println!("  {name:32} {pages:4} pages: {exact} the same text, {near} near, {each:.2} ms a page");
        all_pages += pages;
        all_near += near;
    }
    println!("long documents: {all_near} near-duplicates among {all_pages} pages");
}
