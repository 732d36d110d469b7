//! What can go wrong with a model, and the one question that callers ask: what may be done about it.

use std::path::PathBuf;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Model or library files are not there and were not, or could not be, fetched. `what` names them, with the verb
    /// (`a.onnx is`); the hint says where each belongs.
    #[error("{what} missing: {why}")]
    Missing { what: String, why: String, hint: String },
    /// As [`Error::Missing`]: they could be fetched, and that was not allowed.
    #[error("{what} missing: {why}")]
    NotFetched { what: String, why: String, hint: String },
    /// A file is there but is not what the manifest says.
    #[error("{} is damaged: its SHA-256 is {found}, not {expected}", path.display())]
    Digest { path: PathBuf, expected: String, found: String },
    /// The manifest that is built in contradicts itself. A fault of ours.
    #[error("the model manifest is wrong: {0}")]
    Manifest(String),
    #[error("there is no model or runtime `{id}`")]
    UnknownModel { id: String, hint: String },
    /// A model that was made here and may not be used: it was not judged, or was found wanting.
    #[error("model `{id}` is not admitted: {why}")]
    NotAdmitted { id: String, why: String, hint: String },
    #[error("{} is no ONNX Runtime library that can be used: {cause}", path.display())]
    Runtime { path: PathBuf, cause: String },
    #[error("model `{model}` cannot be loaded by {backend}: {cause}")]
    Load { model: String, backend: String, cause: String },
    /// Something that this program was built without.
    #[error("this program was built without {what}")]
    LeftOut { what: &'static str, feature: &'static str },
    /// A device or provider asked for by name cannot start here.
    #[error("device `{device}` cannot be used: {cause}")]
    Device { device: String, cause: String },
    /// A model of a family that is not known here, or of one that is in a form that is not.
    #[error("model {model} cannot serve `{task}`: {cause}")]
    Unsupported { model: String, task: &'static str, cause: String },
    #[error("inference of `{model}` failed: {cause}")]
    Inference { model: String, cause: String },
    /// A model could not be made into another: cut, quantised, judged.
    #[error("{cause}")]
    Optimize { cause: String, hint: Option<String> },
    #[error("{}: {cause}", path.display())]
    Io { path: PathBuf, cause: std::io::Error },
}

impl Error {
    /// Whether the same request may succeed when it is made again, here or on another device.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Inference { .. })
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Missing { hint, .. }
            | Self::NotFetched { hint, .. }
            | Self::UnknownModel { hint, .. }
            | Self::NotAdmitted { hint, .. } => Some(hint),
            Self::LeftOut { feature: "onnx", .. } => Some("build it with the feature `onnx`"),
            Self::LeftOut { feature: "openvino", .. } => Some("build it with the feature `openvino`"),
            Self::LeftOut { .. } => Some("build it with the feature `cuda`"),
            Self::Unsupported { .. } => Some("`pagestream models list` has the models that can be named"),
            Self::Optimize { hint, .. } => hint.as_deref(),
            Self::Digest { .. } => Some("delete the file and run `pagestream models pull`"),
            Self::Runtime { .. } => {
                Some("PAGESTREAM_ORT_DYLIB names the library; unset it to have a fitting one fetched")
            }
            _ => None,
        }
    }
}
