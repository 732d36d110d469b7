//! The export of `models/tools/tiny_export.py` in its three forms, and what is refused of it.

use std::{fs, path::Path};

use serde_json::json;

use super::*;
use crate::formula::{WrittenAs, published::Folder};

const HEIGHT: usize = 16;
const WIDTH: usize = 32;

/// Files of each form.
const WHOLE: &[&str] = &[DECODER];
const MERGED_ONLY: &[&str] = &[MERGED];
const TWO: &[&str] = &[DECODER, WITH_PAST];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/export")
}

fn tokenizer() -> Value {
    let pieces = [
        "<pad>", "<s>", "</s>", "{", "}", "x", "y", "+", "^", "_", "\\frac", "2", "\\alpha", "\\left(", "\\right)", "=",
    ];
    let vocabulary: serde_json::Map<_, _> =
        pieces.iter().zip(0..).map(|(piece, id)| ((*piece).to_owned(), json!(id))).collect();
    let special = |id: usize| json!({"id": id, "content": pieces[id], "special": true});
    json!({"model": {"type": "WordLevel", "vocab": vocabulary}, "added_tokens": [special(0), special(1), special(2)], "decoder": null})
}

fn folder(networks: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in networks.iter().chain(&[ENCODER]) {
        fs::copy(data().join(name), dir.path().join(name)).unwrap();
    }
    let write = |name: &str, content: Value| fs::write(dir.path().join(name), content.to_string()).unwrap();
    write(TOKENIZER, tokenizer());
    write(
        PREPROCESSOR,
        json!({"image_processor_type": "ViTImageProcessor", "size": {"height": HEIGHT, "width": WIDTH}}),
    );
    write(CONFIG, json!({"decoder_start_token_id": 1, "eos_token_id": 2, "max_length": 40}));
    dir
}

fn export(dir: &tempfile::TempDir) -> Arc<Export> {
    Arc::new(Export::find(dir.path()).unwrap().unwrap())
}

fn refusal(dir: &tempfile::TempDir) -> String {
    let error = Folder::open(dir.path()).unwrap_err();
    format!("{error} ({})", error.hint().unwrap_or_default())
}

fn change(dir: &tempfile::TempDir, name: &str, key: &str, value: Value) {
    let path = dir.path().join(name);
    let mut content: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    content[key] = value;
    fs::write(path, content.to_string()).unwrap();
}

/// Levels of crops, the same as the script draws.
fn pictures(count: usize) -> Vec<Vec<u8>> {
    let mut state = 77u64;
    let mut level = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(|_| (0..HEIGHT * WIDTH).map(|_| level()).collect()).collect()
}

#[cfg(feature = "onnx")]
mod run {
    use super::*;
    use crate::{
        backend::onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        registry::{Fetching, Registry, RegistryOptions},
    };

    fn backend() -> OnnxBackend {
        let registry = Registry::open(RegistryOptions::default()).unwrap();
        let runtime = OnnxRuntime::load(&registry.runtime(&Fetching::allowed()).unwrap()).unwrap();
        OnnxBackend::new(runtime, OnnxOptions::default())
    }

    fn options(draft: usize, max_rows: usize) -> FormulaOptions {
        FormulaOptions { draft, max_rows, ..FormulaOptions::default() }
    }

    /// What is written of pictures, and the reader, for its counts.
    fn read(export: &Arc<Export>, options: FormulaOptions, pictures: &[Vec<u8>]) -> (Vec<Written>, Reader) {
        let recognizer = ExportRecognizer { export: export.clone(), options };
        let input = |levels: &Vec<u8>| recognizer.input(GrayCrop::new(levels, WIDTH, HEIGHT).unwrap()).unwrap();
        let inputs: Vec<Tensor> = pictures.iter().map(input).collect();
        let views: Vec<TensorView<'_>> = inputs.iter().map(Tensor::view).collect();
        let mut reader = recognizer.reader(&backend()).unwrap();
        (reader.read(&views).unwrap(), reader)
    }

    fn tokens(written: &[Written]) -> Vec<Vec<u32>> {
        written.iter().map(|written| written.tokens.clone()).collect()
    }

