//! ALTO 4.4 (Library of Congress): pages, blocks, lines and strings, in pixels.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    PageWriter,
    parts::{PixelBox, baseline_points, is_askew, points, quarters, regions, words},
    xml::{Whole, escaped, submitted_at},
};
use crate::{
    geometry::Polygon,
    ids::DocumentId,
    record::{DocumentRef, PageRecord, TextLine},
};

/// What regions refer to that are formulas. Its LaTeX has no place in this schema.
const FORMULA: &str = "formula";

pub struct Alto<W> {
    whole: Whole<W>,
}

impl<W: Write> Alto<W> {
    pub fn new(out: W) -> Self {
        Self { whole: Whole::new(out, " </Layout>\n</alto>\n") }
    }
}

fn head(document: &DocumentRef) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <alto xmlns=\"http://www.loc.gov/standards/alto/ns-v4#\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"http://www.loc.gov/standards/alto/ns-v4# \
         http://www.loc.gov/standards/alto/v4/alto-4-4.xsd\">\n \
         <Description>\n  <MeasurementUnit>pixel</MeasurementUnit>\n  \
         <sourceImageInformation><fileName>{}</fileName></sourceImageInformation>\n  \
         <Processing ID=\"processing_1\"><processingDateTime>{}</processingDateTime><processingSoftware>\
         <softwareName>pagestream</softwareName><softwareVersion>{}</softwareVersion></processingSoftware></Processing>\n \
         </Description>\n <Tags><StructureTag ID=\"{FORMULA}\" LABEL=\"{FORMULA}\"/></Tags>\n <Layout>\n",
        escaped(&document.source),
        submitted_at(document.id),
        env!("CARGO_PKG_VERSION"),
    )
}

fn place(at: PixelBox) -> String {
    format!("HPOS=\"{}\" VPOS=\"{}\" WIDTH=\"{}\" HEIGHT=\"{}\"", at.left, at.top, at.width(), at.height())
}

fn shape(polygon: &Polygon, page: &PageRecord) -> String {
    match is_askew(polygon) {
        true => format!("<Shape><Polygon POINTS=\"{}\"/></Shape>", points(polygon, page)),
        false => String::new(),
    }
}

fn body(page: &PageRecord) -> String {
    let number = page.page.get();
    let mut out = String::new();
    let confidence = page.confidence.map(|share| format!(" PC=\"{share:.3}\"")).unwrap_or_default();
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "  <Page ID=\"page_{number}\" PHYSICAL_IMG_NR=\"{number}\" WIDTH=\"{}\" HEIGHT=\"{}\"{confidence}>",
        page.width, page.height
    );
    let whole = PixelBox { left: 0, top: 0, right: page.width, bottom: page.height };
    let _ = writeln!(out, "   <PrintSpace {}>", place(whole));
    let (mut row, mut mark) = (0, 0);
    for (region, block) in regions(page).iter().zip(1..) {
        let at = place(PixelBox::of(&region.polygon, page));
        let tag = if region.formula.is_some() { format!(" TAGREFS=\"{FORMULA}\"") } else { String::new() };
        if region.lines.is_empty() {
            let _ = writeln!(out, "    <Illustration ID=\"block_{number}_{block}\"{tag} TYPE=\"{FORMULA}\" {at}/>");
            continue;
        }
        let _ = writeln!(out, "    <TextBlock ID=\"block_{number}_{block}\"{tag} {at}>");
        for line in region.lines {
            row += 1;
            write_line(&mut out, line, page, row, &mut mark);
        }
        out.push_str("    </TextBlock>\n");
    }
    out.push_str("   </PrintSpace>\n  </Page>\n");
    out
}

