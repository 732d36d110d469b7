//! pagestream inside an application that has a tokio runtime of its own.
//!
//! `cargo run --release --example embed [FILE]` reads examples/data/sample.pdf, or the file given: as a path, as bytes, and
//! once more to show how a document is cancelled and how the pipeline is shut down.

use std::{error::Error as StdError, num::NonZeroUsize, sync::Arc, time::Duration};

use futures::StreamExt;
use pagestream::{DocumentState, Error, OcrMode, PageStatus, Settings, Source, SubmitOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "examples/data/sample.pdf".to_owned());

    // The user's files and environment count here as for the command; `Settings::defaults()` would ignore them. The
    // application sets what it knows better: this one has room for two documents at once, no more.
    let mut settings = Settings::load()?;
    settings.pipeline.open_documents = NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN);
    let pipeline = pagestream::start(settings).await?;

    // A path: `submit` waits while the pipeline is full, and returns when the document is journaled. Its pages are a
    // stream, in page order; a page that failed is a record too, with its reason.
    let document = pipeline.submit(Source::Path(path.clone().into()), SubmitOptions::default()).await?;
    let mut pages = document.pages();
    while let Some(page) = pages.next().await {
        let page = page?;
        let first_line = page.text.lines().next().unwrap_or_default();
        match page.status {
            PageStatus::Ok | PageStatus::Duplicate => println!("page {}: {first_line}", page.page),
            PageStatus::Failed | PageStatus::Skipped => println!("page {}: {:?}", page.page, page.reason),
        }
    }
    // The stream also ends when the document could not be read at all; the state says which it was.
    match document.finished().await.state {
        DocumentState::Done => {}
        DocumentState::Failed(failure) => return Err(failure.message.into()),
        other => println!("ended as {other:?}"),
    }

    // Bytes, with options of their own, read from another task: the pipeline is `Clone + Send + Sync`.
    let bytes: Arc<[u8]> = std::fs::read(&path)?.into();
    let only_text = SubmitOptions { ocr: OcrMode::Never, pages: "1-2".parse()?, ..SubmitOptions::default() };
    let reader = tokio::spawn({
        let (pipeline, bytes) = (pipeline.clone(), bytes.clone());
        async move {
            let document = pipeline.submit(Source::Bytes { name: "from memory".to_owned(), bytes }, only_text).await?;
            let characters = document.pages().map(|page| page.map_or(0, |page| page.text.chars().count()));
            Ok::<usize, Error>(characters.fold(0, |sum, n| async move { sum + n }).await)
        }
    });
    println!("characters on pages 1 and 2: {}", reader.await??);

    // `try_submit` never waits: a third document is told that two are open, and the caller decides what to do.
    let read_again = SubmitOptions { ocr: OcrMode::Always, force: true, ..SubmitOptions::default() };
    let submit = |name: &str| {
        let source = Source::Bytes { name: name.to_owned(), bytes: bytes.clone() };
        pipeline.try_submit(source, read_again.clone())
    };
    let (first, second) = (submit("first").await?, submit("second").await?);
    match submit("third").await {
        Err(error @ Error::Busy { .. }) => println!("third: {error}"),
        Err(error) => return Err(error.into()),
        Ok(_) => println!("third: a document was read before this one came"),
    }

    // Cancelled: its pages under way are given up, and what they held is free at once.
    first.cancel();
    println!("first: {:?}", first.finished().await.state);
    // Status: `progress` tells it at any time without waiting, and `watch` wakes at each change of it.
    let mut watch = second.watch();
    let progress =
        watch.wait_for(|progress| progress.committed > 0 || progress.state != DocumentState::Open).await?.clone();
    println!("second: {} of {:?} pages so far", progress.committed, progress.selected);

    // Shutting down: nothing new is taken, pages under way have this long, and what is left is named. With a data
    // directory in the settings, `Pipeline::resume` of the next run goes on there.
    let report = pipeline.drain(Duration::from_secs(10)).await;
    for (_, name, committed) in &report.interrupted {
        println!("{name}: stopped after {committed} pages");
    }
    pipeline.stop().await;
    Ok(())
}
