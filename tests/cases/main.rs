//! Documents of every kind that was read wrongly once, made here in many variants, each with the text that is to be read; and those that
//! stand beside the corpora.
//!
//! With `CASES_DIR=DIR` in the environment what is read wrongly is written there, each file with `NAME.expected.txt` and `NAME.read.txt`;
//! with `CASES_ALL=1` beside it all cases are, for other readers to be held against. `CASES_SEEDS=N` makes so many tables and columns of
//! chance.

mod builders;
mod kinds;
mod layers;
mod outlines;
mod pdf;
mod pixels;
mod scans;
mod shared;
#[path = "../shell/mod.rs"]
mod shell;
mod texts;

use std::{fs, path::Path};

/// Texts are compared word by word, white space collapsed; how many dots lead to a number does not matter.
fn words(text: &str) -> String {
    let is_leader = |word: &&str| word.len() > 2 && word.chars().all(|c| c == '.');
    text.split_whitespace().filter(|word| !is_leader(word)).collect::<Vec<_>>().join(" ")
}

/// Keeps a case for somebody to look at, where that is asked for.
fn keep(name: &str, is_right: bool, (extension, bytes): (&str, &[u8]), expected: &str, read: &str) {
    let Some(folder) = std::env::var_os("CASES_DIR") else { return };
    if is_right && std::env::var_os("CASES_ALL").is_none() {
        return;
    }
    let stem = name.replace(": ", "--").replace(' ', "-");
    let path = |extension: &str| Path::new(&folder).join(format!("{stem}.{extension}"));
    fs::write(path(extension), bytes).unwrap();
    fs::write(path("expected.txt"), expected).unwrap();
    fs::write(path("read.txt"), read).unwrap();
}

/// What is wrong: cases that are read wrongly, and those that are read rightly and were said not to be yet.
fn judge(name: &str, is_right: bool, not_yet: &[(&str, &[&str])]) -> Option<String> {
    let all = format!("{}: *", kind_of(name));
    let is_known = not_yet.iter().any(|(_, names)| names.contains(&name) || names.contains(&&*all));
    match (is_right, is_known) {
        (false, false) => Some(format!("{name} is read wrongly")),
        (true, true) => Some(format!("{name} is read rightly by now")),
        _ => None,
    }
}

/// The kind of a case, by the case's name.
fn kind_of(name: &str) -> &str {
    name.split(": ").next().unwrap_or(name)
}

/// Whatever is listed as read wrongly is there.
fn assert_all_are_made(not_yet: &[(&str, &[&str])], made: &[String]) {
    for name in not_yet.iter().flat_map(|(_, names)| *names) {
        let is_made = match name.strip_suffix(": *") {
            Some(kind) => made.iter().any(|other| kind_of(other) == kind),
            None => made.iter().any(|other| other == name),
        };
        assert!(is_made, "{name} is listed, and there is no such case");
    }
}
