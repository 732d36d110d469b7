//! PAGE-XML 2019-07-15 (PRImA): the regions, lines and words of one page, with polygons, baselines and the reading order.
//!
//! A file of this format holds one page. A second one is refused; several pages make several files ([`super::Files`]).

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    PageWriter,
    parts::{Region, baseline_points, points, quarters, regions, words},
    xml::{escaped, submitted_at},
};
use crate::record::{PageRecord, TextLine};

const NAMESPACE: &str = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15";

pub struct PageXml<W> {
    out: W,
    written: bool,
}

impl<W: Write> PageXml<W> {
    pub fn new(out: W) -> Self {
        Self { out, written: false }
    }
}

fn whole(page: &PageRecord) -> String {
    let created = submitted_at(page.document.id);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <PcGts xmlns=\"{NAMESPACE}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"{NAMESPACE} {NAMESPACE}/pagecontent.xsd\">\n \
         <Metadata><Creator>pagestream {}</Creator><Created>{created}</Created><LastChange>{created}</LastChange></Metadata>\n",
        env!("CARGO_PKG_VERSION"),
    );
    let resolution = match page.dpi > 0.0 {
        true => format!(" imageXResolution=\"{0}\" imageYResolution=\"{0}\" imageResolutionUnit=\"PPI\"", page.dpi),
        false => String::new(),
    };
    let confidence = page.confidence.map(|share| format!(" conf=\"{share:.3}\"")).unwrap_or_default();
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        " <Page imageFilename=\"{}\" imageWidth=\"{}\" imageHeight=\"{}\"{resolution}{confidence}>",
        escaped(&page.document.source),
        page.width,
        page.height
    );
    let regions = regions(page);
    if !regions.is_empty() {
        out.push_str("  <ReadingOrder><OrderedGroup id=\"reading_order\">");
        for index in 0..regions.len() {
            let _ = write!(out, "<RegionRefIndexed index=\"{index}\" regionRef=\"region_{}\"/>", index + 1);
        }
        out.push_str("</OrderedGroup></ReadingOrder>\n");
    }
    let (mut row, mut mark) = (0, 0);
    for (region, number) in regions.iter().zip(1..) {
        write_region(&mut out, region, number, page, &mut row, &mut mark);
    }
    out.push_str(" </Page>\n</PcGts>\n");
    out
}

fn write_region(out: &mut String, region: &Region<'_>, number: u32, page: &PageRecord, row: &mut u32, mark: &mut u32) {
    let id = format!("region_{number}");
    if region.formula.is_none() {
        return write_text(out, region, &id, page, row, mark);
    }
    // A region of mathematics has no text of its own in this schema; a region of text may stand in it.
    let _ = writeln!(out, "  <MathsRegion id=\"{id}\">");
    let _ = writeln!(out, "   <Coords points=\"{}\"/>", points(&region.polygon, page));
    if let Some(latex) = region.latex() {
        let latex = escaped(latex);
        let _ = writeln!(
            out,
            "   <UserDefined><UserAttribute name=\"latex\" type=\"xsd:string\" value=\"{latex}\"/></UserDefined>"
        );
    }
    if !region.lines.is_empty() {
        write_text(out, region, &format!("{id}_text"), page, row, mark);
    }
    out.push_str("  </MathsRegion>\n");
}

fn write_text(out: &mut String, region: &Region<'_>, id: &str, page: &PageRecord, row: &mut u32, mark: &mut u32) {
    // The way in which most of the region is read, clockwise from upright; PAGE counts from -180.
    let turned = region.lines.first().map_or(0, |line| quarters(&line.polygon));
    let orientation = match turned {
        0 => String::new(),
        quarters => format!(" orientation=\"{}\"", if quarters == 3 { -90 } else { 90 * quarters as i32 }),
    };
    let _ = writeln!(out, "  <TextRegion id=\"{id}\"{orientation}>");
    let _ = writeln!(out, "   <Coords points=\"{}\"/>", points(&region.polygon, page));
    for line in region.lines {
        *row += 1;
        write_line(out, line, *row, page, mark);
    }
    let text: Vec<&str> = region.lines.iter().map(|line| line.text.as_str()).collect();
    let _ = writeln!(out, "   <TextEquiv><Unicode>{}</Unicode></TextEquiv>", in_element(&text.join("\n")));
    out.push_str("  </TextRegion>\n");
}

