//! Parts of a package that say how things look and which parts there are (ECMA-376, WordprocessingML); the same for every document but for a
//! few words.

use std::fmt::Write as _;

use crate::output::{flow::Numbering, xml::escaped};

pub(super) const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// Namespaces of the parts that hold text.
pub(super) const NAMESPACES: &str = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" \
     xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\" \
     xmlns:m=\"http://schemas.openxmlformats.org/officeDocument/2006/math\" \
     xmlns:wp=\"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing\" \
     xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" \
     xmlns:pic=\"http://schemas.openxmlformats.org/drawingml/2006/picture\"";

const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// Parts that every document has, and what they are to the document's.
const COMMON: [(&str, &str); 3] = [("styles", "styles"), ("numbering", "numbering"), ("footnotes", "footnotes")];

pub(super) fn content_types() -> String {
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml";
    let mut out = format!(
        "{XML}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Default Extension=\"png\" ContentType=\"image/png\"/>\
         <Override PartName=\"/word/document.xml\" ContentType=\"{word}.document.main+xml\"/>\
         <Override PartName=\"/docProps/core.xml\" ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/>"
    );
    for (name, kind) in COMMON {
        // Writing into a string does not fail.
        let _ = write!(out, "<Override PartName=\"/word/{name}.xml\" ContentType=\"{word}.{kind}+xml\"/>");
    }
    out.push_str("</Types>");
    out
}

pub(super) fn package() -> String {
    format!(
        "{XML}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{RELATIONSHIPS}/officeDocument\" Target=\"word/document.xml\"/>\
         <Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties\" \
         Target=\"docProps/core.xml\"/></Relationships>"
    )
}

