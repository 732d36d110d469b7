//! The program itself: `pagestream serve` and `pagestream keys`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::{client::Client, documents::pages};

struct Program {
    child: Child,
    client: Client,
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagestream"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn serve(arguments: &[&str]) -> Program {
    let mut child = program(&[&["serve", "--bind", "127.0.0.1:0", "--offline"], arguments].concat()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address =
        lines.find_map(|line| line.split_once("http://").map(|(_, address)| address.parse().unwrap())).unwrap();
    // Whatever it says is read, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    Program { child, client: Client::new(address) }
}

impl Program {
    fn terminate(&mut self) -> Option<i32> {
        let pid = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_signal_drains_and_the_next_start_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let texts: Vec<String> = (1..=300).map(|n| format!("page {n} of many")).collect();
    let mut first = serve(&["--data-dir", data]);
    let id = first.client.submit("a.pdf", &pages(&texts));
    let mut events = first.client.get(&format!("/v1/documents/{id}/events")).events();
    let mut seen: Vec<u64> =
        events.by_ref().filter(|(kind, ..)| kind == "page").take(3).map(|event| event.1.parse().unwrap()).collect();
    assert_eq!(first.terminate(), Some(0));
    let (mut last, mut ended) = ("3".to_owned(), false);
    for (kind, id, _) in events {
        match kind.as_str() {
            "page" => seen.push(id.parse().unwrap()),
            _ => ended = true,
        }
        last = id;
    }
    let mut second = serve(&["--data-dir", data]);
    if !ended {
        let (rest, end) = second.client.follow(&id, &last);
        seen.extend(rest);
        assert_eq!(end.as_deref(), Some("done"));
    }
    assert_eq!(seen, (1..=300).collect::<Vec<u64>>());
    assert_eq!(second.terminate(), Some(0));
}

#[test]
fn keys_are_made_listed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let file = file.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output = program(&[&["keys"], arguments, &["--keys", file]].concat()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, key) = run(&["add", "ann"]);
    assert!(code == Some(0) && key.trim().len() == 67, "{key}");
    assert_eq!(run(&["add", "ann"]).0, Some(9), "a name is given once");
    assert_eq!(run(&["list"]), (Some(0), "ann  read,write\n".to_owned()));
    let mut server = serve(&["--keys", file]);
    server.client.with_key(key.trim()).get("/v1/documents").with_status(200);
    assert_eq!(run(&["add", "bob", "--may", "read"]).0, Some(0));
    assert_eq!(run(&["remove", "ann"]).0, Some(0));
    assert_eq!(server.client.with_key(key.trim()).get("/v1/documents").problem(401), "unauthorized");
    assert_eq!(server.terminate(), Some(0));
}
