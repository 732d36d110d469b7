//! What `search` and `similar` share where they ask for meaning: the model that makes vectors of texts.

use pagestream::{
    Plan, Settings, engine,
    machine::Measure,
    settings::EmbeddingMode,
};
use pagestream_models::Error as ModelError;
use pagestream_store::QueryVector;

use super::{documents::Refusal, exit::Exit, fetching, printer::Printer};

/// The vector of a text; `None` where there is no model and nobody insists on it, or nothing in the text that it could read. Where
/// meaning was asked for by name the model is fetched, if that is allowed.
///
/// # Errors
/// Where meaning was asked for by name and the model cannot be had.
pub fn encode(
    text: &str,
    by_name: bool,
    mut settings: Settings,
    printer: &Printer,
) -> Result<Option<QueryVector>, Refusal> {
    if by_name {
        settings.embeddings.mode = EmbeddingMode::Always;
    }
    let plan = Plan::resolve(&settings, Measure::Never).map_err(|error| {
        Refusal::new(error.to_string(), error.hint().unwrap_or_default(), Exit::Configuration)
    })?;
    let fetching = fetching::asking(&settings, printer);
    let Some(encoder) = engine::query_encoder(&plan, &fetching) else { return Ok(None) };
    match encoder.encode(text) {
        Ok(vector) => Ok(vector),
        Err(error) if by_name => Err(refusal(&error)),
        Err(error) => {
            printer.warning(&format!("pages are looked for by their words alone: {error}"));
            Ok(None)
        }
    }
}

fn refusal(error: &ModelError) -> Refusal {
    let hint = error.hint().unwrap_or("`pagestream models pull minilm-l6-v2` fetches the model");
    Refusal::new(error.to_string(), hint, Exit::MissingDependency)
}
