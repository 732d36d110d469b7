//! Models made of what others publish in another form, as a step of fetching them.
//!
//! A conversion is a function of its sources alone, to the byte and on every processor: it adds, multiplies, divides and rounds as
//! IEEE 754 says and no more, so that the manifest can pin what comes out as it pins what goes in.

use serde::Deserialize;

use crate::error::{Error, Result};

pub mod bert;
mod graph;
pub mod safetensors;

/// A conversion, as the manifest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conversion {
    /// Weights (safetensors), `config.json` and `tokenizer.json` of a BERT encoder to one ONNX file that pools and normalises, in int8.
    BertEncoderInt8,
}

impl Conversion {
    /// How many files it is made of, in the order that the manifest lists them.
    pub fn sources(self) -> usize {
        match self {
            Self::BertEncoderInt8 => 3,
        }
    }

    /// The file that comes out.
    ///
    /// # Errors
    /// [`Error::Optimize`] saying what of the sources is not as it must be.
    pub fn apply(self, sources: &[Vec<u8>]) -> Result<Vec<u8>> {
        let fail = |cause: String| Error::Optimize { cause, hint: None };
        match (self, sources) {
            (Self::BertEncoderInt8, [weights, config, tokenizer]) => {
                bert::encoder(weights, config, tokenizer, bert::Precision::Int8).map_err(fail)
            }
            _ => Err(fail(format!("{self:?} is made of {} files, not {}", self.sources(), sources.len()))),
        }
    }
}
