//! Prints which symbols stand where on each page of a PDF, a page a line: `glyphs FILE.pdf`. For `models/training/lab/formula/glyphs.py`.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("which file?")?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for page in pagestream_documents::lab::symbols(std::fs::read(file)?)? {
        serde_json::to_writer(&mut out, &page)?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
