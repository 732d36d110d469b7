//! The lexical signature of a page's text: which runs of four characters occur in it, and how often.
//!
//! Signed feature hashing (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009) of
//! character 4-grams, weighted `1 + ln tf`, scaled to length 1. Recognition errors touch four grams each and leave the
//! rest, so two readings of one page stay close while two pages of one book do not (MinHash, SimHash and a sentence embedding
//! tell them less well apart). Pages that share a template stay close too, so that this proposes and [`super::alignment`] decides.

use crate::nearest::{cosine_of, dot_i8};

/// Values in a signature.
pub const DIMENSIONS: usize = 2048;

/// Values in the folded signature that candidates are found by.
pub(super) const FOLDED: usize = 768;

/// Characters in a run.
const GRAM: usize = 4;

/// Cosine similarity from which two texts are compared word by word (`alignment.rs`). At .783 the signature alone told
/// readings of one page from other pages where no two pages shared a template; a page with 8% of its letters misread is at .7.
pub const NEAR_DUPLICATE: f32 = 0.68;

/// Normalised texts with fewer characters have no signature: a page number, a blank page or "This page is intentionally
/// left blank" says nothing about which page it is.
pub const MIN_CHARACTERS: usize = 64;

/// Lowercase, words joined that a hyphen splits at the end of a line, white space collapsed to single spaces.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{ad}' => {}
            '-' | '\u{2010}' if out.ends_with(char::is_alphabetic) && splits_a_word(&rest) => {
                while rest.next_if(|c| c.is_whitespace()).is_some() {}
            }
            c if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether what follows a hyphen is a line break and then a letter.
fn splits_a_word(rest: &(impl Iterator<Item = char> + Clone)) -> bool {
    let mut broken = false;
    for c in rest.clone() {
        match c {
            '\n' => broken = true,
            c if c.is_whitespace() => {}
            c => return broken && c.is_alphabetic(),
        }
    }
    false
}

/// The signature of a text: [`DIMENSIONS`] values of Euclidean length 1. `None` for a text shorter than
/// [`MIN_CHARACTERS`] once normalised.
pub fn signature(text: &str) -> Option<Vec<f32>> {
    of_normalised(&normalise(text))
}

/// Whether a text is too short to say which page it is: shorter than [`MIN_CHARACTERS`] once normalised.
pub fn is_tiny(text: &str) -> bool {
    normalise(text).chars().count() < MIN_CHARACTERS
}

pub(super) fn of_normalised(text: &str) -> Option<Vec<f32>> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < MIN_CHARACTERS {
        return None;
    }
    // Sorted rather than counted in a map: one pass over like neighbours, and sums in an order that never varies, so
    // that a text has the same signature to the last bit in every process.
    let mut grams: Vec<u64> = characters.windows(GRAM).map(hash).collect();
    grams.sort_unstable();
    let mut values = vec![0.0; DIMENSIONS];
    for run in grams.chunk_by(|a, b| a == b) {
        let weight = 1.0 + (run.len() as f32).ln();
        let sign = if run[0] >> 63 == 0 { 1.0 } else { -1.0 };
        values[run[0] as usize % DIMENSIONS] += sign * weight;
    }
    scale_to_one(values)
}

