//! A formula in plain characters.

use unicode_normalization::UnicodeNormalization;

use super::{
    characters::{self, Class, accent_above, class, is_grouping, plain_letter},
    tokens::{argument, tokens},
    tree::Element,
};

/// Width of a space that is to be seen, in em.
const SEEN: f32 = 0.2;

/// What stands between two blanks at most, and how it stands to its neighbours.
#[derive(Clone, Debug)]
struct Atom {
    text: String,
    class: Class,
}

impl Atom {
    fn new(text: impl Into<String>, class: Class) -> Self {
        Self { text: text.into(), class }
    }
}

/// Elements of a row in one line.
pub(super) fn text(elements: &[Element]) -> String {
    joined(&atoms(elements), false)
}

/// What the elements say in a place that has no room for blanks.
fn compact(elements: &[Element]) -> String {
    joined(&atoms(elements), true)
}

fn atoms(elements: &[Element]) -> Vec<Atom> {
    let mut atoms = Vec::with_capacity(elements.len());
    elements.iter().for_each(|element| push(&mut atoms, element));
    atoms
}

fn one(element: &Element) -> &[Element] {
    std::slice::from_ref(element)
}

fn push(atoms: &mut Vec<Atom>, element: &Element) {
    let child = |index: usize| element.children.get(index);
    match element.name {
        "mi" | "mn" | "mtext" | "ms" => {
            let text = letters(&element.text);
            match () {
                () if text.trim().is_empty() => atoms.push(Atom::new(" ", Class::Blank)),
                () if element.name == "mtext" => words(atoms, &text),
                () if element.name == "mi" && text.chars().count() > 1 => atoms.push(Atom::new(text, Class::Word)),
                () => atoms.push(Atom::new(text, Class::Ordinary)),
            }
        }
        "mo" => {
            let text = letters(&element.text);
            let Some(first) = text.chars().next() else { return };
            let class = match (text.chars().count(), element.attribute("form")) {
                (1, "prefix") if matches!(first, '|' | '‖' | '∣' | '∥') => Class::Open,
                (1, "postfix") if matches!(first, '|' | '‖' | '∣' | '∥') => Class::Close,
                (1, _) => class(first),
                // `:=`, or a name.
                _ if text.chars().all(char::is_alphabetic) => Class::Word,
                _ if text.chars().all(char::is_alphanumeric) => Class::Ordinary,
                _ if text.contains(char::is_alphabetic) => Class::Word,
                _ => class(first),
            };
            atoms.push(Atom::new(text, class));
        }
        "mspace" => {
            if width(element.attribute("width")) >= SEEN {
                atoms.push(Atom::new(" ", Class::Blank));
            }
        }
        "mphantom" | "none" | "mprescripts" => {}
        "mfrac" => fraction(atoms, element),
        "msqrt" => {
            let inner = compact_argument(&element.children);
            atoms.push(Atom::new(format!("√{inner}"), Class::Ordinary));
        }
        "mroot" => {
            let (Some(base), Some(degree)) = (child(0), child(1)) else { return };
            let sign = match compact(one(degree)).as_str() {
                "2" | "" => "√".to_owned(),
                "3" => "∛".to_owned(),
                "4" => "∜".to_owned(),
                degree => match all(degree, characters::superscript) {
                    Some(raised) => format!("{raised}√"),
                    None => format!("root({degree})"),
                },
            };
            atoms.push(Atom::new(format!("{sign}{}", compact_argument(one(base))), Class::Ordinary));
        }
        "msub" => scripted(atoms, child(0), child(1), None),
        "msup" => scripted(atoms, child(0), None, child(1)),
        "msubsup" => scripted(atoms, child(0), child(1), child(2)),
        "munder" if is_accent(element) => accented(atoms, child(0), child(1), false),
        "mover" if is_accent(element) => accented(atoms, child(0), child(1), true),
        "munder" => scripted(atoms, child(0), child(1), None),
        "mover" => scripted(atoms, child(0), None, child(1)),
        "munderover" => scripted(atoms, child(0), child(1), child(2)),
        "mmultiscripts" => multiscripts(atoms, element),
        "mtable" => table(atoms, element),
        _ => element.children.iter().for_each(|child| push(atoms, child)),
    }
}

/// Characters that are to be seen, each plain.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{2061}'..='\u{2064}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}'))
        .map(|c| if c.is_whitespace() { ' ' } else { plain_letter(c) })
        .collect()
}

