//! Which networks read formulas, and all that belongs to them.

use std::sync::Arc;

use super::{
    Ending, FormulaReading,
    confidence::{self, Calibration},
    draft::Ngrams,
    grammar::Grammar,
    latex::{compact, latex},
    search::Found,
    symbols::SymbolModel,
    vocabulary::Vocabulary,
};
use crate::{
    backend::ModelSource,
    error::{Error, Result},
};

/// Metadata keys of the decoder.
const VOCABULARY: &str = "vocabulary";
const CALIBRATION: &str = "confidence";

/// A formula recogniser of our own kind, found but not loaded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FormulaModel {
    pub encoder: ModelSource,
    pub decoder: ModelSource,
    /// What reads formulas first whose symbols do not touch.
    pub symbols: Option<SymbolModel>,
    pub(super) language: Arc<Language>,
}

/// What its tokens are and mean.
#[derive(Debug)]
pub(super) struct Language {
    pub vocabulary: Vocabulary,
    pub grammar: Grammar,
    pub calibration: Calibration,
    pub drafts: Ngrams,
}

impl FormulaModel {
    /// Its two networks, and the bytes of its table of drafts if it has one. Loads neither network: the decoder's metadata is read.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Load`] where the decoder does not say what it must.
    pub fn new(encoder: ModelSource, decoder: ModelSource, drafts: Option<&[u8]>) -> Result<Self> {
        let fail =
            |cause: String| Error::Load { model: decoder.id.clone(), backend: "the formula reader".to_owned(), cause };
        let classes = decoder.metadata(VOCABULARY)?;
        let classes = classes.ok_or_else(|| fail("it does not say which tokens it writes".to_owned()))?;
        let vocabulary = Vocabulary::parse(&classes).map_err(|cause| fail(format!("of its tokens: {cause}")))?;
        let calibration = match decoder.metadata(CALIBRATION)? {
            Some(curve) => Calibration::parse(&curve).map_err(fail)?,
            None => Calibration::none(),
        };
        let drafts = drafts.map(|bytes| Ngrams::parse(bytes, vocabulary.len())).transpose().map_err(fail)?;
        let grammar = Grammar::new(&vocabulary);
        let language = Language { vocabulary, grammar, calibration, drafts: drafts.unwrap_or_default() };
        Ok(Self { encoder, decoder, symbols: None, language: Arc::new(language) })
    }

    /// With a network that reads symbol by symbol what can be read so.
    #[must_use]
    pub fn with_symbols(self, symbols: SymbolModel) -> Self {
        Self { symbols: Some(symbols), ..self }
    }

    /// What was found, for people.
    pub(super) fn reading(&self, found: &Found) -> FormulaReading {
        let Language { vocabulary, calibration, .. } = &*self.language;
        let confidence = if found.ending == Ending::Empty { 0.0 } else { calibration.share(found.score) };
        FormulaReading {
            latex: compact(&latex(&found.tokens, vocabulary)),
            tokens: found.tokens.iter().map(|&token| vocabulary.token(token).to_owned()).collect(),
            confidence,
            needs_review: confidence::needs_review(confidence, found.ending),
            ending: found.ending,
        }
    }
}
