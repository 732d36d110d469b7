//! The promises that tests/flow.rs, tests/faults.rs, tests/tail.rs and tests/crash.rs do not show: memory, the same text
//! whatever the load, and a store that is full or locked.

mod common;

use std::{
    io::Cursor,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use common::{Gate, PLAIN, all, count, no_text, numbers, options, pipeline_on, submit, temporary_store};
use futures::{StreamExt, future::join_all};
use pagestream::{
    ByteSize, DocumentState, DuplicateMode, OcrMode, PageNumber, PageRecord, PageStatus, Pipeline, PipelineOptions,
    Settings, Source, SubmitOptions,
};
use pagestream_documents::{
    OpenOptions, RenderOptions, open,
    output::{OutputFormat, OutputOptions},
};
use pagestream_store::{DATABASE_FILE, Store, StoreOptions};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype::Gray8};

// ---- 3. Memory stays under the budget ----

/// Set in the child processes whose memory is measured: how many pages they read.
const PAGES_TO_READ: &str = "PAGESTREAM_TEST_PAGES_TO_READ";

/// Pages of A4 at 100 dots per inch: a megabyte each as pixels, and 11 MiB as the detector's input.
const PAGE: (usize, usize) = (827, 1169);

/// Memory of a process that reads 100 pages and of one that reads 1,000, both with a reader who takes a page only when
/// the pipeline has come to a standstill because of him: a document's length must not show.
#[test]
#[cfg(target_os = "linux")]
fn memory_stays_under_the_budget() {
    if let Ok(pages) = std::env::var(PAGES_TO_READ) {
        return read_slowly(pages.parse().unwrap());
    }
    let child = |pages| memory_of_child("memory_stays_under_the_budget", pages);
    let (short, long) = (child(100), child(1_000));
    println!("100 pages: {short}, 1,000 pages: {long}");
    // What the allocator keeps of pages that are done differs by some megabytes from run to run; 900 pages that leave
    // 18 KiB each behind are more than this.
    assert!(
        long.left < short.left + BUDGET.bytes() / 4,
        "a document's length shows: {short} for 100 pages, {long} for 1,000"
    );
    // The budget, and what the process is without pages: code, the store's caches, this test's file of pages.
    assert!(long.peak < BUDGET.bytes() + (64 << 20), "{long} at a budget of {BUDGET}");
}

/// Two pages at once, with OCR's working set; four slots would hold twice that.
const BUDGET: ByteSize = ByteSize::mib(64);

/// Bytes of a process's resident memory: the most there ever was, and what is its own (no mapped file) at the end.
#[derive(Clone, Copy)]
struct Memory {
    peak: u64,
    left: u64,
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MiB (at the end {} MiB)", self.peak >> 20, self.left >> 20)
    }
}

fn memory_of_child(test: &str, pages: u32) -> Memory {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PAGES_TO_READ, pages.to_string())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}");
    let bytes = |name: &str| {
        let value = out.lines().find_map(|line| line.strip_prefix(name)).expect("the child tells its memory");
        value.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
    };
    Memory { peak: bytes("VmHWM:"), left: bytes("RssAnon:") }
}

/// In the child: reads a document of so many pages, and prints what memory this took and what of it is left.
fn read_slowly(pages: u32) {
    // As the command line does, and as the README tells programs to.
    pagestream::allocator::give_back_large_blocks();
    let window = 4;
    let options = PipelineOptions {
        memory_budget: BUDGET,
        pages_in_flight: count(4),
        reader_window: count(window as usize),
        ..options()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), long_document(pages)).unwrap();
        let pipeline = pipeline_on(temporary_store(), options, 2, |input| Ok(no_text(input)));
        let source = Source::Path(file.path().to_owned());
        let document = pipeline.submit(source, SubmitOptions::default()).await.unwrap();
        let mut stream = document.pages();
        for taken in 0..pages {
            // Taken when as many pages as may be lie ready for the reader, so that he is the slower one all the time.
            let ready = if taken == 0 { 1 } else { (taken + window).min(pages) };
            document.watch().wait_for(|p| p.committed >= ready).await.unwrap();
            assert_eq!(stream.next().await.unwrap().unwrap().page.get(), taken + 1);
        }
        assert_eq!(document.finished().await.state, DocumentState::Done);
        println!("\n{}", std::fs::read_to_string("/proc/self/status").unwrap());
        pipeline.stop().await;
    });
}

