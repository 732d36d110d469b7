//! Which characters a recogniser is cut to.
//!
//! The alphabets that come with the program are data: `models/alphabets/`.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;

use crate::error::{Error, Result};

/// Name and text of each alphabet that is built in.
const BUILT_IN: [(&str, &str); 1] = [("latin", include_str!("../../alphabets/latin.toml"))];

/// A set of characters, with the name that the cut model's own will end in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterSet {
    pub name: String,
    characters: Characters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Characters {
    /// First and last code point, both included.
    Ranges(Vec<(u32, u32)>),
    Listed(BTreeSet<char>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlphabetFile {
    ranges: Vec<(String, String)>,
}

impl CharacterSet {
    /// Names of the alphabets that are built in.
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.map(|(name, _)| name).to_vec()
    }

    /// # Errors
    /// [`Error::Optimize`] for a name that is not built in.
    pub fn built_in(name: &str) -> Result<Self> {
        let known = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (_, text) = known.ok_or_else(|| Error::Optimize {
            cause: format!("there is no alphabet `{name}`"),
            hint: Some(format!("known is {}; --characters reads a list of your own", Self::names().join(", "))),
        })?;
        Self::parse(name, text)
    }

    /// Every character of a text file, line ends and the like left out.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Optimize`] where it is empty or its name cannot serve as one.
    pub fn of_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::Io { path: path.to_path_buf(), cause })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let set = Self::of_text(&name, &text);
        if set.characters == Characters::Listed(BTreeSet::new()) {
            return Err(Error::Optimize { cause: format!("{}: it has no characters", path.display()), hint: None });
        }
        Ok(set)
    }

    /// Every character of `text` but line ends and the like.
    pub fn of_text(name: &str, text: &str) -> Self {
        let listed = text.chars().filter(|c| !c.is_control()).collect();
        Self { name: name.to_owned(), characters: Characters::Listed(listed) }
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let fail = |cause: String| Error::Optimize { cause: format!("alphabet `{name}`: {cause}"), hint: None };
        let file: AlphabetFile = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        let point = |text: &str| u32::from_str_radix(text, 16).map_err(|_| fail(format!("`{text}` is no code point")));
        let ranges =
            file.ranges.iter().map(|(first, last)| Ok((point(first)?, point(last)?))).collect::<Result<_>>()?;
        Ok(Self { name: name.to_owned(), characters: Characters::Ranges(ranges) })
    }

    /// Whether a class of the model is kept: all its characters must be of the set.
    pub fn has(&self, class: &str) -> bool {
        let has = |c: char| match &self.characters {
            Characters::Ranges(ranges) => ranges.iter().any(|&(first, last)| (first..=last).contains(&u32::from(c))),
            Characters::Listed(listed) => listed.contains(&c),
        };
        !class.is_empty() && class.chars().all(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_alphabets_can_be_read_and_their_ranges_go_upwards() {
        for name in CharacterSet::names() {
            let set = CharacterSet::built_in(name).unwrap();
            let Characters::Ranges(ranges) = &set.characters else { panic!("{name} has ranges") };
            assert!(ranges.iter().all(|(first, last)| first <= last), "{name}: {ranges:?}");
        }
        assert!(CharacterSet::built_in("klingon").unwrap_err().hint().unwrap().contains("latin"));
    }

    #[test]
    fn latin_has_letters_accents_figures_and_signs_and_no_other_script() {
        let latin = CharacterSet::built_in("latin").unwrap();
        for kept in ["a", "Z", "é", "Ł", "ß", "ſ", "7", " ", "§", "—", "„", "€", "½", "→", "α", "²", "☐", "fi"]
        {
            assert!(latin.has(kept), "{kept}");
        }
        for dropped in ["中", "か", "한", "ж", "א", "（", "，", "\u{3000}", "", "a中"] {
            assert!(!latin.has(dropped), "{dropped}");
        }
    }

    #[test]
    fn a_file_of_characters_is_a_set_named_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("My Digits.txt");
        std::fs::write(&path, "0123\n456789\r\n").unwrap();
        let set = CharacterSet::of_file(&path).unwrap();
        assert_eq!(set.name, "my-digits");
        assert!(set.has("7") && !set.has("\n") && !set.has("a"));
        std::fs::write(&path, "\n").unwrap();
        assert!(CharacterSet::of_file(&path).unwrap_err().to_string().contains("no characters"));
    }
}
