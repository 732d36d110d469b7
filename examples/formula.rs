//! A reader of formulas that is kept warm: `cargo run --release --example formula -- crop.png other.png`, or a picture on standard input.
//!
//! What is loaded once reads the next formula in a few hundredths of a second, with no pipeline and no library.

use std::{
    error::Error,
    io::{self, Read},
    time::Instant,
};

use pagestream::{
    FormulaReader, Settings,
    formula::{FormulaDisplay, to_mathml},
};

fn main() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    // The user's settings count as for the command: `ocr.quality` says how thoroughly is searched, `models.formula` with what.
    let mut reader = FormulaReader::new(&Settings::load()?)?;
    eprintln!("loaded in {:.0} ms, {}", 1e3 * began.elapsed().as_secs_f64(), reader.memory());

    let mut pictures: Vec<(String, Vec<u8>)> = Vec::new();
    for name in std::env::args().skip(1) {
        pictures.push((name.clone(), std::fs::read(&name)?));
    }
    if pictures.is_empty() {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        pictures.push(("-".to_owned(), bytes));
    }
    for (name, bytes) in pictures {
        let began = Instant::now();
        // What is wrong with one picture is its own matter.
        let reading = match reader.read(bytes) {
            Ok(reading) => reading,
            Err(error) => {
                eprintln!("{name}: {error}");
                continue;
            }
        };
        let took = 1e3 * began.elapsed().as_secs_f64();
        let review = if reading.needs_review { ", look at it" } else { "" };
        eprintln!("{name}: {took:.0} ms, {:.0}% sure{review}", 100.0 * reading.confidence);
        println!("{}", reading.latex);
        if let Some(mathml) = to_mathml(&reading.latex, FormulaDisplay::Block) {
            println!("{mathml}");
        }
    }
    Ok(())
}
