//! What `search` and `similar` share where they ask for meaning: the model that makes vectors of texts.

use pagestream::{Plan, Settings, engine, machine::Measure, settings::EmbeddingMode};
use pagestream_actors::QueryEncoder;
use pagestream_models::Error as ModelError;
use pagestream_store::{QueryVector, Reader, similarity::PageKey, vectors::Related};

use super::{documents::Refusal, exit::Exit, fetching, printer::Printer};

/// The vector of a query; `None` where there is no model and nobody insists on it, or nothing in the text that it could read. Where
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
    let Some(encoder) = encoder(&settings, printer)? else { return Ok(None) };
    match encoder.encode(text) {
        Ok(vector) => Ok(vector),
        Err(error) if by_name => Err(refusal(&error)),
        Err(error) => {
            printer.warning(&format!("pages are looked for by their words alone: {error}"));
            Ok(None)
        }
    }
}

/// What makes vectors of texts here; `None` where the model is not installed and none is to be fetched.
///
/// # Errors
/// Where the settings make no sense.
fn encoder(settings: &Settings, printer: &Printer) -> Result<Option<QueryEncoder>, Refusal> {
    let plan = Plan::resolve(settings, Measure::Never)
        .map_err(|error| Refusal::new(error.to_string(), error.hint().unwrap_or_default(), Exit::Configuration))?;
    Ok(engine::query_encoder(&plan, &fetching::asking(settings, printer)))
}

fn refusal(error: &ModelError) -> Refusal {
    let hint = error.hint().unwrap_or("`pagestream models pull minilm-l6-v2` fetches the model");
    Refusal::new(error.to_string(), hint, Exit::MissingDependency)
}

/// Pages that are near in meaning.
pub struct Meaning {
    encoder: QueryEncoder,
    printer: Printer,
}

impl Meaning {
    /// `None` where the model is not installed: nothing is fetched for it.
    pub fn of(settings: &Settings, printer: &Printer) -> Option<Self> {
        let encoder = encoder(settings, printer).ok().flatten()?;
        Some(Self { encoder, printer: printer.clone() })
    }

    /// The pages nearest in meaning to one that was read, or to a text.
    pub fn related(
        &self,
        reader: &Reader,
        text: &str,
        page: Option<PageKey>,
        k: usize,
    ) -> Result<Vec<Related>, Refusal> {
        let model = self.encoder.model();
        if let Some(page) = page
            && !reader.vectors_of(model, page)?.is_empty()
        {
            return Ok(reader.related(model, page, k)?);
        }
        match self.encoder.passages(text) {
            Ok(passages) if passages.is_empty() => Ok(Vec::new()),
            Ok(passages) => Ok(reader.related_to(model, &passages, k, page)?),
            Err(error) => {
                self.printer.warning(&format!("no related pages are looked for: {error}"));
                Ok(Vec::new())
            }
        }
    }
}
