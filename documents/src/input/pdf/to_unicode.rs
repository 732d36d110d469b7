//! ToUnicode CMaps that hayro 0.9 cannot read and that other readers take: it wants a blank between all tokens
//! (`endcodespacerange4 beginbfchar<20>` is one name to it), and refuses a CMap as a whole for one entry that is empty or one too few.
//! What such a CMap says is read here as far as it goes, and written anew for hayro, before it sees the document.
//!
//! This module is all that knows of it. When a version of hayro reads such CMaps, it goes, and with it what `reader.rs` and
//! `mod.rs` ask of it.

use std::{collections::HashSet, fmt::Write};

use hayro::{
    hayro_interpret::hayro_cmap::{CMap, load_embedded},
    hayro_syntax::{
        object::{Dict, Name, Stream},
        page::{Page, Resources},
    },
};
use lopdf::{Dictionary, Object, ObjectId};

use super::structure;
use crate::{error::Result, input::OpenOptions};

/// Forms within forms within forms: in deeper ones fonts are not looked for.
const DEEPEST_FORM: u32 = 8;
/// Objects within objects.
const DEEPEST_OBJECT: u32 = 32;
/// Codes of a font are 65,536 at most.
const MOST_ENTRIES: usize = 1 << 16;
/// Bytes of a CMap: of that many codes with names of one letter each, three times over.
const MOST_BYTES: usize = 8 << 20;
/// The words that a ToUnicode CMap is made of.
const KEYWORDS: [&[u8]; 3] = [b"codespacerange", b"bfchar", b"bfrange"];

/// Fonts, and forms that may hold fonts, that were looked at before: object numbers in a document.
#[derive(Default)]
pub(super) struct Seen(HashSet<(u32, i32)>);

/// Whether a font of the page has a CMap that hayro does not read as it is meant. Fonts are looked at once in a document.
pub(super) fn is_misread(page: &Page<'_>, seen: &mut Seen) -> bool {
    resources_are_misread(page.resources(), seen, 0)
}

fn resources_are_misread(resources: &Resources<'_>, seen: &mut Seen, depth: u32) -> bool {
    let mut is_new = |dict: &Dict<'_>, name: &Name<'_>| {
        dict.get_ref(name).is_none_or(|reference| seen.0.insert((reference.obj_number, reference.gen_number)))
    };
    let fonts = &resources.fonts;
    let new_fonts: Vec<Name<'_>> = fonts.keys().filter(|name| is_new(fonts, name)).collect();
    let forms = &resources.x_objects;
    let new_forms: Vec<Name<'_>> = forms.keys().filter(|name| is_new(forms, name)).collect();
    let is_misread = |name: &Name<'_>| {
        let cmap = fonts.get::<Dict<'_>>(name).and_then(|font| font.get::<Stream<'_>>(b"ToUnicode"));
        cmap.and_then(|cmap| cmap.decoded_data().ok()).is_some_and(|cmap| mend(&cmap).is_some())
    };
    if new_fonts.iter().any(is_misread) {
        return true;
    }
    if depth >= DEEPEST_FORM {
        return false;
    }
    new_forms.iter().filter_map(|name| forms.get::<Stream<'_>>(name)).any(|form| {
        let is_form = form.dict().get::<Name<'_>>(b"Subtype").as_deref() == Some(b"Form");
        let resources = is_form.then(|| form.dict().get::<Dict<'_>>(b"Resources")).flatten();
        resources.is_some_and(|resources| resources_are_misread(&Resources::new(resources), seen, depth + 1))
    })
}

/// The document with such CMaps written anew; without encryption, if it had any.
///
/// # Errors
/// `Damaged` when lopdf cannot read the document.
pub(super) fn rewritten(bytes: &[u8], options: &OpenOptions) -> Result<Vec<u8>> {
    let mut document = structure::load(bytes, options, false)?;
    let mut cmaps = HashSet::new();
    for object in document.objects.values() {
        gather(object, &mut cmaps, 0);
    }
    for id in cmaps {
        let Some(Object::Stream(stream)) = document.objects.get_mut(&id) else { continue };
        let content = stream.get_plain_content_with_limit(MOST_BYTES).ok();
        if let Some(mended) = content.and_then(|content| mend(&content)) {
            stream.dict.remove(b"DecodeParms");
            stream.set_plain_content(mended);
        }
    }
    structure::save(document)
}

