//! Reading formulas: a crop of pixels in, LaTeX out.
//!
//! [`picture::prepare`] makes of a crop what the network was trained with; the encoder makes keys and values of that, once; the decoder writes
//! token after token, each run for all formulas under way ([`FormulaReader::step`]). The [`grammar`] lets through only what can become a formula, so
//! that what comes out always parses. The contracts are those of `models/training/FORMULA.md`.

mod batch;
mod confidence;
mod draft;
pub mod grammar;
pub mod latex;
mod model;
mod network;
pub mod picture;
pub mod published;
mod reader;
mod recognizer;
mod search;
pub mod symbols;
pub mod vocabulary;

pub use model::FormulaModel;
pub use picture::{GrayCrop, Picture};
pub use reader::{FormulaCounts, FormulaReader};
pub use recognizer::{FormulaRecognizer, OwnRecognizer, Written, WrittenAs, reduce};

/// How formulas are read.
#[derive(Clone, Debug, PartialEq)]
pub struct FormulaOptions {
    /// Hypotheses that are followed at a time; 1 is greedy decoding. Models of others are always decoded greedily.
    pub beam: usize,
    /// Most tokens that are drafted for one run of the decoder to verify, in greedy decoding; 0, the default: none. What is read is the same.
    ///
    /// Of 1,000 formulas of the lab's, 60% of the drafts were right with at most 2, 53% with 4, 47% with 6, and saved 15 to 17% of the runs. But on
    /// our own runtime a run takes the longer the more tokens it has: a token came to 0.219 CPU ms without, 0.216 with 2, 0.226 with 4, 0.243
    /// with 6. It is for devices where a run costs the same for several tokens.
    ///
    /// Of models of others, what followed the last two tokens earlier in the formula is drafted, for one formula at a time. A decoder of 31 M random
    /// parameters (6 layers of 512, 8,000 tokens) took on one thread of ONNX Runtime, behind 100 tokens, 10.8 CPU ms for a run of 1 token, and
    /// 1.13, 1.26, 1.36, 1.80, 1.88 times that for 2, 4, 5, 8, 9: a draft of 1 pays where more than 13% are right, of 4 where more than .36
    /// tokens of it are on average (9%), of 8 where more than .88 are (11%).
    pub draft: usize,
    /// Longest formula, in tokens.
    pub max_tokens: usize,
    /// Formulas under way at a time: the rows of a run. By default 1, which is best on a processor, whose cache holds what is kept of one formula:
    /// 0.219 CPU ms a token, and 0.248, 0.285, 0.356 with 2, 4, 16. A device that waits for memory wants more.
    pub max_rows: usize,
    /// Numbers that are kept of the pictures of all formulas under way, in bytes. One formula may take more, and goes alone then.
    pub max_bytes: usize,
}

/// What ended a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The network said that it ends.
    Complete,
    /// It was as long as a formula may be, and was closed.
    TooLong,
    /// It said the same again and again, and was closed.
    Repetition,
    /// There was no ink in the crop.
    Empty,
}

/// What reading one crop came to.
#[derive(Clone, Debug, PartialEq)]
pub struct FormulaReading {
    /// LaTeX, without delimiters around it; empty for a crop without ink. That of our own model always parses; that of others is closed, and needs
    /// review where it had to be, or where it does not parse.
    pub latex: String,
    /// The same in canonical tokens, one spelling for each look; of a model of others, in its own pieces.
    pub tokens: Vec<String>,
    /// Expected share of right tokens, 0 to 1.
    pub confidence: f32,
    /// Whether somebody should look at it.
    pub needs_review: bool,
    pub ending: Ending,
}

impl Ending {
    /// As records and answers name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::TooLong => "too-long",
            Self::Repetition => "repetition",
            Self::Empty => "empty",
        }
    }
}

impl FormulaReading {
    /// Of a crop without ink.
    pub fn empty() -> Self {
        Self { latex: String::new(), tokens: Vec::new(), confidence: 0.0, needs_review: false, ending: Ending::Empty }
    }
}

impl Default for FormulaOptions {
    fn default() -> Self {
        Self { beam: 1, draft: 0, max_tokens: 184, max_rows: 1, max_bytes: 64 << 20 }
    }
}

impl FormulaOptions {
    /// With a beam: several times the work, and fewer errors.
    pub fn accurate() -> Self {
        Self { beam: 3, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
