//! Reads formulas symbol by symbol: `symbols NETWORK.onnx PICTURE ...`; a line each: the file, how sure the symbols are, how sure their places, LaTeX.

use pagestream_documents::formula;
use pagestream_models::{
    Backend, ModelSource,
    backend::portable::PortableBackend,
    formula::{
        GrayCrop,
        symbols::{Parts, classes, join},
    },
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let network = args.next().ok_or("which network?")?;
    let source = ModelSource::of_file(network)?;
    let classes = classes::parse(&source.metadata("symbols")?.ok_or("it has no classes")?)?;
    let mut session = PortableBackend.load(&source)?;
    for file in args {
        let image = image::open(&file)?.to_luma8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let crop = GrayCrop::new(image.as_raw(), width, height).ok_or("no picture")?;
        let Some(parts) = Parts::of(crop) else {
            println!("{file}\t0\t0\t(no parts)");
            continue;
        };
        let tensor = parts.tensor();
        let mut seen = None;
        session.run(tensor.view(), &mut |output| {
            if std::env::var_os("PARTS").is_some() {
                for (part, row) in parts.parts.iter().zip(output.data.chunks_exact(classes.len() + 2)) {
                    let best = (0..classes.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
                    let sum: f32 = row[..classes.len()].iter().map(|l| (l - row[best]).exp()).sum();
                    println!("  {:?} {:?} {:.3} em {:.3} base {:.3}", part.part, classes[best], 1.0 / sum, row[classes.len()].exp2(), row[classes.len() + 1]);
                }
            }
            seen = join(&parts, output, &classes);
        })?;
        match seen.as_ref().and_then(|seen| Some((seen, formula::read(&seen.symbols, &seen.bars)?))) {
            Some((seen, reading)) => {
                println!("{file}\t{:.4}\t{:.3}\t{}", seen.confidence, reading.confidence, reading.latex);
            }
            None => println!("{file}\t0\t0\t(not read)"),
        }
    }
    Ok(())
}