    #[test]
    fn every_form_writes_what_the_script_wrote_alone_and_together() {
        let expected: Vec<Vec<u32>> =
            serde_json::from_str(&fs::read_to_string(data().join("expected.json")).unwrap()).unwrap();
        let pictures = pictures(expected.len());
        for networks in [WHOLE, MERGED_ONLY, TWO] {
            let dir = folder(networks);
            let export = export(&dir);
            let (alone, reader) = read(&export, options(0, 1), &pictures);
            assert_eq!(tokens(&alone), expected, "{networks:?}");
            let (together, shared) = read(&export, options(0, 7), &pictures);
            assert_eq!(tokens(&together), expected, "{networks:?}");
            assert!(shared.counts.runs * 3 < reader.counts.runs, "{:?} and {:?}", shared.counts, reader.counts);
            for ((alone, together), expected) in alone.iter().zip(&together).zip(&expected) {
                assert!((alone.score - together.score).abs() < 1e-4 && alone.score < 0.0);
                let ending = if expected.len() == 40 { Ending::TooLong } else { Ending::Complete };
                assert_eq!((alone.ending, together.ending), (ending, ending));
            }
        }
    }

    #[test]
    fn formulas_that_take_too_much_memory_together_go_alone() {
        let (pictures, dir) = (pictures(3), folder(MERGED_ONLY));
        let export = export(&dir);
        let tight = FormulaOptions { max_bytes: 1, ..options(0, 3) };
        let ((tight, few), (plain, many)) = (read(&export, tight, &pictures), read(&export, options(0, 3), &pictures));
        assert_eq!(tokens(&tight), tokens(&plain));
        assert!(few.counts.runs > many.counts.runs);
    }

    #[test]
    fn drafts_change_nothing_of_what_is_written() {
        let pictures = pictures(300);
        for networks in [WHOLE, MERGED_ONLY] {
            let dir = folder(networks);
            let export = export(&dir);
            let (plain, without) = read(&export, options(0, 1), &pictures);
            for draft in [1, 2, 5] {
                let (drafted, with) = read(&export, options(draft, 1), &pictures);
                assert_eq!(tokens(&drafted), tokens(&plain), "{networks:?}, {draft}");
                let differs =
                    drafted.iter().zip(&plain).any(|(a, b)| (a.score - b.score).abs() > 1e-3 || a.ending != b.ending);
                assert!(!differs, "{networks:?}, {draft}");
                let counts = with.counts;
                assert!(counts.accepted > 0 && counts.accepted < counts.drafted, "{counts:?}");
                assert!(counts.runs < without.counts.runs * 9 / 10, "{counts:?} and {:?}", without.counts);
            }
        }
    }

    #[test]
    fn a_decoder_that_sees_later_tokens_is_given_no_drafts() {
        let (pictures, dir) = (pictures(40), folder(TWO));
        let export = export(&dir);
        let ((plain, _), (drafted, reader)) =
            (read(&export, options(0, 1), &pictures), read(&export, options(4, 1), &pictures));
        assert_eq!(tokens(&drafted), tokens(&plain));
        assert_eq!(reader.counts.drafted, 0);
    }

    #[test]
    fn a_session_answers_for_each_picture_and_the_model_is_bounded_by_its_settings() {
        let dir = folder(MERGED_ONLY);
        change(&dir, CONFIG, "max_length", json!(9));
        let found = Folder::open(dir.path()).unwrap();
        assert_eq!(found.max_tokens(), Some(9));
        let recognizer = found.recognizer(FormulaOptions::default()).unwrap();
        let pictures = pictures(3);
        let input = |levels: &Vec<u8>| recognizer.input(GrayCrop::new(levels, WIDTH, HEIGHT).unwrap()).unwrap();
        let inputs: Vec<Tensor> = pictures.iter().map(input).collect();
        let views: Vec<TensorView<'_>> = inputs.iter().map(Tensor::view).collect();
        let mut session = recognizer.session(&backend()).unwrap();
        let mut readings = Vec::new();
        session
            .run_each(&views, &mut |outputs| {
                readings.push(recognizer.reading(&crate::formula::reduce(outputs[0]).unwrap()))
            })
            .unwrap();
        assert_eq!(readings.len(), 3);
        assert!(readings.iter().all(|reading| reading.ending == Ending::TooLong && reading.needs_review));
        assert!(readings[0].latex != readings[1].latex && session.memory().0 > 0);
    }
}

