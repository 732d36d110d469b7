//! Reads a document and prints what it costs: `probe FILE [text|render|both|print|damage] [PASSWORD] [PAGES] [LIMIT]`.

use std::{sync::Arc, time::Instant};

use pagestream_documents::{ByteSize, FileKind, Limits, OpenOptions, PageNumber, RenderOptions, open};

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
    let source = open(Arc::new(std::fs::read(&file)?), &OpenOptions { password, limits })
        .map_err(|error| format!("{error} (hint: {})", error.hint.as_deref().unwrap_or("none")))?;
    println!("{:?}, {} pages, opened in {:?}", source.kind(), source.page_count(), before.elapsed());
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
