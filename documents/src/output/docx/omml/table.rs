//! Matrices, cases, aligned lines.

use super::argument;
use crate::mathml::Element;

pub(super) fn write(out: &mut String, element: &Element) {
    let rows: Vec<&[Element]> = element.children.iter().map(|row| &row.children[..]).collect();
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(1);
    out.push_str("<m:m><m:mPr><m:plcHide m:val=\"1\"/>");
    let styles: Vec<String> = (0..columns).map(|column| style(&rows, column)).collect();
    if styles.iter().any(|style| style.contains("padding-left:0") || style.contains("padding-right:0;")) {
        // Lines that are aligned at a sign have no gap there: rule 3 is exact, in twentieths of a point.
        out.push_str("<m:cGpRule m:val=\"3\"/><m:cGp m:val=\"40\"/>");
    }
    out.push_str("<m:mcs>");
    for style in &styles {
        let side = match () {
            () if style.contains("text-align:right") => "right",
            () if style.contains("text-align:left") => "left",
            () => "center",
        };
        out.push_str(&format!("<m:mc><m:mcPr><m:count m:val=\"1\"/><m:mcJc m:val=\"{side}\"/></m:mcPr></m:mc>"));
    }
    out.push_str("</m:mcs></m:mPr>");
    for row in rows {
        out.push_str("<m:mr>");
        for column in 0..columns {
            argument(out, "e", row.get(column).map_or(&[], |cell| &cell.children[..]));
        }
        out.push_str("</m:mr>");
    }
    out.push_str("</m:m>");
}

/// Of the first cell of the column.
fn style(rows: &[&[Element]], column: usize) -> String {
    let cell = rows.iter().find_map(|row| row.get(column));
    cell.map(|cell| cell.attribute("style").split_whitespace().collect()).unwrap_or_default()
}
