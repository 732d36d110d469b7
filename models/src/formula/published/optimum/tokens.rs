//! Numbers of tokens to text, as far as `tokenizer.json` of Hugging Face's tokenizers says it. Only that way: nothing is cut into tokens here.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a stop in the middle is written as when a text is put together again of words and marks (`cleanup` of WordPiece).
const CLEANUP: [(&str, &str); 10] = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
];

/// The pieces of a model, and how text is made of them.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// By number; `None` where no piece has it.
    pieces: Vec<Option<Box<str>>>,
    /// Numbers of what is no text: begin, end, padding.
    special: Vec<u32>,
    steps: Vec<Step>,
    /// Text is the pieces with blanks between them, where no decoder is named.
    spaced: bool,
}

/// What is done to the pieces, in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    ByteLevel,
    Metaspace { replacement: String, prepended: bool },
    WordPiece { prefix: String, cleanup: bool },
    Suffix(String),
    Replace { from: String, to: String },
    ByteFallback,
    Fuse,
    Strip { content: char, start: usize, stop: usize },
}

impl Tokens {
    /// Of the text of `tokenizer.json`.
    ///
    /// # Errors
    /// What in it is not known here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokenizer: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let model = &tokenizer["model"];
        let mut pieces: BTreeMap<usize, Box<str>> = match &model["vocab"] {
            Value::Object(vocabulary) => {
                let entry = |(piece, id): (&String, &Value)| Some((number(id)?, piece.as_str().into()));
                vocabulary
                    .iter()
                    .map(entry)
                    .collect::<Option<_>>()
                    .ok_or("its vocabulary has a piece without a number")?
            }
            Value::Array(vocabulary) => {
                let piece = |entry: &Value| Some(entry.get(0)?.as_str()?.into());
                let pieces: Option<Vec<Box<str>>> = vocabulary.iter().map(piece).collect();
                pieces.ok_or("its vocabulary has an entry without a piece")?.into_iter().enumerate().collect()
            }
            _ => return Err(format!("its model `{}` has no vocabulary", model["type"].as_str().unwrap_or("?"))),
        };
        let mut special = Vec::new();
        for added in tokenizer["added_tokens"].as_array().into_iter().flatten() {
            let (Some(id), Some(content)) = (number(&added["id"]), added["content"].as_str()) else {
                return Err("one of its added tokens has no number or no content".to_owned());
            };
            pieces.insert(id, content.into());
            if added["special"].as_bool().unwrap_or(false) {
                special.push(id as u32);
            }
        }
        let Some(last) = pieces.keys().next_back().copied() else { return Err("its vocabulary is empty".to_owned()) };
        if last > MOST_PIECES {
            return Err(format!("it has a token of the number {last}, and more than {MOST_PIECES} are not read"));
        }
        let mut by_number = vec![None; last + 1];
        pieces.into_iter().for_each(|(id, piece)| by_number[id] = Some(piece));
        let decoder = &tokenizer["decoder"];
        let mut steps = Vec::new();
        push_steps(decoder, &mut steps)?;
        Ok(Self { pieces: by_number, special, steps, spaced: decoder.is_null() })
    }

    pub fn has(&self, token: u32) -> bool {
        self.pieces.get(token as usize).is_some_and(Option::is_some)
    }

    /// What they say. Special ones and those that nobody knows say nothing.
    pub fn text(&self, tokens: &[u32]) -> String {
        let piece = |&token: &u32| {
            let is_text = !self.special.contains(&token);
            self.pieces.get(token as usize).filter(|_| is_text).and_then(Option::as_deref).map(str::to_owned)
        };
        let mut pieces: Vec<String> = tokens.iter().filter_map(piece).collect();
        if self.spaced {
            return pieces.join(" ");
        }
        for step in &self.steps {
            pieces = step.apply(pieces);
        }
        pieces.concat()
    }
}

/// Far more than any vocabulary has; the table of pieces is as long as the largest number.
const MOST_PIECES: usize = 1 << 20;

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