fn write_line(out: &mut String, line: &TextLine, page: &PageRecord, row: u32, mark: &mut u32) {
    let number = page.page.get();
    let at = place(PixelBox::of(&line.polygon, page));
    let baseline = baseline_points(&line.polygon, page);
    let _ = write!(out, "     <TextLine ID=\"line_{number}_{row}\" BASELINE=\"{baseline}\" {at}>");
    out.push_str(&shape(&line.polygon, page));
    let mut before: Option<PixelBox> = None;
    for word in words(line).iter() {
        *mark += 1;
        let at = PixelBox::of(&word.polygon, page);
        if let Some(before) = before {
            // Between words that are read from the right it lies on the other side; of turned lines it has no width.
            let (from, to) = if at.left >= before.left { (before.right, at.left) } else { (at.right, before.left) };
            if quarters(&line.polygon).is_multiple_of(2) {
                let width = to.saturating_sub(from);
                let _ = write!(out, "<SP HPOS=\"{from}\" VPOS=\"{}\" WIDTH=\"{width}\"/>", at.top);
            } else {
                out.push_str("<SP/>");
            }
        }
        let confidence =
            word.confidence.or(line.confidence).map(|share| format!(" WC=\"{share:.3}\"")).unwrap_or_default();
        let text = escaped(&word.text);
        let _ = write!(out, "<String ID=\"string_{number}_{mark}\" CONTENT=\"{text}\" {}{confidence}", place(at));
        match shape(&word.polygon, page) {
            shape if shape.is_empty() => out.push_str("/>"),
            shape => {
                let _ = write!(out, ">{shape}</String>");
            }
        }
        before = Some(at);
    }
    out.push_str("</TextLine>\n");
}

impl<W: Write + Send> PageWriter for Alto<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        self.whole.page(|| head(&page.document), &body(page))
    }

    fn end_document(&mut self, _: DocumentId, _: bool) -> io::Result<()> {
        self.whole.close()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.whole.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{assert_words, elements, formulas, letter, written};

    #[test]
    fn words_and_boxes_are_found_again() {
        let page = letter();
        let text = written(|out| Box::new(Alto::new(out)), std::slice::from_ref(&page));
        let elements = elements(&text);
        let found: Vec<(String, [f32; 4])> = elements
            .iter()
            .filter(|e| e.name == "String")
            .map(|e| {
                let side = |name: &str| e.attribute(name).parse::<f32>().unwrap();
                let (left, top) = (side("HPOS"), side("VPOS"));
                (e.attribute("CONTENT").to_owned(), [left, top, left + side("WIDTH"), top + side("HEIGHT")])
            })
            .collect();
        assert_words(&page, &found);
        let count = |name: &str| elements.iter().filter(|e| e.name == name).count();
        assert_eq!(["Page", "TextBlock", "TextLine", "String", "SP"].map(count), [1, 2, 3, 6, 3]);
        let name = elements.iter().find(|e| e.name == "fileName").unwrap();
        assert_eq!(name.text, page.document.source);
        let shapes: Vec<&str> =
            elements.iter().filter(|e| e.name == "Polygon").map(|e| e.attribute("POINTS")).collect();
        assert_eq!(shapes[0], "100,300 500,320 498,360 98,340", "of the line that lies askew");
    }

    #[test]
    fn a_formula_is_tagged_as_one() {
        let text = written(|out| Box::new(Alto::new(out)), &[formulas()]);
        let elements = elements(&text);
        let tag = elements.iter().find(|e| e.name == "StructureTag").unwrap();
        let of = |name: &str| -> Vec<&str> {
            elements.iter().filter(|e| e.name == name).map(|e| e.attribute("TAGREFS")).collect()
        };
        assert_eq!(of("TextBlock"), [tag.attribute("ID"), ""]);
        assert_eq!(of("Illustration"), [tag.attribute("ID")]);
    }

    #[test]
    fn what_xml_forbids_is_replaced() {
        let mut page = letter();
        page.lines[0].words[0].text = "a\u{1}\u{ffff}\"<b>&\n".to_owned();
        let text = written(|out| Box::new(Alto::new(out)), &[page]);
        let words: Vec<String> =
            elements(&text).iter().filter(|e| e.name == "String").map(|e| e.attribute("CONTENT").to_owned()).collect();
        assert_eq!(words[0], "a\u{fffd}\u{fffd}\"<b>&\n");
    }
}
