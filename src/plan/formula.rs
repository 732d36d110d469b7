//! What reads formulas here: the networks that the program carries, those of a folder that the settings name, or nothing.

use std::{path::Path, sync::Arc};

use pagestream_documents::Digest;
use pagestream_models::{
    Error as ModelError, ModelSource,
    formula::{FormulaOptions, FormulaRecognizer, published},
    ocr::Quality,
};

use super::ModelOrigin;

/// The networks that read formulas, found but not loaded.
pub(super) struct FormulaNetworks {
    pub id: String,
    /// Of all their files.
    pub sha256: Digest,
    pub from: ModelOrigin,
    /// What they are, for people; `None` for our own.
    pub what: Option<String>,
    make: Box<Make>,
}

type Make = dyn Fn(FormulaOptions) -> Result<Arc<dyn FormulaRecognizer>, ModelError> + Send + Sync;

impl FormulaNetworks {
    /// What `models.formula` names; `None` for nothing.
    ///
    /// # Errors
    /// [`ModelError::Unsupported`] for a folder whose networks are of no known family; [`ModelError::Missing`] where there is none, or not all of one.
    pub fn of(name: &str) -> Result<Option<Self>, ModelError> {
        match name.trim() {
            "" | "none" => Ok(None),
            "built-in" => Ok(Self::built_in()),
            folder => Self::of_folder(Path::new(folder)).map(Some),
        }
    }

    #[cfg(feature = "built-in-models")]
    fn built_in() -> Option<Self> {
        use pagestream_models::{built_in, formula::OwnRecognizer};
        let sha256 = digest(&built_in::formula_sources());
        let make = |options| {
            let recognizer = OwnRecognizer { model: built_in::formula()?, options };
            Ok(Arc::new(recognizer) as Arc<dyn FormulaRecognizer>)
        };
        Some(Self { id: "formula".to_owned(), sha256, from: ModelOrigin::BuiltIn, what: None, make: Box::new(make) })
    }

    #[cfg(not(feature = "built-in-models"))]
    fn built_in() -> Option<Self> {
        None
    }

    fn of_folder(folder: &Path) -> Result<Self, ModelError> {
        let found = published::Folder::open(folder)?;
        let (id, sha256, what) = (found.id().to_owned(), digest(found.sources()), Some(found.describe()));
        // Tokens of others are not ours: a formula may be as long as the folder says.
        let make = move |options: FormulaOptions| {
            let max_tokens = found.max_tokens().unwrap_or(options.max_tokens);
            found.recognizer(FormulaOptions { max_tokens, ..options })
        };
        Ok(Self { id, sha256, from: ModelOrigin::File, what, make: Box::new(make) })
    }

    /// What asks them, on a device that takes so many at a time, following as many hypotheses as are told, or as the quality has it.
    ///
    /// # Errors
    /// Of what tests have read, none.
    pub fn recognizer(
        &self,
        quality: Quality,
        beam: Option<usize>,
        rows: usize,
    ) -> Result<Arc<dyn FormulaRecognizer>, ModelError> {
        let beam = beam.unwrap_or(match quality {
            Quality::Fast => 1,
            Quality::Balanced | Quality::Accurate => FormulaOptions::accurate().beam,
        });
        (self.make)(FormulaOptions { beam, max_rows: rows, ..FormulaOptions::default() })
    }
}

fn digest(sources: &[ModelSource]) -> Digest {
    let all: Vec<String> = sources.iter().map(|source| source.sha256.to_string()).collect();
    Digest::of(all.join(",").as_bytes())
}
