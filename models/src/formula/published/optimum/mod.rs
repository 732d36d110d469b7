//! Encoder-decoders as Hugging Face Optimum exports them as ONNX: TrOCR and what was made after it (pix2text-mfr, TexTeller, UniMERNet, Texo).
//!
//! A folder has `encoder_model.onnx`, a decoder in one of three forms (`decoder_model_merged.onnx` with a switch for the past;
//! `decoder_model.onnx` with `decoder_with_past_model.onnx`; or `decoder_model.onnx` alone, which is given all tokens each time),
//! `tokenizer.json`, `preprocessor_config.json`, `config.json`, and `generation_config.json` where there is one; the networks may lie in `onnx/`.
//! All is looked at before a network is loaded. Numbers are f32; ONNX Runtime runs them.

mod latex;
mod network;
mod ports;
mod preprocess;
mod reader;
mod settings;
#[cfg(test)]
mod tests;
mod tokens;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use pagestream_documents::{
    ByteSize,
    mathml::{FormulaDisplay, to_mathml},
};
use serde_json::Value;

use self::{
    network::Network,
    ports::{Decoder, Networks, Past, Ports, unsupported},
    preprocess::Preprocessor,
    reader::Reader,
    settings::Settings,
    tokens::Tokens,
};
use crate::{
    backend::{Backend, ModelSource, Session, Tensor, TensorView},
    error::{Error, Result},
    formula::{
        Ending, FormulaOptions, FormulaReading, FormulaRecognizer, GrayCrop, Written,
        confidence::{Calibration, needs_review},
        picture::isolate::isolate,
    },
};

const ENCODER: &str = "encoder_model.onnx";
const DECODER: &str = "decoder_model.onnx";
const MERGED: &str = "decoder_model_merged.onnx";
const WITH_PAST: &str = "decoder_with_past_model.onnx";
const TOKENIZER: &str = "tokenizer.json";
const PREPROCESSOR: &str = "preprocessor_config.json";
const CONFIG: &str = "config.json";
const GENERATION: &str = "generation_config.json";

/// An export, looked at and not loaded.
#[derive(Debug)]
pub struct Export {
    encoder: ModelSource,
    decoder: ModelSource,
    with_past: Option<ModelSource>,
    /// What is not a network.
    others: Vec<ModelSource>,
    ports: Ports,
    preprocessor: Preprocessor,
    tokens: Tokens,
    settings: Settings,
    calibration: Calibration,
}

impl Export {
    /// The export in a folder; `None` where there is no encoder of that name.
    ///
    /// # Errors
    /// [`Error::Missing`] where a file lacks that belongs to it; [`Error::Unsupported`] for what is not known of one; [`Error::Io`].
    pub fn find(folder: &Path) -> Result<Option<Self>> {
        let places = [folder.to_owned(), folder.join("onnx")];
        let Some(place) = places.iter().find(|place| place.join(ENCODER).is_file()) else { return Ok(None) };
        let network = |name: &str| Some(place.join(name)).filter(|path| path.is_file());
        let (decoder, with_past) = match (network(MERGED), network(DECODER)) {
            (Some(merged), _) => (merged, None),
            (None, Some(decoder)) => (decoder, network(WITH_PAST)),
            (None, None) => return Err(missing(&place.join(DECODER), "it writes what the encoder has seen")),
        };
        let encoder = ModelSource::of_file(place.join(ENCODER))?;
        let decoder = ModelSource::of_file(decoder)?;
        let with_past = with_past.map(ModelSource::of_file).transpose()?;
        let file = |name: &str, what: &str| {
            let path = folder.join(name);
            if path.is_file() { ModelSource::of_file(path) } else { Err(missing(&path, what)) }
        };
        let tokenizer = file(TOKENIZER, "it has the model's tokens")?;
        let preprocessor = file(
            PREPROCESSOR,
            "it says how a picture is prepared; for TexTeller, whose makers have none, write one with \
                                               `{\"image_processor_type\": \"TexTellerImageProcessor\"}`",
        )?;
        let config = file(CONFIG, "it says how a formula begins and ends")?;
        let generation = folder.join(GENERATION);
        let generation = generation.is_file().then(|| ModelSource::of_file(generation)).transpose()?;
        let of = |source: &ModelSource, parsed: std::result::Result<_, String>| {
            parsed.map_err(|cause| unsupported(source, cause))
        };
        let said = generation.as_ref().map(json).transpose()?.unwrap_or(Value::Null);
        let settings = Settings::new(&said, &json(&config)?).map_err(|cause| unsupported(&config, cause))?;
        let tokens = of(&tokenizer, Tokens::parse(&text(&tokenizer)?))?;
        let needed = settings.start.iter().chain(&settings.ends);
        if let Some(absent) = needed.copied().find(|&token| !tokens.has(token)) {
            let cause =
                format!("a formula begins or ends with the token {absent}, and `{TOKENIZER}` has none of that number");
            return Err(unsupported(&config, cause));
        }
        let networks = Networks { encoder: &encoder, decoder: &decoder, with_past: with_past.as_ref() };
        let ports = Ports::probe(&networks, &settings)?;
        let parsed = Preprocessor::new(&json(&preprocessor)?, ports.channels);
        let parsed = parsed.map_err(|cause| unsupported(&preprocessor, cause))?;
        Ports::check_size(&encoder, parsed.size())?;
        let others = [Some(tokenizer), Some(preprocessor), Some(config), generation].into_iter().flatten().collect();
        let calibration = Calibration::none();
        Ok(Some(Self {
            encoder,
            decoder,
            with_past,
            others,
            ports,
            preprocessor: parsed,
            tokens,
            settings,
            calibration,
        }))
    }

