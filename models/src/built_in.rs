//! Our own models, carried by the program (feature `built-in-models`). `shipped/*.md` are their cards: what they were trained on,
//! how well they read, what they cannot. Both precisions of most are here, because which one is faster depends on the machine.

use pagestream_documents::Digest;

use crate::{
    backend::ModelSource,
    error::Result,
    formula::{FormulaModel, symbols::SymbolModel},
    ocr::{Alphabet, Quality, compact::recognizer},
};

/// The bytes of a file, once in the program: those of a constant would be in it once for each crate that names it.
macro_rules! carried {
    ($($name:literal),+) => {{
        static BYTES: [u8; include_bytes!(concat!("../shipped/", $($name),+)).len()] =
            *include_bytes!(concat!("../shipped/", $($name),+));
        &BYTES
    }};
}

/// A network of this name in both its precisions.
macro_rules! network {
    ($name:literal) => {{
        const CARD: &str = include_str!(concat!("../shipped/", $name, ".md"));
        Network {
            f32: BuiltIn { id: $name, bytes: carried!($name, ".onnx"), card: CARD },
            int8: BuiltIn { id: concat!($name, "-int8"), bytes: carried!($name, "-int8.onnx"), card: CARD },
        }
    }};
}

/// One of our models.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    pub id: &'static str,
    pub bytes: &'static [u8],
    /// The model card, Markdown.
    pub card: &'static str,
}

/// One of our networks in both its precisions.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    pub f32: BuiltIn,
    /// Quantised. Faster on some processors, slower on others.
    pub int8: BuiltIn,
}

pub const DETECTOR: Network = network!("detector");

/// The smaller recogniser, which reads every line.
pub const FAST_RECOGNIZER: Network = network!("recogniser-latin-fast");

/// The larger one, which in `balanced` reads the lines again that the smaller one is unsure of.
pub const LARGE_RECOGNIZER: Network = network!("recogniser-latin-large");

/// What the parts of a page are.
pub const LAYOUT: Network = network!("layout");

/// Where in a line of text formulas stand.
pub const INLINE_FORMULAS: Network = network!("formula-inline");

/// The formula recogniser's first half, with weights in int8 that are computed in f32.
pub const FORMULA_ENCODER: BuiltIn = BuiltIn {
    id: "formula-encoder",
    bytes: carried!("formula-encoder.onnx"),
    card: include_str!("../shipped/formula.md"),
};

/// The other half, likewise.
pub const FORMULA_DECODER: BuiltIn = BuiltIn {
    id: "formula-decoder",
    bytes: carried!("formula-decoder.onnx"),
    card: include_str!("../shipped/formula.md"),
};

/// What reads formulas symbol by symbol where it can, in int8.
pub const FORMULA_SYMBOLS: BuiltIn = BuiltIn {
    id: "formula-symbols",
    bytes: carried!("formula-symbols.onnx"),
    card: include_str!("../shipped/formula-symbols.md"),
};

const FORMULA_NETWORKS: [BuiltIn; 3] = [FORMULA_ENCODER, FORMULA_DECODER, FORMULA_SYMBOLS];

/// Encoder and decoder of the formula recogniser, and what reads symbol by symbol.
pub fn formula_sources() -> [ModelSource; 3] {
    FORMULA_NETWORKS.map(|model| model.source())
}

/// What reads formulas.
///
/// # Errors
/// None, of what a test has read: the model is a part of the program.
pub fn formula() -> Result<FormulaModel> {
    let drafts = include_bytes!("../shipped/formula-drafts.bin");
    let [encoder, decoder, symbols] = formula_sources();
    Ok(FormulaModel::new(encoder, decoder, Some(drafts))?.with_symbols(SymbolModel::new(symbols)?))
}

/// All networks that the program carries in both precisions.
pub const NETWORKS: [Network; 5] = [DETECTOR, FAST_RECOGNIZER, LARGE_RECOGNIZER, LAYOUT, INLINE_FORMULAS];

/// The recogniser that reads every line in a quality; in `accurate`, after PP-OCRv6.
pub fn recognizer(quality: Quality) -> Network {
    match quality {
        Quality::Fast | Quality::Balanced => FAST_RECOGNIZER,
        Quality::Accurate => LARGE_RECOGNIZER,
    }
}

/// The model of this name, in either precision.
pub fn model(id: &str) -> Option<BuiltIn> {
    let both = NETWORKS.iter().flat_map(|network| [network.f32, network.int8]);
    both.chain(FORMULA_NETWORKS).find(|model| model.id == id)
}

