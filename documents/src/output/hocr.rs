//! hOCR 1.2, as XHTML: pages, areas, paragraphs, lines and words with their boxes in pixels, in the classes that Tesseract writes.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    PageWriter,
    parts::{PixelBox, baseline, is_askew, points, quarters, regions, words},
    xml::{Whole, escaped},
};
use crate::{
    ids::DocumentId,
    mathml::to_plain_text,
    record::{PageRecord, TextLine},
    script::is_mostly_from_the_right,
};

pub struct Hocr<W> {
    whole: Whole<W>,
}

impl<W: Write> Hocr<W> {
    pub fn new(out: W) -> Self {
        Self { whole: Whole::new(out, " </body>\n</html>\n") }
    }
}

fn head(source: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \
         \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\">\n \
         <head>\n  <title>{}</title>\n  \
         <meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n  \
         <meta name=\"ocr-system\" content=\"pagestream {}\"/>\n  \
         <meta name=\"ocr-capabilities\" content=\"ocr_page ocr_carea ocr_par ocr_line ocrx_word ocr_display ocr_math ocrp_poly ocrp_wconf\"/>\n \
         </head>\n <body>\n",
        escaped(source),
        env!("CARGO_PKG_VERSION"),
    )
}

fn bbox(at: PixelBox) -> String {
    format!("bbox {} {} {} {}", at.left, at.top, at.right, at.bottom)
}

/// Properties of the line beside its box: the slope of what its letters stand on and its height above the lower left corner of the
/// box, and how far it is turned (against the clock, as hOCR counts).
fn line_title(line: &TextLine, page: &PageRecord) -> String {
    let at = PixelBox::of(&line.polygon, page);
    let mut title = bbox(at);
    let turned = quarters(&line.polygon);
    if turned == 0 {
        let [from, to] = baseline(&line.polygon);
        let slope = if to.x > from.x { (to.y - from.y) / (to.x - from.x) } else { 0.0 };
        let offset = from.y + slope * (at.left as f32 - from.x) - at.bottom as f32;
        // Writing into a string does not fail.
        let _ = write!(title, "; baseline {} {}", rounded(slope, 1_000.0), rounded(offset, 10.0));
    } else {
        let _ = write!(title, "; textangle {}", 360 - 90 * turned);
    }
    if is_askew(&line.polygon) {
        let _ = write!(title, "; poly {}", points(&line.polygon, page).replace(',', " "));
    }
    title
}

/// LaTeX as a property of our own, as it may stand in a title. Quotes end what is quoted, and so are left out.
fn property(latex: &str) -> String {
    let quoted: String = latex.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "''");
    format!("; x_latex {}", escaped(&format!("\"{quoted}\"")))
}

/// With no more digits than there are, and no negative zero.
fn rounded(value: f32, scale: f32) -> f32 {
    (value * scale).round() / scale + 0.0
}