/// Of the document's part to others, as far as they are known at the beginning.
pub(super) fn relationships() -> String {
    let mut out =
        format!("{XML}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">");
    for (name, kind) in COMMON {
        let _ = write!(out, "<Relationship Id=\"{name}\" Type=\"{RELATIONSHIPS}/{kind}\" Target=\"{name}.xml\"/>");
    }
    out
}

pub(super) fn link(id: &str, target: &str) -> String {
    let target = escaped(target);
    format!(
        "<Relationship Id=\"{id}\" Type=\"{RELATIONSHIPS}/hyperlink\" Target=\"{target}\" TargetMode=\"External\"/>"
    )
}

/// A formula and its number beside it, as a table of one row without lines; and what parts it from another.
pub(super) fn numbered(formula: &str, number: &str, style: &str) -> String {
    let cell = |width: u32, properties: &str, inner: &str| {
        format!(
            "<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"pct\"/><w:vAlign w:val=\"center\"/></w:tcPr>\
             <w:p><w:pPr>{properties}</w:pPr>{inner}</w:p></w:tc>"
        )
    };
    let number = format!("<w:r><w:t xml:space=\"preserve\">{}</w:t></w:r>", escaped(number));
    let cells = [cell(600, "", ""), cell(3_800, style, formula), cell(600, "<w:jc w:val=\"right\"/>", &number)];
    format!(
        "<w:tbl><w:tblPr><w:tblW w:w=\"5000\" w:type=\"pct\"/></w:tblPr><w:tblGrid><w:gridCol w:w=\"1080\"/>\
         <w:gridCol w:w=\"6840\"/><w:gridCol w:w=\"1080\"/></w:tblGrid><w:tr>{}</w:tr></w:tbl>\
         <w:p><w:pPr><w:spacing w:after=\"0\" w:line=\"20\" w:lineRule=\"exact\"/></w:pPr></w:p>\n",
        cells.concat()
    )
}

pub(super) fn image(id: &str, name: &str) -> String {
    format!("<Relationship Id=\"{id}\" Type=\"{RELATIONSHIPS}/image\" Target=\"media/{name}\"/>")
}

pub(super) fn core(title: &str, created: &str) -> String {
    format!(
        "{XML}<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{created}</dcterms:created></cp:coreProperties>",
        escaped(title)
    )
}

/// Styles by the names that Word has for them, so that a document's outline, contents and templates work.
pub(super) fn styles(language: Option<&str>) -> String {
    let language = language.unwrap_or("en");
    let mut out = format!(
        "{XML}<w:styles {NAMESPACES}><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii=\"Calibri\" w:hAnsi=\"Calibri\" \
         w:cs=\"Calibri\"/><w:sz w:val=\"22\"/><w:lang w:val=\"{language}\"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr>\
         <w:spacing w:after=\"120\" w:line=\"264\" w:lineRule=\"auto\"/></w:pPr></w:pPrDefault></w:docDefaults>\
         <w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/><w:qFormat/></w:style>\
         <w:style w:type=\"table\" w:default=\"1\" w:styleId=\"TableNormal\"><w:name w:val=\"Normal Table\"/><w:tblPr>\
         <w:tblCellMar><w:left w:w=\"108\" w:type=\"dxa\"/><w:right w:w=\"108\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr></w:style>"
    );
    let heading = |out: &mut String, id: &str, name: &str, size: u32, outline: Option<u32>| {
        let outline = outline.map(|level| format!("<w:outlineLvl w:val=\"{level}\"/>")).unwrap_or_default();
        let _ = write!(
            out,
            "<w:style w:type=\"paragraph\" w:styleId=\"{id}\"><w:name w:val=\"{name}\"/><w:basedOn w:val=\"Normal\"/>\
             <w:next w:val=\"Normal\"/><w:qFormat/><w:pPr><w:keepNext/><w:spacing w:before=\"240\" w:after=\"80\"/>{outline}</w:pPr>\
             <w:rPr><w:b/><w:sz w:val=\"{size}\"/></w:rPr></w:style>"
        );
    };
    heading(&mut out, "Title", "Title", 48, None);
    for (level, size) in (1..=6).zip([36, 30, 26, 24, 22, 22]) {
        heading(&mut out, &format!("Heading{level}"), &format!("heading {level}"), size, Some(level - 1));
    }
    let mut paragraph = |id: &str, name: &str, of_paragraph: &str, of_run: &str| {
        let _ = write!(
            out,
            "<w:style w:type=\"paragraph\" w:styleId=\"{id}\"><w:name w:val=\"{name}\"/><w:basedOn w:val=\"Normal\"/>\
             <w:pPr>{of_paragraph}</w:pPr><w:rPr>{of_run}</w:rPr></w:style>"
        );
    };
    paragraph("ListParagraph", "List Paragraph", "<w:spacing w:after=\"40\"/><w:ind w:left=\"720\"/>", "");
    paragraph("Caption", "caption", "<w:spacing w:after=\"200\"/>", "<w:i/><w:sz w:val=\"20\"/>");
    paragraph("FootnoteText", "footnote text", "<w:spacing w:after=\"0\"/>", "<w:sz w:val=\"18\"/>");
    paragraph("Quote", "Quote", "<w:ind w:left=\"720\" w:right=\"720\"/>", "<w:sz w:val=\"20\"/>");
    let fixed = "<w:rFonts w:ascii=\"Courier New\" w:hAnsi=\"Courier New\" w:cs=\"Courier New\"/><w:sz w:val=\"18\"/>";
    paragraph("SourceCode", "Source Code", "<w:spacing w:after=\"120\" w:line=\"240\" w:lineRule=\"auto\"/>", fixed);
    paragraph("Formula", "Formula", "<w:jc w:val=\"center\"/>", "");
    let mut character = |id: &str, name: &str, of_run: &str| {
        let _ = write!(
            out,
            "<w:style w:type=\"character\" w:styleId=\"{id}\"><w:name w:val=\"{name}\"/><w:rPr>{of_run}</w:rPr></w:style>"
        );
    };
    character("FootnoteReference", "footnote reference", "<w:vertAlign w:val=\"superscript\"/>");
    character("Hyperlink", "Hyperlink", "<w:color w:val=\"0563C1\"/><w:u w:val=\"single\"/>");
    let border = |side: &str| format!("<w:{side} w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"808080\"/>");
    let borders = ["top", "left", "bottom", "right", "insideH", "insideV"].map(border).concat();
    let _ = write!(
        out,
        "<w:style w:type=\"table\" w:styleId=\"TableGrid\"><w:name w:val=\"Table Grid\"/><w:basedOn w:val=\"TableNormal\"/>\
         <w:pPr><w:spacing w:after=\"0\"/></w:pPr><w:tblPr><w:tblBorders>{borders}</w:tblBorders></w:tblPr></w:style></w:styles>"
    );
    out
}

/// How lists are numbered, by their identity in this part; see [`abstract_list`].
const NUMBERINGS: [Numbering; 6] = [
    Numbering::Bullet,
    Numbering::Decimal,
    Numbering::LowerAlpha,
    Numbering::UpperAlpha,
    Numbering::LowerRoman,
    Numbering::UpperRoman,
];

/// What stands around numbers: as `1.`, `1)` and `(1)`.
const FORMS: [(&str, &str); 3] = [("", "."), ("", ")"), ("(", ")")];

/// The identity of a way to number.
pub(super) fn abstract_list(numbering: Numbering, end: Option<char>, is_bracketed: bool) -> usize {
    let form = match (is_bracketed, end) {
        (true, _) => 2,
        (false, Some(')')) => 1,
        _ => 0,
    };
    let kind = NUMBERINGS.iter().position(|known| *known == numbering).unwrap_or(0);
    if kind == 0 { 0 } else { kind * FORMS.len() + form }
}

/// All ways to number, before the lists themselves.
pub(super) fn numbering() -> String {
    let mut out = format!("{XML}<w:numbering {NAMESPACES}>");
    for (kind, numbering) in NUMBERINGS.into_iter().enumerate() {
        for (form, (before, after)) in FORMS.into_iter().enumerate() {
            let id = kind * FORMS.len() + form;
            if kind == 0 && form > 0 {
                continue;
            }
            let _ =
                write!(out, "<w:abstractNum w:abstractNumId=\"{id}\"><w:multiLevelType w:val=\"hybridMultilevel\"/>");
            for level in 0..9 {
                let (format, text) = match numbering {
                    Numbering::Bullet => ("bullet", ["•", "◦", "▪"][level % 3].to_owned()),
                    numbering => (name(numbering), format!("{before}%{}{after}", level + 1)),
                };
                let indent = 720 + 360 * level;
                let _ = write!(
                    out,
                    "<w:lvl w:ilvl=\"{level}\"><w:start w:val=\"1\"/><w:numFmt w:val=\"{format}\"/><w:lvlText w:val=\"{text}\"/>\
                     <w:lvlJc w:val=\"left\"/><w:pPr><w:ind w:left=\"{indent}\" w:hanging=\"360\"/></w:pPr></w:lvl>"
                );
            }
            out.push_str("</w:abstractNum>");
        }
    }
    out
}

fn name(numbering: Numbering) -> &'static str {
    match numbering {
        Numbering::LowerAlpha => "lowerLetter",
        Numbering::UpperAlpha => "upperLetter",
        Numbering::LowerRoman => "lowerRoman",
        Numbering::UpperRoman => "upperRoman",
        Numbering::Bullet | Numbering::Decimal | Numbering::Printed => "decimal",
    }
}

/// A list of its own, whose first number is this.
pub(super) fn list(id: u32, of: usize, level: usize, first: u32) -> String {
    format!(
        "<w:num w:numId=\"{id}\"><w:abstractNumId w:val=\"{of}\"/><w:lvlOverride w:ilvl=\"{level}\">\
         <w:startOverride w:val=\"{first}\"/></w:lvlOverride></w:num>"
    )
}

/// The two that Word draws lines with, before those of the document.
pub(super) fn footnotes() -> String {
    let line = |id: i32, kind: &str, name: &str| {
        format!("<w:footnote w:type=\"{kind}\" w:id=\"{id}\"><w:p><w:r><w:{name}/></w:r></w:p></w:footnote>")
    };
    let lines =
        [line(-1, "separator", "separator"), line(0, "continuationSeparator", "continuationSeparator")].concat();
    format!("{XML}<w:footnotes {NAMESPACES}>{lines}")
}
