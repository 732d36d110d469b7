//! Invisible text that an earlier OCR has left on a page: whether there is any, and the page's content without it.
//!
//! Content is looked through as a list of operators (PDF 32000-1, 7.8.2); what is not taken out stays as it was written, to the byte.

use hayro::hayro_syntax::object::{Array, Dict, Name, ObjectIdentifier, Stream};

/// Forms within forms.
const DEEPEST_FORM: u32 = 8;
/// Forms of a page; a text layer is in the first few.
const MOST_FORMS: usize = 256;
/// The rendering mode of text that is neither filled nor stroked (9.3.6).
const INVISIBLE: &[u8] = b"3";

/// Whether the page draws invisible text, itself or in a form.
pub(super) fn is_on(page: &Dict<'_>) -> bool {
    has_text(&content(page))
        || all_forms(page).iter().any(|form| form.decoded_data().is_ok_and(|bytes| has_text(&bytes)))
}

/// The forms that do, with their content without it.
pub(super) fn forms<'a>(page: &Dict<'a>) -> Vec<(ObjectIdentifier, Dict<'a>, Vec<u8>)> {
    let forms = all_forms(page).into_iter().filter_map(|form| {
        let bytes = form.decoded_data().ok()?;
        has_text(&bytes).then(|| (form.obj_id(), form.dict().clone(), without_text(&bytes)))
    });
    forms.collect()
}

/// The page's content, its streams parted by a line end as the format says.
pub(super) fn content(page: &Dict<'_>) -> Vec<u8> {
    if let Some(stream) = page.get::<Stream<'_>>("Contents") {
        return stream.decoded_data().map(|bytes| bytes.into_owned()).unwrap_or_default();
    }
    let mut all = Vec::new();
    for stream in page.get::<Array<'_>>("Contents").iter().flat_map(|streams| streams.iter::<Stream<'_>>()) {
        if let Ok(bytes) = stream.decoded_data() {
            all.extend_from_slice(&bytes);
            all.push(b'\n');
        }
    }
    all
}

fn all_forms<'a>(page: &Dict<'a>) -> Vec<Stream<'a>> {
    let mut found: Vec<Stream<'a>> = Vec::new();
    let mut waiting: Vec<(Dict<'a>, u32)> = resources(page).into_iter().map(|resources| (resources, 0)).collect();
    while let Some((resources, depth)) = waiting.pop() {
        let Some(objects) = resources.get::<Dict<'a>>("XObject") else { continue };
        for key in objects.keys() {
            let Some(stream) = objects.get::<Stream<'a>>(key.as_ref()) else { continue };
            let is_form = stream.dict().get::<Name<'_>>("Subtype").is_some_and(|kind| kind.as_ref() == b"Form");
            let is_new = found.iter().all(|known| known.obj_id() != stream.obj_id());
            if !is_form || !is_new || found.len() == MOST_FORMS {
                continue;
            }
            if let Some(inner) = stream.dict().get::<Dict<'a>>("Resources").filter(|_| depth < DEEPEST_FORM) {
                waiting.push((inner, depth + 1));
            }
            found.push(stream);
        }
    }
    found
}

fn resources<'a>(page: &Dict<'a>) -> Option<Dict<'a>> {
    let mut node = Some(page.clone());
    for _ in 0..64 {
        let at = node?;
        if let Some(resources) = at.get::<Dict<'a>>("Resources") {
            return Some(resources);
        }
        node = at.get::<Dict<'a>>("Parent");
    }
    None
}

fn has_text(content: &[u8]) -> bool {
    let mut found = false;
    walk(content, |_, _, is_invisible_text| found |= is_invisible_text);
    found
}

/// The content without what shows invisible text. What moves to the next line as it shows text still moves.
pub(super) fn without_text(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    walk(content, |bytes, operator, is_invisible_text| match (is_invisible_text, operator) {
        (false, _) => out.extend_from_slice(bytes),
        (true, b"'" | b"\"") => out.extend_from_slice(b" T* "),
        (true, _) => out.push(b' '),
    });
    out
}

