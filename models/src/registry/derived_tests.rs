use pagestream_documents::Digest;

use super::{
    derived::{Change, Figures, ModelId, Step, Verdict},
    manifest::{Manifest, Role},
    *,
};

fn registry(dir: &Path) -> Registry {
    let options = RegistryOptions { models_dir: Some(dir.to_path_buf()), ..RegistryOptions::default() };
    Registry::assemble(options, Manifest::built_in().unwrap(), |_| None)
}

fn provenance(id: &str, model: &[u8]) -> Provenance {
    let original = ModelId { id: RECOGNIZER.into(), sha256: Digest([0; 32]) };
    Provenance {
        id: id.into(),
        role: Role::Recognize,
        from: original.clone(),
        original,
        steps: vec![Step {
            command: "pagestream models specialize --alphabet latin".into(),
            did: "kept 549 of 18710 classes".into(),
            version: "0.1.0".into(),
            at: "2026-11-22T04:00:00Z".into(),
        }],
        licence: "Apache-2.0".into(),
        is_int8: false,
        bytes: model.len() as u64,
        sha256: Digest::of(model),
    }
}

fn verdict(provenance: &Provenance, reason: Option<&str>) -> Verdict {
    let figures = |model: ModelId, bytes| Figures {
        model,
        bytes,
        cer: 0.003,
        wer: 0.01,
        recall: 0.99,
        cpu_seconds_per_page: Some(1.2),
    };
    Verdict {
        admitted: reason.is_none(),
        reason: reason.map(Into::into),
        max_loss: 0.05,
        loss: 0.16,
        pages: 4,
        pages_changed: 2,
        truth: "pages".into(),
        truth_sha256: Digest([1; 32]),
        original: figures(provenance.original.clone(), 9),
        derived: figures(ModelId { id: provenance.id.clone(), sha256: provenance.sha256 }, provenance.bytes),
        changes: vec![Change { of: "all pages".into(), before: 0.0032, after: 0.0048 }],
        instructions: vec!["avx2".into(), "fma".into()],
        command: "pagestream models quantize".into(),
        at: "2026-11-22T04:00:00Z".into(),
    }
}

#[test]
fn a_model_that_was_made_is_selected_once_it_is_admitted() {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry(dir.path());
    let provenance = provenance("rec-latin", b"model");
    let derived = registry.install_derived(&provenance, b"model").unwrap();
    assert_eq!(fs::read(&derived.path).unwrap(), b"model");
    let unjudged = registry.select(Role::Recognize, "rec-latin").unwrap_err();
    assert!(unjudged.to_string().contains("never judged"), "{unjudged}");
    assert!(unjudged.hint().unwrap().contains("specialize --alphabet latin"));

    registry.record_verdict(&derived, &verdict(&provenance, Some("books: from 0.0032 to 0.0048"))).unwrap();
    // Neither by its name nor by the path of its file.
    let path = derived.path.to_str().unwrap().to_owned();
    for name in ["rec-latin", &path] {
        let refused = registry.select(Role::Recognize, name).unwrap_err();
        assert!(matches!(&refused, Error::NotAdmitted { .. }), "{refused}");
        for part in ["books: from 0.0032 to 0.0048", "verdict.json", "2026-11-22"] {
            assert!(refused.to_string().contains(part), "{part} in {refused}");
        }
    }

    registry.record_verdict(&derived, &verdict(&provenance, None)).unwrap();
    for name in ["rec-latin", &path] {
        let selected = registry.select(Role::Recognize, name).unwrap();
        assert_eq!((selected.id.as_str(), selected.sha256), ("rec-latin", provenance.sha256));
        assert_eq!(&*registry.locate(&[selected], &Fetching::never()).unwrap()[0].bytes().unwrap(), b"model");
    }
    assert_eq!(registry.derived()[0].provenance, provenance);

    // What is made of it began where it began.
    let origin = registry.origin("rec-latin").unwrap();
    assert_eq!((origin.original, origin.steps.len()), (provenance.original, 1));
    assert_eq!(registry.origin(RECOGNIZER).unwrap().original.id, RECOGNIZER);
    assert!(registry.origin(DEFAULT_RUNTIME).is_err());
}

