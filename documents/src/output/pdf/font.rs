//! A font that draws nothing: its glyphs have no outlines, and a map says which letter each stands for. Text that is set in it can be
//! selected, copied and searched in any language, at the cost of a kilobyte a document.
//!
//! A Type 0 font over a TrueType font of our own making (PDF 32000-1, 9.7). A letter's code is its number in Unicode; letters beyond
//! the first 65,536 take the numbers of surrogates, which no letter has, in the order in which they come.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, Write},
};

use lopdf::{Dictionary, Object, ObjectId, dictionary};

use super::objects::{ObjectWriter, packed};

/// Widths and heights in thousandths of the size.
pub(super) const ADVANCE: f64 = 500.0;
pub(super) const ASCENT: i64 = 800;
pub(super) const DESCENT: i64 = -200;

/// Codes for letters beyond the first 65,536.
const FIRST_BEYOND: u16 = 0xd800;
const MOST_BEYOND: usize = 0x800;

/// Entries that one section of a map may have.
const SECTION: usize = 100;

pub(super) struct Font {
    pub(super) id: ObjectId,
    letters: ObjectId,
    /// First bytes of the codes that were used.
    used: [bool; 256],
    beyond: HashMap<char, u16>,
}

impl Font {
    /// Writes all but the map of letters, which is known when all text is set.
    pub(super) fn begin<W: Write>(objects: &mut ObjectWriter<W>) -> io::Result<Self> {
        let (id, letters) = (objects.reserve(), objects.reserve());
        let program = true_type();
        let length = program.len() as i64;
        let file = objects.add(packed(dictionary! { "Length1" => length }, &program)?)?;
        // Every code has the same glyph.
        let glyphs = objects.add(packed(Dictionary::new(), &[0, 1].repeat(0x1_0000))?)?;
        let descriptor = objects.add(dictionary! {
            "Type" => "FontDescriptor", "FontName" => "PagestreamInvisible", "Flags" => 5, "ItalicAngle" => 0,
            "FontBBox" => vec![0.into(), DESCENT.into(), (ADVANCE as i64).into(), ASCENT.into()],
            "Ascent" => ASCENT, "Descent" => DESCENT, "CapHeight" => ASCENT, "StemV" => 80, "FontFile2" => file,
        })?;
        let text = |text: &str| Object::string_literal(text);
        let descendant = objects.add(dictionary! {
            "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => "PagestreamInvisible",
            "CIDSystemInfo" => dictionary! { "Registry" => text("Adobe"), "Ordering" => text("Identity"), "Supplement" => 0 },
            "FontDescriptor" => descriptor, "DW" => ADVANCE as i64, "CIDToGIDMap" => glyphs,
            // A blank parts words and takes no room: the next word has a place of its own.
            "W" => vec![0x20.into(), vec![0.into()].into()],
        })?;
        objects.write(
            id,
            dictionary! {
                "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "PagestreamInvisible", "Encoding" => "Identity-H",
                "DescendantFonts" => vec![descendant.into()], "ToUnicode" => letters,
            },
        )?;
        Ok(Self { id, letters, used: [false; 256], beyond: HashMap::new() })
    }

    /// The letter's code.
    pub(super) fn code(&mut self, letter: char) -> u16 {
        let code = match u16::try_from(u32::from(letter)) {
            Ok(code) => code,
            Err(_) => {
                let next = self.beyond.len();
                match self.beyond.get(&letter) {
                    Some(&code) => return code,
                    None if next < MOST_BEYOND => {
                        let code = FIRST_BEYOND + next as u16;
                        self.beyond.insert(letter, code);
                        return code;
                    }
                    // Nobody writes two thousand rare letters into one document.
                    None => 0xfffd,
                }
            }
        };
        self.used[usize::from(code >> 8)] = true;
        code
    }

    pub(super) fn finish<W: Write>(&self, objects: &mut ObjectWriter<W>) -> io::Result<()> {
        objects.write(self.letters, packed(Dictionary::new(), self.map().as_bytes())?)
    }