/// Hands on each operator with its operands, as (all of its bytes, the operator, whether it shows invisible text). What is behind
/// the last operator comes with an empty one.
fn walk(content: &[u8], mut give: impl FnMut(&[u8], &[u8], bool)) {
    let (mut start, mut at) = (0, 0);
    // The mode belongs to the graphics state, which is saved and restored.
    let (mut is_invisible, mut saved) = (false, Vec::new());
    let mut last: &[u8] = b"";
    while let Some((token, end)) = token(content, at) {
        at = end;
        let Token::Word(word) = token else {
            last = b"";
            continue;
        };
        if word.first().is_some_and(|byte| byte.is_ascii_digit() || b"+-./".contains(byte)) {
            last = word;
            continue;
        }
        let shows = matches!(word, b"Tj" | b"TJ" | b"'" | b"\"") && is_invisible;
        match word {
            b"q" => saved.push(is_invisible),
            b"Q" => is_invisible = saved.pop().unwrap_or(is_invisible),
            b"Tr" => is_invisible = last == INVISIBLE,
            b"true" | b"false" | b"null" => continue,
            // The samples of an inline image are no operators.
            b"ID" => at = end_of_image(content, at),
            _ => {}
        }
        give(&content[start..at], word, shows);
        start = at;
        last = b"";
    }
    if start < content.len() {
        give(&content[start..], b"", false);
    }
}

enum Token<'a> {
    /// A number, a name with its slash, or an operator.
    Word(&'a [u8]),
    /// A string, or a bracket.
    Other,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// The next token, and where it ends; `None` at the end of the content.
fn token(content: &[u8], mut at: usize) -> Option<(Token<'_>, usize)> {
    loop {
        match *content.get(at)? {
            byte if is_blank(byte) => at += 1,
            b'%' => at += content[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count(),
            _ => break,
        }
    }
    let other = |end: usize| Some((Token::Other, end.min(content.len())));
    match content[at] {
        b'(' => {
            let (mut depth, mut end) = (0_u32, at);
            while let Some(&byte) = content.get(end) {
                end += match byte {
                    b'\\' => 2,
                    _ => 1,
                };
                match byte {
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            other(end)
        }
        b'<' if content.get(at + 1) == Some(&b'<') => other(at + 2),
        b'<' => other(at + 1 + content[at + 1..].iter().take_while(|&&byte| byte != b'>').count() + 1),
        b'>' if content.get(at + 1) == Some(&b'>') => other(at + 2),
        b'[' | b']' | b'{' | b'}' | b')' | b'>' => other(at + 1),
        _ => {
            let is_delimiter = |byte: u8| is_blank(byte) || b"()<>[]{}/%".contains(&byte);
            let length = 1 + content[at + 1..].iter().take_while(|&&byte| !is_delimiter(byte)).count();
            Some((Token::Word(&content[at..at + length]), at + length))
        }
    }
}

/// Where `EI` begins that ends an inline image: after a blank, and before one or the end.
fn end_of_image(content: &[u8], from: usize) -> usize {
    let ends = |at: &usize| {
        content[*at..].starts_with(b"EI")
            && is_blank(content[at - 1])
            && content.get(at + 2).is_none_or(|&byte| is_blank(byte))
    };
    (from.max(1)..content.len()).find(ends).unwrap_or(content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_text_is_taken_out_and_nothing_else() {
        for (content, expected) in [
            ("q 1 0 0 1 0 0 cm /Im Do Q", None),
            ("BT /F 1 Tf (seen) Tj ET", None),
            ("BT 3 Tr (gone) Tj 0 Tr (seen) Tj ET", Some("BT 3 Tr  0 Tr (seen) Tj ET")),
            ("q 3 Tr Q BT (seen)Tj ET", None),
            ("3 Tr BT [(a) -1 (b\\))]TJ (c) ' ET/Im Do", Some("3 Tr BT  T*  ET/Im Do")),
            ("BT 3 Tr % (no) Tj\n<00> Tj ET", Some("BT 3 Tr  ET")),
            ("BI /W 1 ID 3 Tr (x) Tj EI (seen) Tj", None),
            ("/P <</MCID 0>> BDC BT 3 Tr (a(b)c) Tj ET EMC", Some("/P <</MCID 0>> BDC BT 3 Tr  ET EMC")),
            ("(not closed", None),
        ] {
            assert_eq!(has_text(content.as_bytes()), expected.is_some(), "{content}");
            let left = String::from_utf8(without_text(content.as_bytes())).unwrap();
            assert_eq!(left, expected.unwrap_or(content), "{content}");
        }
    }
}
