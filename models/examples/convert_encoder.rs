//! Makes the sentence model out of what is published, in both precisions, to look at or to measure:
//! `convert_encoder <folder with model.safetensors, config.json, tokenizer.json> <folder for what is made>`.

use std::{error::Error, path::PathBuf};

use pagestream_models::convert::bert::{Precision, encoder};

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to)) = (folders.next(), folders.next()) else {
        return Err("name the folder with the published files, and one for what is made".into());
    };
    let read = |name: &str| std::fs::read(from.join(name));
    let (weights, config, tokenizer) = (read("model.safetensors")?, read("config.json")?, read("tokenizer.json")?);
    for (precision, name) in [(Precision::F32, "encoder-f32.onnx"), (Precision::Int8, "encoder-int8.onnx")] {
        let model = encoder(&weights, &config, &tokenizer, precision)?;
        println!("{name}: {} bytes, SHA-256 {}", model.len(), pagestream_documents::Digest::of(&model));
        std::fs::write(to.join(name), model)?;
    }
    Ok(())
}
