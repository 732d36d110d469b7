//! Our own models, carried by the program (feature `built-in-models`). `shipped/*.md` are their cards: what they were trained on,
//! how well they read, what they cannot. Both precisions of each are here, because which one is faster depends on the machine.

use pagestream_documents::Digest;

use crate::{
    backend::ModelSource,
    ocr::{Alphabet, Quality, compact::recognizer},
};

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

pub const DETECTOR: Network = Network {
    f32: BuiltIn {
        id: "detector",
        bytes: include_bytes!("../shipped/detector.onnx"),
        card: include_str!("../shipped/detector.md"),
    },
    int8: BuiltIn {
        id: "detector-int8",
        bytes: include_bytes!("../shipped/detector-int8.onnx"),
        card: include_str!("../shipped/detector.md"),
    },
};

/// The smaller recogniser, of the quality `fast`.
pub const FAST_RECOGNIZER: Network = Network {
    f32: BuiltIn {
        id: "recogniser-latin-fast",
        bytes: include_bytes!("../shipped/recogniser-latin-fast.onnx"),
        card: include_str!("../shipped/recogniser-latin-fast.md"),
    },
    int8: BuiltIn {
        id: "recogniser-latin-fast-int8",
        bytes: include_bytes!("../shipped/recogniser-latin-fast-int8.onnx"),
        card: include_str!("../shipped/recogniser-latin-fast.md"),
    },
};

/// The larger one, of `balanced`.
pub const MEDIUM_RECOGNIZER: Network = Network {
    f32: BuiltIn {
        id: "recogniser-latin-medium",
        bytes: include_bytes!("../shipped/recogniser-latin-medium.onnx"),
        card: include_str!("../shipped/recogniser-latin-medium.md"),
    },
    int8: BuiltIn {
        id: "recogniser-latin-medium-int8",
        bytes: include_bytes!("../shipped/recogniser-latin-medium-int8.onnx"),
        card: include_str!("../shipped/recogniser-latin-medium.md"),
    },
};

/// All networks that the program carries.
pub const NETWORKS: [Network; 3] = [DETECTOR, FAST_RECOGNIZER, MEDIUM_RECOGNIZER];

/// The recogniser of a quality; in `accurate`, PP-OCRv6 reads instead.
pub fn recognizer(quality: Quality) -> Network {
    match quality {
        Quality::Fast => FAST_RECOGNIZER,
        Quality::Balanced | Quality::Accurate => MEDIUM_RECOGNIZER,
    }
}

/// The model of this name, in either precision.
pub fn model(id: &str) -> Option<BuiltIn> {
    NETWORKS.iter().flat_map(|network| [network.f32, network.int8]).find(|model| model.id == id)
}

impl BuiltIn {
    pub fn source(&self) -> ModelSource {
        ModelSource::built_in(self.id, self.bytes, Digest::of(self.bytes))
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
            let column = if model.id == DETECTOR.f32.id { "found" } else { "both int8" };
            assert_eq!((int8.id, int8.card), (format!("{}-int8", model.id).as_str(), model.card));
            let parameters = model.card_row("parameters").unwrap();
            assert!(parameters.replace(',', "").parse::<u32>().is_ok(), "{}: {parameters}", model.id);
            assert!(model.card_row("licence").is_some(), "{}", model.id);
            let figures = model.figures(column);
            assert_eq!(figures.first().map(|(source, _)| *source), Some("old books"), "{}: {figures:?}", model.id);
            assert!(
                figures.len() >= 4 && figures.iter().all(|(_, value)| !value.is_empty()),
                "{}: {figures:?}",
                model.id
            );
        }
        let model = FAST_RECOGNIZER.f32;
        assert_eq!((model.card_row("no such row"), model.figures("no such column")), (None, Vec::new()));
    }

    #[test]
    fn the_alphabet_is_that_of_every_recogniser() {
        for quality in [Quality::Fast, Quality::Balanced] {
            let Network { f32, int8 } = super::recognizer(quality);
            for model in [f32, int8] {
                let characters = model.source().metadata("character").unwrap().unwrap();
                assert_eq!(recognizer::alphabet(&characters), alphabet(), "{}", model.id);
            }
        }
    }

    #[test]
    fn a_model_is_found_by_its_name_in_either_precision() {
        for name in ["detector", "recogniser-latin-fast-int8"] {
            assert_eq!(model(name).unwrap().id, name);
        }
        assert!(model("no such model").is_none());
    }
}