/// Memory of a process that writes a document of 50 pages in every format that is a document and not its pages, and of one that writes a
/// document of 1,000: what an output keeps of pages that are done would show, and what finds their structure.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_document_whatever_is_written() {
    if let Ok(pages) = std::env::var(PAGES_TO_READ) {
        return write_all(pages.parse().unwrap());
    }
    let name = "memory_does_not_grow_with_the_document_whatever_is_written";
    let (short, long) = (memory_of_child(name, 50), memory_of_child(name, 1_000));
    println!("50 pages: {short}, 1,000 pages: {long}");
    // A page is 90 KiB in these five formats' records, and the page tree of a PDF, which is in memory as a whole, 7.
    assert!(long.peak < short.peak + (32 << 20), "a document's length shows: {short} for 50 pages, {long} for 1,000");
}

/// In the child: reads text layers with full structure, and writes what comes as it comes.
#[cfg(target_os = "linux")]
fn write_all(pages: u32) {
    pagestream::allocator::give_back_large_blocks();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("long.pdf");
        std::fs::write(&file, printed_document(pages)).unwrap();
        let pipeline = pipeline_on(temporary_store(), options(), 2, |input| Ok(no_text(input)));
        let document = pipeline.submit(Source::Path(file), SubmitOptions::default()).await.unwrap();
        let formats =
            [OutputFormat::Markdown, OutputFormat::Html, OutputFormat::Json, OutputFormat::Docx, OutputFormat::Epub];
        let mut writers = formats.map(|format| {
            let out = std::fs::File::create(folder.path().join(format.to_string())).unwrap();
            format.writer(out, &OutputOptions::default())
        });
        let mut stream = document.pages();
        let mut blocks = 0;
        while let Some(page) = stream.next().await {
            let page = page.unwrap();
            blocks += page.blocks.len();
            writers.iter_mut().for_each(|writer| writer.write_page(&page).unwrap());
        }
        for writer in &mut writers {
            writer.end_document(document.id(), true).unwrap();
            writer.finish().unwrap();
        }
        assert!(blocks >= 6 * pages as usize, "{blocks} blocks: headings, paragraphs, lists and tables");
        println!("\n{}", std::fs::read_to_string("/proc/self/status").unwrap());
        pipeline.stop().await;
    });
}

