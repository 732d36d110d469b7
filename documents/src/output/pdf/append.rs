//! A PDF and its text: the original's bytes as they are, and behind them an update with what is new.
//!
//! So the original is untouched to the byte, whatever is in it (metadata, outlines, links, forms, page labels, signatures), and memory
//! does not grow with it. The text is drawn before the page's own content, so that no state that this leaves behind can move it.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
    sync::Arc,
};

use hayro::hayro_syntax::{
    Pdf, PdfData,
    object::{Dict, MaybeRef, ObjRef, Object as Read},
    page::{Page, Rotation},
};
use lopdf::{Dictionary, Object, ObjectId};

use super::{
    Fault,
    font::Font,
    invisible, layer,
    objects::{ObjectWriter, identity, packed},
    place::Place,
    source::{Tables, copied, id_of, written},
};
use crate::{
    error::{Error, ErrorKind},
    ids::Digest,
    input::DocumentData,
    record::PageRecord,
};

/// Bytes of the original that go out at a time.
const COPIED_AT_ONCE: usize = 1 << 20;
/// Pages after which the original is opened anew, since what was looked at of it stays in memory.
const KEPT_PAGES: u32 = 256;
/// The name of the font in a page's resources, unless it is taken.
const FONT: &str = "Pagestream";
/// Page trees are a few levels deep.
const DEEPEST_TREE: usize = 64;

pub(super) struct Appended<W> {
    objects: ObjectWriter<W>,
    original: PdfData,
    pdf: Arc<Pdf>,
    looked_at: u32,
    tables: Tables,
    font: Option<Font>,
    /// What the font is called in resources that several pages may share, by their number.
    names: HashMap<ObjectId, String>,
    /// New resources of pages that inherit theirs, by the node of the tree that has them.
    inherited: HashMap<ObjectId, (ObjectId, String)>,
    /// Forms that were looked through for text of an earlier OCR.
    cleaned: HashSet<ObjectId>,
    redo_text: bool,
    /// Pages that kept the invisible text that they had.
    pub(super) kept: u32,
}

/// The bytes of a document from its header on.
struct FromHeader {
    data: DocumentData,
    start: usize,
}

impl AsRef<[u8]> for FromHeader {
    fn as_ref(&self) -> &[u8] {
        &(*self.data).as_ref()[self.start..]
    }
}

impl<W: Write> Appended<W> {
    /// Begins with the original.
    ///
    /// # Errors
    /// Of the document: where its tables cannot be gone on from ([`ErrorKind::Damaged`]).
    pub(super) fn begin(out: W, data: DocumentData, redo_text: bool) -> Result<Self, Fault> {
        // What stands before the header is no part of the document, and its tables do not count it.
        let start = crate::input::pdf_start((*data).as_ref());
        let original = PdfData::from(Arc::new(FromHeader { data, start }));
        let tables = Tables::of(original.as_ref()).ok_or_else(damaged)?;
        let pdf = Arc::new(Pdf::new(original.clone()).map_err(|_| damaged())?);
        let mut objects = ObjectWriter::new(out, tables.next);
        for chunk in original.as_ref().chunks(COPIED_AT_ONCE) {
            objects.raw(chunk)?;
        }
        Ok(Self {
            objects,
            original,
            pdf,
            looked_at: 0,
            tables,
            font: None,
            names: HashMap::new(),
            inherited: HashMap::new(),
            cleaned: HashSet::new(),
            redo_text,
            kept: 0,
        })
    }