fn push_steps(decoder: &Value, steps: &mut Vec<Step>) -> Result<(), String> {
    if decoder.is_null() {
        return Ok(());
    }
    let text = |key: &str, otherwise: &str| decoder[key].as_str().unwrap_or(otherwise).to_owned();
    let count = |key: &str| number(&decoder[key]).unwrap_or(0);
    steps.push(match decoder["type"].as_str().unwrap_or("?") {
        "Sequence" => {
            return decoder["decoders"].as_array().into_iter().flatten().try_for_each(|one| push_steps(one, steps));
        }
        "ByteLevel" => Step::ByteLevel,
        "Metaspace" => {
            let scheme = decoder["prepend_scheme"].as_str().map(|scheme| scheme != "never");
            let prepended = scheme.or(decoder["add_prefix_space"].as_bool()).unwrap_or(true);
            Step::Metaspace { replacement: text("replacement", "▁"), prepended }
        }
        "WordPiece" => {
            Step::WordPiece { prefix: text("prefix", "##"), cleanup: decoder["cleanup"].as_bool().unwrap_or(true) }
        }
        "BPEDecoder" => Step::Suffix(text("suffix", "</w>")),
        "Replace" => {
            let from = decoder["pattern"]["String"].as_str().ok_or("its decoder replaces by a regular expression")?;
            Step::Replace { from: from.to_owned(), to: text("content", "") }
        }
        "ByteFallback" => Step::ByteFallback,
        "Fuse" => Step::Fuse,
        "Strip" => {
            let content = decoder["content"].as_str().and_then(|content| content.chars().next()).unwrap_or(' ');
            Step::Strip { content, start: count("start"), stop: count("stop") }
        }
        other => {
            return Err(format!(
                "its decoder `{other}` is not known here: ByteLevel, Metaspace, WordPiece, BPEDecoder, Replace, ByteFallback, Fuse, \
                 Strip and Sequence are"
            ));
        }
    });
    Ok(())
}

impl Step {
    fn apply(&self, pieces: Vec<String>) -> Vec<String> {
        let last = pieces.len().saturating_sub(1);
        match self {
            Self::ByteLevel => {
                let bytes: Vec<u8> = pieces.iter().flat_map(|piece| bytes_of(piece)).collect();
                vec![String::from_utf8_lossy(&bytes).into_owned()]
            }
            Self::Metaspace { replacement, prepended } => each(pieces, |at, piece| {
                let text = piece.replace(replacement.as_str(), " ");
                match text.strip_prefix(' ') {
                    Some(rest) if at == 0 && *prepended => rest.to_owned(),
                    _ => text,
                }
            }),
            Self::WordPiece { prefix, cleanup } => each(pieces, |at, piece| {
                let text = match piece.strip_prefix(prefix.as_str()) {
                    _ if at == 0 => piece,
                    Some(rest) => rest.to_owned(),
                    None => format!(" {piece}"),
                };
                match cleanup {
                    true => CLEANUP.iter().fold(text, |text, (from, to)| text.replace(from, to)),
                    false => text,
                }
            }),
            Self::Suffix(suffix) => {
                each(pieces, |at, piece| piece.replace(suffix.as_str(), if at == last { "" } else { " " }))
            }
            Self::Replace { from, to } => each(pieces, |_, piece| piece.replace(from.as_str(), to)),
            Self::ByteFallback => fallen_back(&pieces),
            Self::Fuse => vec![pieces.concat()],
            Self::Strip { content, start, stop } => each(pieces, |_, piece| {
                let most = |count: usize| std::iter::repeat_n(*content, count);
                let left = piece.chars().zip(most(*start)).take_while(|(a, b)| a == b).count();
                let right = piece.chars().rev().zip(most(*stop)).take_while(|(a, b)| a == b).count();
                let kept = piece.chars().count().saturating_sub(left + right);
                piece.chars().skip(left).take(kept).collect()
            }),
        }
    }
}

fn each(pieces: Vec<String>, change: impl Fn(usize, String) -> String) -> Vec<String> {
    pieces.into_iter().enumerate().map(|(at, piece)| change(at, piece)).collect()
}

/// The bytes that a piece's characters stand for; its own where one of them stands for none (added tokens).
///
/// Source: GPT-2's `bytes_to_unicode`: bytes that print are themselves, the others follow one another from U+0100 on.
fn bytes_of(piece: &str) -> Vec<u8> {
    let bytes: Option<Vec<u8>> = piece.chars().map(byte_of).collect();
    bytes.unwrap_or_else(|| piece.as_bytes().to_vec())
}