fn body(page: &PageRecord) -> String {
    let number = page.page.get();
    let mut out = String::new();
    let source = page.document.source.replace('"', "'");
    let mut title =
        format!("image \"{source}\"; bbox 0 0 {} {}; ppageno {}", page.width, page.height, page.page.index());
    if page.dpi > 0.0 {
        let dpi = page.dpi.round();
        let _ = write!(title, "; scan_res {dpi} {dpi}");
    }
    let _ = writeln!(out, "  <div class=\"ocr_page\" id=\"page_{number}\" title=\"{}\">", escaped(&title));
    let (mut row, mut mark) = (0, 0);
    for (region, block) in regions(page).iter().zip(1..) {
        let at = bbox(PixelBox::of(&region.polygon, page));
        let from_the_right = is_mostly_from_the_right(region.lines.iter().map(|line| line.text.as_str()));
        let direction = if from_the_right { " dir=\"rtl\"" } else { "" };
        let _ = writeln!(out, "   <div class=\"ocr_carea\" id=\"block_{number}_{block}\" title=\"{at}\">");
        let end = match region.formula {
            None => {
                let _ =
                    writeln!(out, "    <p class=\"ocr_par\" id=\"par_{number}_{block}\"{direction} title=\"{at}\">");
                "    </p>\n"
            }
            Some(formula) => {
                let latex = region.latex().map(property).unwrap_or_default();
                let _ = writeln!(
                    out,
                    "    <div class=\"ocr_display\" id=\"display_{number}_{block}\" title=\"{at}\">\
                     <span class=\"ocr_math\" id=\"math_{number}_{block}\" title=\"{at}{latex}\">"
                );
                if region.lines.is_empty() {
                    let text = match (formula.text.trim(), region.latex()) {
                        ("", Some(latex)) => to_plain_text(latex),
                        (text, _) => text.to_owned(),
                    };
                    let _ = writeln!(out, "{}", escaped(&text));
                }
                "    </span></div>\n"
            }
        };
        for line in region.lines {
            row += 1;
            let title = line_title(line, page);
            let _ = write!(out, "     <span class=\"ocr_line\" id=\"line_{number}_{row}\" title=\"{title}\">");
            for (place, word) in words(line).iter().enumerate() {
                mark += 1;
                let mut title = bbox(PixelBox::of(&word.polygon, page));
                if let Some(share) = word.confidence.or(line.confidence) {
                    let _ = write!(title, "; x_wconf {}", (100.0 * share).round());
                }
                let blank = if place > 0 { " " } else { "" };
                let text = escaped(&word.text);
                let _ = write!(
                    out,
                    "{blank}<span class=\"ocrx_word\" id=\"word_{number}_{mark}\" title=\"{title}\">{text}</span>"
                );
            }
            out.push_str("</span>\n");
        }
        out.push_str(end);
        out.push_str("   </div>\n");
    }
    out.push_str("  </div>\n");
    out
}

impl<W: Write + Send> PageWriter for Hocr<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        self.whole.page(|| head(&page.document.source), &body(page))
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
        let text = written(|out| Box::new(Hocr::new(out)), std::slice::from_ref(&page));
        let elements = elements(&text);
        let of_class = |class: &str| elements.iter().filter(move |e| e.attribute("class") == class).collect::<Vec<_>>();
        let found: Vec<(String, [f32; 4])> = of_class("ocrx_word")
            .into_iter()
            .map(|word| {
                let title = word.attribute("title");
                let bbox = title.strip_prefix("bbox ").unwrap().split(';').next().unwrap();
                let sides: Vec<f32> = bbox.split(' ').map(|side| side.parse().unwrap()).collect();
                (word.text.clone(), sides.try_into().unwrap())
            })
            .collect();
        assert_words(&page, &found);
        let pages = of_class("ocr_page");
        assert_eq!(
            pages[0].attribute("title"),
            "image \"a <b> & 'c'.pdf\"; bbox 0 0 1000 1400; ppageno 0; scan_res 100 100"
        );
        let counts = ["ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word"].map(|class| of_class(class).len());
        assert_eq!(counts, [1, 2, 2, 3, 6]);
        let ids: std::collections::HashSet<&str> = elements.iter().map(|e| e.attribute("id")).collect();
        assert_eq!(ids.len(), 1 + counts.iter().sum::<usize>(), "identities come once");
    }

    #[test]
    fn a_formula_by_itself_is_displayed_mathematics() {
        let text = written(|out| Box::new(Hocr::new(out)), &[formulas()]);
        let elements = elements(&text);
        let of_class = |class: &str| elements.iter().filter(move |e| e.attribute("class") == class).collect::<Vec<_>>();
        let math = of_class("ocr_math");
        assert_eq!([of_class("ocr_display").len(), math.len(), of_class("ocr_par").len()], [2, 2, 1]);
        assert!(math[0].attribute("title").ends_with("; x_latex \"a < ''b''\""), "{text}");
        assert_eq!(math[1].text.trim(), "x²");
        assert_eq!(of_class("ocr_line").len(), 2);
    }

    #[test]
    fn askew_and_turned_lines_say_so() {
        let page = letter();
        let text = written(|out| Box::new(Hocr::new(out)), &[page]);
        let titles: Vec<String> = elements(&text)
            .iter()
            .filter(|e| e.attribute("class") == "ocr_line")
            .map(|e| e.attribute("title").to_owned())
            .collect();
        assert!(titles[0].contains("; baseline 0 -8"), "{titles:?}");
        assert!(titles[1].contains("baseline 0.05 ") && titles[1].contains("; poly 100 300 500 320"), "{titles:?}");
        assert!(titles[2].ends_with("; textangle 270"), "{titles:?}");
    }
}
