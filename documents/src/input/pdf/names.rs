//! What a font's dictionary says of its face: flags, weight and angle of the descriptor (PDF 32000-1, 9.8), widths, and the name, which is
//! often all that tells.

use std::{collections::HashSet, sync::Arc};

use hayro::hayro_syntax::object::{Array, Dict, Name, Object};

use crate::structure::Face;

/// Bits of a descriptor's flags (PDF 32000-1, table 123).
const FIXED_PITCH: u32 = 1;
const ITALIC: u32 = 1 << 6;
const SMALL_CAPITALS: u32 = 1 << 17;
const FORCE_BOLD: u32 = 1 << 18;
/// Semi-bold and bolder.
const BOLD: f32 = 600.0;
/// Degrees from which on a slope is one.
const SLOPE: f32 = 2.0;
/// Widths that say whether a font is monospaced.
const ENOUGH_WIDTHS: usize = 8;
/// Of a font for Chinese there are thousands.
const MOST_WIDTHS: usize = 1_024;

pub(super) fn face_of(font: &Dict<'_>) -> Face {
    let descendant = font.get::<Array<'_>>(b"DescendantFonts").and_then(|fonts| fonts.iter::<Dict<'_>>().next());
    let inner = descendant.as_ref().unwrap_or(font);
    let descriptor = inner.get::<Dict<'_>>(b"FontDescriptor").unwrap_or_default();
    let name_in = |dict: &Dict<'_>, key: &[u8]| dict.get::<Name<'_>>(key).map(|name| name.as_str().to_owned());
    let name = name_in(font, b"BaseFont")
        .or_else(|| name_in(&descriptor, b"FontName"))
        .or_else(|| name_in(font, b"Name"))
        .unwrap_or_default();
    let name = without_prefix(&name);
    let of_name = by_name(name);
    let flags = descriptor.get::<u32>(b"Flags").unwrap_or(0);
    let weight = descriptor.get::<f32>(b"FontWeight").unwrap_or(0.0);
    let angle = descriptor.get::<f32>(b"ItalicAngle").unwrap_or(0.0);
    Face {
        bold: of_name.bold || weight >= BOLD || flags & FORCE_BOLD != 0,
        italic: of_name.italic || flags & ITALIC != 0 || (SLOPE..90.0).contains(&angle.abs()),
        monospace: of_name.monospace || has_one_width(inner).unwrap_or(flags & FIXED_PITCH != 0),
        small_capitals: of_name.small_capitals || flags & SMALL_CAPITALS != 0,
        ..of_name
    }
}

/// A subset's name begins with six capitals and a plus sign.
fn without_prefix(name: &str) -> &str {
    match name.split_once('+') {
        Some((prefix, rest)) if prefix.len() == 6 && prefix.bytes().all(|byte| byte.is_ascii_uppercase()) => rest,
        _ => name,
    }
}