/// A text in a formula has its blanks where it wants them.
fn words(atoms: &mut Vec<Atom>, text: &str) {
    if text.starts_with(' ') {
        atoms.push(Atom::new(" ", Class::Blank));
    }
    let is_word = text.chars().any(char::is_alphanumeric);
    atoms.push(Atom::new(text.trim(), if is_word { Class::Word } else { Class::Ordinary }));
    if text.ends_with(' ') {
        atoms.push(Atom::new(" ", Class::Blank));
    }
}

/// In em; no unit but em, mu and what is nearly nothing is written.
fn width(value: &str) -> f32 {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    number.trim().parse().unwrap_or(0.0)
}

fn fraction(atoms: &mut Vec<Atom>, element: &Element) {
    let [above, below] = &element.children[..] else { return };
    if element.attribute("linethickness").starts_with('0') {
        let text = format!("{} choose {}", compact(one(above)), compact(one(below)));
        return atoms.push(Atom::new(text, Class::Ordinary));
    }
    let parts = atoms_of_argument(one(above));
    let is_sum = is_sum(&parts);
    let top = joined(&parts, true);
    let top = if is_sum && !is_fenced(&parts) { format!("({top})") } else { top };
    let parts = atoms_of_argument(one(below));
    let is_differential = matches!(&parts[..], [d, _] if matches!(d.text.as_str(), "d" | "∂"));
    let bottom = joined(&parts, true);
    let bottom = if parts.len() > 1 && !is_fenced(&parts) && !is_differential { format!("({bottom})") } else { bottom };
    atoms.push(Atom::new(format!("{top}/{bottom}"), Class::Fraction));
}

/// Whether anything outside of brackets would go on behind a stroke.
fn is_sum(atoms: &[Atom]) -> bool {
    let mut depth = 0_i32;
    atoms.iter().any(|atom| {
        depth += i32::from(atom.class == Class::Open) - i32::from(atom.class == Class::Close);
        let goes_on = matches!(atom.class, Class::Binary | Class::Relation | Class::Punctuation | Class::Fraction);
        depth <= 0 && goes_on
    })
}

fn atoms_of_argument(elements: &[Element]) -> Vec<Atom> {
    let mut atoms = atoms(elements);
    atoms.retain(|atom| atom.class != Class::Blank);
    atoms
}

/// What a root is taken of, or what has a script: in parentheses unless it is one thing.
fn compact_argument(elements: &[Element]) -> String {
    let parts = atoms_of_argument(elements);
    let text = joined(&parts, true);
    let is_one = parts.len() == 1 && parts[0].class != Class::Fraction || is_fenced(&parts);
    if is_one { text } else { format!("({text})") }
}

/// Whether one pair of brackets is around all of it.
fn is_fenced(atoms: &[Atom]) -> bool {
    if let [first, .., last] = atoms
        && first.text == last.text
        && matches!(first.text.as_str(), "|" | "‖" | "∥")
    {
        return true;
    }
    let mut depth = 0_i32;
    let ends = atoms.iter().position(|atom| {
        depth += i32::from(atom.class == Class::Open) - i32::from(atom.class == Class::Close && atom.text != "!");
        depth <= 0
    });
    atoms.len() > 1 && ends == Some(atoms.len() - 1)
}

/// Whether it is set between a bracket and nothing.
fn is_half_fenced(element: &Element) -> bool {
    element.children.first().is_some_and(|first| first.name == "mo" && first.text == "\u{2063}")
}

fn scripted(atoms: &mut Vec<Atom>, base: Option<&Element>, below: Option<&Element>, above: Option<&Element>) {
    let Some(base) = base else { return };
    let parts = atoms_of_argument(one(base));
    let class = match &parts[..] {
        [only] => only.class,
        _ => Class::Ordinary,
    };
    // Braces that lie over what they group are not said; what stands over them is a script.
    let mut text = match &parts[..] {
        [] => String::new(),
        [only] if only.class == Class::Fraction => format!("({})", only.text),
        parts if parts.len() == 1 || is_fenced(parts) || is_half_fenced(base) => joined(parts, true),
        parts => format!("({})", joined(parts, true)),
    };
    let is_large = matches!(class, Class::Large | Class::Relation | Class::Word) && !text.ends_with(char::is_numeric);
    let mut script = |element: Option<&Element>, sign: char, map: fn(char) -> Option<char>| {
        let said = element.map(|element| compact(one(element))).unwrap_or_default();
        let is_mark = |c: char| matches!(c, '′' | '″' | '‴' | '⁗' | '†' | '‡' | '°');
        let said = said.trim();
        // Primes and daggers stand above by themselves.
        let rest = if sign == '^' { said.trim_start_matches(is_mark) } else { said };
        text.push_str(&said[..said.len() - rest.len()]);
        match rest {
            "" => {}
            "∘" if sign == '^' => text.push('°'),
            said => match all(said, map).filter(|_| !is_large && said.contains(char::is_alphanumeric)) {
                Some(said) => text.push_str(&said),
                None if said.chars().count() == 1 => text.extend([sign].into_iter().chain(said.chars())),
                None => text.push_str(&format!("{sign}{{{said}}}")),
            },
        }
    };
    script(below, '_', characters::subscript);
    script(above, '^', characters::superscript);
    atoms.push(Atom::new(text, class));
}

