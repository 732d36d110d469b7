//! Structure types, and what they make of the text in them.

use hayro::hayro_syntax::object::{Dict, Name};

use crate::structure::TagRole;

/// A role may be mapped to another that is mapped itself.
const MOST_MAPPINGS: usize = 8;

/// Standard structure types (PDF 32000-1, 14.8.4, and 32000-2), as far as they are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Title,
    /// With its level; 0 where it is that of the sections around it.
    Heading(u8),
    Paragraph,
    List,
    Item,
    Label,
    Table,
    Row,
    Cell {
        is_header: bool,
    },
    Figure,
    Caption,
    Formula,
    Code,
    Note,
    ContentsItem,
    Artifact,
    Section,
    Other,
}

fn standard(name: &[u8]) -> Option<Kind> {
    Some(match name {
        b"Title" => Kind::Title,
        b"H" => Kind::Heading(0),
        [b'H', level @ b'1'..=b'9'] => Kind::Heading((level - b'0').min(6)),
        b"P" => Kind::Paragraph,
        b"L" => Kind::List,
        b"LI" => Kind::Item,
        b"Lbl" => Kind::Label,
        b"Table" => Kind::Table,
        b"TR" => Kind::Row,
        b"TD" => Kind::Cell { is_header: false },
        b"TH" => Kind::Cell { is_header: true },
        b"Figure" => Kind::Figure,
        b"Caption" => Kind::Caption,
        b"Formula" => Kind::Formula,
        b"Code" => Kind::Code,
        b"Note" | b"FENote" => Kind::Note,
        b"TOCI" => Kind::ContentsItem,
        b"Artifact" => Kind::Artifact,
        b"Sect" | b"Part" | b"Art" => Kind::Section,
        b"Document" | b"DocumentFragment" | b"Div" | b"BlockQuote" | b"TOC" | b"Index" | b"NonStruct" | b"Private"
        | b"Aside" | b"Sub" | b"Span" | b"Quote" | b"Reference" | b"BibEntry" | b"Link" | b"Annot" | b"Ruby"
        | b"Warichu" | b"Form" | b"LBody" | b"THead" | b"TBody" | b"TFoot" | b"Em" | b"Strong" | b"RB" | b"RT"
        | b"RP" | b"WT" | b"WP" => Kind::Other,
        _ => return None,
    })
}

/// What an element is, by its own name or by what the document maps that to.
pub(super) fn kind_of(name: &Name<'_>, roles: Option<&Dict<'_>>) -> Kind {
    let mut name = name.clone();
    for _ in 0..MOST_MAPPINGS {
        if let Some(kind) = standard(&name) {
            return kind;
        }
        match roles.and_then(|roles| roles.get::<Name<'_>>(&*name)) {
            Some(mapped) => name = mapped,
            None => break,
        }
    }
    Kind::Other
}

/// What text is, in elements of these kinds from the innermost on, and which of them says so.
pub(super) fn role_of(kinds: impl Iterator<Item = Kind> + Clone) -> (usize, TagRole) {
    let is_block =
        |kind: Kind| matches!(kind, Kind::Paragraph | Kind::Heading(_) | Kind::Title | Kind::Caption | Kind::Note);
    let mut paragraph = None;
    let mut label = false;
    for (at, kind) in kinds.clone().enumerate() {
        let is_inline = || {
            kinds.clone().skip(at + 1).take_while(|kind| !matches!(kind, Kind::Cell { .. } | Kind::Item)).any(is_block)
        };
        let role = match kind {
            Kind::Title => TagRole::Title,
            Kind::Heading(_) => TagRole::Heading,
            Kind::Item if label => TagRole::Label,
            Kind::Item => TagRole::ListItem,
            Kind::Cell { .. } => TagRole::Cell,
            Kind::Caption => TagRole::Caption,
            Kind::Note => TagRole::Note,
            Kind::ContentsItem => TagRole::ContentsItem,
            Kind::Artifact => TagRole::Artifact,
            Kind::Code if !is_inline() => TagRole::Code,
            Kind::Formula if !is_inline() => TagRole::Formula,
            Kind::Figure if !is_inline() => TagRole::Figure,
            Kind::Paragraph => {
                paragraph.get_or_insert(at);
                continue;
            }
            Kind::Label => {
                label = true;
                continue;
            }
            _ => continue,
        };
        return (at, role);
    }
    match paragraph {
        Some(at) => (at, TagRole::Paragraph),
        // Spans and links are parts of what is around them.
        None => (0, TagRole::Other),
    }
}

/// Of a heading its level, of a list item how deep it is nested; 0 else.
pub(super) fn level_of(kinds: impl Iterator<Item = Kind> + Clone, at: usize) -> u8 {
    let around = || kinds.clone().skip(at);
    let count = |is: fn(&Kind) -> bool| u8::try_from(around().filter(is).count()).unwrap_or(u8::MAX);
    match around().next() {
        Some(Kind::Heading(0)) => count(|kind| matches!(kind, Kind::Section)).clamp(0, 6),
        Some(Kind::Heading(level)) => level,
        Some(Kind::Item) => count(|kind| matches!(kind, Kind::Item)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_the_nearest_element_that_says_so_makes_of_it() {
        use Kind::{Cell, Code, Heading, Item, Label, List, Note, Other, Paragraph, Row, Table};
        for (kinds, expected) in [
            (&[Other, Paragraph, Other][..], (1, TagRole::Paragraph)),
            (&[Paragraph, Item, List], (1, TagRole::ListItem)),
            (&[Label, Item, List], (1, TagRole::Label)),
            (&[Paragraph, Cell { is_header: true }, Row, Table], (1, TagRole::Cell)),
            (&[Code, Paragraph], (1, TagRole::Paragraph)),
            (&[Code, Other], (0, TagRole::Code)),
            (&[Paragraph, Note, Paragraph], (1, TagRole::Note)),
            (&[Heading(2), Item, List], (0, TagRole::Heading)),
            (&[Other, Other], (0, TagRole::Other)),
        ] {
            assert_eq!(role_of(kinds.iter().copied()), expected, "{kinds:?}");
        }
        let nested = [Paragraph, Item, List, Item, List];
        assert_eq!(level_of(nested.into_iter(), 1), 2);
        assert_eq!(level_of([Heading(0), Kind::Section, Kind::Section].into_iter(), 0), 2);
    }
}
