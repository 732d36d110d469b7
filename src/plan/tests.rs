use super::*;

/// Settings of a machine that has nothing but the program.
fn bare(dir: &tempfile::TempDir) -> Settings {
    let mut settings = Settings::defaults();
    settings.models.dir = Some(dir.path().join("models"));
    settings.models.cache = dir.path().to_str().unwrap().to_owned();
    settings.ort.dylib = Some(dir.path().join("no-such-library"));
    settings
}

#[cfg(feature = "built-in-models")]
fn rows(plan: &Plan) -> Vec<(&'static str, String, String)> {
    plan.models()
        .into_iter()
        .map(|model| (model.name, format!("{} {}", model.id, model.precision), model.library.to_string()))
        .collect()
}

#[test]
#[cfg(feature = "built-in-models")]
fn a_plan_says_what_reads_in_each_quality_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = bare(&dir);
    let own = "our own runtime";
    for (quality, expected) in [
        (
            Quality::Fast,
            vec![
                ("compact-detect", "detector-int8 int8", own),
                ("compact-recognize", "recogniser-latin-fast-int8 int8", own),
                ("layout", "layout-int8 int8", own),
                ("inline-formulas", "formula-inline-int8 int8", own),
                ("formula", "formula int8", own),
            ],
        ),
        (
            Quality::Balanced,
            vec![
                ("detect", "pp-ocrv6-det-small f32", "ONNX Runtime"),
                ("orient", "ppocr-v2-cls-mobile f32", "ONNX Runtime"),
                ("recognize", "pp-ocrv6-rec-small f32", "ONNX Runtime"),
                ("compact-detect", "detector-int8 int8", own),
                ("compact-recognize", "recogniser-latin-fast-int8 int8", own),
                ("compact-reread", "recogniser-latin-large-int8 int8", own),
                ("layout", "layout-int8 int8", own),
                ("inline-formulas", "formula-inline-int8 int8", own),
                ("formula", "formula int8", own),
            ],
        ),
        (
            Quality::Accurate,
            vec![
                ("detect", "pp-ocrv6-det-small f32", "ONNX Runtime"),
                ("orient", "ppocr-v2-cls-mobile f32", "ONNX Runtime"),
                ("recognize", "pp-ocrv6-rec-small f32", "ONNX Runtime"),
                ("compact-recognize", "recogniser-latin-large-int8 int8", own),
                ("layout", "layout-int8 int8", own),
                ("inline-formulas", "formula-inline-int8 int8", own),
                ("formula", "formula int8", own),
            ],
        ),
    ] {
        settings.ocr.quality = quality;
        let plan = Plan::resolve(&settings, Measure::Never).unwrap();
        let rows = rows(&plan);
        let rows: Vec<_> = rows.iter().map(|(name, model, library)| (*name, &**model, &**library)).collect();
        assert_eq!(rows, expected, "{quality}");
        for model in plan.models() {
            assert!(!model.why.is_empty() && model.device == "cpu", "{model:?}");
            let json = serde_json::to_value(&model).unwrap();
            assert_eq!(json["sha256"], model.sha256.to_string(), "{json}");
            assert_eq!((&json["task"], &json["id"]), (&model.name.into(), &model.id.as_str().into()), "{json}");
        }
        settings.structure.mode = Structure::Lines;
        let without = Plan::resolve(&settings, Measure::Never).unwrap();
        assert!(
            without
                .models()
                .iter()
                .all(|model| { !matches!(model.task, Task::Layout | Task::InlineFormulas | Task::Formula) }),
            "{quality}: nobody asks it"
        );
        settings.structure.mode = Structure::Full;
        settings.models.formula = "none".to_owned();
        let without = Plan::resolve(&settings, Measure::Never).unwrap();
        assert!(
            without.models().iter().all(|model| !matches!(model.task, Task::InlineFormulas | Task::Formula)),
            "{quality}: nobody reads what it would find"
        );
        assert_ne!(without.digest(), plan.digest());
        settings.models.formula = "built-in".to_owned();
    }
}