fn all(text: &str, map: fn(char) -> Option<char>) -> Option<String> {
    text.chars().map(map).collect()
}

/// Whether the second thing of it lies over or under the first as an accent, and is no script.
pub(crate) fn is_accent(element: &Element) -> bool {
    let is_said = [element.attribute("accent"), element.attribute("accentunder")].contains(&"true");
    element.children.get(1).is_some_and(|mark| mark.name == "mo" && (is_said || is_grouping(&mark.text)))
}

fn accented(atoms: &mut Vec<Atom>, base: Option<&Element>, mark: Option<&Element>, is_above: bool) {
    let (Some(base), Some(mark)) = (base, mark) else { return };
    if is_grouping(&mark.text) {
        return push(atoms, base);
    }
    let text = compact(one(base));
    let sign = match accent_above(&mark.text) {
        Some('\u{304}' | '\u{305}') if !is_above => '\u{332}',
        Some('\u{304}') if text.chars().count() > 1 => '\u{305}',
        Some(sign) => sign,
        None => return atoms.push(Atom::new(text, Class::Ordinary)),
    };
    let text: String = match sign {
        // A line goes over all of it, any other sign over one letter.
        '\u{305}' | '\u{332}' => text.chars().flat_map(|c| [c, sign]).collect(),
        _ if text.chars().count() == 1 => text.chars().chain([sign]).collect(),
        _ => format!("({text}){sign}"),
    };
    atoms.push(Atom::new(text.nfc().collect::<String>(), Class::Ordinary));
}

fn multiscripts(atoms: &mut Vec<Atom>, element: &Element) {
    let Some((base, scripts)) = element.children.split_first() else { return };
    let mut parts = scripts.split(|child| child.name == "mprescripts");
    let (behind, before) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let empty = Element { name: "mrow", ..Element::default() };
    for pair in before.chunks(2) {
        scripted(atoms, Some(&empty), pair.first(), pair.get(1));
    }
    match behind {
        [below, above, ..] => scripted(atoms, Some(base), Some(below), Some(above)),
        _ => push(atoms, base),
    }
}

/// Rows with semicolons between them, cells with commas; of lines that are aligned, what stands beside the sign that they are aligned by.
fn table(atoms: &mut Vec<Atom>, element: &Element) {
    let is_aligned = element.children.iter().flat_map(|row| &row.children).any(|cell| {
        let style: String = cell.attribute("style").split_whitespace().collect();
        style.contains("text-align:right") && style.contains("padding-right:0")
    });
    let rows: Vec<String> = element
        .children
        .iter()
        .map(|row| match is_aligned {
            true => joined(&atoms_of_row(row), false),
            false => {
                let cells: Vec<String> = row.children.iter().map(|cell| text(&cell.children)).collect();
                cells.join(", ")
            }
        })
        .filter(|row| !row.trim_matches([' ', ',']).is_empty())
        .collect();
    let is_one = rows.len() == 1 || rows.is_empty();
    atoms.push(Atom::new(rows.join("; "), if is_one { Class::Ordinary } else { Class::Word }));
}

fn atoms_of_row(row: &Element) -> Vec<Atom> {
    row.children.iter().flat_map(|cell| atoms(&cell.children)).collect()
}

