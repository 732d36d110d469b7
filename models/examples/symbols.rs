//! Reads formulas symbol by symbol: `symbols NETWORK.onnx PICTURE ...`; a line each: the file, the logarithm of how likely it is right, LaTeX.

use pagestream_models::{
    ModelSource,
    backend::portable::PortableBackend,
    formula::{
        GrayCrop,
        picture::{Ink, ink},
        symbols::{SymbolModel, SymbolReader},
    },
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let model = SymbolModel::new(ModelSource::of_file(args.next().ok_or("which network?")?)?)?;
    let mut reader = SymbolReader::load(&PortableBackend, &model)?;
    for file in args {
        let image = image::open(&file)?.to_luma8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let data = GrayCrop::new(image.as_raw(), width, height).and_then(ink).unwrap_or_default();
        match reader.read(Ink { data: &data, width, height })? {
            Some(reading) => println!("{file}\t{:.4}\t{:.3}\t{}", reading.score, reading.confidence, reading.latex),
            None => println!("{file}\t-99\t0\t(not read)"),
        }
    }
    Ok(())
}