    /// Whether somebody has signed the document.
    pub(super) fn is_signed(&self) -> bool {
        let xref = self.pdf.xref();
        let form = xref.get::<Dict<'_>>(xref.root_id()).and_then(|root| root.get::<Dict<'_>>("AcroForm"));
        let flags = form.and_then(|form| form.get::<i32>("SigFlags")).unwrap_or(0);
        flags & 1 != 0
    }

    pub(super) fn page(&mut self, record: &PageRecord) -> Result<(), Fault> {
        if layer::lines(record).next().is_none() {
            return Ok(());
        }
        self.looked_at += 1;
        if self.looked_at.is_multiple_of(KEPT_PAGES) {
            self.pdf = Arc::new(Pdf::new(self.original.clone()).map_err(|_| damaged())?);
        }
        let pdf = self.pdf.clone();
        let Some(page) = pdf.pages().get(record.page.index() as usize) else {
            return Err(Error::new(ErrorKind::NoSuchPage, "the document has no such page").on_page(record.page).into());
        };
        let dict = page.raw();
        let Some(id) = dict.obj_id().and_then(|id| id_of(id.into())) else {
            // A page that nothing refers to cannot be replaced.
            tracing::debug!(page = record.page.get(), "a page without a number of its own gets no text");
            return Ok(());
        };
        let has_invisible = invisible::is_on(dict);
        if has_invisible && !self.redo_text {
            self.kept += 1;
            return Ok(());
        }
        self.begin_update()?;
        let mut copy = copied(dict);
        let name = self.add_font(dict, &mut copy)?;
        let Some(mut font) = self.font.take() else { return Ok(()) };
        let content = layer::content(record, &place_of(page, record), &mut font, &name);
        self.font = Some(font);
        let text = self.objects.add(packed(Dictionary::new(), &content)?)?;
        let mut contents = vec![Object::Reference(text)];
        match has_invisible {
            true => contents.extend(self.cleaned_contents(dict)?),
            false => contents.extend(contents_of(dict)),
        }
        copy.set("Contents", contents);
        self.objects.write(id, copy)?;
        Ok(self.objects.flush()?)
    }

    /// Before the first new object: the font, behind a line end that the original may lack.
    fn begin_update(&mut self) -> io::Result<()> {
        if self.font.is_none() {
            self.objects.raw(b"\n")?;
            self.font = Some(Font::begin(&mut self.objects)?);
        }
        Ok(())
    }

    /// The page's own content without the invisible text in it, and the forms that it draws without theirs.
    fn cleaned_contents(&mut self, dict: &Dict<'_>) -> io::Result<Vec<Object>> {
        for (id, dict, content) in invisible::forms(dict) {
            let Some(id) = id_of(id.into()) else { continue };
            if self.cleaned.insert(id) {
                let mut copy = copied(&dict);
                for key in ["Filter", "DecodeParms", "Length"] {
                    copy.remove(key.as_bytes());
                }
                self.objects.write(id, packed(copy, &content)?)?;
            }
        }
        let content = invisible::without_text(&invisible::content(dict));
        Ok(vec![self.objects.add(packed(Dictionary::new(), &content)?)?.into()])
    }

    /// Lets the page find the font, and says by which name.
    fn add_font(&mut self, page: &Dict<'_>, copy: &mut Dictionary) -> io::Result<String> {
        match page.get_raw::<Read<'_>>("Resources") {
            Some(MaybeRef::Ref(shared)) => match self.pdf.clone().xref().get::<Dict<'_>>(shared.into()) {
                Some(resources) => self.add_to_shared(shared, &resources),
                None => self.add_to_new(None, copy),
            },
            Some(MaybeRef::NotRef(Read::Dict(resources))) => {
                let mut own = copied(&resources);
                let name = self.add_to(&resources, &mut own)?;
                copy.set("Resources", own);
                Ok(name)
            }
            _ => self.add_to_inherited(page, copy),
        }
    }

    /// Resources that have a number, and are replaced once for all pages that share them.
    fn add_to_shared(&mut self, shared: ObjRef, resources: &Dict<'_>) -> io::Result<String> {
        let Some(id) = id_of(shared) else { return Ok(FONT.to_owned()) };
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let mut copy = copied(resources);
        let before = copy.clone();
        let name = self.add_to(resources, &mut copy)?;
        if copy != before {
            self.objects.write(id, copy)?;
        }
        self.names.insert(id, name.clone());
        Ok(name)
    }

    /// Adds the font to the copy of some resources, or to what they refer to for their fonts.
    fn add_to(&mut self, resources: &Dict<'_>, copy: &mut Dictionary) -> io::Result<String> {
        let font: Object = self.font.as_ref().map_or(Object::Null, |font| font.id.into());
        let fonts = resources.get::<Dict<'_>>("Font");
        let shared = match resources.get_raw::<Read<'_>>("Font") {
            Some(MaybeRef::Ref(shared)) if fonts.is_some() => id_of(shared),
            _ => None,
        };
        if let Some(name) = shared.and_then(|id| self.names.get(&id)) {
            return Ok(name.clone());
        }
        let mut all = fonts.as_ref().map(copied).unwrap_or_default();
        let name = free_name(&all);
        all.set(name.as_str(), font);
        match shared {
            Some(id) => {
                self.objects.write(id, all)?;
                self.names.insert(id, name.clone());
            }
            None => copy.set("Font", all),
        }
        Ok(name)
    }

    /// Resources of a node above the page, or none at all.
    fn add_to_inherited(&mut self, page: &Dict<'_>, copy: &mut Dictionary) -> io::Result<String> {
        let mut node = page.get::<Dict<'_>>("Parent");
        for _ in 0..DEEPEST_TREE {
            let Some(at) = node else { break };
            match at.get_raw::<Read<'_>>("Resources") {
                Some(MaybeRef::Ref(shared)) => {
                    if let Some(resources) = self.pdf.clone().xref().get::<Dict<'_>>(shared.into()) {
                        return self.add_to_shared(shared, &resources);
                    }
                }
                Some(MaybeRef::NotRef(Read::Dict(resources))) => {
                    let id = at.obj_id().and_then(|id| id_of(id.into()));
                    return self.add_to_new(Some((id, &resources)), copy);
                }
                _ => {}
            }
            node = at.get::<Dict<'_>>("Parent");
        }
        self.add_to_new(None, copy)
    }

    /// Gives the page resources of its own, as those of the node above and with the font.
    fn add_to_new(
        &mut self,
        above: Option<(Option<ObjectId>, &Dict<'_>)>,
        copy: &mut Dictionary,
    ) -> io::Result<String> {
        let node = above.and_then(|(id, _)| id).unwrap_or_default();
        let (id, name) = match self.inherited.get(&node) {
            Some(known) => known.clone(),
            None => {
                let empty = Dict::empty();
                let resources = above.map_or(&empty, |(_, resources)| resources);
                let mut own = copied(resources);
                let name = self.add_to(resources, &mut own)?;
                let id = self.objects.add(own)?;
                self.inherited.insert(node, (id, name.clone()));
                (id, name)
            }
        };
        copy.set("Resources", id);
        Ok(name)
    }

    /// Ends the update, where there is one.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        if self.objects.is_untouched() {
            return Ok(self.objects.flush()?);
        }
        if let Some(font) = self.font.take() {
            font.finish(&mut self.objects)?;
        }
        let mut entries = self.tables.trailer.clone();
        entries.set("Prev", self.tables.last as i64);
        // The first identity stays, and the second is this version's.
        let first = match entries.get(b"ID").and_then(Object::as_array).map(|id| id.first().cloned()) {
            Ok(Some(Object::String(first, _))) => first,
            _ => Digest::of(self.original.as_ref()).0[..16].to_vec(),
        };
        let version = Digest::of(&[&first[..], &self.tables.last.to_be_bytes(), b"pagestream"].concat());
        entries.set("ID", identity(&first, &version.0[..16]));
        Ok(self.objects.finish(self.tables.form, entries)?)
    }
}