impl BuiltIn {
    pub fn source(&self) -> ModelSource {
        ModelSource::built_in(self.id, self.bytes, self.sha256())
    }

    /// Known beforehand: it is asked for at every start, and the files are large.
    pub fn sha256(&self) -> Digest {
        let digest = |line: &str| {
            let (digest, name) = line.split_once("  ")?;
            (name.strip_suffix(".onnx") == Some(self.id)).then(|| digest.parse().ok())?
        };
        let known = include_str!("../shipped/networks.sha256").lines().find_map(digest);
        known.unwrap_or_else(|| Digest::of(self.bytes))
    }
}

impl BuiltIn {
    /// A row of the table at the head of the card, by its name.
    pub fn card_row(&self, name: &str) -> Option<&'static str> {
        rows(self.card).find(|cells| cells.first() == Some(&name)).and_then(|cells| cells.get(1).copied())
    }

    /// A column of the card's table of figures, by source of pages.
    pub fn figures(&self, column: &str) -> Vec<(&'static str, &'static str)> {
        let mut table = rows(self.card).skip_while(|cells| cells.first() != Some(&"source"));
        let Some(place) = table.next().and_then(|header| header.iter().position(|name| *name == column)) else {
            return Vec::new();
        };
        // The rows end with the table: the next one begins with other words.
        let named = table.skip(1).take_while(|cells| cells.len() > place && !cells[0].contains("confidence"));
        named.map(|cells| (cells[0], cells[place])).collect()
    }
}

/// The rows of a Markdown text's tables.
fn rows(card: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let cells = |line: &'static str| -> Option<Vec<&'static str>> {
        Some(line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect())
    };
    card.lines().filter_map(cells)
}

/// The characters of the recogniser's classes.
pub fn alphabet() -> Alphabet {
    recognizer::alphabet(include_str!("../shipped/latin.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_says_what_the_list_of_models_shows() {
        for Network { f32: model, int8 } in NETWORKS {
            let (column, first) = match model.id {
                "detector" => ("found", "old books"),
                "layout" => ("IoU", "paragraph"),
                "formula-inline" => ("found", "lines with formulas"),
                _ => ("both int8", "old books"),
            };
            assert_eq!((int8.id, int8.card), (format!("{}-int8", model.id).as_str(), model.card));
            let parameters = model.card_row("parameters").unwrap();
            assert!(parameters.replace(',', "").parse::<u32>().is_ok(), "{}: {parameters}", model.id);
            assert!(model.card_row("licence").is_some(), "{}", model.id);
            let figures = model.figures(column);
            assert_eq!(figures.first().map(|(source, _)| *source), Some(first), "{}: {figures:?}", model.id);
            assert!(
                figures.len() >= 4 && figures.iter().all(|(_, value)| !value.is_empty()),
                "{}: {figures:?}",
                model.id
            );
        }
        let figures = FORMULA_DECODER.figures("edit");
        assert!(figures.len() >= 2 && FORMULA_DECODER.card_row("licence").is_some(), "{figures:?}");
        let figures = FORMULA_SYMBOLS.figures("exact, of all");
        assert!(figures.len() >= 2 && FORMULA_SYMBOLS.card_row("licence").is_some(), "{figures:?}");
        let model = FAST_RECOGNIZER.f32;
        assert_eq!((model.card_row("no such row"), model.figures("no such column")), (None, Vec::new()));
    }

    #[test]
    fn the_alphabet_is_that_of_every_recogniser() {
        for Network { f32, int8 } in [FAST_RECOGNIZER, LARGE_RECOGNIZER] {
            for model in [f32, int8] {
                let characters = model.source().metadata("character").unwrap().unwrap();
                assert_eq!(recognizer::alphabet(&characters), alphabet(), "{}", model.id);
            }
        }
    }

    #[test]
    fn the_digests_that_are_known_are_those_of_the_files() {
        let both = NETWORKS.iter().flat_map(|network| [network.f32, network.int8]);
        let models: Vec<BuiltIn> = both.chain(FORMULA_NETWORKS).collect();
        assert_eq!(include_str!("../shipped/networks.sha256").lines().count(), models.len());
        for model in models {
            assert_eq!(model.sha256(), Digest::of(model.bytes), "{}", model.id);
        }
    }

    #[test]
    fn a_model_is_found_by_its_name_in_either_precision() {
        for name in ["detector", "recogniser-latin-fast-int8", "formula-decoder"] {
            assert_eq!(model(name).unwrap().id, name);
        }
        assert!(model("no such model").is_none());
    }
}