/// Streams that are the ToUnicode of a font, wherever that stands.
fn gather(object: &Object, cmaps: &mut HashSet<ObjectId>, depth: u32) {
    let mut within = |dict: &Dictionary| {
        for (key, value) in dict {
            match value {
                Object::Reference(id) if key == b"ToUnicode" => drop(cmaps.insert(*id)),
                value if depth < DEEPEST_OBJECT => gather(value, cmaps, depth + 1),
                _ => {}
            }
        }
    };
    match object {
        Object::Dictionary(dict) => within(dict),
        Object::Stream(stream) => within(&stream.dict),
        Object::Array(array) if depth < DEEPEST_OBJECT => {
            array.iter().for_each(|value| gather(value, cmaps, depth + 1));
        }
        _ => {}
    }
}

/// What the CMap says, written so that hayro reads it; `None` where it does already, or where it says nothing.
fn mend(cmap: &[u8]) -> Option<Vec<u8>> {
    if !has_glued_tokens(cmap) && CMap::parse(cmap, load_embedded).is_some() {
        return None;
    }
    let entries = entries(cmap);
    (!entries.is_empty()).then(|| write(&entries))
}

/// Whether a keyword has no blank before or after it, so that it is part of another name.
fn has_glued_tokens(cmap: &[u8]) -> bool {
    let is_regular = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    KEYWORDS.iter().any(|keyword| {
        positions(cmap, keyword).any(|at| {
            let start =
                [&b"begin"[..], b"end"].iter().find(|word| cmap[..at].ends_with(word)).map(|word| at - word.len());
            let before = start.and_then(|start| cmap.get(start.checked_sub(1)?));
            start.is_some() && (is_regular(before) || is_regular(cmap.get(at + keyword.len())))
        })
    })
}

fn positions<'a>(haystack: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    haystack.windows(needle.len()).enumerate().filter(move |(_, window)| *window == needle).map(|(at, _)| at)
}

/// Codes from one to another, and what the first of them stands for, in UTF-16 (or one byte).
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    from: Vec<u8>,
    to: Vec<u8>,
    text: Vec<u8>,
}

/// All entries that can be made out, in their order.
fn entries(cmap: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = cmap;
    while let Some(at) = rest.windows(7).position(|window| window == b"beginbf") {
        rest = &rest[at + 7..];
        let is_range = rest.starts_with(b"range");
        let end = rest.windows(5).position(|window| matches!(window, b"endbf" | b"begin")).unwrap_or(rest.len());
        let (section, after) = rest.split_at(end);
        rest = after;
        let mut tokens = tokens(section);
        while let Some(Token::Hex(from)) = tokens.find(|token| matches!(token, Token::Hex(_))) {
            if entries.len() >= MOST_ENTRIES {
                return entries;
            }
            let to = match is_range.then(|| tokens.next()) {
                None => from.clone(),
                Some(Some(Token::Hex(to))) => to,
                Some(_) => break,
            };
            match tokens.next() {
                Some(Token::Hex(text)) => entries.push(Entry { from, to, text }),
                Some(Token::Open) => {
                    let mut code = from;
                    for text in
                        tokens.by_ref().map_while(|token| if let Token::Hex(text) = token { Some(text) } else { None })
                    {
                        entries.push(Entry { from: code.clone(), to: code.clone(), text });
                        // The last byte alone counts, as within any range of codes.
                        if let Some(last) = code.last_mut() {
                            *last = last.wrapping_add(1);
                        }
                    }
                }
                _ => break,
            }
        }
    }
    entries.retain(|entry| !entry.text.is_empty() && (1..=4).contains(&entry.from.len()) && entry.to >= entry.from);
    entries
}

