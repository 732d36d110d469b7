//! The names that destinations have in a document (PDF 32000-1, 7.9.6), read once: a manual has a link on every other line, and each would walk
//! down the tree for itself.

use std::{collections::HashMap, ops::RangeInclusive, sync::OnceLock};

use hayro::hayro_syntax::{
    object::{Array, Dict, MaybeRef, ObjRef, Object, String as PdfString},
    xref::XRef,
};

/// Levels of a name tree, and branches and names of one of its nodes.
const DEEPEST: usize = 16;
const MOST_NAMES: usize = 10_000;
/// Names of the whole tree that are kept, and bytes of them: a manual of 1,300 pages has 20,000. Where there are more the tree is walked for what is not found.
const MOST_KEPT: usize = 50_000;
const MOST_BYTES: usize = 2 << 20;

/// For whichever thread asks first.
#[derive(Default)]
pub(super) struct NameTree(OnceLock<Names>);

#[derive(Default)]
struct Names {
    /// Where what a name leads to is; `None` where it stands in the tree itself.
    objects: HashMap<Box<[u8]>, Option<ObjRef>>,
    bytes: usize,
    is_whole: bool,
}

impl NameTree {
    /// What a name leads to.
    pub(super) fn find<'a>(
        &self,
        xref: &'a XRef,
        root: impl Fn() -> Option<Dict<'a>>,
        name: &[u8],
    ) -> Option<Object<'a>> {
        let names = self.0.get_or_init(|| {
            let mut names = Names { is_whole: true, ..Names::default() };
            root().into_iter().for_each(|root| names.take(&root, &[], 0));
            names
        });
        match names.objects.get(name) {
            Some(Some(object)) => xref.get::<Object<'_>>((*object).into()),
            None if names.is_whole => None,
            Some(None) | None => walk(xref, &root()?, name, 0),
        }
    }
}

/// From the first name that a branch has to its last, as it says.
type Limits<'a> = RangeInclusive<PdfString<'a>>;

impl Names {
    /// `limits` are those of the branches that lead here: what is outside of them nobody would find.
    fn take<'a>(&mut self, node: &Dict<'a>, limits: &[Limits<'a>], depth: usize) {
        if let Some(names) = node.get::<Array<'_>>(b"Names") {
            let mut items = names.raw_iter();
            for _ in 0..MOST_NAMES {
                let (Some(name), Some(value)) = (items.next(), items.next()) else { return };
                let MaybeRef::NotRef(Object::String(name)) = name else { continue };
                let name = name.as_bytes();
                if !limits.iter().all(|limits| is_within(limits, name)) || self.objects.contains_key(name) {
                    continue;
                }
                if self.objects.len() >= MOST_KEPT || self.bytes + name.len() > MOST_BYTES {
                    self.is_whole = false;
                    return;
                }
                self.bytes += name.len();
                let object = if let MaybeRef::Ref(object) = value { Some(object) } else { None };
                self.objects.insert(name.into(), object);
            }
            return;
        }
        if depth >= DEEPEST || !self.is_whole {
            return;
        }
        for kid in node.get::<Array<'_>>(b"Kids").iter().flat_map(|kids| kids.iter::<Dict<'_>>()).take(MOST_NAMES) {
            let limits: Vec<Limits<'_>> = limits.iter().cloned().chain(limits_of(&kid)).collect();
            self.take(&kid, &limits, depth + 1);
        }
    }
}

fn limits_of<'a>(kid: &Dict<'a>) -> Option<Limits<'a>> {
    let limits = kid.get::<Array<'_>>(b"Limits")?;
    let mut limits = limits.iter::<PdfString<'_>>();
    Some(limits.next()?..=limits.next()?)
}

fn is_within(limits: &Limits<'_>, name: &[u8]) -> bool {
    limits.start().as_bytes() <= name && name <= limits.end().as_bytes()
}

/// The same without an index, as far down as the name leads. Nothing is read but what it leads to.
fn walk<'a>(xref: &'a XRef, node: &Dict<'a>, name: &[u8], depth: usize) -> Option<Object<'a>> {
    if let Some(names) = node.get::<Array<'_>>(b"Names") {
        let mut items = names.raw_iter();
        for _ in 0..MOST_NAMES {
            let (found, value) = (items.next()?, items.next()?);
            if matches!(&found, MaybeRef::NotRef(Object::String(text)) if text.as_bytes() == name) {
                return match value {
                    MaybeRef::Ref(reference) => xref.get::<Object<'_>>(reference.into()),
                    MaybeRef::NotRef(object) => Some(object),
                };
            }
        }
        return None;
    }
    if depth >= DEEPEST {
        return None;
    }
    let may_have = |kid: &Dict<'_>| limits_of(kid).is_none_or(|limits| is_within(&limits, name));
    let kids = node.get::<Array<'_>>(b"Kids")?;
    kids.iter::<Dict<'_>>().take(MOST_NAMES).filter(may_have).find_map(|kid| walk(xref, &kid, name, depth + 1))
}