/// With a library installed or without: what reads pages on the processor is the same, so its text is.
#[test]
#[cfg(feature = "built-in-models")]
fn our_own_networks_run_on_our_own_runtime_whatever_is_installed_and_on_another_device_on_its_library() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = bare(&dir);
    let library = dir.path().join("libonnxruntime.so");
    std::fs::write(&library, b"found, and not loaded").unwrap();
    let read_by = |settings: &Settings| {
        let plan = Plan::resolve(settings, Measure::Never).unwrap();
        let own = |model: &PlannedModel| model.from == ModelOrigin::BuiltIn && model.task != Task::Formula;
        plan.models().into_iter().filter(own).map(|model| (model.id, model.library.to_string())).collect::<Vec<_>>()
    };
    let without = read_by(&settings);
    settings.ort.dylib = Some(library);
    assert!(Plan::resolve(&settings, Measure::Never).unwrap().registry().has_runtime());
    assert_eq!(read_by(&settings), without);
    assert!(without.iter().all(|(id, library)| id.ends_with("-int8") && library == "our own runtime"), "{without:?}");
    settings.device.devices = DeviceUse::Named(vec!["openvino:CPU".parse().unwrap()]);
    assert!(read_by(&settings).iter().all(|(_, library)| library == "ONNX Runtime"), "{:?}", read_by(&settings));
}

#[test]
fn records_name_the_models_of_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::resolve(&bare(&dir), Measure::Never).unwrap();
    let silent = Fetching::never();
    for model in plan.devices[0].models() {
        let served = plan.devices[0].engine_model(&model, &silent);
        assert_eq!(*served.model_ref(), model.model_ref());
    }
}

#[test]
fn a_model_that_nobody_knows_is_told_and_a_digest_changes_with_what_reads() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = bare(&dir);
    let digest = |settings: &Settings| Plan::resolve(settings, Measure::Never).map(|plan| plan.digest());
    let before = digest(&settings).unwrap();
    assert_eq!(digest(&settings).unwrap(), before);
    settings.models.recognizer = "no-such-model".to_owned();
    let error = digest(&settings).unwrap_err();
    assert!(matches!(error, PlanError::Models(_)) && error.hint().is_some(), "{error}");
    assert!(error.to_string().contains("no-such-model"), "{error}");
    let file = dir.path().join("own.onnx");
    std::fs::write(&file, b"a model").unwrap();
    settings.models.recognizer = file.to_str().unwrap().to_owned();
    assert_ne!(digest(&settings).unwrap(), before);
    settings.ocr.quality = Quality::Accurate;
    let plan = Plan::resolve(&settings, Measure::Never).unwrap();
    let own = plan.models().into_iter().find(|model| model.id == "own").unwrap();
    assert_eq!((own.from, own.precision), (ModelOrigin::File, Precision::File));
    assert!(own.why.contains("the settings name it"), "{}", own.why);
}

#[test]
fn devices_say_why_they_were_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = bare(&dir);
    let why = |settings: &Settings| {
        let plan = Plan::resolve(settings, Measure::Never).unwrap();
        plan.devices.iter().map(|planned| format!("{}: {}", planned.device, planned.why)).collect::<Vec<_>>()
    };
    assert_eq!(why(&settings), ["cpu: `device.use` names it, which it does by default"]);
    settings.device.devices = DeviceUse::Named(vec!["cuda:0".parse().unwrap(), "cpu".parse().unwrap()]);
    assert_eq!(why(&settings)[0], "cuda:0: `device.use` names it");
    (settings.device.devices, settings.ocr.mode) = (DeviceUse::Auto, OcrMode::Never);
    assert_eq!(why(&settings), ["cpu: no page is read from its pixels"]);
    (settings.ort.dylib, settings.ocr.mode) = (None, OcrMode::Auto);
    assert_eq!(why(&settings), ["cpu: it is the only device that is installed"]);
}