#[test]
fn an_int8_model_is_judged_again_on_other_instructions() {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry(dir.path());
    for (is_int8, instructions, admitted) in [
        (true, &["avx2", "fma"][..], true),
        (true, &["avx2", "fma", "avx512vnni"], false),
        (true, &["avx2"], false),
        (false, &["avx2", "fma", "avx512vnni"], true),
    ] {
        let provenance = Provenance { is_int8, ..provenance("rec-int8", b"model") };
        registry.install_derived(&provenance, b"model").unwrap();
        let derived = registry.find_derived("rec-int8").unwrap();
        registry.record_verdict(&derived, &verdict(&provenance, None)).unwrap();
        let answer = registry.find_derived("rec-int8").unwrap().admitted_on(instructions);
        assert_eq!(answer.is_ok(), admitted, "{is_int8} {instructions:?}");
        if let Err(error) = answer {
            let said = format!("(avx2 fma; this one has {})", instructions.join(" "));
            assert!(error.to_string().contains(&said), "{error}");
            assert!(error.hint().unwrap().contains("models judge rec-int8"), "{error:?}");
        }
    }
    // What is made of it computes in int8 too.
    let provenance = Provenance { is_int8: true, ..provenance("rec-int8", b"model") };
    registry.install_derived(&provenance, b"model").unwrap();
    assert!(registry.origin("rec-int8").unwrap().is_int8 && !registry.origin(RECOGNIZER).unwrap().is_int8);
}

#[test]
fn a_verdict_about_another_file_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry(dir.path());
    let first = provenance("rec-latin", b"model");
    let derived = registry.install_derived(&first, b"model").unwrap();
    registry.record_verdict(&derived, &verdict(&first, None)).unwrap();
    // Made again: judged again.
    let again = registry.install_derived(&provenance("rec-latin", b"other"), b"other").unwrap();
    assert!(registry.select(Role::Recognize, "rec-latin").is_err());
    // One that is copied back is of the first file.
    registry.record_verdict(&again, &verdict(&first, None)).unwrap();
    let error = registry.select(Role::Recognize, "rec-latin").unwrap_err();
    assert!(error.to_string().contains("never judged"), "{error}");
}

#[test]
fn a_file_that_was_changed_is_not_the_one_that_was_judged() {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry(dir.path());
    let provenance = provenance("rec-latin", b"model");
    let derived = registry.install_derived(&provenance, b"model").unwrap();
    registry.record_verdict(&derived, &verdict(&provenance, None)).unwrap();
    fs::write(&derived.path, b"other model").unwrap();
    let error = registry.select(Role::Recognize, "rec-latin").unwrap_err();
    assert!(error.to_string().contains("not the file that was judged"), "{error}");
    assert!(matches!(derived.state(Depth::Full), ModelState::Damaged(_)));
}

#[test]
fn a_name_means_the_manifests_model_or_the_users_file_or_says_what_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry(dir.path());
    assert_eq!(registry.select(Role::Recognize, RECOGNIZER).unwrap().id, RECOGNIZER);
    let own = dir.path().join("own.onnx");
    fs::write(&own, b"own").unwrap();
    let selected = registry.select(Role::Recognize, own.to_str().unwrap()).unwrap();
    assert_eq!((selected.id.as_str(), selected.sha256), ("own", Digest::of(b"own")));
    let check = |name: &str, expected: &str| {
        let error = registry.select(Role::Recognize, name).unwrap_err();
        let text = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(text.contains(expected), "{expected} in {text}");
    };
    check("pp-ocr-v7", RECOGNIZER);
    check("..", "known for");
    check(DETECTOR, "not for `recognize`: it is for `detect`");
    check(DEFAULT_RUNTIME, "it is for `runtime`");
    check("nowhere/model.onnx", "there is no file nowhere/model.onnx");
}

#[test]
fn a_name_that_is_taken_or_leads_elsewhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry(dir.path());
    for name in [RECOGNIZER, "", "..", "a/b", "a b", ".hidden"] {
        let error = registry.install_derived(&provenance(name, b"model"), b"model").unwrap_err();
        assert!(matches!(error, Error::UnknownModel { .. }), "{name}: {error}");
    }
    assert!(registry.derived().is_empty());
}