    /// The ToUnicode CMap (9.10.3). A range may not cross from one first byte to the next.
    fn map(&self) -> String {
        let mut map = "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
            .to_owned();
        let used: Vec<usize> = (0..256).filter(|&first| self.used[first]).collect();
        for section in used.chunks(SECTION) {
            // Writing into a string does not fail.
            let _ = writeln!(map, "{} beginbfrange", section.len());
            for first in section {
                let _ = writeln!(map, "<{first:02X}00> <{first:02X}FF> <{first:02X}00>");
            }
            map.push_str("endbfrange\n");
        }
        let mut beyond: Vec<(u16, char)> = self.beyond.iter().map(|(&letter, &code)| (code, letter)).collect();
        beyond.sort_unstable();
        for section in beyond.chunks(SECTION) {
            let _ = writeln!(map, "{} beginbfchar", section.len());
            for (code, letter) in section {
                let [high, low] = *letter.encode_utf16(&mut [0; 2]) else { continue };
                let _ = writeln!(map, "<{code:04X}> <{high:04X}{low:04X}>");
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        map
    }
}

/// A TrueType font of two glyphs without outlines, in the tables that a PDF asks for (9.9, table 126): Apple's and Microsoft's
/// specification of the format.
fn true_type() -> Vec<u8> {
    let mut head = [0_u8; 54];
    head[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    head[12..16].copy_from_slice(&0x5f0f_3cf5_u32.to_be_bytes());
    head[18..20].copy_from_slice(&1_000_u16.to_be_bytes());
    // The box around all glyphs, the smallest size in pixels.
    head[38..40].copy_from_slice(&(DESCENT as i16).to_be_bytes());
    head[40..42].copy_from_slice(&(ADVANCE as u16).to_be_bytes());
    head[42..44].copy_from_slice(&(ASCENT as u16).to_be_bytes());
    head[46..48].copy_from_slice(&8_u16.to_be_bytes());
    let mut hhea = [0_u8; 36];
    hhea[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    hhea[4..6].copy_from_slice(&(ASCENT as u16).to_be_bytes());
    hhea[6..8].copy_from_slice(&(DESCENT as i16).to_be_bytes());
    hhea[10..12].copy_from_slice(&(ADVANCE as u16).to_be_bytes());
    hhea[34..36].copy_from_slice(&2_u16.to_be_bytes());
    let mut maxp = [0_u8; 32];
    maxp[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    maxp[4..6].copy_from_slice(&2_u16.to_be_bytes());
    maxp[14..16].copy_from_slice(&1_u16.to_be_bytes());
    let width = (ADVANCE as u16).to_be_bytes();
    let hmtx = [width[0], width[1], 0, 0].repeat(2);
    // Offsets of three ends in words: both glyphs are empty. A table of no length confuses readers, so there are four idle bytes.
    let tables: [(&[u8; 4], &[u8]); 6] = [
        (b"glyf", &[0; 4]),
        (b"head", &head),
        (b"hhea", &hhea),
        (b"hmtx", &hmtx),
        (b"loca", &[0; 6]),
        (b"maxp", &maxp),
    ];
    let sum = |bytes: &[u8]| {
        let word = |chunk: &[u8]| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_be_bytes(word)
        };
        bytes.chunks(4).map(word).fold(0, u32::wrapping_add)
    };
    let mut file = 0x0001_0000_u32.to_be_bytes().to_vec();
    // Six tables; the largest power of two below, its logarithm, and what is left, in units of 16.
    for number in [6_u16, 64, 2, 32] {
        file.extend(number.to_be_bytes());
    }
    let mut at = 12 + 16 * tables.len();
    for (tag, table) in tables {
        file.extend(tag);
        for number in [sum(table), at as u32, table.len() as u32] {
            file.extend(number.to_be_bytes());
        }
        at += table.len().next_multiple_of(4);
    }
    let mut start_of_head = 0;
    for (tag, table) in tables {
        if tag == b"head" {
            start_of_head = file.len();
        }
        file.extend(table);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    let adjustment = 0xb1b0_afba_u32.wrapping_sub(sum(&file));
    file[start_of_head + 8..start_of_head + 12].copy_from_slice(&adjustment.to_be_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_a_few_hundred_bytes_and_its_sums_are_right() {
        let file = true_type();
        assert!(file.len() < 400, "{}", file.len());
        let words = file.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap()));
        assert_eq!(words.fold(0, u32::wrapping_add), 0xb1b0_afba);
    }

    #[test]
    fn every_letter_has_one_code_and_the_map_says_which() {
        let mut font = Font { id: (1, 0), letters: (2, 0), used: [false; 256], beyond: HashMap::new() };
        let codes: Vec<u16> = "aé日\u{1d400}\u{1f600}\u{1d400}".chars().map(|letter| font.code(letter)).collect();
        assert_eq!(codes, [0x61, 0xe9, 0x65e5, 0xd800, 0xd801, 0xd800]);
        let map = font.map();
        assert!(map.contains("2 beginbfrange\n<0000> <00FF> <0000>\n<6500> <65FF> <6500>\nendbfrange"), "{map}");
        assert!(map.contains("2 beginbfchar\n<D800> <D835DC00>\n<D801> <D83DDE00>\nendbfchar"), "{map}");
    }
}