#[test]
fn a_reading_is_closed_and_what_does_not_parse_is_to_be_looked_at() {
    let export = export(&folder(WHOLE));
    let recognizer = ExportRecognizer { export, options: FormulaOptions::default() };
    let read = |tokens: &[u32], score: f32, ending| {
        let reading = recognizer.reading(&Written { tokens: tokens.to_vec(), kind: WrittenAs::Tokens, score, ending });
        (reading.latex, reading.needs_review)
    };
    let frac = [10, 3, 5, 4, 3, 11, 4];
    assert_eq!(read(&frac, -0.01, Ending::Complete), ("\\frac { x } { 2 }".to_owned(), false));
    assert!(read(&frac, -0.5, Ending::Complete).1, "it is unsure");
    assert!(read(&frac, -0.01, Ending::TooLong).1);
    assert_eq!(read(&frac[..6], -0.01, Ending::Complete), ("\\frac { x } { 2}".to_owned(), true));
    assert_eq!(read(&[10, 3, 5, 4], -0.01, Ending::Complete), ("\\frac { x }".to_owned(), true), "no denominator");
    assert_eq!(read(&[], -0.01, Ending::Complete), (String::new(), true));
    assert_eq!(read(&[], 0.0, Ending::Empty), (String::new(), false));
    let crop = [255u8; HEIGHT * WIDTH];
    assert!(recognizer.input(GrayCrop::new(&crop, WIDTH, HEIGHT).unwrap()).is_none(), "without ink");
}

#[test]
fn all_that_reading_depends_on_is_among_the_files_and_networks_may_lie_in_a_folder_of_their_own() {
    let dir = folder(TWO);
    let found = Folder::open(dir.path()).unwrap();
    let ids: Vec<&str> = found.sources().iter().map(|source| source.id.as_str()).collect();
    let expected =
        ["encoder_model", "decoder_model", "decoder_with_past_model", "tokenizer", "preprocessor_config", "config"];
    assert_eq!(ids, expected);
    assert!(found.describe().contains("keeps its keys and values"), "{}", found.describe());
    let inner = dir.path().join("onnx");
    fs::create_dir(&inner).unwrap();
    for name in [ENCODER, DECODER, WITH_PAST] {
        fs::rename(dir.path().join(name), inner.join(name)).unwrap();
    }
    fs::write(dir.path().join(GENERATION), json!({"max_new_tokens": 12}).to_string()).unwrap();
    let moved = Folder::open(dir.path()).unwrap();
    assert_eq!((moved.sources().len(), moved.max_tokens()), (7, Some(12)));
}

#[test]
fn a_folder_that_lacks_a_file_is_refused_with_its_name() {
    for name in [DECODER, TOKENIZER, PREPROCESSOR, CONFIG] {
        let dir = folder(WHOLE);
        fs::remove_file(dir.path().join(name)).unwrap();
        let said = refusal(&dir);
        assert!(said.contains(name) && said.contains("missing") && said.contains("optimum-cli"), "{said}");
    }
    let said = refusal(&tempfile::tempdir().unwrap());
    assert!(said.contains("no networks that read formulas"), "{said}");
}

