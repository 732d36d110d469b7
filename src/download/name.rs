//! What a document is called that came from an address: as its server says, or as the address ends.

use pagestream_documents::harmless;
use percent_encoding::percent_decode_str;
use url::Url;

/// Characters of a name.
const LONGEST: usize = 255;

/// The name that `Content-Disposition` gives (RFC 6266: `filename*` before `filename`), else the last part of the path, else the host.
pub fn name_of(disposition: Option<&[u8]>, url: &Url) -> String {
    let told = disposition.map(String::from_utf8_lossy);
    let told = told.as_deref().and_then(|text| extended(text).or_else(|| parameter(text, "filename")));
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let last = percent_decode_str(last).decode_utf8_lossy().into_owned();
    let names = [told.unwrap_or_default(), last, url.host_str().unwrap_or_default().to_owned()];
    names.iter().find_map(|name| clean(name)).unwrap_or_else(|| "document".to_owned())
}

/// The last part of a path, without anything that a terminal or a page would obey.
fn clean(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    match name.trim() {
        "" | "." | ".." => None,
        name => Some(harmless(name).into_owned()),
    }
}

/// `filename*=UTF-8''na%C3%AFve.pdf` (RFC 8187).
fn extended(text: &str) -> Option<String> {
    let value = parameter(text, "filename*")?;
    let mut parts = value.splitn(3, '\'');
    let (charset, _, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes: Vec<u8> = percent_decode_str(encoded).collect();
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// A parameter of a header's value, its quotes taken off.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = &text[text.find(';')? + 1..];
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = &after[after.find(';')? + 1..];
    }
}

/// Up to the quote that ends it, and what is behind.
fn quoted_string(text: &str) -> (String, &str) {
    let (mut value, mut escaped) = (String::new(), false);
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &text[place + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_called_as_its_server_says_and_leads_nowhere() {
        let url = "https://a.example/files/last%20one.pdf?x=/y";
        for (disposition, name) in [
            ("", "last one.pdf"),
            ("attachment", "last one.pdf"),
            ("attachment; filename=plain.pdf", "plain.pdf"),
            (r#"attachment; filename="a b; c=\"d\".pdf""#, "a b; c=\"d\".pdf"),
            (r#"attachment; size=3; FileName = "x.pdf""#, "x.pdf"),
            (r#"attachment; filename="e.pdf"; filename*=UTF-8''na%C3%AFve.pdf"#, "naïve.pdf"),
            ("attachment; filename*=iso-8859-1'en'%A3.pdf", "£.pdf"),
            (r#"attachment; filename*=UTF-8''%FF; filename="fallback.pdf""#, "fallback.pdf"),
            (r#"attachment; filename="../../etc/passwd""#, "passwd"),
            (r#"attachment; filename="C:\\scans\\a.tif""#, "a.tif"),
            ("attachment; filename*=UTF-8''a%0D%0Ab%1B%5B1m.pdf", "ab[1m.pdf"),
            (r#"attachment; filename="..""#, "last one.pdf"),
            (r#"attachment; filename="unfinished"#, "unfinished"),
            ("attachment; filename", "last one.pdf"),
            ("; ; =", "last one.pdf"),
        ] {
            assert_eq!(name_of(Some(disposition.as_bytes()), &Url::parse(url).unwrap()), name, "{disposition}");
        }
        for (url, name) in [
            ("https://a.example", "a.example"),
            ("https://a.example/x/", "a.example"),
            ("https://a.example/%2e%2e%2f%2e%2e", "a.example"),
            ("https://a.example/x%2Fy.pdf", "y.pdf"),
            ("https://a.example/%ff.pdf", "\u{fffd}.pdf"),
        ] {
            assert_eq!(name_of(None, &Url::parse(url).unwrap()), name, "{url}");
        }
        let long = format!("attachment; filename={}", "x".repeat(1000));
        assert_eq!(name_of(Some(long.as_bytes()), &Url::parse(url).unwrap()).len(), LONGEST);
    }
}