/// Puts blanks where one would write them: around signs of relation and operations, unless it is compact, and where two things would else
/// be read as one.
fn joined(atoms: &[Atom], is_compact: bool) -> String {
    let mut out = String::new();
    // Class of what stands before, blanks apart.
    let mut before: Option<Class> = None;
    // Whether a blank is due if anything comes.
    let mut is_due = false;
    for (at, atom) in atoms.iter().enumerate() {
        if atom.class == Class::Blank {
            is_due = true;
            continue;
        }
        let is_operand_before =
            matches!(before, Some(Class::Ordinary | Class::Word | Class::Close | Class::Fraction | Class::Large));
        let is_sign = atom.class == Class::Binary && !is_operand_before;
        // Two of them are one sign.
        let is_second = atom.class == Class::Relation && before == Some(Class::Relation);
        let is_spaced = match atom.class {
            Class::Relation => true,
            Class::Binary => !is_sign,
            _ => false,
        } && !is_compact;
        let is_alone = at == 0 || before.is_none();
        if matches!(atom.class, Class::Punctuation | Class::Close) || is_second {
            is_due = false;
        }
        if !is_alone && (is_spaced && !is_second || is_due || is_apart(&out, before, atom)) && !out.ends_with(' ') {
            out.push(' ');
        }
        out.push_str(&atom.text);
        is_due = is_spaced || (atom.class == Class::Punctuation && !is_compact);
        before = Some(if is_sign { Class::Open } else { atom.class });
    }
    out
}

/// Whether what comes must not touch what stands before.
fn is_apart(out: &str, before: Option<Class>, atom: &Atom) -> bool {
    let begins_word = atom.text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '√' | '∛' | '∜'));
    let ends_word = out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '}' | '′' | '°'));
    match (before, atom.class) {
        (Some(Class::Open), _) | (None, _) => false,
        (Some(Class::Word), Class::Ordinary | Class::Word | Class::Large | Class::Fraction) => ends_word && begins_word,
        (Some(Class::Ordinary | Class::Close | Class::Large | Class::Fraction), Class::Word) => {
            begins_word && !out.ends_with(['(', '['])
        }
        (Some(Class::Large), Class::Ordinary | Class::Fraction | Class::Open) => {
            out.ends_with(|c: char| c != '∑' && class(c) != Class::Large)
        }
        (Some(Class::Ordinary | Class::Close | Class::Fraction), Class::Large) => true,
        (Some(Class::Fraction), Class::Fraction) => true,
        (Some(Class::Fraction), Class::Ordinary) => begins_word,
        (Some(Class::Ordinary | Class::Close), Class::Fraction) => begins_word || atom.text.starts_with('('),
        // A script of one letter goes on in the letter that follows.
        (Some(Class::Ordinary), Class::Ordinary) => begins_word && has_open_script(out),
        _ => false,
    }
}

/// Whether it ends with `_i` or `^k`, or with a script in braces.
fn has_open_script(out: &str) -> bool {
    let mut last = out.chars().rev();
    match last.next() {
        Some('}') => true,
        Some(c) if c.is_alphanumeric() => matches!(last.next(), Some('_' | '^')),
        _ => false,
    }
}

/// Of what cannot be parsed: its characters, signs for commands that `sign` knows, the names of others, and braces around scripts.
pub(super) fn rough(latex: &str, sign: &dyn Fn(&str) -> Option<String>) -> String {
    const SILENT: [&str; 12] = [
        "\\left",
        "\\right",
        "\\middle",
        "\\frac",
        "\\dfrac",
        "\\tfrac",
        "\\displaystyle",
        "\\textstyle",
        "\\limits",
        "\\nolimits",
        "\\nonumber",
        "\\notag",
    ];
    let tokens = tokens(latex);
    let (mut out, mut open): (String, Vec<bool>) = (String::new(), Vec::new());
    let mut at = 0;
    while let Some(&token) = tokens.get(at) {
        let before = at.checked_sub(1).map(|before| tokens[before]);
        at += 1;
        match token {
            "{" => {
                let is_script = matches!(before, Some("^" | "_")) && argument(&tokens, at - 1).0.len() > 1;
                open.push(is_script);
                if is_script {
                    out.push('{');
                }
            }
            "}" => {
                if open.pop() == Some(true) {
                    out.push('}');
                }
            }
            "$" => {}
            "&" | "~" => out.push(' '),
            "\\\\" => out.push_str("; "),
            "\\begin" | "\\end" | "\\label" | "\\tag" => at = argument(&tokens, at).1,
            token if SILENT.contains(&token) => out.push(' '),
            token if token.starts_with('\\') => {
                let name = token.trim_start_matches('\\');
                let said = sign(token).unwrap_or_else(|| name.to_owned());
                let is_word = said.chars().count() > 1 && said.chars().all(char::is_alphabetic);
                if is_word {
                    out.push(' ');
                }
                out.push_str(&said);
                if is_word {
                    out.push(' ');
                }
            }
            token => out.extend(token.chars().map(plain_letter)),
        }
    }
    let seen: String = out.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}
