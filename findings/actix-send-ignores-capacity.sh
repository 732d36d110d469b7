#!/usr/bin/env bash
# actix 0.13.5: a mailbox of capacity 1 takes a thousand messages by `send`. The future of `send` waits for the *answer*; polled
# once, it has put its message in, full or not, and dropping it does not take the message out again. Only `try_send` sees the
# capacity. One would guess that awaiting `send` is backpressure.
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
use std::{
    future::{Future, poll_fn},
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use actix::prelude::*;

static ALIVE: AtomicUsize = AtomicUsize::new(0);

#[derive(Message)]
#[rtype(result = "()")]
struct Page;

impl Page {
    fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Stage;

impl Actor for Stage {
    type Context = Context<Self>;
    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(1);
    }
}

impl Handler<Page> for Stage {
    type Result = ();
    fn handle(&mut self, _: Page, _: &mut Self::Context) {}
}

/// Lets the actor run until it has nothing to do.
async fn rest() {
    for _ in 0..10 {
        let mut first = true;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

fn main() {
    System::new().block_on(async {
        let stage = Stage.start();
        rest().await;
        // One thread, and nothing is awaited from here on, so the actor cannot take anything out.
        let taken = (0..1_000).filter(|_| stage.try_send(Page::new()).is_ok()).count();
        println!("try_send, 1000 times: {taken} taken");
        rest().await;
        for _ in 0..1_000 {
            let mut sending = Box::pin(stage.send(Page::new()));
            poll_fn(|context| Poll::Ready(sending.as_mut().poll(context).is_ready())).await;
        }
        println!("send, polled once and dropped, 1000 times: {} in the mailbox", ALIVE.load(Ordering::SeqCst));
    });
}
RS
seen=$(cargo run -q)
expected='try_send, 1000 times: 1 taken
send, polled once and dropped, 1000 times: 1000 in the mailbox'

printf 'actix 0.13.5, mailbox capacity 1\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
