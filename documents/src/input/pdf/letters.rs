//! Whether letters make words, of whatever language that is written in Latin letters.
//!
//! A font's map may be false: every letter is another one, and nothing in the document says so but that no language puts letters after each other
//! like that. How usual a pair of letters is says it without a dictionary: the mean of a hundred letters lies above 5.85 in every one of
//! 35 languages looked at, 19 of which had no part in the table, and below 5.72 where letters are exchanged at random.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

/// How usual it is that a letter (row: a to z, and the beginning of a word) is followed by another (column: a to z, and the word's end), in that
/// of 16 languages where it is most so: 9 + log2 of its share, 0 to 8. From word lists of English, French, German, Spanish, Italian,
/// Dutch, Portuguese, Polish, Swedish, Danish, Catalan, Norwegian, Czech, Hungarian, Turkish and Faroese, accents left out.
const PAIRS: [&[u8; 27]; 27] = [
    b"756664557456673427666641547",
    b"772282428436137007536120834",
    b"726180087485217125865403675",
    b"733483328245357406646340577",
    b"445653537556673517765443557",
    b"733576437536227206566330535",
    b"721482658526268106657430738",
    b"822281218525457005576540528",
    b"636584622666576336764434557",
    b"845685447466558444568444447",
    b"744474557456547445666444547",
    b"743573367347546312666412666",
    b"753473237324638604546211618",
    b"736774758255557232775322647",
    b"344564544366586538766871558",
    b"723276256236237607546210327",
    b"544444444444444444448644445",
    b"743573437246567315655331577",
    b"636363357565546534775420478",
    b"733182358446547206666443657",
    b"555665547657774517665453557",
    b"833382327235357116536411415",
    b"854484457446456446665454645",
    b"746475447444446644475647547",
    b"846674646466667646766554448",
    b"844684327457457324457552678",
    b"666676555365575616755552550",
];
const BOUNDARY: usize = 26;

/// Shorter words are abbreviations, units and names of variables as often as words.
const LEAST_WORD: usize = 4;
/// Letters from which on it is judged.
const ENOUGH: usize = 80;
/// Different letters of the shortest texts that are judged, and fewer than any has: Hawaiian has twelve.
const LEAST_KINDS: u32 = 8;
/// The least mean of very many letters, and by how much fewer may miss it by chance: by this over the root of their number.
const LEAST_MEAN: f64 = 6.0;
const CHANCE: f64 = 2.2;

/// Whether lines have enough letters to say that these make no words.
pub(super) fn make_no_words<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> bool {
    let words = || lines.clone().flat_map(words_of);
    if !Words::of(words()).are_none() {
        return false;
    }
    // One odd word that comes again and again is a name; this is asked of few pages.
    let mut seen = HashSet::new();
    Words::of(words().filter(|word| seen.insert(*word))).are_none()
}

/// Words of a line, but for those within identifiers, commands and codes, which are made of whatever letters were free: of 6,162 pages of TeX
/// manuals four are still taken for none, lists of fonts. Other signs may be the blanks and letters of a false map.
fn words_of(line: &str) -> impl Iterator<Item = &str> {
    let is_code = |token: &&str| token.contains(|c: char| c.is_ascii_digit() || "\\@_".contains(c));
    let tokens = line.split_whitespace().filter(move |token| !is_code(token));
    tokens.flat_map(|token| token.split(|c: char| !c.is_alphabetic()))
}

/// Words as they come, with how usual their pairs of letters are.
#[derive(Clone, Copy, Debug, Default)]
struct Words {
    small: Sum,
    /// Of words in capitals, which are looked at where there is nothing else: names of genes and parts are written so.
    capital: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    pairs: u32,
    levels: u32,
    letters: u32,
    /// Which of the 26 letters there are.
    kinds: u32,
}

impl Words {
    fn of<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        words.for_each(|word| all.add(word));
        all
    }

    fn add(&mut self, word: &str) {
        if word.len() < LEAST_WORD {
            return;
        }
        let mut sum = Sum::default();
        let (mut previous, mut capitals) = (BOUNDARY, 0);
        for c in word.chars() {
            let Some(plain) = plain(c) else { return };
            // Capitals within a word are those of an identifier or an encoding of bytes.
            if c.is_uppercase() {
                if sum.letters > capitals {
                    return;
                }
                capitals += 1;
            }
            sum.follow(previous, usize::from(plain - b'a'));
            sum.letters += 1;
            sum.kinds |= 1 << (plain - b'a');
            previous = usize::from(plain - b'a');
        }
        sum.follow(previous, BOUNDARY);
        if (sum.letters as usize) < LEAST_WORD {
            return;
        }
        match capitals {
            0 | 1 => self.small.extend(sum),
            _ if capitals == sum.letters => self.capital.extend(sum),
            _ => {}
        }
    }

    /// Whether enough was seen to say that these are no words.
    fn are_none(&self) -> bool {
        let sum = if self.small.letters as usize >= ENOUGH { self.small } else { self.capital };
        let letters = f64::from(sum.letters);
        if letters < ENOUGH as f64 {
            return false;
        }
        let mean = f64::from(sum.levels) / f64::from(sum.pairs);
        sum.kinds.count_ones() < LEAST_KINDS || mean < LEAST_MEAN - CHANCE / letters.sqrt()
    }
}