    /// All files that what is read depends on.
    pub fn files(&self) -> Vec<ModelSource> {
        let networks = [Some(&self.encoder), Some(&self.decoder), self.with_past.as_ref()];
        networks.into_iter().flatten().chain(&self.others).cloned().collect()
    }

    /// Tokens of the longest formula that it may write.
    pub fn max_tokens(&self) -> usize {
        self.settings.max_tokens
    }

    /// For people.
    pub fn describe(&self) -> String {
        let form = match self.ports.decoder {
            Decoder::Whole(_) => "whose decoder keeps nothing between its steps",
            Decoder::Merged { .. } => "with a merged decoder that keeps its keys and values",
            Decoder::Two { .. } => "with a decoder that keeps its keys and values",
        };
        format!("an encoder-decoder of Hugging Face Optimum {form}")
    }

    fn past(&self) -> &[Past] {
        match &self.ports.decoder {
            Decoder::Whole(_) => &[],
            Decoder::Merged { past, .. } | Decoder::Two { past, .. } => past,
        }
    }
}

fn missing(path: &Path, what: &str) -> Error {
    Error::Missing {
        what: format!("{} is", path.display()),
        why: format!("{what}, and belongs to a model that Hugging Face Optimum has exported"),
        hint: "`optimum-cli export onnx --task image-to-text-with-past` writes all files of a model into a folder"
            .to_owned(),
    }
}

fn text(source: &ModelSource) -> Result<String> {
    let path = source.path().map_or_else(PathBuf::new, Path::to_owned);
    fs::read_to_string(&path).map_err(|cause| Error::Io { path, cause })
}

fn json(source: &ModelSource) -> Result<Value> {
    let text = text(source)?;
    serde_json::from_str(&text).map_err(|error| unsupported(source, format!("it is no JSON: {error}")))
}

/// What asks an export.
#[derive(Clone, Debug)]
pub struct ExportRecognizer {
    pub export: Arc<Export>,
    pub options: FormulaOptions,
}

impl ExportRecognizer {
    fn reader(&self, backend: &dyn Backend) -> Result<Reader> {
        let Export { encoder, decoder, with_past, ports, settings, .. } = &*self.export;
        let network = Network::load(backend, encoder, decoder, with_past.as_ref(), ports.decoder.clone())?;
        let (options, past) = (self.options.clone(), self.export.past().to_vec());
        Ok(Reader::new(network, settings.clone(), options, past, ports.shares))
    }
}

impl FormulaRecognizer for ExportRecognizer {
    fn input(&self, crop: GrayCrop<'_>) -> Option<Tensor> {
        // Where there is no print there is no formula, which these models do not know.
        isolate(crop, |_| true)?;
        self.export.preprocessor.input(crop)
    }

    fn session(&self, backend: &dyn Backend) -> Result<Box<dyn Session>> {
        Ok(Box::new(ExportSession { reader: self.reader(backend)? }))
    }

    fn reading(&self, written: &Written) -> FormulaReading {
        let Export { tokens, calibration, .. } = &*self.export;
        let (latex, changed) = latex::closed(&tokens.text(&written.tokens));
        let parses = latex.is_empty() || to_mathml(&latex, FormulaDisplay::Block).is_some();
        let is_empty = written.ending == Ending::Empty;
        let confidence = if is_empty { 0.0 } else { calibration.share(written.score.into()) };
        let pieces = written.tokens.iter().map(|&token| tokens.text(&[token])).filter(|piece| !piece.is_empty());
        FormulaReading {
            tokens: pieces.collect(),
            confidence,
            needs_review: needs_review(confidence, written.ending)
                || !is_empty && (changed || !parses || latex.is_empty()),
            latex,
            ending: written.ending,
        }
    }
}

struct ExportSession {
    reader: Reader,
}

impl Session for ExportSession {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<()> {
        self.run_each(&[input], &mut |outputs| outputs.iter().for_each(|output| read(*output)))
    }

    fn run_each(&mut self, inputs: &[TensorView<'_>], read: &mut dyn FnMut(&[TensorView<'_>])) -> Result<()> {
        for written in self.reader.read(inputs)? {
            read(&[written.output().view()]);
        }
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        self.reader.memory()
    }
}