fn damaged() -> Fault {
    Error::new(ErrorKind::Damaged, "the PDF's tables are damaged").into()
}

/// A name that none of the fonts has.
fn free_name(fonts: &Dictionary) -> String {
    let names = std::iter::once(FONT.to_owned()).chain((2..).map(|number| format!("{FONT}{number}")));
    names.into_iter().find(|name| !fonts.has(name.as_bytes())).unwrap_or_default()
}

/// The page's own content streams.
fn contents_of(page: &Dict<'_>) -> Vec<Object> {
    match page.get::<Read<'_>>("Contents") {
        Some(Read::Array(streams)) => streams.raw_iter().map(written).collect(),
        Some(Read::Stream(_)) => page.get_ref("Contents").and_then(id_of).map(Object::Reference).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn place_of(page: &Page<'_>, record: &PageRecord) -> Place {
    let visible = page.intersected_crop_box();
    let quarters = match page.rotation() {
        Rotation::None => 0,
        Rotation::Horizontal => 1,
        Rotation::Flipped => 2,
        Rotation::FlippedHorizontal => 3,
    };
    Place {
        visible: [visible.x0, visible.y0, visible.x1, visible.y1].map(f64::from),
        quarters,
        pixels: [record.width.into(), record.height.into()],
    }
}