enum Token {
    Hex(Vec<u8>),
    Open,
    Close,
}

/// Strings of hexadecimal digits and brackets; all else says nothing between them.
fn tokens(section: &[u8]) -> impl Iterator<Item = Token> + '_ {
    let mut rest = section;
    std::iter::from_fn(move || {
        let at = rest.iter().position(|byte| b"<[]".contains(byte))?;
        let (first, after) = (rest[at], &rest[at + 1..]);
        rest = after;
        match first {
            b'[' => return Some(Token::Open),
            b']' => return Some(Token::Close),
            _ => {}
        }
        let end = after.iter().position(|&byte| byte == b'>').unwrap_or(after.len());
        rest = &after[(end + 1).min(after.len())..];
        let digits = after[..end].iter().filter_map(|&byte| char::from(byte).to_digit(16));
        let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
        Some(Token::Hex(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()))
    })
}

fn write(entries: &[Entry]) -> Vec<u8> {
    /// As many as the specification of CMaps allows in one section.
    const A_SECTION: usize = 100;
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"));
    let longest = entries.iter().map(|entry| entry.from.len()).max().unwrap_or(1);
    let mut out = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n/CMapType 2 def\n".to_owned();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "1 begincodespacerange\n<{}> <{}>\nendcodespacerange",
        "00".repeat(longest),
        "FF".repeat(longest)
    );
    for section in entries.chunks(A_SECTION) {
        let _ = writeln!(out, "{} beginbfrange", section.len());
        for Entry { from, to, text } in section {
            let _ = writeln!(out, "<{}> <{}> <{}>", hex(from), hex(to), hex(text));
        }
        out.push_str("endbfrange\n");
    }
    out.push_str("endcmap end end\n");
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use hayro::hayro_interpret::hayro_cmap::BfString;

    use super::*;

    /// What each code stands for once the CMap is mended, or `None` where nothing is to be mended.
    fn read(cmap: &str, codes: std::ops::RangeInclusive<u32>) -> Option<String> {
        let cmap = CMap::parse(&mend(cmap.as_bytes())?, load_embedded).expect("what is written can be read");
        let text = |code| match cmap.lookup_bf_string(code) {
            Some(BfString::Char(c)) => c.to_string(),
            Some(BfString::String(text)) => text,
            None => "-".to_owned(),
        };
        Some(codes.map(text).collect())
    }

    #[test]
    fn what_lacks_blanks_or_has_a_hole_is_written_anew() {
        let range = "begincmap 1 begincodespacerange <00> <FF> endcodespacerange";
        for (given, expected) in [
            // Hayro reads these as they are.
            (format!("{range} 2 beginbfchar <20> <0041> <21> <0042> endbfchar endcmap"), None),
            (format!("{range}\n1 beginbfrange<20><22><0041>endbfrange\nendcmap"), None),
            (format!("{range}2 beginbfchar<20> <0041><21> <0042>endbfcharendcmap"), Some("AB-")),
            (
                "def1 begincodespacerange<00><FF>endcodespacerange1 beginbfrange<20><22><0041>endbfrange".into(),
                Some("ABC"),
            ),
            (format!("{range} 1beginbfchar <20> <0041> endbfchar endcmap"), Some("A--")),
            (format!("{range} 2 beginbfchar <20> <> <21> <0042> endbfchar endcmap"), Some("-B-")),
            (format!("{range} 1 beginbfrange <20> <22> [<0041> <00660069>] endbfrange endcmap"), Some("Afi-")),
            (format!("{range} 2 beginbfchar <20> <0041> <21> <0042"), Some("AB-")),
            (format!("{range}1 beginbfchar endbfchar nothing at all"), None),
            (String::new(), None),
        ] {
            assert_eq!(read(&given, 0x20..=0x22).as_deref(), expected, "{given}");
        }
    }
}
