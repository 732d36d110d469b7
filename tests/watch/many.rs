//! Many small files at once: 2,000, or as many as `PAGESTREAM_WATCH_FILES` says.

use std::{fs, time::Instant};

use super::{
    documents::{pdf, text_of},
    folder::Folder,
};

#[test]
fn thousands_of_files_at_once_are_read_once_each() {
    let files: usize = std::env::var("PAGESTREAM_WATCH_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let folder = Folder::new();
    let mut watching = folder.watch(&["--duplicates", "off"]);
    let since = Instant::now();
    for number in 0..files {
        let name = folder.path(format!("in/{}/{number}.pdf", number % 7));
        fs::create_dir_all(name.parent().unwrap()).unwrap();
        fs::write(name, pdf(&text_of(number))).unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < files {
        let line = watching.says(": 1 page");
        assert!(seen.insert(line.clone()), "{line} twice");
    }
    println!("{files} files in {:.1} s", since.elapsed().as_secs_f32());
    let said = watching.stop();
    assert!(!said.contains("error:") && !said.contains("warning:"), "{said:.3000}");
    assert_eq!((folder.files("in/archive").len(), folder.files("out").len()), (files, files));
    for number in (0..files).step_by(97) {
        assert_eq!(folder.text(&format!("out/{}/{number}.txt", number % 7)).trim(), text_of(number));
    }
}