#[test]
fn settings_that_are_not_known_are_refused_with_what_they_say() {
    for (name, key, value, expected) in [
        (PREPROCESSOR, "image_processor_type", json!("PixtralImageProcessor"), "`PixtralImageProcessor`"),
        (PREPROCESSOR, "image_processor_type", json!(null), "image_processor_type"),
        (PREPROCESSOR, "do_pan_and_scan", json!(true), "`do_pan_and_scan`"),
        (PREPROCESSOR, "size", json!({"shortest_edge": 224}), "shortest_edge"),
        (PREPROCESSOR, "size", json!(64), "`pixel_values` float32 [?, 3, 16, 32] does not fit pictures 64 x 64"),
        (PREPROCESSOR, "do_resize", json!(false), "of their own size"),
        (PREPROCESSOR, "image_mean", json!([0.1, 0.2]), "`image_mean`"),
        (PREPROCESSOR, "image_std", json!(0.0), "`image_std`"),
        (PREPROCESSOR, "resample", json!(9), "`resample`"),
        (TOKENIZER, "decoder", json!({"type": "CTC"}), "`CTC`"),
        (TOKENIZER, "model", json!({"type": "BPE"}), "vocabulary"),
        (CONFIG, "eos_token_id", json!(null), "eos_token_id"),
        (CONFIG, "eos_token_id", json!(99), "99"),
    ] {
        let dir = folder(WHOLE);
        change(&dir, name, key, value.clone());
        let said = refusal(&dir);
        assert!(
            said.contains(expected) && said.contains(name) && said.contains("cannot serve `formula`"),
            "{key} {value}: {said}"
        );
    }
    let dir = folder(WHOLE);
    fs::write(dir.path().join(CONFIG), "{").unwrap();
    assert!(refusal(&dir).contains("no JSON"));
}

/// Every occurrence in a file.
fn replace(dir: &tempfile::TempDir, name: &str, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let path = dir.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{name}");
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
    fs::write(path, bytes).unwrap();
}

#[test]
fn ports_that_are_not_known_are_refused_before_anything_runs() {
    for (networks, file, from, to, expected) in [
        (WHOLE, ENCODER, "pixel_values", "audio_values", "`audio_values` float32 [?, 3, 16, 32]"),
        (WHOLE, ENCODER, "last_hidden_state", "last_hidden_stat2", "no `last_hidden_state` among `last_hidden_stat2`"),
        (WHOLE, DECODER, "encoder_hidden_states", "encoder_hidden_statez", "`encoder_hidden_statez` float32 [?, ?, 8]"),
        (WHOLE, DECODER, "input_ids", "input_idz", "`input_idz` int64 [?, ?]"),
        (WHOLE, DECODER, "logits", "logitz", "no `logits`"),
        (MERGED_ONLY, MERGED, "use_cache_branch", "use_cache_brunch", "`use_cache_brunch` bool [1]"),
        (
            MERGED_ONLY,
            MERGED,
            "past_key_values.0.decoder.key",
            "past_key_values.0.decoder.kez",
            "`past_key_values.0.decoder.kez`",
        ),
        (MERGED_ONLY, MERGED, "present.0.decoder.key", "present.0.decoder.kez", "no `present.0.decoder.key`"),
        (TWO, WITH_PAST, "present.0.decoder.value", "present.0.decoder.valuz", "no `present.0.decoder.value`"),
        (TWO, DECODER, "present.0.encoder.value", "present.0.encoder.valuz", "no `present.0.encoder.value`"),
    ] {
        let dir = folder(networks);
        replace(&dir, file, from.as_bytes(), to.as_bytes());
        let said = refusal(&dir);
        assert!(
            said.contains(expected) && said.contains(file) && said.contains("cannot serve `formula`"),
            "{from}: {said}"
        );
    }
    // Half the precision: `pixel_values` {type {tensor {elem_type: 1 -> 10, shape
    let dir = folder(WHOLE);
    let bytes = fs::read(dir.path().join(ENCODER)).unwrap();
    let at = bytes.windows(12).rposition(|window| window == b"pixel_values").unwrap();
    assert_eq!(bytes[at + 16], 8, "{:?}", &bytes[at..at + 20]);
    let (from, mut to) = (bytes[at..at + 19].to_vec(), bytes[at..at + 19].to_vec());
    to[17] = 10;
    replace(&dir, ENCODER, &from, &to);
    let said = refusal(&dir);
    assert!(said.contains("`pixel_values` float16 [?, 3, 16, 32] is not float32"), "{said}");
    // A past that is wanted from the beginning has nothing to begin with.
    let dir = folder(&[WITH_PAST]);
    fs::rename(dir.path().join(WITH_PAST), dir.path().join(DECODER)).unwrap();
    assert!(refusal(&dir).contains("always wanted"));
}
