//! What a tagged PDF says of its own structure (PDF 32000-1, 14.7 and 14.8), as far as it is about one page and can be believed.
//!
//! A page's marked content has numbers; the parent tree leads from them to elements of the structure, and these to those around them. Nothing
//! else of the tree is looked at but the order of their children, so that a page of a long document costs what it costs in a short one.

mod belief;
mod roles;
mod tables;

use std::collections::HashMap;

use hayro::hayro_syntax::{
    object::{Array, Dict, MaybeRef, Name, ObjRef, Object, String as PdfString},
    page::Page,
    xref::XRef,
};

pub(super) use self::belief::are_believed;
use self::{
    roles::{Kind, kind_of},
    tables::Tables,
};
use super::characters::text_string;
use crate::structure::{Tag, TagRole};

/// Levels of the structure, and of the tree that leads to it.
const DEEPEST: usize = 64;
const DEEPEST_TREE: usize = 16;
/// Marked contents of one page.
const MOST_MARKS: usize = 65_536;
/// Children whose order is looked at for one page; the chapters of a book are fewer, and so are the rows of a table.
const MOST_CHILDREN: usize = 50_000;
const MOST_BRANCHES: usize = 10_000;

/// The structure of one page.
pub(super) struct PageTags<'a> {
    roles: Option<Dict<'a>>,
    /// By the numbers of the page's marked content, from its `StructParents` on.
    elements: Vec<Option<ObjRef>>,
    nodes: HashMap<(u32, i32), Node<'a>>,
    page: &'a Page<'a>,
    tables: Tables,
    /// Children of elements, and which of them was looked for last.
    places: HashMap<(u32, i32), Children>,
    children_left: usize,
}

type Children = (Vec<Option<ObjRef>>, usize);

#[derive(Clone)]
struct Node<'a> {
    dict: Dict<'a>,
    kind: Kind,
    parent: Option<ObjRef>,
}

/// What is said of one piece of marked content.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) tag: Tag,
    pub(super) language: Option<String>,
}

/// What of the page a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkedAs {
    /// Content of an element, by its number on the page.
    Element(u32),
    Artifact(TagRole),
}

impl MarkedAs {
    /// What `BDC` and `BMC` say; `None` where it is nothing of this kind.
    pub(super) fn of(tag: &[u8], properties: Option<&Dict<'_>>) -> Option<Self> {
        if tag == b"Artifact" {
            let name = |key: &[u8]| properties.and_then(|properties| properties.get::<Name<'_>>(key));
            let (kind, subtype) = (name(b"Type"), name(b"Subtype"));
            return Some(Self::Artifact(match (kind.as_deref(), subtype.as_deref()) {
                (_, Some(b"Header")) => TagRole::ArtifactHeader,
                (_, Some(b"Footer")) => TagRole::ArtifactFooter,
                (_, Some(b"Watermark")) => TagRole::Watermark,
                _ => TagRole::Artifact,
            }));
        }
        let number = properties?.get::<i32>(b"MCID")?;
        u32::try_from(number).ok().map(Self::Element)
    }
}

impl<'a> PageTags<'a> {
    /// `None` where the page is not tagged.
    pub(super) fn of(page: &'a Page<'a>) -> Option<Self> {
        let key = page.raw().get::<i32>(b"StructParents")?;
        let catalog = page.xref().get::<Dict<'_>>(page.xref().root_id())?;
        let root = catalog.get::<Dict<'_>>(b"StructTreeRoot")?;
        let tree = root.get::<Dict<'_>>(b"ParentTree")?;
        let elements = in_number_tree(page.xref(), &tree, key, 0)?;
        // Numbers within a form that has parents of its own are other numbers.
        let forms = &page.resources().x_objects;
        let has_own = |name: Name<'_>| {
            let form = forms.get::<hayro::hayro_syntax::object::Stream<'_>>(name);
            form.is_some_and(|form| form.dict().contains_key(b"StructParents"))
        };
        if forms.keys().take(MOST_BRANCHES).any(has_own) {
            return None;
        }
        let elements = elements.raw_iter().take(MOST_MARKS).map(|item| item.as_obj_ref()).collect();
        Some(Self {
            roles: root.get::<Dict<'_>>(b"RoleMap"),
            elements,
            nodes: HashMap::new(),
            page,
            tables: Tables::default(),
            places: HashMap::new(),
            children_left: MOST_CHILDREN,
        })
    }

