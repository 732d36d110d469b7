//! The program as a daemon: what comes while it runs, what it is told, and what it tells.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _};

use super::{
    documents::{encrypted, pdf, text_of},
    folder::{Folder, Watching},
};

#[test]
fn a_writer_that_writes_in_slow_pieces_is_waited_for() {
    for notice in ["watch.notice=events", "watch.notice=polling"] {
        let folder = Folder::new();
        let mut watching = folder.watch(&["--set", notice]);
        let bytes = pdf("Written in slow pieces");
        let mut slow = fs::File::create(folder.path("in/slow.pdf")).unwrap();
        for (number, piece) in bytes.chunks(bytes.len().div_ceil(4)).enumerate() {
            slow.write_all(piece).unwrap();
            if number == 3 {
                break;
            }
            // Another has come, been waited for and read since the piece was written.
            folder.drop_in(format!("{number}.pdf"), pdf(&text_of(number)));
            watching.says(&format!("in/{number}.pdf: 1 page"));
            assert!(folder.path("in/slow.pdf").exists(), "it has no end yet");
        }
        drop(slow);
        watching.says("in/slow.pdf: 1 page");
        watching.stop();
        assert_eq!(folder.text("out/slow.txt").trim(), "Written in slow pieces");
    }
}

#[test]
fn folders_that_come_and_go_are_followed() {
    let folder = Folder::new();
    folder.drop_in("there/at start.pdf", pdf(&text_of(0)));
    let mut watching = folder.watch(&["--set", "watch.notice=events"]);
    watching.says("in/there/at start.pdf: 1 page");
    folder.drop_in("new/deep/a.pdf", pdf(&text_of(1)));
    watching.says("in/new/deep/a.pdf: 1 page");
    folder.drop_in("new/deep/b.pdf", pdf(&text_of(2)));
    watching.says("in/new/deep/b.pdf: 1 page");
    // Moved in as a whole, from elsewhere; and under a name that was watched before.
    fs::create_dir_all(folder.path("elsewhere/deep")).unwrap();
    fs::write(folder.path("elsewhere/deep/c.pdf"), pdf(&text_of(3))).unwrap();
    fs::remove_dir_all(folder.path("in/new")).unwrap();
    fs::rename(folder.path("elsewhere"), folder.path("in/new")).unwrap();
    watching.says("in/new/deep/c.pdf: 1 page");
    folder.drop_in("new/deep/d.pdf", pdf(&text_of(4)));
    watching.says("in/new/deep/d.pdf: 1 page");
    watching.stop();
    assert_eq!(folder.files("out").len(), 5);
}

#[test]
fn a_folder_that_vanishes_is_waited_for() {
    let folder = Folder::new();
    let mut watching = folder.watch(&[]);
    // Moved away and back: with all that is in it.
    fs::rename(folder.path("in"), folder.path("away")).unwrap();
    watching.says("in is gone; it is waited for");
    fs::write(folder.path("away/a.pdf"), pdf("Came meanwhile")).unwrap();
    fs::rename(folder.path("away"), folder.path("in")).unwrap();
    watching.says("in is back");
    watching.says("in/a.pdf: 1 page");
    // Removed, and made anew by somebody.
    fs::rename(folder.path("in"), folder.path("removed")).unwrap();
    watching.says("in is gone; it is waited for");
    fs::remove_dir_all(folder.path("removed")).unwrap();
    folder.drop_in("b.pdf", pdf("After that"));
    watching.says("in is back");
    watching.says("in/b.pdf: 1 page");
    folder.drop_in("c.pdf", pdf("And told by events"));
    watching.says("in/c.pdf: 1 page");
    watching.stop();
    assert_eq!(folder.files("out"), ["a.txt", "b.txt", "c.txt"]);
    assert_eq!(folder.claimed(), 0);
}

#[test]
fn two_daemons_never_read_a_file_twice() {
    const FILES: usize = 60;
    let folder = Folder::new();
    let mut both = ["one", "two"].map(|data| folder.watch(&["--data-dir", data]));
    for number in 0..FILES {
        folder.drop_in(format!("{number}.pdf"), pdf(&text_of(number)));
    }
    let (mut heard, mut said) = (String::new(), 0);
    while said < FILES {
        said += both.iter_mut().filter_map(Watching::next).filter(|line| line.contains(": 1 page")).count();
    }
    for watching in both {
        heard.push_str(&watching.stop());
        heard.push('\n');
    }
    for number in 0..FILES {
        let said = heard.matches(&format!("in/{number}.pdf: 1 page")).count();
        assert_eq!(said, 1, "{number}.pdf\n{heard}");
        assert_eq!(folder.text(&format!("out/{number}.txt")).trim(), text_of(number));
    }
    assert_eq!(folder.files("in").len(), FILES);
    // A third that would leave files in place has no way to know what the others take.
    let watching = folder.watch(&["--data-dir", "one"]);
    let refused = folder.once(&["--data-dir", "three", "--after", "leave"]);
    assert!(refused.code == Some(9) && refused.err.contains("another pagestream watches"), "{}", refused.err);
    watching.stop();
}