fn byte_of(c: char) -> Option<u8> {
    let prints = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    match u32::from(c) {
        code @ 0..=0xff => u8::try_from(code).ok().filter(|&byte| prints(byte)),
        code => (0..=u8::MAX).filter(|&byte| !prints(byte)).nth(code as usize - 0x100),
    }
}

/// Pieces that are written as bytes, `<0x0A>`, joined to characters; what is none becomes U+FFFD, one a byte.
fn fallen_back(pieces: &[String]) -> Vec<String> {
    let byte = |piece: &String| {
        let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
        (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
    };
    let mut out: Vec<String> = Vec::with_capacity(pieces.len());
    let mut bytes: Vec<u8> = Vec::new();
    let flush = |bytes: &mut Vec<u8>, out: &mut Vec<String>| {
        if !bytes.is_empty() {
            let count = bytes.len();
            out.push(String::from_utf8(std::mem::take(bytes)).unwrap_or_else(|_| "\u{fffd}".repeat(count)));
        }
    };
    for piece in pieces {
        match byte(piece) {
            Some(byte) => bytes.push(byte),
            None => {
                flush(&mut bytes, &mut out);
                out.push(piece.clone());
            }
        }
    }
    flush(&mut bytes, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tokens(vocabulary: &Value, decoder: &Value) -> Result<Tokens, String> {
        let added =
            json!([{"id": 0, "content": "<s>", "special": true}, {"id": 9, "content": "\\new", "special": false}]);
        Tokens::parse(&json!({"model": {"vocab": vocabulary}, "added_tokens": added, "decoder": decoder}).to_string())
    }

    fn check(pieces: &[&str], decoder: &Value, expected: &str) {
        let vocabulary: serde_json::Map<String, Value> =
            pieces.iter().zip(1..).map(|(piece, id)| ((*piece).to_owned(), json!(id))).collect();
        let tokens = tokens(&Value::Object(vocabulary), decoder).unwrap();
        let all: Vec<u32> = (0..=pieces.len() as u32).chain([500]).collect();
        assert_eq!(tokens.text(&all), expected, "{decoder}");
    }

    #[test]
    fn text_is_put_together_as_each_decoder_says() {
        check(&["\\frac", "{", "a"], &Value::Null, "\\frac { a");
        check(&["x", "Ġ+", "Ġâ", "ĨĴ"], &json!({"type": "ByteLevel"}), "x + →");
        check(&["▁x", "▁^", "2"], &json!({"type": "Metaspace", "replacement": "▁"}), "x ^2");
        check(&["▁x", "2"], &json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"}), " x2");
        check(
            &["al", "##pha", "=", "b", ","],
            &json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
            "alpha = b,",
        );
        check(&["al", "##pha", ","], &json!({"type": "WordPiece", "prefix": "##", "cleanup": false}), "alpha ,");
        check(&["al", "pha</w>", "b</w>"], &json!({"type": "BPEDecoder", "suffix": "</w>"}), "alpha b");
        let sequence = json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]});
        check(&["▁x", "<0xE2>", "<0x86>", "<0x92>", "▁y"], &sequence, "x→ y");
        check(&["▁x", "<0xE2>", "▁y"], &sequence, "x\u{fffd} y");
    }

    #[test]
    fn unigrams_stand_by_their_places_and_added_tokens_are_text_unless_they_are_special() {
        let tokens = tokens(&json!([["<s>", 0.0], ["a", -1.5], ["b", -2.0]]), &Value::Null).unwrap();
        assert_eq!(tokens.text(&[0, 2, 1, 9, 5]), "b a \\new");
        assert_eq!([2, 5, 9, 10].map(|token| tokens.has(token)), [true, false, true, false]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let vocabulary = json!({"a": 1});
        for (vocabulary, decoder, expected) in [
            (&json!(null), &Value::Null, "no vocabulary"),
            (&json!({"a": "b"}), &Value::Null, "without a number"),
            (&json!({"a": 1u64 << 40}), &Value::Null, "not read"),
            (&vocabulary, &json!({"type": "CTC"}), "`CTC`"),
            (&vocabulary, &json!({"type": "Replace", "pattern": {"Regex": "a"}}), "regular expression"),
        ] {
            let error = tokens(vocabulary, decoder).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Tokens::parse("[").unwrap_err().contains("JSON"));
    }
}
