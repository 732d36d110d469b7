//! The whole program, from outside: pages a second, CPU seconds a page, wall over CPU, peak memory.
//!
//! `cargo bench --bench end_to_end` runs the release binary on the sample and, where `PAGESTREAM_CORPORA` is set, on
//! scanned books and a born-digital book. Arguments after `--` that are paths are measured instead.

use std::{
    io::{BufRead, BufReader},
    mem::MaybeUninit,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

struct Case {
    name: &'static str,
    inputs: Vec<PathBuf>,
    flags: &'static [&'static str],
}

struct Figures {
    pages: usize,
    wall: Duration,
    cpu: Duration,
    peak_kib: u64,
}

fn main() {
    let given: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).filter(|path| path.exists()).collect();
    let cases = if given.is_empty() { cases() } else { vec![Case { name: "given", inputs: given, flags: &[] }] };
    println!(
        "{:28} {:>6} {:>9} {:>12} {:>9} {:>10}",
        "documents", "pages", "pages/s", "CPU s/page", "wall/CPU", "peak MiB"
    );
    for case in cases {
        // Once unmeasured: models are fetched, files are in the page cache.
        run(&case);
        let Figures { pages, wall, cpu, peak_kib } = run(&case);
        println!(
            "{:28} {:>6} {:>9.2} {:>12.4} {:>9.2} {:>10}",
            case.name,
            pages,
            pages as f64 / wall.as_secs_f64(),
            cpu.as_secs_f64() / pages.max(1) as f64,
            wall.as_secs_f64() / cpu.as_secs_f64(),
            peak_kib / 1024,
        );
    }
}

fn cases() -> Vec<Case> {
    let sample = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/sample.pdf"));
    let mut cases = vec![
        Case { name: "sample, text layers", inputs: vec![sample.clone()], flags: &["--pages", "1-2"] },
        Case { name: "sample, scans", inputs: vec![sample], flags: &["--pages", "3-4"] },
    ];
    let Some(corpora) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) else {
        println!("PAGESTREAM_CORPORA is not set: the sample alone is measured");
        return cases;
    };
    let book = |page: &str| corpora.join(format!("ocr/old-books-dataset/{page}.tiff"));
    let pages = ["a020", "a030", "c015", "c024", "f023", "i014", "i021", "i025"].map(book);
    cases.push(Case { name: "old books, 300 dpi", inputs: pages.into(), flags: &["--ocr", "always"] });
    let walden = corpora.join("multipage/pdfcpu/WaldenFull.pdf");
    cases.push(Case { name: "Walden, text layers", inputs: vec![walden.clone()], flags: &["--pages", "2-"] });
    cases.push(Case {
        name: "Walden, OCR of 12 pages",
        inputs: vec![walden],
        flags: &["--pages", "2-13", "--ocr", "always"],
    });
    cases
}

/// Runs the program once. `wait4` tells what this one child used, and its own peak.
#[expect(clippy::zombie_processes, reason = "wait4 waits for it, and tells more than wait")]
fn run(case: &Case) -> Figures {
    let since = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_pagestream"))
        .arg("process")
        .args(&case.inputs)
        .args(case.flags)
        .args(["-f", "jsonl", "-q"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = child.stdout.take().expect("it was piped");
    let pages = BufReader::new(stdout).lines().map_while(Result::ok).count();
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: the child is ours and not yet waited for; wait4 fills both places, and all zeroes are a valid rusage.
    let usage = unsafe {
        libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr());
        usage.assume_init()
    };
    let wall = since.elapsed();
    assert_eq!(status, 0, "{}: the program failed", case.name);
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    Figures { pages, wall, cpu: time(usage.ru_utime) + time(usage.ru_stime), peak_kib: usage.ru_maxrss as u64 }
}
