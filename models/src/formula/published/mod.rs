//! Networks of others that read formulas, as their exports lie in a folder, or our own as the lab exports them.

mod optimum;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use optimum::{Export, ExportRecognizer};

use super::{FormulaModel, FormulaOptions, FormulaRecognizer, OwnRecognizer, symbols::SymbolModel};
use crate::{
    backend::ModelSource,
    error::{Error, Result},
};

/// Names of files in a folder: ours, as the lab exports them.
const OWN: [&str; 2] = ["formula-encoder.onnx", "formula-decoder.onnx"];

/// What reads symbol by symbol first, where it lies beside them.
const SYMBOLS: &str = "formula-symbols.onnx";

/// The networks of a folder, looked at and not loaded.
#[derive(Debug)]
pub struct Folder {
    id: String,
    /// All files that what is read depends on.
    sources: Vec<ModelSource>,
    family: Family,
}

#[derive(Debug)]
enum Family {
    Own(Box<FormulaModel>),
    Optimum(Arc<Export>),
}

impl Folder {
    /// Looks what is in a folder.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such folder, nothing in it that reads formulas, or not all that a model needs;
    /// [`Error::Unsupported`] where the networks or what is said of them are of no form that is known here; [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        let missing = |why: String| Error::Missing {
            what: "the model for `formula` is".to_owned(),
            why,
            hint: format!(
                "`models.formula` is built-in, none, or a folder with an encoder and a decoder: {} and {}, or what Hugging Face \
                 Optimum exports",
                OWN[0], OWN[1]
            ),
        };
        let found: Option<PathBuf> = folder.canonicalize().ok().filter(|path| path.is_dir());
        let folder = found.ok_or_else(|| missing(format!("there is no folder {}", folder.display())))?;
        let id = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        let [encoder, decoder] = OWN.map(|name| folder.join(name));
        if encoder.is_file() && decoder.is_file() {
            let (encoder, decoder) = (ModelSource::of_file(encoder)?, ModelSource::of_file(decoder)?);
            let mut sources = vec![encoder.clone(), decoder.clone()];
            let mut model = FormulaModel::new(encoder, decoder, None)?;
            let symbols = folder.join(SYMBOLS);
            if symbols.is_file() {
                let symbols = ModelSource::of_file(symbols)?;
                sources.push(symbols.clone());
                model = model.with_symbols(SymbolModel::new(symbols)?);
            }
            return Ok(Self { id, sources, family: Family::Own(Box::new(model)) });
        }
        if let Some(export) = Export::find(&folder)? {
            let sources = export.files();
            return Ok(Self { id, sources, family: Family::Optimum(Arc::new(export)) });
        }
        Err(missing(format!("{} has no networks that read formulas", folder.display())))
    }

    /// Names the networks in records.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn sources(&self) -> &[ModelSource] {
        &self.sources
    }

    /// What they are, for people.
    pub fn describe(&self) -> String {
        match &self.family {
            Family::Own(_) => "a network of our own kind".to_owned(),
            Family::Optimum(export) => export.describe(),
        }
    }

    /// Tokens of the longest formula, where the folder says it.
    pub fn max_tokens(&self) -> Option<usize> {
        match &self.family {
            Family::Own(_) => None,
            Family::Optimum(export) => Some(export.max_tokens()),
        }
    }

    /// What asks them.
    ///
    /// # Errors
    /// None, of what was looked at.
    pub fn recognizer(&self, options: FormulaOptions) -> Result<Arc<dyn FormulaRecognizer>> {
        match &self.family {
            Family::Own(model) => Ok(Arc::new(OwnRecognizer { model: (**model).clone(), options })),
            Family::Optimum(export) => Ok(Arc::new(ExportRecognizer { export: export.clone(), options })),
        }
    }
}
