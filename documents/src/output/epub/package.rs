//! What an EPUB says of itself: its parts, their order, its contents.

use std::io;

use super::attribute;
use crate::{
    output::{archive::Archive, spool::Spool, xml::submitted_at},
    record::DocumentRef,
};

pub(super) const CONTAINER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <container version=\"1.0\" xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles>\
    <rootfile full-path=\"EPUB/package.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>\n";

/// Lists that grow with the document, each in a file when it is long.
#[derive(Default)]
pub(super) struct Package {
    manifest: Spool,
    spine: Spool,
    contents: Spool,
    /// Levels of the entries of the contents that are open.
    levels: Vec<u8>,
    chapters: u32,
}

impl Package {
    pub(super) fn is_empty(&self) -> bool {
        self.chapters == 0
    }

    /// The name of the next chapter.
    pub(super) fn chapter(&mut self) -> io::Result<String> {
        self.chapters += 1;
        self.spine.add(format!("<itemref idref=\"c{}\"/>\n", self.chapters).as_bytes())?;
        Ok(self.name())
    }

    /// Of the latest chapter it is known whether there is MathML in it, which readers want to know beforehand.
    pub(super) fn end_chapter(&mut self, has_formulas: bool) -> io::Result<()> {
        let (id, name) = (self.chapters, self.name());
        let properties = if has_formulas { " properties=\"mathml\"" } else { "" };
        let item = format!("<item id=\"c{id}\" href=\"{name}\"{properties} media-type=\"application/xhtml+xml\"/>\n");
        self.manifest.add(item.as_bytes())
    }

    fn name(&self) -> String {
        format!("chapter-{:04}.xhtml", self.chapters)
    }

    pub(super) fn picture(&mut self, name: &str) -> io::Result<()> {
        let item = format!("<item id=\"i-{name}\" href=\"images/{name}\" media-type=\"image/png\"/>\n");
        self.manifest.add(item.as_bytes())
    }

    /// A heading of the latest chapter.
    pub(super) fn heading(&mut self, level: u8, id: &str, text: &str) -> io::Result<()> {
        let mut out = String::new();
        match self.levels.last() {
            None => self.levels.push(level),
            Some(&last) if level > last => {
                out.push_str("\n<ol>\n");
                self.levels.push(level);
            }
            Some(_) => {
                while self.levels.len() > 1 && self.levels.last().is_some_and(|&last| last > level) {
                    out.push_str("</li>\n</ol>\n");
                    self.levels.pop();
                }
                out.push_str("</li>\n");
            }
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        out.push_str(&format!("<li><a href=\"{}#{id}\">{}</a>", self.name(), attribute(&text)));
        self.contents.add(out.as_bytes())
    }

    pub(super) fn write(
        mut self,
        archive: &mut Archive,
        document: &DocumentRef,
        title: &str,
        language: Option<&str>,
    ) -> io::Result<()> {
        if self.contents.is_empty() {
            let entry = format!("<li><a href=\"chapter-0001.xhtml\">{}</a></li>\n", attribute(title));
            self.contents.add(entry.as_bytes())?;
        } else {
            let inner = "</li>\n</ol>\n".repeat(self.levels.len() - 1);
            self.contents.add(format!("{inner}</li>\n").as_bytes())?;
        }
        archive.open("EPUB/nav.xhtml")?;
        io::Write::write_all(archive, head(title, language).as_bytes())?;
        io::Write::write_all(archive, b"<nav epub:type=\"toc\">\n<ol>\n")?;
        archive.pour(&mut self.contents)?;
        io::Write::write_all(archive, b"</ol>\n</nav>\n</body>\n</html>\n")?;
        archive.open("EPUB/package.opf")?;
        let opening = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\" unique-identifier=\"id\">\n\
             <metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<dc:identifier id=\"id\">urn:sha256:{}</dc:identifier>\n\
             <dc:title>{}</dc:title>\n<dc:language>{}</dc:language>\n<meta property=\"dcterms:modified\">{}</meta>\n</metadata>\n\
             <manifest>\n<item id=\"nav\" href=\"nav.xhtml\" properties=\"nav\" media-type=\"application/xhtml+xml\"/>\n\
             <item id=\"style\" href=\"style.css\" media-type=\"text/css\"/>\n",
            document.sha256,
            attribute(title),
            language.unwrap_or("und"),
            submitted_at(document.id),
        );
        io::Write::write_all(archive, opening.as_bytes())?;
        archive.pour(&mut self.manifest)?;
        io::Write::write_all(archive, b"</manifest>\n<spine>\n")?;
        archive.pour(&mut self.spine)?;
        io::Write::write_all(archive, b"</spine>\n</package>\n")
    }
}

/// Of a file of the text.
pub(super) fn head(title: &str, language: Option<&str>) -> String {
    let language = language.map(|code| format!(" lang=\"{code}\" xml:lang=\"{code}\"")).unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" \
         xmlns:epub=\"http://www.idpf.org/2007/ops\"{language}>\n<head>\n<title>{}</title>\n\
         <link rel=\"stylesheet\" href=\"style.css\"/>\n</head>\n<body>\n",
        attribute(title)
    )
}