/// Part of what is stored: another hash needs a migration that clears the signatures. FNV-1a over the code points, then
/// the finish of SplitMix64, so that the low bits (the place) and the top bit (the sign) are independent.
fn hash(gram: &[char]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &c in gram {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// `None` where there is no direction: all values zero, or one of them not finite.
fn scale_to_one(mut values: Vec<f32>) -> Option<Vec<f32>> {
    let length = dot(&values, &values).sqrt();
    if !length.is_finite() || length == 0.0 {
        return None;
    }
    values.iter_mut().for_each(|value| *value /= length);
    Some(values)
}

/// Cosine similarity of two vectors of one length; 0 where either has no direction.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let scale = (dot(a, a) * dot(b, b)).sqrt();
    if scale > 0.0 && scale.is_finite() { dot(a, b) / scale } else { 0.0 }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The signature as it is stored and compared: each value to 8 bits, a quarter of the memory. Rounding moves a cosine
/// by .002 on a text of three lines and less on a page; one misread word moves it by .02 and more there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Compact(Box<[i8]>);

impl Compact {
    pub fn new(signature: &[f32]) -> Option<Self> {
        let largest = signature.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        if largest == 0.0 || !signature.iter().all(|value| value.is_finite()) {
            return None;
        }
        Some(Self(signature.iter().map(|value| (value / largest * 127.0).round() as i8).collect()))
    }

    /// `None` where the bytes cannot be a signature.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == DIMENSIONS && bytes.iter().any(|byte| *byte != 0))
            .then(|| Self(bytes.iter().map(|byte| *byte as i8).collect()))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().map(|value| *value as u8).collect()
    }

    pub fn values(&self) -> &[i8] {
        &self.0
    }

    pub fn cosine(&self, other: &Self) -> f32 {
        let (a, b) = (&self.0, &other.0);
        cosine_of(dot_i8(a, b), dot_i8(a, a), dot_i8(b, b))
    }

    /// Fewer values for the candidate graph, which pays for each: value `i` goes to place `i mod 768`. Hashing twice is
    /// hashing, so this is itself a signed hash of the same grams, only a coarser one.
    pub fn fold(&self) -> Option<Vec<f32>> {
        let mut folded = vec![0.0; FOLDED];
        for (i, value) in self.0.iter().enumerate() {
            folded[i % FOLDED] += f32::from(*value);
        }
        scale_to_one(folded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "In the beginning the workshop was small, and the two brothers set every line of type by hand, \
                        under a lamp that smoked whenever the wind came down the chimney from the sea.";

    #[test]
    fn layout_does_not_matter_and_words_do() {
        for (text, normal) in [
            ("  Hello,\n\n  World\t!  ", "hello, world !"),
            ("tran-\nscription", "transcription"),
            ("tran- \r\n  scription", "transcription"),
            ("well-known", "well-known"),
            ("1914-\n1918", "1914- 1918"),
            ("a -\nb", "a - b"),
            ("soft\u{ad}hyphen ÄÖ", "softhyphen äö"),
            ("ends-", "ends-"),
            ("", ""),
        ] {
            assert_eq!(normalise(text), normal, "{text:?}");
        }
    }

    #[test]
    fn a_signature_has_length_one_and_is_the_same_every_time() {
        let a = signature(PAGE).unwrap();
        assert_eq!(a.len(), DIMENSIONS);
        assert!((dot(&a, &a) - 1.0).abs() < 1e-5);
        assert_eq!(a, signature(&PAGE.to_uppercase().replace(' ', "\n  ")).unwrap());
        // What is stored depends on the hash: a change of it must be seen here, and needs a migration.
        assert_eq!(format!("{:016x}", hash(&['a', 'b', 'c', 'd'])), "92682c7e124e7502");
    }

    #[test]
    fn misread_characters_leave_a_page_near_and_other_words_do_not() {
        let near = PAGE.replace("lamp", "1amp").replace("wind", "vvind");
        assert!(cosine(&signature(PAGE).unwrap(), &signature(&near).unwrap()) > NEAR_DUPLICATE);
        let other = "Of the pages that follow not one was printed in that town; the presses had been sold, the type was \
                     melted for shot, and the brothers never spoke of it again to anyone.";
        assert!(cosine(&signature(PAGE).unwrap(), &signature(other).unwrap()) < 0.4);
    }

    #[test]
    fn short_texts_have_no_signature() {
        assert_eq!(signature(""), None);
        assert_eq!(signature("This page is intentionally left blank."), None);
        assert_eq!(signature(&format!("{}{}", "x".repeat(63), " \n".repeat(50))), None);
        assert!(signature(&"x".repeat(64)).is_some());
    }

    #[test]
    fn eight_bits_are_enough_and_what_has_no_direction_is_refused() {
        let near = PAGE.replace("brothers", "brotbers").replace("the", "tlie");
        let (a, b) = (signature(PAGE).unwrap(), signature(&near).unwrap());
        let (small_a, small_b) = (Compact::new(&a).unwrap(), Compact::new(&b).unwrap());
        let (full, small) = (cosine(&a, &b), small_a.cosine(&small_b));
        assert!((full - small).abs() < 4e-3, "{full} {small}");
        assert_eq!(Compact::from_bytes(&small_a.to_bytes()), Some(small_a.clone()));
        assert!((dot(&small_a.fold().unwrap(), &small_a.fold().unwrap()) - 1.0).abs() < 1e-5);
        assert_eq!(Compact::new(&vec![0.0; DIMENSIONS]), None);
        assert_eq!(Compact::new(&[f32::NAN, 1.0]), None);
        assert_eq!(Compact::from_bytes(&[0; DIMENSIONS]), None);
        assert_eq!(Compact::from_bytes(&[1; 3]), None);
        assert_eq!(cosine(&[0.0; 4], &[1.0; 4]), 0.0);
    }
}
