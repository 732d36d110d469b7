//! Reads a document and prints what it costs: `probe FILE [text|render|both|print|damage] [PASSWORD] [PAGES] [LIMIT]`; or what a PDF tells
//! of one page's structure: `probe FILE PAGE`.

use std::{sync::Arc, time::Instant};

use pagestream_documents::structure::{Hints, LineStyle, VerticalShift};
use pagestream_documents::{ByteSize, FileKind, Limits, OpenOptions, PageNumber, RenderOptions, TextLayer, open};

fn peak_rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("which file?")?;
    let mode = args.next().unwrap_or_else(|| "both".to_owned());
    let password = args.next().filter(|password| !password.is_empty());
    let most: u32 = args.next().map_or(Ok(u32::MAX), |n| n.parse())?;
    let limits =
        args.next().map_or(Ok(Limits::default().page), |size| size.parse::<ByteSize>()).map(|page| Limits { page })?;
    let before = Instant::now();
    let source = open(Arc::new(std::fs::read(&file)?), &OpenOptions { password, limits, ..OpenOptions::default() })
        .map_err(|error| format!("{error} (hint: {})", error.hint.as_deref().unwrap_or("none")))?;
    println!("{:?}, {} pages, opened in {:?}", source.kind(), source.page_count(), before.elapsed());
    if let Ok(page) = mode.parse::<u32>() {
        let page = PageNumber::new(page).ok_or("pages are counted from 1")?;
        match source.text_layer(page)? {
            Some(layer) => print_hints(&layer),
            None => println!("{page}: no text"),
        }
        return Ok(());
    }
    let before = Instant::now();
    let pages = source.page_count().min(most);
    for page in (0..pages).map(PageNumber::from_index) {
        if mode == "damage" {
            // Some of it shows only when the page is rendered.
            let rendered = if source.kind() == FileKind::Tiff {
                source.render(page, &RenderOptions::default()).err()
            } else {
                None
            };
            if let Some(damage) = source.damage(page).or(rendered.map(|error| error.to_string())) {
                println!("{file}: {page}: {damage}");
            }
            continue;
        }
        if mode != "render" {
            match source.text_layer(page) {
                Ok(Some(layer)) if mode == "print" => {
                    println!("--- {page}: {} x {}, doubt {:?}\n{}", layer.width, layer.height, layer.doubt, layer.text);
                }
                Ok(None) if mode == "print" => println!("--- {page}: no text"),
                Ok(_) => {}
                Err(error) => println!("{error}"),
            }
        }
        if matches!(mode.as_str(), "render" | "both" | "pgm") {
            let options = RenderOptions::default();
            match source.page_info(page, &options).and_then(|info| Ok((info, source.render(page, &options)?))) {
                Ok((info, raster)) if mode == "pgm" => {
                    let magic = if raster.format.channels() == 1 { "P5" } else { "P6" };
                    let mut out = format!("{magic} {} {} 255\n", raster.width, raster.height).into_bytes();
                    out.extend(&raster.data);
                    std::fs::write(format!("/tmp/page-{page}.pnm"), out)?;
                    println!("{page}: {info:?} {:?} {} dpi", raster.format, raster.dpi);
                }
                Ok((info, _)) if pages == 1 => println!("{info:?}"),
                Ok(_) => {}
                Err(error) => println!("{error}"),
            }
        }
    }
    let elapsed = before.elapsed();
    println!(
        "{pages} pages in {elapsed:?}, {:.1} pages/s, peak RSS {} KiB",
        f64::from(pages) / elapsed.as_secs_f64(),
        peak_rss_kib()
    );
    Ok(())
}

/// One line of text with its place, size and tag, then what is set otherwise in it.
fn print_hints(layer: &TextLayer) {
    let Hints { rulings, fills, pictures, marks, links, outline, neighbours, language, body_size, .. } = &layer.hints;
    println!("{} x {}, doubt {:?}, language {language:?}, body {body_size:?}", layer.width, layer.height, layer.doubt);
    for (line, style) in layer.lines.iter().zip(&layer.hints.styles) {
        let place = line.polygon.bounds();
        println!(
            "{:6.1} {:6.1} {:6.1} {:6.1} | {:4.1} {:.2}{} | {}",
            place.left,
            place.top,
            place.right,
            place.bottom,
            style.size,
            style.darkness,
            if style.is_invisible { " invisible" } else { "" },
            line.text
        );
        println!("{:30}{}", "", described(&line.text, style));
        if let Some(tag) = &style.tag {
            println!("{:30}{:?} element {} level {} {:?}", "", tag.role, tag.element, tag.level, tag.cell);
        }
    }
    rulings.iter().for_each(|ruling| println!("ruling {:?}", ruling.rect));
    fills.iter().for_each(|fill| println!("fill {fill:?}"));
    pictures.iter().for_each(|picture| println!("picture {picture:?}"));
    marks.iter().for_each(|mark| println!("mark {mark:?}"));
    links.iter().for_each(|link| println!("link {:?} to {}", link.polygon.bounds(), link.target));
    outline.iter().for_each(|entry| println!("outline {entry:?}"));
    for (what, lines) in [("before", &neighbours.before), ("after", &neighbours.after)] {
        lines.iter().flatten().for_each(|line| println!("{what} {:.1} {:?} {}", line.size, line.rect, line.text));
    }
}

fn described(text: &str, style: &LineStyle) -> String {
    let run = |run: &pagestream_documents::structure::StyledRun| {
        let part: String = text
            .chars()
            .skip(run.characters.start as usize)
            .take((run.characters.end - run.characters.start) as usize)
            .collect();
        let face = &run.face;
        let flags = [
            (face.bold, "bold"),
            (face.italic, "italic"),
            (face.monospace, "mono"),
            (face.small_capitals, "caps"),
            (face.mathematics, "math"),
            (run.shift == VerticalShift::Raised, "raised"),
            (run.shift == VerticalShift::Lowered, "lowered"),
        ];
        let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        format!("[{} {:.1} {}: {part}]", face.name, run.size, flags.join(" "))
    };
    style.runs.iter().map(run).collect::<Vec<_>>().join(" ")
}
