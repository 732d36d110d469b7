//! Runs that end: what is taken, what is left, where it goes, and with which code.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{
    documents::{encrypted, pages, pdf},
    folder::Folder,
};

#[test]
fn what_is_there_is_read_and_archived_and_its_results_mirror_the_tree() {
    let folder = Folder::new();
    folder.drop_in("a.pdf", pdf("The first letter"));
    folder.drop_in("sub/deep er/b.pdf", pages(&["One".to_owned(), "Two".to_owned()]));
    folder.drop_in("notes.md", "no document");
    let outcome = folder.once(&["-f", "text,jsonl"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.err.contains("2 files read, 3 pages"), "{}", outcome.err);
    assert_eq!(folder.files("in"), ["archive/a.pdf", "archive/sub/deep er/b.pdf", "notes.md"]);
    assert_eq!(folder.files("out"), ["a.jsonl", "a.txt", "sub/deep er/b.jsonl", "sub/deep er/b.txt"]);
    assert_eq!(folder.text("out/a.txt").trim(), "The first letter");
    assert_eq!(folder.text("out/sub/deep er/b.jsonl").lines().count(), 2);
    // The one data directory has it all.
    let found = folder.home.run(&["search", "first letter", "-f", "jsonl", "--data-dir", "out/.pagestream"]);
    let hits = found.records();
    assert!(hits.len() == 1 && found.out.contains("in/a.pdf"), "{}", found.out);
    let again = folder.once(&[]);
    assert!(again.code == Some(0) && again.err.contains("0 files read"), "{}", again.err);
}

#[test]
fn exit_codes_are_those_of_process() {
    let check = |files: &[(&str, Vec<u8>)], code: i32| {
        let folder = Folder::new();
        files.iter().for_each(|(name, content)| folder.drop_in(name, content));
        let outcome = folder.once(&[]);
        assert_eq!(outcome.code, Some(code), "{}", outcome.err);
        folder
    };
    check(&[], 0);
    let folder = check(&[("a.pdf", pdf("a")), ("bad.pdf", b"no document".to_vec())], 2);
    assert_eq!(folder.files("in"), ["archive/a.pdf", "failed/bad.pdf", "failed/bad.pdf.reason.json"]);
    let reason: Value = serde_json::from_str(&folder.text("in/failed/bad.pdf.reason.json")).unwrap();
    assert_eq!((&reason["schema"], &reason["kind"]), (&"pagestream.reason/1".into(), &"unsupported-format".into()));
    assert!(reason["reason"].as_str().unwrap().contains("no type that can be read"), "{reason}");
    // One that was cut off is waited for, taken, and fails with its reason.
    let cut = pdf("cut")[..60].to_vec();
    check(&[("cut.pdf", cut)], 2);
    check(&[("locked.pdf", encrypted("a", "secret"))], 8);
    let folder = Folder::new();
    let refused = folder.home.run(&["watch", "none", "--out", "out"]);
    refused.expect(5, "error: cannot watch none: No such file or directory (os error 2)\n");
    let refused = folder.home.run(&["watch", "in", "--out", "in"]);
    assert_eq!(refused.code, Some(9), "{}", refused.err);
    assert!(refused.err.contains("where documents are looked for"), "{}", refused.err);
}

#[test]
fn names_may_be_anything_and_clash() {
    let folder = Folder::new();
    let long = format!("{}.pdf", "ä".repeat(125));
    let odd = [b"a\xff\n b.pdf".to_vec(), b"a\xfe\n b.pdf".to_vec(), long.clone().into_bytes(), b"-rf.pdf".to_vec()];
    let names: Vec<PathBuf> = odd.iter().map(|name| PathBuf::from(OsStr::from_bytes(name))).collect();
    for (number, name) in names.iter().enumerate() {
        folder.drop_in(name, pdf(&format!("Name number {number}")));
    }
    // Beyond what a reason's name has room for.
    folder.drop_in(format!("{}.pdf", "b".repeat(251)), "no document");
    let outcome = folder.once(&[]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.err);
    for name in &names {
        assert!(folder.path("in/archive").join(name).exists(), "{name:?}");
    }
    let texts: Vec<String> = folder.files("out").iter().map(|name| folder.text(&format!("out/{name}"))).collect();
    assert_eq!(texts.len(), names.len(), "{:?}", folder.files("out"));
    for number in 0..names.len() {
        let wanted = format!("Name number {number}");
        assert_eq!(texts.iter().filter(|text| text.trim() == wanted).count(), 1, "{wanted}");
    }
    assert_eq!(folder.files("in/failed").len(), 2, "the file and its reason");
    // The same name again, with another content and with the same: the archive keeps all.
    for content in ["Another", "Another", "Name number 3"] {
        folder.drop_in("-rf.pdf", pdf(content));
        folder.once(&[]);
    }
    let results = folder.files("out");
    let result = results.iter().find(|name| name.starts_with("rf-")).unwrap_or_else(|| panic!("{results:?}"));
    assert_eq!(folder.text(&format!("out/{result}")).trim(), "Name number 3");
    let kept = folder.files("in/archive");
    assert!(
        ["-rf.pdf", "-rf-2.pdf", "-rf-3.pdf", "-rf-4.pdf"].iter().all(|name| kept.contains(&(*name).to_owned())),
        "{kept:?}"
    );
}

#[test]
fn what_is_not_finished_hidden_or_a_link_is_left_alone() {
    let folder = Folder::new();
    let outside = folder.path("outside.pdf");
    fs::write(&outside, pdf("Outside")).unwrap();
    let left = ["a.pdf.part", "~$b.pdf", "c.pdf.crdownload", "@eaDir/d.pdf", "lost+found/e.pdf", "f.pdf~"];
    left.iter().for_each(|name| folder.drop_in(name, pdf("left")));
    for name in [".hidden.pdf", ".stfolder/g.pdf", ".syncthing.h.pdf.tmp"] {
        folder.home.write(&format!("in/{name}"), pdf("left"));
    }
    std::os::unix::fs::symlink(&outside, folder.path("in/link.pdf")).unwrap();
    std::os::unix::fs::symlink(folder.path("."), folder.path("in/circle")).unwrap();
    let outcome = folder.once(&[]);
    assert!(outcome.code == Some(0) && outcome.err.contains("0 files read"), "{}", outcome.err);
    assert!(left.iter().all(|name| folder.path("in").join(name).exists()));
    assert!(folder.path("in/.hidden.pdf").exists() && folder.files("out").is_empty());
    // Asked for, links to files are followed: the link is what is moved.
    let outcome = folder.once(&["--set", "watch.links=true"]);
    assert!(outcome.code == Some(0) && outcome.err.contains("1 file read"), "{}", outcome.err);
    assert_eq!(folder.text("out/link.txt").trim(), "Outside");
    assert!(folder.path("in/archive/link.pdf").is_symlink() && outside.exists());
}

#[test]
fn results_inside_the_watched_folder_are_never_taken_for_documents() {
    let folder = Folder::new();
    folder.drop_in("a.pdf", pdf("A letter"));
    // As if a result were a document.
    folder.drop_in("out/b.pdf", pdf("A result"));
    std::os::unix::fs::symlink("in/out", folder.path("out")).unwrap();
    for read in ["1 file read", "0 files read"] {
        let outcome = folder.once(&[]);
        assert!(outcome.code == Some(0) && outcome.err.contains(read), "{}", outcome.err);
    }
    assert_eq!(folder.files("in"), ["archive/a.pdf", "out/a.txt", "out/b.pdf"]);
}

#[test]
fn files_are_deleted_or_left_as_asked() {
    let folder = Folder::new();
    folder.drop_in("a.pdf", pdf("A letter"));
    let outcome = folder.once(&["--after", "delete"]);
    assert!(outcome.code == Some(0) && folder.files("in").is_empty(), "{}", outcome.err);
    assert_eq!(folder.files("out"), ["a.txt"]);

    let folder = Folder::new();
    folder.drop_in("a.pdf", pdf("A letter"));
    folder.drop_in("bad.pdf", "no document");
    for (read, code) in [("1 file read", 2), ("0 files read", 0)] {
        let outcome = folder.once(&["--after", "leave"]);
        assert!(outcome.code == Some(code) && outcome.err.contains(read), "{}", outcome.err);
        // Nothing whatever was written into it.
        let mut names = folder.home.files("in");
        names.sort();
        assert_eq!(names, ["a.pdf", "bad.pdf"]);
    }
    // One that has changed is another.
    folder.drop_in("a.pdf", pdf("Another letter"));
    let outcome = folder.once(&["--after", "leave"]);
    assert!(outcome.err.contains("1 file read"), "{}", outcome.err);
    assert_eq!(folder.text("out/a.txt").trim(), "Another letter");
}

#[test]
fn an_encrypted_document_waits_for_its_password() {
    let folder = Folder::new();
    folder.drop_in("sub/locked.pdf", encrypted("The secret", "p 2"));
    folder.drop_in("open.pdf", pdf("The rest"));
    let outcome = folder.once(&[]);
    assert_eq!(outcome.code, Some(8), "{}", outcome.err);
    assert_eq!(folder.files("in/failed"), ["sub/locked.pdf", "sub/locked.pdf.reason.json"]);
    assert!(folder.text("in/failed/sub/locked.pdf.reason.json").contains("--password-file"));
    folder.home.write("wrong", "one\ntwo\n");
    let outcome = folder.once(&["--password-file", "wrong"]);
    assert_eq!(outcome.code, Some(8), "{}", outcome.err);
    assert_eq!(folder.files("in/failed"), ["sub/locked.pdf", "sub/locked.pdf.reason.json"]);
    folder.home.write("passwords", "one\np 2\n");
    let outcome = folder.once(&["--password-file", "passwords"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert_eq!(folder.files("in"), ["archive/open.pdf", "archive/sub/locked.pdf"]);
    assert_eq!(folder.text("out/sub/locked.txt").trim(), "The secret");
    for file in folder.files("out/.pagestream") {
        let bytes = fs::read(folder.path("out/.pagestream").join(&file)).unwrap();
        assert!(!bytes.windows(3).any(|window| window == b"p 2"), "a password stands in {file}");
    }
}

#[test]
fn clocks_may_say_what_they_like() {
    let folder = Folder::new();
    for (name, seconds) in [("past.pdf", 1), ("future.pdf", 9_000_000_000)] {
        folder.drop_in(name, pdf(name));
        let file = fs::File::options().write(true).open(folder.path("in").join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }
    let outcome = folder.once(&[]);
    assert!(outcome.code == Some(0) && outcome.err.contains("2 files read"), "{}", outcome.err);
}
