//! One formula alone: a picture of it in, LaTeX out, without a pipeline.
//!
//! ```no_run
//! use pagestream::{FormulaReader, Settings};
//!
//! # fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut reader = FormulaReader::new(&Settings::load()?)?;
//! let reading = reader.read(std::fs::read("formula.png")?)?;
//! println!("{} ({:.0}% sure)", reading.latex, 100.0 * reading.confidence);
//! # Ok(())
//! # }
//! ```
//!
//! The whole picture is taken for one formula, whatever its size and colours: white on black is turned over, and what is transparent is
//! white. With the networks that the program carries it needs no library. A reader that is kept reads the next formula with everything loaded;
//! it works on the thread that calls it.

use std::{num::NonZeroUsize, sync::Arc};

use pagestream_actors::DocumentFailure;
use pagestream_documents::{
    ByteSize, ErrorKind, ModelRef, OpenOptions, PageNumber, PageSource, PixelFormat, Raster, RenderOptions,
};
pub use pagestream_documents::{
    mathml::{FormulaDisplay, to_mathml, to_plain_text},
    output::formula_in_markdown,
};
pub use pagestream_models::formula::{Ending, FormulaReading};
use pagestream_models::{
    Error as ModelError, Session,
    formula::{FormulaRecognizer, GrayCrop, reduce},
    ocr::compact::luma,
};

use crate::{
    engine::Fetching,
    machine::Measure,
    plan::{Plan, PlanError},
    settings::Settings,
};

/// Most pixels of a picture: A4 at 600 dpi, and half as much again. Five bytes are held for each.
const MOST_PIXELS: u64 = 52 << 20;

/// Why a formula was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormulaError {
    /// The settings name a model or library that cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The model is missing, cannot be loaded, or failed.
    #[error("{message}")]
    Model { message: String, hint: Option<String> },
    /// The picture cannot be read. The caller, who knows its name, puts that in front.
    #[error("{}", .0.message)]
    Document(DocumentFailure),
}

impl FormulaError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Plan(error) => error.hint(),
            Self::Model { hint, .. } => hint.as_deref(),
            Self::Document(failure) => failure.hint.as_deref(),
        }
    }

    fn of_page(error: pagestream_documents::Error, page: PageNumber, pages: u32) -> Self {
        // Of a picture that is the only one, no page needs to be named.
        let error = if pages > 1 { error.on_page(page) } else { pagestream_documents::Error { page: None, ..error } };
        error.into()
    }
}

impl From<ModelError> for FormulaError {
    fn from(error: ModelError) -> Self {
        Self::Model { message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

impl From<pagestream_documents::Error> for FormulaError {
    fn from(error: pagestream_documents::Error) -> Self {
        Self::Document(error.into())
    }
}

/// Reads one formula after the other, with its networks loaded. See the module.
pub struct FormulaReader {
    recognizer: Arc<dyn FormulaRecognizer>,
    session: Box<dyn Session>,
    model: ModelRef,
    limits: pagestream_documents::Limits,
    render: RenderOptions,
}

impl std::fmt::Debug for FormulaReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FormulaReader").field("model", &self.model).finish_non_exhaustive()
    }
}

impl FormulaReader {
    /// Loads what the settings name: the networks of `models.formula`, on the first device of `device.use`, searching as thoroughly as
    /// `ocr.quality` has it. Nothing is fetched, and no device is measured.
    ///
    /// # Errors
    /// [`FormulaError::Plan`] and [`FormulaError::Model`]: the settings name no model, or one that cannot be used here.
    pub fn new(settings: &Settings) -> Result<Self, FormulaError> {
        Self::with(settings, None, &Fetching::never())
    }

    /// As [`FormulaReader::new`], with a beam of so many hypotheses instead of that of `ocr.quality`, and fetching a library that is missing, if
    /// `fetching` allows it and `models.fetch` does not forbid it.
    ///
    /// # Errors
    /// As there.
    pub fn with(settings: &Settings, beam: Option<NonZeroUsize>, fetching: &Fetching) -> Result<Self, FormulaError> {
        let plan = Plan::resolve(settings, Measure::Never)?;
        let device = plan.devices.first().ok_or_else(no_model)?;
        let (recognizer, model) = device.formula_recognizer(beam.map(NonZeroUsize::get), 1).ok_or_else(no_model)?;
        let (recognizer, libraries) = (recognizer?, device.libraries(&fetching.clone().under(settings.models.fetch)));
        let session = recognizer.session(&libraries)?;
        let limits = pagestream_documents::Limits { page: settings.limits.page };
        let render = RenderOptions { dpi: settings.render.dpi, min_side: settings.render.min_side };
        Ok(Self { recognizer, session, model, limits, render })
    }