fn write_line(out: &mut String, line: &TextLine, row: u32, page: &PageRecord, mark: &mut u32) {
    let _ = writeln!(out, "   <TextLine id=\"line_{row}\">");
    let _ = write!(out, "    <Coords points=\"{}\"/>", points(&line.polygon, page));
    let _ = writeln!(out, "<Baseline points=\"{}\"/>", baseline_points(&line.polygon, page));
    for word in words(line).iter() {
        *mark += 1;
        let _ = write!(out, "    <Word id=\"word_{mark}\"><Coords points=\"{}\"/>", points(&word.polygon, page));
        let _ = writeln!(out, "{}</Word>", text_equiv(&word.text, word.confidence.or(line.confidence)));
    }
    let _ = writeln!(out, "    {}", text_equiv(&line.text, line.confidence));
    out.push_str("   </TextLine>\n");
}

fn text_equiv(text: &str, confidence: Option<f32>) -> String {
    let confidence = confidence.map(|share| format!(" conf=\"{share:.3}\"")).unwrap_or_default();
    format!("<TextEquiv{confidence}><Unicode>{}</Unicode></TextEquiv>", in_element(text))
}

/// Line ends may stand as they are in an element.
fn in_element(text: &str) -> String {
    escaped(text).replace("&#10;", "\n")
}

impl<W: Write + Send> PageWriter for PageXml<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        if std::mem::replace(&mut self.written, true) {
            let message = "a PAGE-XML file holds one page; write the pages into a folder, or choose one of them";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.out.write_all(whole(page).as_bytes())?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{assert_words, elements, formulas, letter, written};

    #[test]
    fn words_and_polygons_are_found_again() {
        let page = letter();
        let text = written(|out| Box::new(PageXml::new(out)), std::slice::from_ref(&page));
        let elements = elements(&text);
        let mut found = Vec::new();
        for (at, word) in elements.iter().enumerate().filter(|(_, e)| e.name == "Word") {
            let after = |name: &str| elements[at..].iter().find(|e| e.name == name).unwrap();
            assert!(word.attribute("id").starts_with("word_"));
            let corners: Vec<f32> =
                after("Coords").attribute("points").split([' ', ',']).map(|v| v.parse().unwrap()).collect();
            let (xs, ys) = ([0, 2, 4, 6].map(|i| corners[i]), [1, 3, 5, 7].map(|i| corners[i]));
            let least = |v: [f32; 4]| v.into_iter().fold(f32::MAX, f32::min);
            let most = |v: [f32; 4]| v.into_iter().fold(0.0, f32::max);
            found.push((after("Unicode").text.clone(), [least(xs), least(ys), most(xs), most(ys)]));
        }
        assert_words(&page, &found);
        let regions: Vec<&str> =
            elements.iter().filter(|e| e.name == "TextRegion").map(|e| e.attribute("orientation")).collect();
        assert_eq!(regions, ["", "90"]);
        let order: Vec<&str> =
            elements.iter().filter(|e| e.name == "RegionRefIndexed").map(|e| e.attribute("regionRef")).collect();
        assert_eq!(order, ["region_1", "region_2"]);
        let texts: Vec<&str> = elements.iter().filter(|e| e.name == "Unicode").map(|e| e.text.as_str()).collect();
        assert!(texts.contains(&"Dear Sir\nsend two crates"), "{texts:?}");
    }

    #[test]
    fn a_formula_is_a_region_of_mathematics() {
        let text = written(|out| Box::new(PageXml::new(out)), &[formulas()]);
        let elements = elements(&text);
        let ids = |name: &str| -> Vec<String> {
            elements.iter().filter(|e| e.name == name).map(|e| e.attribute("id").to_owned()).collect()
        };
        assert_eq!(ids("MathsRegion"), ["region_1", "region_3"]);
        assert_eq!(ids("TextRegion"), ["region_1_text", "region_2"]);
        let attribute = elements.iter().find(|e| e.name == "UserAttribute").unwrap();
        assert_eq!((attribute.attribute("name"), attribute.attribute("value")), ("latex", "a < \"b\""));
        let order: Vec<&str> =
            elements.iter().filter(|e| e.name == "RegionRefIndexed").map(|e| e.attribute("regionRef")).collect();
        assert_eq!(order, ["region_1", "region_2", "region_3"]);
    }

    #[test]
    fn a_second_page_is_refused() {
        let mut writer = PageXml::new(Vec::new());
        writer.write_page(&letter()).unwrap();
        let error = writer.write_page(&letter()).unwrap_err();
        assert!(error.to_string().contains("one page"), "{error}");
    }
}