/// Each page with a running head, a heading, paragraphs, a list, and a table; no two are the same.
#[cfg(target_os = "linux")]
fn printed_document(pages: u32) -> Vec<u8> {
    use lopdf::{Document, Object, Stream, dictionary};
    let mut document = Document::with_version("1.7");
    let tree = document.new_object_id();
    let font = |name: &str| dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => name };
    let fonts = dictionary! { "F" => font("Helvetica"), "B" => font("Helvetica-Bold") };
    let resources = document.add_object(dictionary! { "Font" => fonts });
    let mut kids: Vec<Object> = Vec::new();
    for page in 0..pages {
        let mut content = String::new();
        let mut y = 800;
        let mut line = |font: &str, x: i32, below: i32, text: String| {
            y -= below;
            content.push_str(&format!("BT /{font} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET\n"));
        };
        line("F 9", 70, 0, "A report on the counting of things".to_owned());
        line("B 16", 70, 50, format!("Section {} of the report", page + 1));
        for paragraph in 0..3 {
            for row in 0..6 {
                let below = if row == 0 { 28 } else { 13 };
                let text =
                    format!("line {row} of paragraph {paragraph} on page {page}, with words that fill the whole of it");
                line("F 10", 70, below, text);
            }
        }
        for item in 1..4 {
            line("F 10", 90, 18, format!("{item}. what is counted as number {item} of {page}"));
        }
        for row in 0..5 {
            line("F 10", 70, if row == 0 { 40 } else { 16 }, format!("Thing {page}-{row}"));
            line("F 10", 250, 0, format!("{}", 100 + page + row));
            line("F 10", 400, 0, format!("{}.50", 3 * page + row));
        }
        line("F 9", 300, 60, format!("{}", page + 1));
        let content = document.add_object(Stream::new(dictionary! {}, content.into_bytes()));
        let page = dictionary! {
            "Type" => "Page", "Parent" => tree, "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
            "Resources" => resources, "Contents" => content,
        };
        kids.push(document.add_object(page).into());
    }
    let count = i64::from(pages);
    document.objects.insert(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn long_document(pages: u32) -> Vec<u8> {
    let (width, height) = PAGE;
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(Compression::Deflate(DeflateLevel::Fast));
    let mut pixels = vec![PLAIN; width * height];
    for page in 0..pages as usize {
        // Each page has its number as a bar, which the next one paints over.
        pixels[page * 64..(page + 1) * 64].fill(0);
        encoder.write_image::<Gray8>(width as u32, height as u32, &pixels).unwrap();
        pixels[page * 64..(page + 1) * 64].fill(PLAIN);
    }
    file.into_inner()
}

// ---- 5. The same text whatever the load ----

/// With the real models, as they run by default: one document alone, and the same among fifteen others.
#[tokio::test]
async fn the_same_input_gives_the_same_text_whatever_the_load() {
    let alone = read(&real_pipeline(1).await, "subject.tif", &subject()).await;
    assert!(alone.iter().all(|page| page.status == PageStatus::Ok && page.text.len() > 40), "{alone:?}");
    let under_load = read_among_others(&real_pipeline(1).await).await;
    for (under_load, alone) in under_load.iter().zip(&alone) {
        assert_eq!(under_load.text, alone.text);
        // Polygons and confidences too, to the last bit.
        assert_eq!(under_load.lines, alone.lines);
    }
    assert_eq!(under_load.len(), alone.len());
}

/// With several inputs in a run of a model, which is off by default on a CPU, ONNX Runtime adds numbers up in another
/// order: the text and its places are the same, and confidences differ in their sixth digit at most.
#[tokio::test]
async fn batches_give_the_same_text_in_the_same_places() {
    let alone = read(&real_pipeline(1).await, "subject.tif", &subject()).await;
    let pipeline = real_pipeline(8).await;
    let batched = read_among_others(&pipeline).await;
    let metrics = pipeline.metrics();
    assert!(metrics.inferences > metrics.batches, "nothing was batched: {metrics:?}");
    assert_eq!(batched.len(), alone.len());
    let lines = |pages: &[PageRecord]| pages.iter().flat_map(|page| page.lines.clone()).collect::<Vec<_>>();
    assert_eq!(lines(&batched).len(), lines(&alone).len());
    for (batched, alone) in lines(&batched).into_iter().zip(lines(&alone)) {
        assert_eq!((&batched.text, &batched.polygon), (&alone.text, &alone.polygon));
        let difference = (batched.confidence.unwrap() - alone.confidence.unwrap()).abs();
        assert!(difference < 1e-5, "{} differs by {difference}", alone.text);
    }
}

fn subject() -> Vec<u8> {
    tiff_of(&strips_of_the_sample()[..4])
}

/// The subject, read while fifteen other documents are.
async fn read_among_others(pipeline: &Pipeline) -> Vec<PageRecord> {
    let strips = strips_of_the_sample();
    let others = (0..15).map(|n| {
        let mut pages: Vec<_> = strips.iter().cycle().skip(n + 1).take(2).cloned().collect();
        // No page of theirs is one of the subject's, so that none is answered from what another was read as.
        pages.iter_mut().for_each(|(_, pixels)| pixels[n * 5..n * 5 + 3].fill(0));
        async move { read(pipeline, &format!("{n}.tif"), &tiff_of(&pages)).await }
    });
    let subject = subject();
    let (read, others) = tokio::join!(read(pipeline, "subject.tif", &subject), join_all(others.collect::<Vec<_>>()));
    assert_eq!(others.iter().map(Vec::len).sum::<usize>(), 30);
    read
}

async fn real_pipeline(batch: usize) -> Pipeline {
    let mut settings = Settings::defaults();
    settings.device.batch = batch;
    // However slow the machine is just now.
    settings.device.target_latency = Duration::from_secs(60);
    settings.duplicates.mode = DuplicateMode::Off;
    settings.cache.lines = ByteSize(0);
    settings.pipeline.pages_in_flight = 16;
    pagestream::start_with(settings, pagestream::Fetching::allowed()).await.unwrap()
}

async fn read(pipeline: &Pipeline, name: &str, bytes: &[u8]) -> Vec<PageRecord> {
    let source = Source::Bytes { name: name.to_owned(), bytes: bytes.into() };
    // Whatever is read is read by the models: nothing is known from another document.
    let options = SubmitOptions { ocr: OcrMode::Always, force: true, ..SubmitOptions::default() };
    all(&pipeline.submit(source, options).await.unwrap()).await
}

const STRIP_HEIGHT: usize = 110;

/// A few lines each, so that a page is read in a fraction of a second.
fn strips_of_the_sample() -> Vec<(usize, Vec<u8>)> {
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/data/sample.pdf");
    let sample = open(Arc::new(std::fs::read(sample).unwrap()), &OpenOptions::default()).unwrap();
    let mut strips = Vec::new();
    for page in 0..sample.page_count() {
        let options = RenderOptions { dpi: 110.0, ..RenderOptions::default() };
        let raster = sample.render(PageNumber::from_index(page), &options).unwrap();
        let (width, channels) = (raster.width as usize, raster.format.channels());
        let gray: Vec<u8> = raster.data.chunks(channels).map(|pixel| pixel[0]).collect();
        strips.extend(gray.chunks_exact(width * STRIP_HEIGHT).map(|strip| (width, strip.to_vec())));
    }
    // Only those with much on them.
    strips.retain(|(_, strip)| strip.iter().filter(|&&pixel| pixel < 100).count() > 1_000);
    assert!(strips.len() >= 4);
    strips
}

fn tiff_of(pages: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    for (width, pixels) in pages {
        encoder.write_image::<Gray8>(*width as u32, STRIP_HEIGHT as u32, pixels).unwrap();
    }
    file.into_inner()
}

// ---- 2. Acknowledged is durable: a store that is full, or locked ----

#[tokio::test]
async fn a_full_disk_ends_the_run_with_the_cause_and_loses_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let read = |store: Store| {
        let counted = asked.clone();
        pipeline_on(store, options(), 1, move |input| {
            counted.fetch_add(1, SeqCst);
            Ok(no_text(input))
        })
    };
    // Room for the schema and a few hundred pages' records.
    let full = StoreOptions { max_database: Some(ByteSize::kib(512)), ..StoreOptions::default() };
    let pipeline = read(Store::open(folder.path(), full).unwrap());
    let document = submit(&pipeline, "a.tif", &[PLAIN; 1_500]).await;
    let progress = document.finished().await;
    assert_eq!(progress.state, DocumentState::Interrupted);
    assert!(progress.committed < 1_500, "the limit was never reached");
    let read_before = progress.committed as usize;
    let cause = pipeline.fatal().unwrap();
    assert!(cause.starts_with("results cannot be kept: no room is left for the database"), "{cause}");
    pipeline.stop().await;
    assert!(asked.load(SeqCst) < read_before + 100, "what cannot be kept is not read on and on");
    drop((pipeline, document));
    // A smaller record that was under way may still have found room.
    let log = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    let kept: i64 = log.query_row("SELECT count(*) FROM pages", [], |row| row.get(0)).unwrap();
    let kept = usize::try_from(kept).unwrap();
    drop(log);
    assert!(kept >= read_before);

    let before = asked.load(SeqCst);
    let pipeline = read(Store::open(folder.path(), StoreOptions::default()).unwrap());
    let resumed = pipeline.resume().await.unwrap();
    assert_eq!(numbers(&all(&resumed[0]).await), (1..=1_500).collect::<Vec<_>>());
    assert_eq!(asked.load(SeqCst) - before, 1_500 - kept, "what was kept is not read again");
    pipeline.stop().await;
}

