//! EPUB 3.3: the same text as in [`super::Html`], in chapters, for readers on paper-like screens.
//!
//! Chapters are written as their pages come. Lists of what there is, which stand at the end, and a chapter's pictures wait in files.

mod package;
#[cfg(test)]
mod tests;

use std::io::{self, Write as _};

use self::package::Package;
use super::{
    archive::Archive,
    document_options::DocumentOptions,
    flow::{Inline, Item, ItemKind, What, page_of},
    html::{Body, STYLE, attribute},
    packaged::{About, Packaged, Parts},
    spool::Spool,
};

/// Bytes of a chapter behind which a heading of the first two levels begins another, and behind which anything does: readers lay out a
/// chapter at once.
const ENOUGH: usize = 24 << 10;
const MOST: usize = 256 << 10;

/// Writes one document, whole when it has ended.
pub(super) type Epub<W> = Packaged<W, EpubParts>;

/// A chapter's part is the one that is open in the archive.
pub(super) struct EpubParts {
    archive: Archive,
    package: Package,
    page_marks: bool,
    chapter: Option<Chapter>,
}

struct Chapter {
    body: Body,
    /// Bytes that have been written of it.
    length: usize,
    pictures: Spool,
    /// Footnotes that are referred to and have not come: a chapter has its own.
    awaited: Vec<u32>,
}

impl Parts for EpubParts {
    const NAME: &'static str = "an EPUB";

    fn begin(mut archive: Archive, options: DocumentOptions) -> io::Result<Self> {
        archive.stored("mimetype", b"application/epub+zip")?;
        archive.part("META-INF/container.xml", package::CONTAINER.as_bytes())?;
        archive.part("EPUB/style.css", STYLE.as_bytes())?;
        Ok(Self { archive, package: Package::default(), page_marks: options.page_marks, chapter: None })
    }

    fn items(&mut self, items: Vec<Item>, about: &About) -> io::Result<()> {
        for mut item in items {
            let is_over = self.chapter.as_ref().is_some_and(|chapter| {
                let begins = matches!(item.kind, ItemKind::Heading { level: ..=2, .. });
                chapter.awaited.is_empty() && (chapter.length > MOST || (begins && chapter.length > ENOUGH))
            });
            if is_over {
                self.end_chapter()?;
            }
            if self.chapter.is_none() {
                self.begin_chapter(about)?;
            }
            self.item(&mut item)?;
        }
        Ok(())
    }

    fn end(mut self, about: &About) -> io::Result<Archive> {
        if self.package.is_empty() {
            self.begin_chapter(about)?;
        }
        self.end_chapter()?;
        let Self { mut archive, package, .. } = self;
        package.write(&mut archive, &about.document, &about.title, about.language)?;
        Ok(archive)
    }
}

impl EpubParts {
    fn item(&mut self, item: &mut Item) -> io::Result<()> {
        let Self { archive, package, chapter: Some(chapter), .. } = self else { return Ok(()) };
        // In which chapter a page will be is not known.
        without_page_links(&mut item.inline);
        if let Some(caption) = &mut item.caption {
            without_page_links(&mut caption.inline);
        }
        if let ItemKind::Table(table) = &mut item.kind {
            let leads_to_page = |target: &Option<String>| target.as_deref().is_some_and(|at| page_of(at).is_some());
            table.cells.iter_mut().for_each(|cell| cell.marks.retain(|mark| !leads_to_page(&mark.target)));
        }
        chapter.awaited.extend(item.inline.spans.iter().filter_map(|span| match span.what {
            What::Note(number) => Some(number),
            _ => None,
        }));
        if let ItemKind::Footnote { number: Some(number), .. } = item.kind {
            chapter.awaited.retain(|awaited| *awaited != number);
        }
        let source = match &item.kind {
            ItemKind::Figure(Some(image)) => {
                let name = format!("{}.png", image.name);
                chapter.pictures.add_piece(&name, &image.png)?;
                package.picture(&name)?;
                Some(format!("images/{name}"))
            }
            _ => None,
        };
        chapter.body.item(item, source.as_deref())?;
        if let (ItemKind::Heading { .. }, Some((level, id))) = (&item.kind, chapter.body.heading()) {
            package.heading(level, &id, &item.inline.text)?;
        }
        chapter.length += chapter.body.out.len();
        archive.write_all(chapter.body.out.as_bytes())?;
        chapter.body.out.clear();
        Ok(())
    }

    fn begin_chapter(&mut self, about: &About) -> io::Result<()> {
        let name = self.package.chapter()?;
        self.archive.open(&format!("EPUB/{name}"))?;
        self.archive.write_all(package::head(&about.title, about.language).as_bytes())?;
        // Of the chapter before its headings are known.
        let body = Body::new(self.page_marks);
        self.chapter = Some(Chapter { body, length: 0, pictures: Spool::default(), awaited: Vec::new() });
        Ok(())
    }

    fn end_chapter(&mut self) -> io::Result<()> {
        let Some(Chapter { mut body, mut pictures, .. }) = self.chapter.take() else { return Ok(()) };
        self.package.end_chapter(body.has_formulas)?;
        body.end(&mut self.archive)?;
        self.archive.write_all(b"</body>\n</html>\n")?;
        let archive = &mut self.archive;
        pictures.pieces(|name, bytes| archive.stored(&format!("EPUB/images/{}", String::from_utf8_lossy(name)), bytes))
    }
}

fn without_page_links(inline: &mut Inline) {
    inline.spans.retain(|span| !matches!(&span.what, What::Link(target) if page_of(target).is_some()));
}