#[test]
fn settings_are_read_again_and_what_needs_a_new_start_is_named() {
    let folder = Folder::new();
    folder.home.write("hook", "#!/bin/sh\necho \"$PAGESTREAM_HOOK_EVENT $PAGESTREAM_HOOK_PATH\" >> \"$1\"\n");
    fs::set_permissions(folder.path("hook"), fs::Permissions::from_mode(0o755)).unwrap();
    folder.home.write("config.toml", "");
    folder.home.write("passwords", "none\n");
    folder.drop_in("locked.pdf", encrypted("The secret", "secret"));
    let mut watching = folder.watch(&["--config", "config.toml", "--password-file", "passwords"]);
    watching.says("failed/locked.pdf");
    let (hook, log) = (folder.path("hook"), folder.path("hook.log"));
    let settings = format!("[watch]\nhook = [{hook:?}, {log:?}]\nafter = 'delete'\n[render]\ndpi = 300\n");
    folder.home.write("config.toml", settings);
    folder.home.write("passwords", "secret\n");
    watching.signal(libc::SIGHUP);
    let named = watching.says("from the next start on");
    assert!(named.contains("render.dpi, watch.after"), "{named}");
    watching.says("changed: watch.hook");
    watching.hears("RELOADING=1");
    watching.hears("READY=1");
    // What waited for its password goes on, and the hook that is new hears of it.
    watching.says("in/locked.pdf: 1 page");
    folder.drop_in("bad.pdf", "no document");
    watching.says("bad.pdf: the file is of no type");
    folder.home.write("config.toml", "[watch]\nattempts = 'many'\n");
    watching.signal(libc::SIGHUP);
    watching.says("settings stay as they were");
    folder.drop_in("last.pdf", pdf("The last"));
    watching.says("in/last.pdf: 1 page");
    watching.stop();
    assert_eq!(folder.text("hook.log"), "done locked.pdf\nfailed bad.pdf\ndone last.pdf\n");
    assert_eq!(folder.files("in/archive"), ["last.pdf", "locked.pdf"], "what becomes of files has not changed yet");
}

#[test]
fn a_hook_that_fails_loses_nothing_and_its_variables_are_no_settings() {
    let folder = Folder::new();
    // It runs the program itself, which must not take the hook's variables for settings.
    let program = env!("CARGO_BIN_EXE_pagestream");
    let script = format!(
        "#!/bin/sh\n{program:?} config show > /dev/null || exit 7\nprintf '%s\\n' \"$PAGESTREAM_HOOK_FILE\" > \"$1\"\nexit 3\n"
    );
    folder.home.write("hook", script);
    fs::set_permissions(folder.path("hook"), fs::Permissions::from_mode(0o755)).unwrap();
    let hook = format!("watch.hook=[{:?}, {:?}]", folder.path("hook"), folder.path("a b.log"));
    folder.drop_in("a.pdf", pdf("A letter"));
    let outcome = folder.once(&["--set", &hook]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.err.contains("failed (exit status: 3)"), "{}", outcome.err);
    assert!(folder.text("a b.log").trim_end().ends_with("in/archive/a.pdf"));
    assert_eq!(folder.files("out"), ["a.txt"]);
}

#[test]
fn a_service_manager_hears_that_it_lives_and_status_shows_how_it_stands() {
    let folder = Folder::new();
    let mut command = folder.command(&["--set", "watch.settle=1h"]);
    let mut watching = folder.watch_with({
        command.env("WATCHDOG_USEC", "200000");
        command
    });
    watching.hears("WATCHDOG=1");
    folder.drop_in("bad.pdf", "x");
    folder.drop_in("a.pdf", pdf("Waits an hour"));
    watching.hears("STATUS=2 waiting");
    let status = || folder.home.run(&["status", "--data-dir", "out/.pagestream"]).out;
    let text = status();
    assert!(text.contains("in is watched: 2 waiting (the oldest for") && text.contains("0 under way"), "{text}");
    let json = folder.home.run(&["status", "--json", "--data-dir", "out/.pagestream"]).records().remove(0);
    assert_eq!((&json["watched"][0]["waiting"], &json["watched"][0]["watched"]), (&2.into(), &true.into()));
    watching.signal(libc::SIGTERM);
    watching.hears("STOPPING=1");
    watching.says("stopping");
    // Once more would stop it at once.
    watching.end();
    assert!(status().contains("in is not watched now"), "{}", status());
    assert_eq!(folder.files("in"), ["a.pdf", "bad.pdf"], "what was not taken stays where it is");
}

#[test]
fn a_signal_to_stop_leaves_what_goes_on_at_the_next_start() {
    let folder = Folder::new();
    // Scans of many pages, which take a while, and no time for them to end.
    let scan = super::common::document(&[255; 40]);
    for name in ["a.tif", "b.tif"] {
        folder.drop_in(name, &scan);
    }
    let slow = ["--ocr", "always"];
    let mut command = folder.home.command(&["watch", "in", "--out", "out", "--quality", "fast", "--offline"]);
    command.args(slow).args(["--set", "watch.settle=40ms", "--set", "pipeline.drain=1ms", "--log-format", "json"]);
    command.args(["--set", "log.level=pagestream_actors=info"]);
    let mut watching = folder.watch_with(command);
    watching.says("document is journaled");
    watching.stop();
    let left = folder.claimed();
    let archived = folder.files("in/archive").len();
    assert_eq!(left + archived + folder.files("in").iter().filter(|name| !name.contains('/')).count(), 2);
    let outcome = folder.once(&[]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert_eq!(folder.files("in/archive"), ["a.tif", "b.tif"]);
    assert_eq!(folder.claimed(), 0);
}