#[tokio::test]
async fn a_database_that_another_process_locks_for_a_while_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options_of_store = StoreOptions { busy_timeout: Duration::from_millis(20), ..StoreOptions::default() };
    let store = Store::open(folder.path(), options_of_store).unwrap();
    let (gate, asked) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (at_the_gate, counted) = (gate.clone(), asked.clone());
    let pipeline = pipeline_on(store, options(), 1, move |input| {
        at_the_gate.pass();
        counted.fetch_add(1, SeqCst);
        Ok(no_text(input))
    });
    let document = submit(&pipeline, "a.tif", &[PLAIN; 6]).await;
    pipeline.pages_admitted().wait_for(|&n| n == 2).await.unwrap();
    let other = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    gate.open(usize::MAX);
    // Both pages that may be under way have been read and stand before the lock.
    while asked.load(SeqCst) < 2 || pipeline.metrics().stages.iter().all(|s| s.stage != "sink" || s.depth < 2) {
        tokio::task::yield_now().await;
    }
    assert_eq!(document.progress().committed, 0);
    other.execute_batch("COMMIT").unwrap();
    let pages = all(&document).await;
    assert_eq!(numbers(&pages), [1, 2, 3, 4, 5, 6]);
    assert!(pages.iter().all(|page| page.status == PageStatus::Ok));
    assert_eq!((asked.load(SeqCst), pipeline.fatal()), (6, None));
}
