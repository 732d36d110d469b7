//! DOCX: a text document (ECMA-376, Office Open XML) with real headings, lists, tables, footnotes and pictures.
//!
//! The XML is written here: `docx-rs`, the one kept library that writes it, has the whole document in memory before it begins.

mod body;
mod omml;
mod parts;
mod runs;
mod table;
#[cfg(test)]
mod tests;

use std::io::{self, Write as _};

use self::body::Body;
use super::{
    archive::Archive,
    document_options::DocumentOptions,
    flow::Item,
    packaged::{About, Packaged, Parts},
    xml::submitted_at,
};

/// Writes one document, whole when it has ended.
pub(super) type Docx<W> = Packaged<W, DocxParts>;

/// The document's part is the one that is open in the archive; the others wait in files.
pub(super) struct DocxParts {
    body: Body,
    archive: Archive,
}

impl Parts for DocxParts {
    const NAME: &'static str = "a DOCX";

    fn begin(mut archive: Archive, options: DocumentOptions) -> io::Result<Self> {
        archive.part("[Content_Types].xml", parts::content_types().as_bytes())?;
        archive.part("_rels/.rels", parts::package().as_bytes())?;
        archive.open("word/document.xml")?;
        archive.write_all(format!("{}<w:document {}><w:body>\n", parts::XML, parts::NAMESPACES).as_bytes())?;
        Ok(Self { body: Body::new(options.page_marks), archive })
    }

    fn items(&mut self, items: Vec<Item>, _: &About) -> io::Result<()> {
        for item in &items {
            self.body.item(item)?;
            self.archive.write_all(self.body.out.as_bytes())?;
            self.body.out.clear();
        }
        Ok(())
    }

    fn end(self, about: &About) -> io::Result<Archive> {
        let Self { mut body, mut archive } = self;
        archive.write_all(
            b"<w:sectPr><w:pgSz w:w=\"11906\" w:h=\"16838\"/><w:pgMar w:top=\"1440\" w:right=\"1440\" w:bottom=\"1440\" \
              w:left=\"1440\" w:header=\"720\" w:footer=\"720\" w:gutter=\"0\"/></w:sectPr></w:body></w:document>",
        )?;
        archive.open("word/_rels/document.xml.rels")?;
        archive.write_all(parts::relationships().as_bytes())?;
        archive.pour(&mut body.references.relationships)?;
        archive.write_all(b"</Relationships>")?;
        archive.part("word/styles.xml", parts::styles(about.language).as_bytes())?;
        archive.open("word/numbering.xml")?;
        archive.write_all(parts::numbering().as_bytes())?;
        archive.pour(&mut body.list_numbers)?;
        archive.write_all(b"</w:numbering>")?;
        archive.open("word/footnotes.xml")?;
        archive.write_all(parts::footnotes().as_bytes())?;
        archive.pour(&mut body.footnotes)?;
        archive.write_all(b"</w:footnotes>")?;
        archive.part("docProps/core.xml", parts::core(&about.title, &submitted_at(about.document.id)).as_bytes())?;
        body.media
            .pieces(|name, bytes| archive.stored(&format!("word/media/{}", String::from_utf8_lossy(name)), bytes))?;
        Ok(archive)
    }
}
