//! What is known of a document as a whole, read once: its outline, and which object is which page.

use std::{collections::HashMap, sync::OnceLock};

use hayro::hayro_syntax::{
    object::{Array, Dict, MaybeRef, ObjRef, Object, String as PdfString},
    page::Page,
};

use super::{characters::text_string, name_tree::NameTree};
use crate::ids::PageNumber;

/// Entries that are kept, levels of them, and characters of each title: with all of them it is 2 MB.
const MOST_ENTRIES: usize = 10_000;
const DEEPEST: u8 = 16;
const LONGEST_TITLE: usize = 200;

/// Facts about one document, for whichever thread asks for them first; they say the same whoever that is.
#[derive(Default)]
pub(super) struct Facts {
    outline: OnceLock<Outline>,
    /// Indices of pages, by their objects.
    pages: OnceLock<HashMap<(u32, i32), u32>>,
    names: NameTree,
}

/// A place in the document, in the page's own space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Destination {
    /// From 0.
    pub(super) page: u32,
    pub(super) left: Option<f32>,
    pub(super) top: Option<f32>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) title: String,
    pub(super) level: u8,
}

/// The outline, by pages.
#[derive(Debug, Default)]
pub(super) struct Outline(Vec<(Destination, Entry)>);

impl Outline {
    pub(super) fn of_page(&self, page: PageNumber) -> impl Iterator<Item = (&Entry, &Destination)> {
        let index = page.index();
        let start = self.0.partition_point(|(destination, _)| destination.page < index);
        self.0[start..]
            .iter()
            .take_while(move |(destination, _)| destination.page == index)
            .map(|(destination, entry)| (entry, destination))
    }
}

impl Facts {
    pub(super) fn outline(&self, pages: &[Page<'_>]) -> &Outline {
        self.outline.get_or_init(|| {
            let mut entries = Vec::new();
            let outlines = catalog(pages).and_then(|catalog| catalog.get::<Dict<'_>>(b"Outlines"));
            if let Some(outlines) = outlines {
                let mut left = MOST_ENTRIES;
                self.read(&outlines, pages, 1, &mut left, &mut entries);
            }
            entries.sort_by_key(|(destination, _)| destination.page);
            Outline(entries)
        })
    }

    fn read(
        &self,
        parent: &Dict<'_>,
        pages: &[Page<'_>],
        level: u8,
        left: &mut usize,
        entries: &mut Vec<(Destination, Entry)>,
    ) {
        let mut item = parent.get::<Dict<'_>>(b"First");
        while let Some(entry) = item {
            if *left == 0 {
                return;
            }
            *left -= 1;
            let title = entry.get::<PdfString<'_>>(b"Title").map(|text| text_string(text.as_ref())).unwrap_or_default();
            let title: String =
                title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_TITLE).collect();
            let goes_to = || entry.get::<Dict<'_>>(b"A").and_then(|action| action.get::<Object<'_>>(b"D"));
            let destination = entry.get::<Object<'_>>(b"Dest").or_else(goes_to);
            let destination = destination.and_then(|destination| self.destination(&destination, pages));
            if let Some(destination) = destination.filter(|_| !title.is_empty()) {
                entries.push((destination, Entry { title, level }));
            }
            if level < DEEPEST {
                self.read(&entry, pages, level + 1, left, entries);
            }
            item = entry.get::<Dict<'_>>(b"Next");
        }
    }

    /// Where a destination is, whether it says so itself or has a name (PDF 32000-1, 12.3.2).
    pub(super) fn destination(&self, destination: &Object<'_>, pages: &[Page<'_>]) -> Option<Destination> {
        let named = |name: &[u8]| {
            let catalog = catalog(pages)?;
            let by_name = catalog.get::<Dict<'_>>(b"Dests").and_then(|all| all.get::<Object<'_>>(name));
            let names = || catalog.get::<Dict<'_>>(b"Names")?.get::<Dict<'_>>(b"Dests");
            let found = by_name.or_else(|| self.names.find(pages.first()?.xref(), names, name))?;
            match found {
                Object::Array(array) => explicit(&array, self, pages),
                Object::Dict(dict) => explicit(&dict.get::<Array<'_>>(b"D")?, self, pages),
                _ => None,
            }
        };
        match destination {
            Object::Array(array) => explicit(array, self, pages),
            Object::Name(name) => named(name),
            Object::String(name) => named(name.as_bytes()),
            _ => None,
        }
    }

    /// Which page an object is, from 0.
    pub(super) fn index(&self, object: ObjRef, pages: &[Page<'_>]) -> Option<u32> {
        let numbers = self.pages.get_or_init(|| {
            let id = |page: &Page<'_>| page.raw().obj_id().map(|id| (id.obj_number, id.gen_number));
            (0..).zip(pages).filter_map(|(index, page)| Some((id(page)?, index))).collect()
        });
        numbers.get(&(object.obj_number, object.gen_number)).copied()
    }
}

fn catalog<'a>(pages: &[Page<'a>]) -> Option<Dict<'a>> {
    let xref = pages.first()?.xref();
    xref.get::<Dict<'_>>(xref.root_id())
}

/// The page of a destination, as far as it says one: `[page /XYZ left top zoom]` and its kind.
fn explicit(array: &Array<'_>, facts: &Facts, pages: &[Page<'_>]) -> Option<Destination> {
    let page = match array.raw_iter().next()? {
        MaybeRef::Ref(reference) => facts.index(reference, pages)?,
        MaybeRef::NotRef(Object::Number(number)) => u32::try_from(number.as_i64()).ok()?,
        MaybeRef::NotRef(_) => return None,
    };
    let rest: Vec<Object<'_>> = array.raw_iter().skip(1).take(5).filter_map(not_reference).collect();
    let number = |at: usize| match rest.get(at) {
        Some(Object::Number(number)) => Some(number.as_f32()).filter(|value| value.is_finite()),
        _ => None,
    };
    let (left, top) = match rest.first() {
        Some(Object::Name(name)) => match &**name {
            b"XYZ" => (number(1), number(2)),
            b"FitH" | b"FitBH" => (None, number(1)),
            b"FitR" => (number(1), number(4)),
            _ => (None, None),
        },
        _ => (None, None),
    };
    ((page as usize) < pages.len()).then_some(Destination { page, left, top })
}

fn not_reference<'a>(item: MaybeRef<Object<'a>>) -> Option<Object<'a>> {
    match item {
        MaybeRef::NotRef(object) => Some(object),
        MaybeRef::Ref(_) => None,
    }
}