/// Whether all characters are equally wide; `None` where too few are known.
fn has_one_width(font: &Dict<'_>) -> Option<bool> {
    let simple = font.get::<Array<'_>>(b"Widths");
    let widths: Vec<f32> = match simple {
        Some(widths) => widths.iter::<Object<'_>>().take(MOST_WIDTHS).filter_map(Object::into_f32).collect(),
        None => widths_by_cid(&font.get::<Array<'_>>(b"W")?),
    };
    let used: Vec<f32> = widths.into_iter().filter(|width| *width > 0.0).collect();
    // A few glyphs of a subset may be alike by chance; Chinese characters are, and their font is not monospaced for that.
    let different: HashSet<u32> = used.iter().map(|width| width.to_bits()).collect();
    (used.len() >= ENOUGH_WIDTHS).then_some(different.len() == 1 && used[0] < 900.0)
}

/// `W` of a CID font: `c [w w w]`, or `first last w`.
fn widths_by_cid(array: &Array<'_>) -> Vec<f32> {
    let mut widths = Vec::new();
    let mut before: Vec<f32> = Vec::new();
    for item in array.iter::<Object<'_>>().take(MOST_WIDTHS) {
        match item {
            Object::Array(list) => {
                let room = MOST_WIDTHS.saturating_sub(widths.len());
                widths.extend(list.iter::<Object<'_>>().take(room).filter_map(Object::into_f32));
                before.clear();
            }
            number => before.extend(number.into_f32()),
        }
        if let &[first, last, width] = before.as_slice() {
            let count = ((last - first) as usize).saturating_add(1).min(MOST_WIDTHS.saturating_sub(widths.len()));
            widths.extend(std::iter::repeat_n(width, count));
            before.clear();
        }
    }
    widths
}

/// Parts of names, in small letters, blanks and signs left out.
const BOLD_NAMES: [&str; 4] = ["bold", "black", "heavy", "fett"];
const ITALIC_NAMES: [&str; 6] = ["italic", "oblique", "slanted", "kursiv", "inclined", "cursive"];
const MONOSPACE_NAMES: [&str; 17] = [
    "courier",
    "consol",
    "menlo",
    "monaco",
    "typewriter",
    "fixed",
    "sourcecode",
    "firacode",
    "lettergothic",
    "cousine",
    "nimbusmon",
    "cmtt",
    "cmsltt",
    "cmitt",
    "terminal",
    "hackregular",
    "cascadia",
];
const SMALL_CAPITAL_NAMES: [&str; 3] = ["smallcap", "smcp", "romancaps"];
const MATHEMATICS_NAMES: [&str; 32] = [
    "math",
    "cmmi",
    "cmsy",
    "cmex",
    "cmbsy",
    "cmmib",
    "msam",
    "msbm",
    "eufm",
    "eufb",
    "eusm",
    "eurm",
    "rsfs",
    "wasy",
    "stmary",
    "symbol",
    "txsy",
    "txmi",
    "txex",
    "pxsy",
    "pxmi",
    "pxex",
    "lmmi",
    "lmsy",
    "lmex",
    "bbm",
    "esint",
    "mtmi",
    "mtsy",
    "mtex",
    "standardsym",
    "dsrom",
];

/// What the name tells, the name included.
pub(super) fn by_name(name: &str) -> Face {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    // Families of TeX have size and kind in their names: `cmbx10`, `SFTI1000`.
    let letters = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let has = |parts: &[&str]| parts.iter().any(|part| plain.contains(part));
    let is = |names: &[&str]| names.contains(&letters);
    let ends = |parts: &[&str]| parts.iter().any(|part| name.ends_with(part));
    let starts = |parts: &[&str]| parts.iter().any(|part| plain.starts_with(part));
    let is_demi = plain.contains("demi") && !plain.contains("academi");
    let is_blackletter = plain.contains("blackletter") || plain.contains("blackadder");
    let mathematics = has(&MATHEMATICS_NAMES) || starts(&["katex", "mathjax"]);
    let is_medium_of_urw = plain.starts_with("nimbus") && plain.contains("medi") && !plain.contains("medium");
    Face {
        name: Arc::from(name),
        bold: (has(&BOLD_NAMES) && !is_blackletter)
            || is_demi
            || is_medium_of_urw
            || is(&[
                "cmbx", "cmb", "cmbxti", "cmbxsl", "cmssbx", "sfbx", "sfrb", "sfbi", "sfbl", "sfsx", "sfso", "sfxc",
                "sfoc",
            ])
            || ends(&["-Bd", "-BdIt", "-Blk", "-Hv"]),
        italic: has(&ITALIC_NAMES)
            || is(&[
                "cmti", "cmsl", "cmbxti", "cmbxsl", "cmssi", "cmitt", "cmsltt", "cmu", "sfti", "sfsl", "sfbi", "sfbl",
                "sfit", "sfsi", "sfst",
            ])
            || (plain.starts_with("nimbus") && plain.contains("ital"))
            || ends(&["-It", "-BdIt", "-BoldIt", "-LightIt", "-SemiboldIt", "-MediumIt", "Ital", ",It"]),
        monospace: has(&MONOSPACE_NAMES)
            || (plain.contains("mono") && !plain.contains("monotype"))
            || starts(&["ocra", "ocrb", "pcrr", "pcrb", "txtt"])
            || is(&["sftt", "sfit", "sfst", "lmtt"]),
        small_capitals: has(&SMALL_CAPITAL_NAMES)
            || is(&["cmcsc", "sfcc", "sfxc"])
            || ends(&["-SC", "SC-Regular", "SC-Bold", "-Caps"]),
        mathematics,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_face_is() {
        let said = |name: &str| {
            let Face { bold, italic, monospace, small_capitals, mathematics, .. } = by_name(without_prefix(name));
            let flags = [(bold, 'b'), (italic, 'i'), (monospace, 'm'), (small_capitals, 's'), (mathematics, 'x')];
            flags.iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect::<String>()
        };
        for (name, expected) in [
            ("ABCDEF+CMR10", ""),
            ("ABCDEF+CMBX12", "b"),
            ("CMTI9", "i"),
            ("CMTT10", "m"),
            ("CMCSC10", "s"),
            ("CMMI10", "x"),
            ("CMSY7", "x"),
            ("SFBX1440", "b"),
            ("LMRoman10-BoldItalic", "bi"),
            ("LMMono10-Regular", "m"),
            ("LMRomanCaps10-Regular", "s"),
            ("LMMathItalic10-Regular", "ix"),
            ("NimbusRomNo9L-Medi", "b"),
            ("NimbusRomNo9L-MediItal", "bi"),
            ("Arial,Bold", "b"),
            ("Helvetica-Oblique", "i"),
            ("Courier-BoldOblique", "bim"),
            ("Segoe UI Semibold", "b"),
            ("SourceSerifPro-It", "i"),
            ("Blackletter-Regular", ""),
            ("Roboto-Medium", ""),
            ("DejaVuSansMono-Bold", "bm"),
            ("CambriaMath", "x"),
            ("Symbol", "x"),
            ("TimesNewRomanPSMT", ""),
            ("ITCAvantGarde-Demi", "b"),
            ("Academica", ""),
            ("MonotypeCorsiva", ""),
            ("Democratica", ""),
        ] {
            assert_eq!(said(name), expected, "{name}");
        }
        assert_eq!(&*by_name(without_prefix("ABCDEF+CMR10")).name, "CMR10");
        assert_eq!(&*by_name(without_prefix("A+B")).name, "A+B");
    }
}
