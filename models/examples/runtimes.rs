//! What our own networks cost on our own runtime, by precision and instructions, and on ONNX Runtime where its library is named:
//! `cargo build --release --workspace --examples && target/release/examples/runtimes [ROUNDS] [LIBRARY]`. CPU milliseconds of one thread, the
//! least of the rounds, which take turns so that what disturbs the machine disturbs them all.

use std::io;

use pagestream_models::{
    Backend, Session, Tensor,
    backend::{
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        portable::PortableBackend,
    },
    built_in::{self, BuiltIn, Network},
    instructions::Instructions,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is run, and on what: a page of 960 pixels, a line of 704, a page of 640.
const WORK: [(Network, [usize; 4]); 5] = [
    (built_in::DETECTOR, [1, 1, 960, 704]),
    (built_in::FAST_RECOGNIZER, [1, 1, 32, 704]),
    (built_in::LARGE_RECOGNIZER, [1, 1, 32, 704]),
    (built_in::LAYOUT, [1, 1, 640, 448]),
    (built_in::INLINE_FORMULAS, [1, 1, 32, 704]),
];

struct Contender {
    name: String,
    session: Box<dyn Session>,
    least_ms: f64,
}

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(50), |text| text.parse())?;
    let options = OnnxOptions::default();
    let library = match std::env::args().nth(2) {
        Some(path) => Some(OnnxBackend::new(OnnxRuntime::load(path.as_ref())?, options)),
        None => None,
    };
    for (network, shape) in WORK {
        let mut contenders = Vec::new();
        for model in [network.f32, network.int8] {
            for instructions in Instructions::ALL.into_iter().filter(|one| one.are_here()) {
                add(
                    &mut contenders,
                    model,
                    &instructions.to_string(),
                    PortableBackend.load_for(&model.source(), instructions),
                );
            }
            if let Some(library) = &library {
                add(&mut contenders, model, "ONNX Runtime", library.load(&model.source()));
            }
        }
        let data = (0..shape.iter().product::<usize>()).map(|n| (n * 7919 % 255) as f32 / 127.0 - 1.0).collect();
        let input = Tensor { shape: shape.to_vec(), data };
        for _ in 0..rounds {
            for contender in &mut contenders {
                // What comes before it has left the caches to others.
                contender.session.run(input.view(), &mut |_| {})?;
                let since = thread_ms()?;
                contender.session.run(input.view(), &mut |_| {})?;
                contender.least_ms = contender.least_ms.min(thread_ms()? - since);
            }
        }
        for Contender { name, least_ms, .. } in contenders {
            println!("{name:50} {least_ms:8.3} ms");
        }
    }
    Ok(())
}

fn add(to: &mut Vec<Contender>, model: BuiltIn, on: &str, session: pagestream_models::Result<Box<dyn Session>>) {
    match session {
        Ok(session) => to.push(Contender { name: format!("{} {on}", model.id), session, least_ms: f64::INFINITY }),
        Err(error) => println!("{} {on}: {error}", model.id),
    }
}

fn thread_ms() -> Result<f64, io::Error> {
    // SAFETY: the call fills the time that it is given.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        if libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) != 0 {
            return Err(io::Error::last_os_error());
        }
        time
    };
    Ok(time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6)
}
