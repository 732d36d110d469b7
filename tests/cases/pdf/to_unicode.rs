//! ToUnicode CMaps (PDF 32000-1, 9.10.3), in the forms in which programs write them.

/// How the map is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `beginbfchar`, a line a code.
    Chars,
    /// `beginbfrange`, with a range wherever codes and characters go on together.
    Ranges,
    /// `beginbfrange` with an array of characters.
    Array,
    /// No blanks where tokens end by themselves, and none where they do not, as one program has it.
    WithoutBlanks,
}

/// A CMap for codes of `bytes` bytes and what each stands for.
pub fn cmap(entries: &[(u32, String)], bytes: usize, form: Form) -> Vec<u8> {
    let digits = 2 * bytes;
    let code = |code: u32| format!("<{code:0digits$x}>");
    let text = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("{unit:04X}"));
        format!("<{}>", units.collect::<String>())
    };
    let last = if bytes == 1 { 0xff } else { 0xffff };
    if form == Form::WithoutBlanks {
        let pairs: String = entries.iter().map(|(at, to)| format!("{}{}", code(*at), text(to))).collect();
        return format!(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap/CIDSystemInfo<</Registry(Own)/Ordering(Own)/Supplement 0>>def/CMapName/Own def/CMapType 2 def1 begincodespacerange{}{}endcodespacerange{} beginbfchar{pairs}endbfcharendcmap CMapName currentdict/CMap defineresource pop end end",
            code(0),
            code(last),
            entries.len(),
        )
        .into_bytes();
    }
    let mut map = String::from(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n",
    );
    map.push_str(&format!("1 begincodespacerange\n{} {}\nendcodespacerange\n", code(0), code(last)));
    // A section holds 100 entries at most.
    match form {
        Form::Ranges | Form::Array => {
            let ranges = ranges(entries);
            for section in ranges.chunks(100) {
                map.push_str(&format!("{} beginbfrange\n", section.len()));
                for range in section {
                    let (first, last) = (range[0].0, range[range.len() - 1].0);
                    let texts: Vec<String> = range.iter().map(|(_, to)| text(to)).collect();
                    let to = if form == Form::Array { format!("[{}]", texts.join(" ")) } else { texts[0].clone() };
                    map.push_str(&format!("{} {} {to}\n", code(first), code(last)));
                }
                map.push_str("endbfrange\n");
            }
        }
        _ => {
            for section in entries.chunks(100) {
                map.push_str(&format!("{} beginbfchar\n", section.len()));
                section.iter().for_each(|(at, to)| map.push_str(&format!("{} {}\n", code(*at), text(to))));
                map.push_str("endbfchar\n");
            }
        }
    }
    map.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
    map.into_bytes()
}

/// Entries that go on together: code and character both one further, within one last byte.
fn ranges(entries: &[(u32, String)]) -> Vec<Vec<(u32, String)>> {
    let single = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|_| chars.next().is_none()).map(u32::from)
    };
    let mut ranges: Vec<Vec<(u32, String)>> = Vec::new();
    for entry in entries {
        let goes_on = ranges.last().and_then(|range| range.last()).is_some_and(|(code, text)| {
            let next = single(text).map(|c| c + 1);
            code + 1 == entry.0
                && entry.0 & 0xff != 0
                && next.is_some_and(|c| c & 0xff != 0)
                && next == single(&entry.1)
        });
        match ranges.last_mut() {
            Some(range) if goes_on => range.push(entry.clone()),
            _ => ranges.push(vec![entry.clone()]),
        }
    }
    ranges
}