impl Sum {
    fn follow(&mut self, first: usize, second: usize) {
        self.pairs += 1;
        self.levels += u32::from(PAIRS[first][second] - b'0');
    }

    fn extend(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.levels += other.levels;
        self.letters += other.letters;
        self.kinds |= other.kinds;
    }
}

/// The small letter of ASCII that a letter is one of, without its accents. `None` for those of other scripts.
fn plain(c: char) -> Option<u8> {
    let base = if c.is_ascii() { c } else { std::iter::once(c).nfd().next().unwrap_or(c) };
    match base.to_ascii_lowercase() {
        c @ 'a'..='z' => Some(c as u8),
        'ł' | 'Ł' => Some(b'l'),
        'ø' | 'Ø' | 'œ' | 'Œ' => Some(b'o'),
        'đ' | 'Đ' | 'ð' | 'Ð' => Some(b'd'),
        'ı' => Some(b'i'),
        'æ' | 'Æ' => Some(b'e'),
        'ß' => Some(b's'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_none(text: &str) -> bool {
        make_no_words(text.lines())
    }

    const TEXTS: [&str; 6] = [
        "The harbour office keeps a ledger of every vessel that enters the basin, with the name of its master, the cargo that it carries \
         and the berth where it lies",
        "Der Schiffsverkehr wird durch den Hafenmeister streng beobachtet und gelenkt, damit jedes Fahrzeug seinen Liegeplatz ohne Verzug \
         erreichen kann",
        "Przystań rzeczna prowadzi spis wszystkich statków wchodzących do portu, z nazwiskiem szypra, ładunkiem oraz miejscem postoju przy \
         nabrzeżu",
        "Přístavní úřad vede knihu každé lodi, která vpluje do přístavu, se jménem kapitána, nákladem a místem, kde loď zakotvila na noc",
        "Satamatoimisto pitää kirjaa jokaisesta aluksesta, joka saapuu satamaan, sekä sen päälliköstä, lastista ja laituripaikasta",
        "Ofisi ya bandari huweka kumbukumbu ya kila chombo kinachoingia bandarini, pamoja na jina la nahodha, shehena na mahali kinapotia \
         nanga",
    ];

    #[test]
    fn texts_of_any_language_make_words() {
        for text in TEXTS {
            assert!(!are_none(text) && !are_none(&text.to_uppercase()), "{text}");
        }
    }

    #[test]
    fn letters_that_are_exchanged_make_none() {
        let shifted = |text: &str, by: u8| -> String {
            let shift = |c: char| plain(c).map_or(c, |plain| char::from(b'a' + (plain - b'a' + by) % 26));
            text.chars().map(shift).collect()
        };
        for text in TEXTS {
            for by in [1, 3, 13, 22] {
                assert!(are_none(&shifted(text, by)), "{by}: {}", shifted(text, by));
            }
        }
        let alike: String = (4..20).map(|letters| "x".repeat(letters) + " ").collect();
        assert!(are_none(&alike), "one letter for all");
        // Vowels for vowels, consonants for consonants: one way of doing it; some of them look like a language.
        let exchanged = |c: char| {
            "aeiouybcdfghjklmnpqrstvwxz".find(c).map_or(c, |at| char::from(b"oieyuapjnhsdzfrxmqtbgckvlw"[at]))
        };
        assert!(are_none(&TEXTS[0].to_lowercase().chars().map(exchanged).collect::<String>()));
    }

    #[test]
    fn what_is_no_prose_is_not_judged() {
        let short = "Qty kg pcs nr 12 mm DIN xk zq ".repeat(20);
        let genes = "BRCA1 TP53 KRAS xBrQwZt kXvQw9 ".repeat(5);
        let greek = "Το λιμεναρχείο τηρεί μητρώο κάθε πλοίου ".repeat(5);
        let names = "ekvd ekvd ekvdxtg ekvd qkvdzx ekvd ekvdxtg ekvd ".repeat(20);
        let index = "\\\\ekvd@err@xqz . . 12 \\\\qkvd@t@zxw . . 38, 40 a_qxzk vkx_wqpz\n".repeat(20);
        for text in [short, genes, greek, names, index, "Wkh kduerxu".to_owned()] {
            assert!(!are_none(&text), "{text}");
        }
    }
}