    fn node(&mut self, reference: ObjRef) -> Option<Node<'a>> {
        let id = (reference.obj_number, reference.gen_number);
        if let Some(node) = self.nodes.get(&id) {
            return Some(node.clone());
        }
        let dict = self.page.xref().get::<Dict<'_>>(reference.into())?;
        let name = dict.get::<Name<'_>>(b"S")?;
        let node = Node { kind: kind_of(&name, self.roles.as_ref()), parent: dict.get_ref(b"P"), dict };
        self.nodes.insert(id, node.clone());
        Some(node)
    }

    /// The element that the content with this number belongs to, and all around it, from the innermost on.
    fn chain(&mut self, number: u32) -> Option<Vec<(ObjRef, Node<'a>)>> {
        let mut at = self.elements.get(number as usize).copied().flatten()?;
        let mut chain = Vec::new();
        while let Some(node) = self.node(at) {
            let parent = node.parent;
            chain.push((at, node));
            match parent {
                Some(parent) if chain.len() < DEEPEST => at = parent,
                _ => break,
            }
        }
        (!chain.is_empty()).then_some(chain)
    }

    /// What the element says that its content is to be read as, if that is all of its content.
    pub(super) fn actual_text(&mut self, number: u32) -> Option<String> {
        let reference = self.elements.get(number as usize).copied().flatten()?;
        let dict = self.node(reference)?.dict;
        let text = dict.get::<PdfString<'_>>(b"ActualText")?;
        let is_all = match dict.get::<Object<'_>>(b"K")? {
            Object::Number(only) => only.as_i64() == i64::from(number),
            Object::Array(children) => {
                let mut children = children.iter::<Object<'_>>();
                matches!((children.next(), children.next()), (Some(Object::Number(only)), None) if only.as_i64() == i64::from(number))
            }
            _ => false,
        };
        is_all.then(|| text_string(text.as_ref()))
    }

    /// What is said of pieces of content; elements are numbered from 1, in the order of the structure.
    pub(super) fn resolve(&mut self, numbers: impl Iterator<Item = u32>) -> HashMap<u32, Said> {
        let mut found = Vec::new();
        for number in numbers {
            let Some(chain) = self.chain(number) else { continue };
            let (at, role) = roles::role_of(chain.iter().map(|(_, node)| node.kind));
            let (element, _) = chain[at];
            let level = roles::level_of(chain.iter().map(|(_, node)| node.kind), at);
            let cell = if role == TagRole::Cell { self.cell(&chain[at..]) } else { None };
            let said = |node: &Node<'a>| node.dict.get::<PdfString<'_>>(b"Lang");
            let language = chain.iter().find_map(|(_, node)| said(node)).map(|text| text_string(text.as_ref()));
            let path = self.path(&chain[at..]);
            let said = Said { tag: Tag { role, element: 0, level, cell }, language };
            let id = (element.obj_number, element.gen_number);
            found.push(((path, id, number), said));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut element = 0;
        let mut last = None;
        let mut all = HashMap::with_capacity(found.len());
        for ((_, id, number), mut said) in found {
            if last != Some(id) {
                element += 1;
                last = Some(id);
            }
            said.tag.element = element;
            all.insert(number, said);
        }
        all
    }

    /// Places among siblings, from the root down.
    fn path(&mut self, chain: &[(ObjRef, Node<'a>)]) -> Vec<u32> {
        let mut path = Vec::with_capacity(chain.len());
        for pair in chain.windows(2) {
            path.push(self.place(&pair[1], pair[0].0));
        }
        path.reverse();
        path
    }

    fn place(&mut self, (parent, node): &(ObjRef, Node<'a>), child: ObjRef) -> u32 {
        let left = &mut self.children_left;
        let (children, last) = self.places.entry((parent.obj_number, parent.gen_number)).or_insert_with(|| {
            let children = node.dict.get::<Array<'_>>(b"K");
            let children = children.iter().flat_map(|children| children.raw_iter()).take(*left);
            let children: Vec<Option<ObjRef>> = children.map(|item| item.as_obj_ref()).collect();
            *left = left.saturating_sub(children.len());
            (children, 0)
        });
        // A page's elements follow each other: the next one is not far.
        let is_it = |item: &Option<ObjRef>| *item == Some(child);
        let found = children[*last..].iter().position(is_it).map(|at| at + *last);
        let found = found.or_else(|| children[..*last].iter().position(is_it));
        *last = found.unwrap_or(*last);
        found.unwrap_or(0) as u32
    }
}

/// The array that a number leads to (PDF 32000-1, 7.9.7).
fn in_number_tree<'a>(xref: &'a XRef, node: &Dict<'a>, key: i32, depth: usize) -> Option<Array<'a>> {
    if let Some(numbers) = node.get::<Array<'_>>(b"Nums") {
        // Nothing is read but what the number leads to.
        let mut items = numbers.raw_iter();
        for _ in 0..MOST_CHILDREN {
            let (found, value) = (items.next()?, items.next()?);
            if matches!(found, MaybeRef::NotRef(Object::Number(number)) if number.as_i64() == i64::from(key)) {
                return match value {
                    MaybeRef::Ref(reference) => xref.get::<Array<'_>>(reference.into()),
                    MaybeRef::NotRef(object) => object.try_into().ok(),
                };
            }
        }
        return None;
    }
    if depth >= DEEPEST_TREE {
        return None;
    }
    let kids = node.get::<Array<'_>>(b"Kids")?;
    let may_have = |kid: &Dict<'_>| {
        let limits = kid.get::<[i32; 2]>(b"Limits");
        limits.is_none_or(|[from, to]| (from..=to).contains(&key))
    };
    kids.iter::<Dict<'_>>()
        .take(MOST_BRANCHES)
        .filter(may_have)
        .find_map(|kid| in_number_tree(xref, &kid, key, depth + 1))
}