    /// The networks that read, as records name them.
    pub fn model(&self) -> &ModelRef {
        &self.model
    }

    /// The formula in a picture, of a file in any format that is read; in the first of several. A page of a PDF is drawn.
    ///
    /// # Errors
    /// [`FormulaError::Document`] for bytes that are no picture, [`FormulaError::Model`] when the network fails.
    pub fn read(&mut self, file: impl Into<Arc<[u8]>>) -> Result<FormulaReading, FormulaError> {
        let pictures = self.open(file, None)?;
        self.read_page(&pictures, PageNumber::FIRST)
    }

    /// Opens a file with one or several pictures.
    ///
    /// # Errors
    /// [`FormulaError::Document`].
    pub fn open(&self, file: impl Into<Arc<[u8]>>, password: Option<String>) -> Result<Pictures, FormulaError> {
        let options = OpenOptions { password, limits: self.limits, ..OpenOptions::default() };
        let source = pagestream_documents::open(Arc::new(file.into()), &options)?;
        Ok(Pictures { source })
    }

    /// The formula in one of the pictures.
    ///
    /// # Errors
    /// As [`FormulaReader::read`]; where there is no such page.
    pub fn read_page(&mut self, pictures: &Pictures, page: PageNumber) -> Result<FormulaReading, FormulaError> {
        let (source, pages) = (&pictures.source, pictures.count());
        let told = |error| FormulaError::of_page(error, page, pages);
        let info = source.page_info(page, &self.render).map_err(told)?;
        if u64::from(info.width) * u64::from(info.height) > MOST_PIXELS {
            let message = format!(
                "it has {} x {} pixels, and a formula's picture at most {} million",
                info.width,
                info.height,
                MOST_PIXELS >> 20
            );
            let error = pagestream_documents::Error::new(ErrorKind::TooLarge, message);
            return Err(told(error.with_hint("cut the formula out, or scan it at 300 dpi")));
        }
        let Raster { width, height, format, data, .. } = source.render(page, &self.render).map_err(told)?;
        let gray = match format {
            PixelFormat::Gray8 => data,
            PixelFormat::Rgb8 => luma(&data),
        };
        self.read_pixels(&gray, width as usize, height as usize)
    }

    /// The formula in `height` rows of `width` gray pixels, 0 black to 255 white. Pixels that are missing or too many are an error.
    ///
    /// # Errors
    /// [`FormulaError::Document`] where the pixels are not as many, [`FormulaError::Model`] when the network fails.
    pub fn read_pixels(&mut self, gray: &[u8], width: usize, height: usize) -> Result<FormulaReading, FormulaError> {
        let crop = GrayCrop::new(gray, width, height).filter(|_| width.checked_mul(height) == Some(gray.len()));
        let crop = crop.ok_or_else(|| {
            let message = format!("{} pixels are not {width} x {height}", gray.len());
            pagestream_documents::Error::new(ErrorKind::Damaged, message)
        })?;
        let Some(input) = self.recognizer.input(crop) else { return Ok(FormulaReading::empty()) };
        let mut written = None;
        self.session.run(input.view(), &mut |output| written = Some(reduce(output)))?;
        let nothing =
            || ModelError::Inference { model: self.model.id.clone(), cause: "it answered nothing".to_owned() };
        Ok(self.recognizer.reading(&written.ok_or_else(nothing)??))
    }

    /// Bytes that the networks hold between formulas: an estimate.
    pub fn memory(&self) -> ByteSize {
        self.session.memory()
    }
}

/// A file that is open, with a formula on each of its pages.
pub struct Pictures {
    source: Box<dyn PageSource>,
}

impl Pictures {
    /// How many there are.
    pub fn count(&self) -> u32 {
        self.source.page_count()
    }

    /// What of a picture is lost although it was read: one sentence. To be asked when it has been.
    pub fn damage(&self, page: PageNumber) -> Option<String> {
        self.source.damage(page)
    }
}

fn no_model() -> FormulaError {
    FormulaError::Model {
        message: "no model reads formulas here".to_owned(),
        hint: Some(match cfg!(feature = "built-in-models") {
            true => "set `models.formula` to built-in, or to a folder with an encoder and a decoder".to_owned(),
            false => "build it with the feature `built-in-models`, or set `models.formula` to a folder".to_owned(),
        }),
    }
}
