//! Disks that are full and folders that may not be written to.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use pagestream::{
    ByteSize, Error, Settings, SubmitOptions,
    output::OutputFormat,
    watch::{Form, Options, Order, Place, Told, Watch},
};
use pagestream_store::{Store, StoreOptions};

use super::{
    common::{PLAIN, document, no_text, options, pipeline_on},
    documents::pdf,
    folder::{Folder, HANGS},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_is_waited_for_and_no_page_is_read_twice() {
    let folder = Folder::new();
    fs::create_dir(folder.path("data")).unwrap();
    folder.drop_in("a.tif", document(&[PLAIN; 1_500]));
    let mut settings = Settings::defaults().watch;
    (settings.settle, settings.retry_after) = (Duration::from_millis(20), Duration::from_millis(10));
    let form = Form {
        folder: folder.path("out"),
        formats: vec![OutputFormat::Jsonl],
        per_page: false,
        overwrite: false,
        pdf: Default::default(),
        document: Default::default(),
    };
    let (input, data_dir) = (folder.path("in"), folder.path("data"));
    let submit = SubmitOptions::default();
    let options_of_watch = Options { input, form, data_dir, settings, submit, at_once: 4, once: false };
    let watch = tokio::task::spawn_blocking(|| Watch::open(options_of_watch)).await.unwrap().unwrap();
    let (asked, starts) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let start = || async {
        // Room for the schema and a few hundred pages' records; then somebody has made room.
        let most = (starts.fetch_add(1, SeqCst) == 0).then_some(ByteSize::kib(512));
        let data = folder.path("data");
        let store = tokio::task::spawn_blocking(move || {
            Store::open(&data, StoreOptions { max_database: most, ..StoreOptions::default() })
        });
        let store = store.await.unwrap().map_err(pagestream_actors::error::store_error)?;
        let counted = asked.clone();
        Ok::<_, Error>(pipeline_on(store, options(), 1, move |input| {
            counted.fetch_add(1, SeqCst);
            Ok(no_text(input))
        }))
    };
    let (orders, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (told, ended) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(None));
    let hears = told.clone();
    let report = watch.run(start, receiver, move |event| {
        if let Told::Ended(file) = &event {
            *ended.lock().unwrap() = Some(file.place);
            assert_eq!(file.place, Place::Archive);
            orders.send(Order::Drain(Duration::from_secs(60))).unwrap();
        }
        hears.lock().unwrap().push(format!("{event:?}"));
    });
    let report = report.await.unwrap();
    let told = told.lock().unwrap().join("\n");
    assert_eq!((report.done, report.failed, report.left), (1, 0, 0), "{told}");
    assert!(told.contains("no room is left for the database"), "{told}");
    assert!(starts.load(SeqCst) >= 2);
    assert_eq!(folder.text("out/a.jsonl").lines().count(), 1_500);
    assert!(asked.load(SeqCst) < 1_500 + 100, "{} pages were read", asked.load(SeqCst));
    assert_eq!(
        (folder.files("in"), folder.files("out")),
        (vec!["archive/a.tif".to_owned()], vec!["a.jsonl".to_owned()])
    );
}

/// With a small file system of its own for results, where one may be mounted.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_for_results_is_waited_for() {
    let folder = Folder::new();
    fs::create_dir(folder.path("out")).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder.path("out")).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return println!("passed over: no file system may be mounted here");
    }
    let result = std::panic::catch_unwind(|| {
        let mut watching = folder.watch(&["--data-dir", "data"]);
        fs::write(folder.path("out/filler"), vec![1; 1 << 20]).unwrap_err();
        folder.drop_in("a.pdf", pdf("A letter"));
        let told = watching.says("tried again in");
        assert!(told.contains("No space left"), "{told}");
        assert_eq!(folder.claimed(), 1, "it waits, and is not counted as failed");
        fs::remove_file(folder.path("out/filler")).unwrap();
        watching.says("in/a.pdf: 1 page");
        watching.stop();
        assert_eq!(
            (folder.files("out"), folder.files("in")),
            (vec!["a.txt".to_owned()], vec!["archive/a.pdf".to_owned()])
        );
    });
    assert!(Command::new("umount").arg(folder.path("out")).status().unwrap().success());
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// A user who may do everything is refused nothing, and runs the program as another.
#[test]
fn what_may_not_be_read_or_moved_is_told_and_goes_on_when_it_may() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let folder = Folder::new();
    let allow =
        |name: &str, mode: u32| fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    // SAFETY: asks for a number.
    let is_root = unsafe { libc::geteuid() } == 0;
    fs::create_dir(folder.path("out")).unwrap();
    fs::create_dir(folder.path("in/sub")).unwrap();
    let mut command = folder.command(&["--set", "watch.attempts=2"]);
    if is_root {
        const NOBODY: u32 = 65_534;
        for name in [".", "in", "out", "in/sub"] {
            chown(folder.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
        // The socket that it tells of itself lies in a folder of ours; here the first line says that it runs.
    }
    folder.drop_in("closed.pdf", pdf("Closed"));
    folder.drop_in("sub/fixed.pdf", pdf("Cannot be moved"));
    if is_root {
        chown(folder.path("in/closed.pdf"), Some(0), Some(0)).unwrap();
    }
    allow("in/closed.pdf", 0o000);
    allow("in/sub", 0o555);
    let child = command.arg("--set=watch.incomplete=100ms").spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return println!("passed over: another user cannot run the program here: {error}"),
    };
    let (sender, lines) = mpsc::channel();
    let err = std::io::BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        std::io::BufRead::lines(err).map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    let says = |text: &str| {
        let mut heard = Vec::new();
        loop {
            match lines.recv_timeout(HANGS) {
                Ok(line) if line.contains(text) => return,
                Ok(line) => heard.push(line),
                Err(_) => panic!("it never said `{text}` but:\n{}", heard.join("\n")),
            }
        }
    };
    // In either order.
    let mut wanted = vec!["sub/fixed.pdf: it cannot be claimed", "closed.pdf: cannot be read: permission denied (now"];
    while !wanted.is_empty() {
        let line = lines.recv_timeout(HANGS).unwrap_or_else(|_| panic!("it never said {wanted:?}"));
        wanted.retain(|text| !line.contains(text));
    }
    assert!(folder.path("in/failed/closed.pdf").exists() && folder.path("in/failed/closed.pdf.reason.json").exists());
    allow("in/sub", 0o755);
    says("in/sub/fixed.pdf: 1 page");
    let process = i32::try_from(child.id()).unwrap();
    // SAFETY: a signal to a child that was not waited for.
    unsafe { libc::kill(process, libc::SIGTERM) };
    assert_eq!(child.wait().unwrap().code(), Some(0), "a daemon that is stopped ends well");
    assert!(folder.path("in/archive/sub/fixed.pdf").exists());
}
