#!/usr/bin/env bash
# actix 0.13.5: a supervised actor is started again when it stops, and not when it panics. After a panic the actor and its
# supervisor are both gone, the sender gets MailboxError::Closed, and so does everybody after that; `restarting` is never called.
# One would guess that a panic is what a supervisor is for.
# Needs cargo.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
export CARGO_TARGET_DIR="$dir/target"

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
actix = { version = "=0.13.5", default-features = false, features = ["macros"] }
TOML
cat > src/main.rs <<'RS'
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::prelude::*;

static RESTARTS: AtomicUsize = AtomicUsize::new(0);

#[derive(Message)]
#[rtype(result = "String")]
enum Ask {
    Hello,
    Stop,
    Panic,
}

struct Stage;

impl Actor for Stage {
    type Context = Context<Self>;
}

impl Supervised for Stage {
    fn restarting(&mut self, _: &mut Self::Context) {
        RESTARTS.fetch_add(1, Ordering::SeqCst);
    }
}

impl Handler<Ask> for Stage {
    type Result = String;
    fn handle(&mut self, ask: Ask, context: &mut Self::Context) -> String {
        match ask {
            Ask::Hello => "hello".into(),
            Ask::Stop => {
                context.stop();
                "stopping".into()
            }
            Ask::Panic => panic!("a page that cannot be read"),
        }
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    System::new().block_on(async {
        let stage = Supervisor::start(|_| Stage);
        for (name, ask) in [("stop", Ask::Stop), ("hello", Ask::Hello), ("panic", Ask::Panic), ("hello", Ask::Hello)] {
            let answer = stage.send(ask).await;
            println!("{name}: {answer:?}");
        }
        println!("restarts: {}", RESTARTS.load(Ordering::SeqCst));
    });
}
RS
seen=$(cargo run -q)
expected='stop: Ok("stopping")
hello: Ok("hello")
panic: Err(MailboxError(Mailbox has closed))
hello: Err(MailboxError(Mailbox has closed))
restarts: 1'

printf 'actix 0.13.5, under Supervisor::start\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
