//! WordPiece as BERT's uncased models were trained with it: text to numbers of word pieces.
//!
//! Source: Devlin et al., "BERT", 2019, and the pipeline that the model's `tokenizer.json` names. It differs in one thing, on purpose: what
//! reads like a special piece (`[SEP]`) is text here, since it stands on somebody's page.

use std::{collections::HashMap, ops::Range};

use unicode_normalization::char::decompose_canonical;

use super::{
    BUCKETS, MAX_PIECES,
    unicode::{is_dropped, is_ideograph, is_nonspacing_mark, is_punctuation},
};
use crate::{
    backend::{ModelSource, Tensor},
    error::{Error, Result},
};

/// Metadata key of the word pieces, one a line, in the order of their numbers.
pub const VOCABULARY: &str = "vocabulary";

/// Characters of the longest word that is looked up.
const LONGEST_WORD: usize = 100;

/// Text to inputs of one model. Holds the model's vocabulary.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    /// Pieces that begin a word, and those that go on with one, without their `##`.
    first: HashMap<Box<str>, u32>,
    further: HashMap<Box<str>, u32>,
    unknown: u32,
    begin: u32,
    end: u32,
}

/// A word, a mark or an ideograph of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Bytes of the text that it came from.
    pub range: Range<usize>,
    /// Numbers of its pieces; one at least.
    pub pieces: Vec<u32>,
}

impl Tokenizer {
    /// # Errors
    /// [`Error::Load`] where the model has no vocabulary of this kind; [`Error::Io`] where it cannot be read.
    pub fn of_model(model: &ModelSource) -> Result<Self> {
        let fail = |cause: &str| Error::Load {
            model: model.id.clone(),
            backend: "the tokenizer".to_owned(),
            cause: cause.to_owned(),
        };
        let words = model.metadata(VOCABULARY)?.ok_or_else(|| fail("its metadata has no `vocabulary`"))?;
        Self::of_vocabulary(&words)
            .ok_or_else(|| fail("its vocabulary lacks [PAD] in the first place, [UNK], [CLS] or [SEP]"))
    }

    /// Of word pieces, one a line; `None` where the special ones are not among them.
    pub(crate) fn of_vocabulary(words: &str) -> Option<Self> {
        let (mut first, mut further) = (HashMap::new(), HashMap::new());
        for (word, number) in words.split('\n').zip(0u32..) {
            match word.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => further.insert(rest.into(), number),
                _ => first.insert(word.into(), number),
            };
        }
        let special = |name: &str| first.get(name).copied();
        // Zeros are where an input has ended.
        let padding = special("[PAD]")?;
        let (unknown, begin, end) = (special("[UNK]")?, special("[CLS]")?, special("[SEP]")?);
        (padding == 0).then_some(Self { first, further, unknown, begin, end })
    }

    /// The input for a question: one, cut at [`MAX_PIECES`]. `None` where there is nothing to embed.
    pub fn query(&self, text: &str) -> Option<Tensor> {
        let pieces: Vec<u32> = self.words(text).into_iter().flat_map(|word| word.pieces).take(MAX_PIECES - 2).collect();
        (!pieces.is_empty()).then(|| self.input(&pieces))
    }

    /// Pieces between the marks of beginning and end, filled up with zeros to the next of [`BUCKETS`].
    pub(super) fn input(&self, pieces: &[u32]) -> Tensor {
        let pieces = &pieces[..pieces.len().min(MAX_PIECES - 2)];
        let length = pieces.len() + 2;
        let bucket = BUCKETS.into_iter().find(|&bucket| bucket >= length).unwrap_or(MAX_PIECES);
        // Numbers of pieces are far below 2^24, up to which f32 has every whole number.
        let mut data: Vec<f32> = [self.begin].iter().chain(pieces).chain([&self.end]).map(|&id| id as f32).collect();
        data.resize(bucket, 0.0);
        Tensor { shape: vec![1, bucket], data }
    }

    /// The words of a text in order. What is dropped altogether (controls, blanks) is in none.
    pub fn words(&self, text: &str) -> Vec<Word> {
        let mut words = Vec::new();
        // Letters of the word at hand, lower case without accents, and where in the text it began.
        let (mut letters, mut begun, mut ended) = (String::new(), 0, 0);
        for (at, c) in text.char_indices() {
            if is_dropped(c) {
                continue;
            }
            let next = at + c.len_utf8();
            if c.is_whitespace() {
                self.finish(&mut words, &mut letters, begun..ended);
                continue;
            }
            let alone = is_ideograph(c);
            if alone {
                self.finish(&mut words, &mut letters, begun..ended);
            }
            decompose_canonical(c, |part| {
                if is_nonspacing_mark(part) {
                    return;
                }
                for low in part.to_lowercase() {
                    let parts = is_punctuation(low);
                    if parts || low.is_whitespace() {
                        self.finish(&mut words, &mut letters, begun..ended);
                    }
                    if low.is_whitespace() {
                        continue;
                    }
                    if letters.is_empty() {
                        begun = at;
                    }
                    letters.push(low);
                    ended = next;
                    if parts {
                        self.finish(&mut words, &mut letters, begun..ended);
                    }
                }
            });
            if alone {
                self.finish(&mut words, &mut letters, begun..ended);
            }
        }
        self.finish(&mut words, &mut letters, begun..ended);
        words
    }

    fn finish(&self, words: &mut Vec<Word>, letters: &mut String, range: Range<usize>) {
        if !letters.is_empty() {
            words.push(Word { range, pieces: self.pieces(letters) });
            letters.clear();
        }
    }

    /// The longest piece of the vocabulary that a word begins with, and so on with the rest; the piece for what is unknown where a
    /// rest has none.
    fn pieces(&self, word: &str) -> Vec<u32> {
        if word.chars().count() > LONGEST_WORD {
            return vec![self.unknown];
        }
        let (mut pieces, mut rest) = (Vec::new(), word);
        while !rest.is_empty() {
            let known = if pieces.is_empty() { &self.first } else { &self.further };
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
            let Some((end, number)) = ends.into_iter().find_map(|end| Some((end, *known.get(&rest[..end])?))) else {
                return vec![self.unknown];
            };
            pieces.push(number);
            rest = &rest[end..];
        }
        pieces
    }
}
