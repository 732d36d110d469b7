//! `pagestream index`: what search by meaning needs. `update` makes vectors of the pages that have none, `verify` looks whether what is
//! found is what there is.

use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use pagestream::{Fetching, Plan, Settings, machine::Measure, settings::EmbeddingMode};
use pagestream_store::{
    Store,
    vectors::{Embedded, Verified},
};
use serde_json::json;

use super::{
    answer::{Format, Stopped},
    documents::{self, DataArgs, Refusal},
    exit::Exit,
    fetching,
    printer::Printer,
    reading,
    signals::Signals,
    words::count,
};

#[derive(Subcommand)]
pub enum IndexCommand {
    /// Make vectors of the pages that have none; the model is fetched if it is missing
    Update(UpdateArgs),
    /// Compare what the index finds with an exact scan, and mend what is wrong
    Verify(VerifyArgs),
}

#[derive(Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
pub struct VerifyArgs {
    /// How the answer looks: text (the default) or jsonl, one object
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    data: DataArgs,
}

impl IndexCommand {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Update(args) => args.data.settings(),
            Self::Verify(args) => args.data.settings(),
        }
    }
}

pub fn run(command: &IndexCommand, settings: Settings, printer: &Printer) -> Exit {
    match command {
        IndexCommand::Update(_) => update(settings, printer).unwrap_or_else(|refusal| refusal.tell(printer)),
        IndexCommand::Verify(args) => verify(args, &settings, printer).unwrap_or_else(|refusal| refusal.tell(printer)),
    }
}

fn update(mut settings: Settings, printer: &Printer) -> Result<Exit, Refusal> {
    // A directory that is not there is a mistake, not one to be made.
    drop(documents::open(&settings)?);
    settings.embeddings.mode = EmbeddingMode::Always;
    let plan = match reading::check(&settings, printer) {
        Ok(plan) => plan,
        Err(exit) => return Ok(exit),
    };
    // What is missing is told before anything starts.
    let fetching = fetching::asking(&settings, printer);
    if let Some(model) = plan.embedder()
        && let Err(error) = plan.registry().locate(std::slice::from_ref(model), &fetching)
    {
        printer.error(&error.to_string(), error.hint());
        return Ok(Exit::MissingDependency);
    }
    let runtime = match reading::runtime(printer) {
        Ok(runtime) => runtime,
        Err(exit) => return Ok(exit),
    };
    let exit = runtime.block_on(make(settings, plan, fetching, printer));
    runtime.shutdown_background();
    Ok(exit)
}

/// Vectors whose neighbours are looked for: a recall of .98 is known to a hundredth.
const SAMPLED: usize = 200;

/// Less than this is not what search promises.
const GOOD: f64 = 0.98;

fn verify(args: &VerifyArgs, settings: &Settings, printer: &Printer) -> Result<Exit, Refusal> {
    let dir = documents::data_dir(settings)?;
    // A directory that is not there is a mistake, not one to be made.
    drop(documents::open(settings)?);
    let plan = Plan::resolve(settings, Measure::Never)
        .map_err(|error| Refusal::new(error.to_string(), error.hint().unwrap_or_default(), Exit::Configuration))?;
    let model = plan.embedding_model();
    // What is wrong is mended, so that nobody else may write meanwhile.
    let store = Store::open(&dir, settings.store_options())?;
    let verified = store.vectors().verify(model, SAMPLED)?;
    let embedded = store.embedded(model)?;
    let told = match args.format {
        Format::Text => text(&verified, embedded),
        Format::Jsonl => format!("{}\n", object(&verified, embedded)),
    };
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(told.as_bytes()).and_then(|()| out.flush()) {
        return Ok(Stopped::Output(error).tell("the answer", printer));
    }
    if embedded.waiting > 0 {
        printer.note("`pagestream index update` makes vectors of the pages that have none");
    }
    Ok(if verified.recall_after < GOOD { Exit::Other } else { Exit::Ok })
}

fn text(verified: &Verified, embedded: Embedded) -> String {
    let Verified { vectors, sampled, recall_at_10, missing, ghosts, foreign, mended, recall_after, .. } = verified;
    let Embedded { done, waiting } = embedded;
    let mut text = format!(
        "{done} pages have been embedded, {waiting} wait; {vectors} vectors\n\
         recall@10 {recall_at_10:.3} against an exact scan, of {sampled} vectors\n\
         {missing} missing from the index, {ghosts} that are no more, {foreign} of no page\n"
    );
    if *mended {
        text += &format!("mended: recall@10 {recall_after:.3}\n");
    }
    text
}

fn object(verified: &Verified, embedded: Embedded) -> serde_json::Value {
    json!({
        "pages": { "embedded": embedded.done, "waiting": embedded.waiting },
        "vectors": verified.vectors,
        "sampled": verified.sampled,
        "recall_at_10": verified.recall_at_10,
        "missing": verified.missing,
        "ghosts": verified.ghosts,
        "foreign": verified.foreign,
        "mended": verified.mended,
        "recall_after": verified.recall_after,
    })
}

async fn make(settings: Settings, plan: Plan, fetching: Fetching, printer: &Printer) -> Exit {
    let mut signals = match Signals::listen_or_tell(printer) {
        Ok(signals) => signals,
        Err(exit) => return exit,
    };
    let pipeline = match pagestream::start_planned(settings, plan, fetching).await {
        Ok(pipeline) => pipeline,
        Err(error) => {
            printer.error(&error.to_string(), error.hint());
            return Exit::of_error(&error);
        }
    };
    let exit = tokio::select! {
        report = pipeline.embedded() => match report {
            Ok(Some(report)) => {
                let made = count(usize::try_from(report.made).unwrap_or(usize::MAX), "page");
                match report.given_up {
                    None if report.left == 0 => {
                        printer.note(&format!("{made} have got vectors; none is without"));
                        Exit::Ok
                    }
                    None => {
                        printer.error(&format!("{made} have got vectors, and {} could not", report.left), None);
                        Exit::PagesFailed
                    }
                    Some(cause) => {
                        printer.error(&format!("{made} have got vectors, and no more: {cause}"), None);
                        Exit::MissingDependency
                    }
                }
            }
            Ok(None) => Exit::Ok,
            Err(error) => {
                printer.error(&error.to_string(), error.hint());
                Exit::of_error(&error)
            }
        },
        exit = signals.next() => {
            printer.note("stopped; the pages that have vectors keep them, and the same command goes on");
            exit
        }
    };
    pipeline.stop().await;
    exit
}
