//! What loading the models costs, as they come or as they were optimised on this machine: wall and CPU milliseconds of
//! each session, and the memory that it takes. Memory that one freed is used again by the next, so one way a process:
//! `cargo run --release -p pagestream-models --example model_loading -- <as-it-comes|optimised> <sessions>`

use std::{env, fs, io, time::Instant};

use pagestream_models::{
    Backend,
    backend::onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
    registry::{DETECTOR, Fetching, ORIENTER, RECOGNIZER, Registry, RegistryOptions, machine_dir},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let optimized_dir = match env::args().nth(1).as_deref() {
        Some("as-it-comes") => None,
        Some("optimised") => machine_dir().map(|dir| dir.join("optimised")),
        _ => return Err("say as-it-comes or optimised, and how many sessions of each model".into()),
    };
    let sessions: usize = env::args().nth(2).map_or(Ok(2), |text| text.parse())?;
    let registry = Registry::open(RegistryOptions::default())?;
    let ids = [DETECTOR, ORIENTER, RECOGNIZER];
    let installed = registry.ensure(&ids, &Fetching::allowed())?;
    let library = registry.runtime(&Fetching::allowed())?;
    let runtime = timed("library", || Ok(OnnxRuntime::load(&library)?))?;
    let backend = OnnxBackend::new(runtime, OnnxOptions { optimized_dir, ..OnnxOptions::default() });
    let mut kept = Vec::new();
    for id in ids {
        let source = installed.source(id)?;
        for _ in 0..sessions {
            kept.push(timed(id, || Ok(backend.load(&source)?))?);
        }
    }
    Ok(())
}

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let (memory, cpu, since) = (resident_mib()?, cpu_ms()?, Instant::now());
    let done = work()?;
    let (wall, cpu) = (since.elapsed().as_secs_f64() * 1e3, cpu_ms()? - cpu);
    println!("{what:40} {wall:6.1} ms, {cpu:6.1} CPU ms, {:+6.1} MiB", resident_mib()? - memory);
    Ok(done)
}

fn resident_mib() -> Result<f64, Failure> {
    let pages: f64 = fs::read_to_string("/proc/self/statm")?.split(' ').nth(1).ok_or("no such field")?.parse()?;
    Ok(pages * 4096.0 / f64::from(1 << 20))
}

fn cpu_ms() -> Result<f64, io::Error> {
    // SAFETY: all zeroes is a valid rusage, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        if libc::getrusage(libc::RUSAGE_SELF, &mut usage) != 0 {
            return Err(io::Error::last_os_error());
        }
        usage
    };
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    Ok(ms(usage.ru_utime) + ms(usage.ru_stime))
}
