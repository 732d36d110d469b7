//! What the program fetches and when, and what it does without a home: with a pip of our own making, which notes that it was called.

#![cfg(all(unix, feature = "cli", feature = "built-in-models"))]

mod shell;

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::FromRawFd,
    process::{Command, Stdio},
};

use shell::{Home, TRUTH};

/// A page of Russian alone, four times two lines: our own networks are unsure of the whole of it.
fn doubtful_page() -> Vec<u8> {
    // Where the two lines stand on a page that has other lines too.
    const LINES: std::ops::Range<u32> = 105..220;
    const MARGIN: u32 = 40;
    let page = image::load_from_memory(include_bytes!("../examples/data/scripts.png")).unwrap().into_luma8();
    let height = LINES.end - LINES.start;
    let russian = image::GrayImage::from_fn(page.width(), 2 * MARGIN + 4 * height, |x, y| {
        let is_text = (MARGIN..MARGIN + 4 * height).contains(&y);
        if is_text { page[(x, LINES.start + (y - MARGIN) % height)] } else { image::Luma([255]) }
    });
    let mut file = std::io::Cursor::new(Vec::new());
    russian.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

/// A home with that page, and a `python3` that does what `body` says.
fn home(body: &str) -> Home {
    let home = Home::new();
    home.write("russian.png", doubtful_page());
    fs::create_dir(home.path("programs")).unwrap();
    // Written by another process: were it open for writing here while another test forks, it could not be run.
    let mut writer = Command::new("/bin/sh");
    writer.args(["-c", "cat > \"$0\" && chmod +x \"$0\""]).arg(home.path("programs/python3")).stdin(Stdio::piped());
    let mut writer = writer.spawn().unwrap();
    writer.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{body}").as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
    home
}

/// Notes that it was called and fails, as without a network.
const NOTES: &str = "echo called >> \"$HOME/calls\"\necho 'ERROR: no network' >&2\nexit 1\n";

fn command(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", home.path("programs").display()));
    command
}

fn was_called(home: &Home) -> bool {
    home.path("calls").exists()
}

#[test]
fn where_nobody_can_be_asked_doubtful_pages_fetch_nothing_and_one_line_says_so() {
    let home = home(NOTES);
    let run = |arguments: &[&str]| home.outcome(command(&home, arguments).spawn().unwrap());
    let outcome = run(&["process", "-f", "jsonl", "russian.png"]);
    let lines: Vec<&str> = outcome.err.lines().filter(|line| line.contains("fetch")).collect();
    assert_eq!((outcome.code, lines.len()), (Some(0), 1), "{}", outcome.err);
    let line = lines[0];
    assert!(line.starts_with("pages in doubt would be read better with ") && line.contains(" MiB)"), "{line}");
    assert!(line.contains("`pagestream models pull`"), "{line}");
    assert_eq!(outcome.records()[0]["needs_review"], true);
    assert!(!was_called(&home));
    // Said beforehand, it needs no line at all.
    let outcome = run(&["process", "--offline", "russian.png"]);
    assert_eq!((outcome.code, outcome.err.contains("fetch")), (Some(0), false), "{}", outcome.err);
    assert!(!was_called(&home));
    // What the user allows is fetched; here that fails, and the page is as good as before.
    let outcome = run(&["process", "--set", "models.fetch=always", "russian.png"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(was_called(&home) && outcome.err.contains("fetching onnxruntime=="), "{}", outcome.err);
}

#[test]
fn what_was_named_is_fetched_and_announced_with_its_size_before_it_begins() {
    let home = home(NOTES);
    let arguments = ["process", "--quality", "accurate", "--pages", "3", "sample.pdf"];
    let outcome = home.outcome(command(&home, &arguments).spawn().unwrap());
    assert_eq!(outcome.code, Some(3));
    let first = outcome.err.lines().next().unwrap();
    assert!(first.starts_with("fetching ") && first.ends_with(" MiB)"), "{}", outcome.err);
    assert!(was_called(&home) && outcome.err.contains("no network"), "{}", outcome.err);
    // Not where the user forbids it: an error before anything starts.
    fs::remove_file(home.path("calls")).unwrap();
    let outcome =
        home.outcome(command(&home, &[&["--set", "models.fetch=never"], &arguments[..]].concat()).spawn().unwrap());
    assert_eq!((outcome.code, was_called(&home)), (Some(3), false), "{}", outcome.err);
    let outcome =
        home.outcome(command(&home, &["--set", "models.fetch=perhaps", "process", "sample.pdf"]).spawn().unwrap());
    assert_eq!(outcome.code, Some(9));
    assert!(outcome.err.contains("`perhaps` is none of ask, always, never"), "{}", outcome.err);
}

/// A terminal of its own: the end that a person would sit at, and the one that the program is given.
fn terminal() -> (File, File) {
    let (mut person, mut program) = (0, 0);
    let nothing = std::ptr::null_mut();
    // SAFETY: the two out-parameters are valid, and the others may be null. On success both descriptors are ours.
    unsafe {
        let code =
            libc::openpty(&raw mut person, &raw mut program, nothing, std::ptr::null_mut(), std::ptr::null_mut());
        assert_eq!(code, 0);
        (File::from_raw_fd(person), File::from_raw_fd(program))
    }
}

/// What is on the screen, up to `end` or the end.
fn read_until(screen: &mut File, end: &str) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    // Linux answers EIO when nobody has the other end any more.
    while !String::from_utf8_lossy(&text).ends_with(end) && matches!(screen.read(&mut byte), Ok(1)) {
        text.push(byte[0]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn on_a_terminal_it_asks_once_and_names_the_size() {
    for (answer, called) in [("n\n", false), ("y\n", true)] {
        let home = home(NOTES);
        fs::copy(home.path("russian.png"), home.path("again.png")).unwrap();
        let (mut person, program) = terminal();
        let mut command = command(&home, &["process", "--set", "duplicates.mode=off", "russian.png", "again.png"]);
        command.stdin(program.try_clone().unwrap()).stderr(program.try_clone().unwrap()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        // What is left of it is the child's.
        drop((command, program));
        let before = read_until(&mut person, "[y/N]");
        assert!(before.contains("fetch ") && before.contains(" MiB)? y and Enter"), "{before}");
        assert!(!was_called(&home), "nothing begins before the answer");
        person.write_all(answer.as_bytes()).unwrap();
        let after = read_until(&mut person, "\0");
        assert_eq!((child.wait().unwrap().code(), was_called(&home)), (Some(0), called), "{after}");
        assert!(!after.contains("[y/N]"), "{after}");
    }
}

#[test]
fn a_signal_ends_what_is_being_fetched_and_nothing_more_begins() {
    // The pipe tells when it was called, and by which process; then it fetches for ever.
    let home = home("echo $$ > \"$HOME/called\"\nexec sleep 100000\n");
    let made = Command::new("mkfifo").arg(home.path("called")).status().unwrap();
    assert!(made.success());
    let child = command(&home, &["process", "--quality", "accurate", "--ocr", "always", "sample.pdf"]).spawn().unwrap();
    let pid: i32 = fs::read_to_string(home.path("called")).unwrap().trim().parse().unwrap();
    let program = i32::try_from(child.id()).unwrap();
    // SAFETY: sends a signal to a child that was not waited for, so that the number is its own.
    assert_eq!(unsafe { libc::kill(program, libc::SIGTERM) }, 0);
    // It ends although each page would have it fetched anew: the pipe would keep a second pip, and this test, waiting.
    let outcome = home.outcome(child);
    assert!(matches!(outcome.code, Some(130 | 143)), "{:?}: {}", outcome.code, outcome.err);
    // SAFETY: signal 0 asks only whether the process is there.
    assert_eq!(unsafe { libc::kill(pid, 0) }, -1, "pip is gone");
    assert_eq!(outcome.err.matches("fetching ").count(), 1, "{}", outcome.err);
}

#[test]
fn without_a_home_everything_runs_that_needs_none() {
    let home = home(NOTES);
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = command(&home, arguments);
        let path = format!("{}:/usr/bin:/bin", home.path("programs").display());
        command.env_clear().env("PATH", path).envs(variables.iter().copied());
        home.outcome(command.spawn().unwrap())
    };
    // Born digital, and read by the built-in networks.
    run(&["process", "--pages", "1-2", "sample.pdf"], &[]).expect(0, "");
    let outcome = run(&["process", "--pages", "3", "sample.pdf"], &[]);
    outcome.expect(0, "");
    let line = TRUTH.split('\u{c}').nth(2).unwrap().lines().find(|line| line.len() > 20).unwrap();
    assert!(outcome.out.contains(line.split_whitespace().next().unwrap()), "{}", outcome.out);
    // Nobody allows a fetch that would have no place: a page in doubt is read as well as can be.
    let outcome = run(&["process", "--offline", "russian.png"], &[]);
    assert_eq!((outcome.code, outcome.err.contains("missing")), (Some(0), false), "{}", outcome.err);
    for arguments in [&["config", "show"][..], &["models", "list"], &["doctor"]] {
        let outcome = run(arguments, &[]);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.err);
    }
    // What needs a place says what to set, and fetches nothing before.
    let outcome = run(&["models", "pull"], &[]);
    outcome.expect(
        3,
        "error: the directory for models is missing: the environment names neither a home nor a cache directory\n \
         hint: set HOME, XDG_CACHE_HOME or PAGESTREAM_MODELS_DIR, or give --models-dir\n",
    );
    assert!(!home.path("calls").exists());
    assert_eq!(home.files("."), ["programs", "russian.png", "sample.pdf"], "nothing is left behind");
    // A cache directory alone is as good as a home.
    let cache = home.path("cache");
    let outcome = run(&["models", "list"], &[("XDG_CACHE_HOME", cache.to_str().unwrap())]);
    assert!(outcome.out.contains("~/cache/pagestream/models/"), "{}", outcome.out);
}

#[test]
fn a_gpu_without_a_driver_is_said_in_one_sentence_and_nothing_is_fetched_for_it() {
    let home = home(NOTES);
    for (device, words) in [
        ("cuda:999", "NVIDIA driver"),
        ("tensorrt:999", "NVIDIA driver"),
        ("openvino:GPU", ""),
        ("openvino-native:NPU", ""),
    ] {
        let outcome = home.outcome(command(&home, &["process", "--device", device, "sample.pdf"]).spawn().unwrap());
        // Where there is an Intel GPU or NPU its library is fetched.
        if words.is_empty() && was_called(&home) {
            continue;
        }
        assert_eq!((outcome.code, was_called(&home)), (Some(3), false), "{device}: {}", outcome.err);
        assert_eq!(outcome.err.lines().count(), 2, "an error and a hint: {}", outcome.err);
        let error = outcome.err.lines().next().unwrap();
        assert!(
            error.starts_with(&format!("error: device `{device}` cannot be used: there is no")) || !words.is_empty()
        );
        assert!(error.contains(words), "{error}");
    }
}
