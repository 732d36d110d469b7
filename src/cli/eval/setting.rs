//! Formulas set by TeX, where it is installed, and compared as pictures.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use pagestream_documents::{OpenOptions, PageNumber, PixelFormat, Raster, RenderOptions};

/// Dots per inch: a stroke is two pixels wide.
const DPI: u32 = 200;

/// Formulas of one run of TeX.
const AT_ONCE: usize = 200;

/// Darker than this is ink, on both sides; what is between is neither, and may be beside ink.
const INK: u8 = 112;
const PAPER: u8 = 208;

const PREAMBLE: &str = r"\documentclass{article}
\usepackage{amsmath}
\usepackage{amssymb}
\usepackage[active,tightpage]{preview}
\setlength{\PreviewBorder}{2pt}
\scrollmode
\begin{document}
";

/// A picture of each formula; `None` for those that there are none of, and those that TeX complains of.
///
/// # Errors
/// Where TeX or dvipng cannot be run, or nothing comes of it.
pub fn pictures(formulas: &[Option<String>]) -> Result<Vec<Option<Raster>>, String> {
    let mut pictures = Vec::with_capacity(formulas.len());
    for part in formulas.chunks(AT_ONCE) {
        pictures.extend(set(part)?);
    }
    if pictures.iter().all(Option::is_none) && formulas.iter().any(Option::is_some) {
        return Err("LaTeX has set none of the formulas; a package may be missing".to_owned());
    }
    Ok(pictures)
}

fn set(formulas: &[Option<String>]) -> Result<Vec<Option<Raster>>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("there is no temporary folder: {error}"))?;
    // A line each, so that a complaint's line tells whose it is, and a page each, whose number does.
    let body = formulas.iter().enumerate().map(|(at, formula)| {
        let (page, formula) = (at + 1, formula.as_deref().unwrap_or_default());
        format!("\\setcounter{{page}}{{{page}}}\\begin{{preview}}$\\displaystyle {formula} $\\end{{preview}}\n")
    });
    let source = format!("{PREAMBLE}{}\\end{{document}}\n", body.collect::<String>());
    fs::write(folder.path().join("a.tex"), source).map_err(|error| format!("a.tex cannot be written: {error}"))?;
    let options = ["-interaction=nonstopmode", "-file-line-error", "-no-shell-escape", "a.tex"];
    run("latex", &options, folder.path())?;
    let log = fs::read(folder.path().join("a.log")).unwrap_or_default();
    let first = PREAMBLE.lines().count() + 1;
    let wrong: Vec<usize> =
        complaints(&String::from_utf8_lossy(&log)).filter_map(|line| line.checked_sub(first)).collect();
    if !folder.path().join("a.dvi").is_file() {
        return Ok(vec![None; formulas.len()]);
    }
    let dpi = DPI.to_string();
    let options = ["-q", "-D", &dpi, "-T", "tight", "-z", "1", "--gamma", "1.0", "-o", "p%d.png", "a.dvi"];
    run("dvipng", &options, folder.path())?;
    let picture = |(at, formula): (usize, &Option<String>)| {
        let is_set = formula.is_some() && !wrong.contains(&at);
        is_set.then(|| opened(&folder.path().join(format!("p{}.png", at + 1)))).flatten()
    };
    Ok(formulas.iter().enumerate().map(picture).collect())
}

/// Lines of the source that TeX complains of.
fn complaints(log: &str) -> impl Iterator<Item = usize> {
    log.lines().filter_map(|line| {
        let rest =
            line.strip_prefix("./").unwrap_or(line).strip_prefix("a.tex:").or_else(|| line.strip_prefix("l."))?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
}

/// Runs a program whose exit code says nothing: TeX fails for a complaint.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    // Files elsewhere are none of a formula's business.
    command.args(arguments).current_dir(folder).env("openin_any", "p").env("openout_any", "p");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(drop).map_err(|error| format!("{program} cannot be run: {error}"))
}

fn opened(path: &Path) -> Option<Raster> {
    let bytes = fs::read(path).ok()?;
    let source = pagestream_documents::open(Arc::new(bytes), &OpenOptions::default()).ok()?;
    let raster = source.render(PageNumber::FIRST, &RenderOptions::default()).ok()?;
    let gray = match raster.format {
        PixelFormat::Gray8 => raster.data,
        PixelFormat::Rgb8 => raster.data.as_chunks().0.iter().map(|[r, g, b]: &[u8; 3]| *r.min(g).min(b)).collect(),
    };
    Some(Raster { format: PixelFormat::Gray8, data: gray, ..raster })
}

/// Whether each side's ink has ink of the other within a pixel, in pictures of one size, to a pixel.
pub fn is_same(one: &Raster, other: &Raster) -> bool {
    one.width.abs_diff(other.width) <= 1
        && one.height.abs_diff(other.height) <= 1
        && is_covered(one, other)
        && is_covered(other, one)
}

fn is_covered(one: &Raster, other: &Raster) -> bool {
    let (width, height) = (other.width as usize, other.height as usize);
    one.data.iter().enumerate().filter(|(_, level)| **level < INK).all(|(at, _)| {
        let (x, y) = (at % one.width as usize, at / one.width as usize);
        let rows = y.saturating_sub(1)..(y + 2).min(height);
        let columns = x.saturating_sub(1)..(x + 2).min(width);
        columns.start < columns.end
            && rows.into_iter().any(|y| other.data[y * width..][columns.clone()].iter().any(|level| *level < PAPER))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(rows: &[&str]) -> Raster {
        let data = rows.iter().flat_map(|row| row.bytes().map(|b| if b == b'#' { 0 } else { 255 })).collect();
        let (width, height) = (rows[0].len() as u32, rows.len() as u32);
        Raster { width, height, format: PixelFormat::Gray8, data, dpi: 200.0 }
    }

    #[test]
    fn a_pixel_is_allowed_and_two_are_not() {
        let of = |rows: &[&str]| picture(rows);
        let line = of(&["......", "##....", "......"]);
        assert!(is_same(&line, &of(&["......", ".##...", "......"])));
        assert!(is_same(&line, &of(&["......", "##....", "......", "......"])), "a pixel higher");
        assert!(!is_same(&line, &of(&["......", "..##..", "......"])));
        assert!(!is_same(&line, &of(&["......", "##..##", "......"])), "more than there is");
        assert!(!is_same(&of(&["......", "##..##", "......"]), &line), "less than there is");
        assert!(!is_same(&line, &of(&["........", "##......", "........"])), "two pixels wider");
    }

    #[test]
    fn complaints_name_their_lines() {
        let log = "(./a.tex\n./a.tex:12: Undefined control sequence.\nl.12 \\foo\na.tex:9: Missing }\nOverfull l. 3";
        assert_eq!(complaints(log).collect::<Vec<_>>(), [12, 12, 9]);
    }
}
