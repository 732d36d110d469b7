//! What each memory policy of ONNX Runtime sessions costs: CPU seconds, and resident memory that stays.
//!
//! Each thread has a detector and a recogniser, as a device's workers do, and reads made-up pages: one detection at one of
//! eight widths, then forty lines of widths 160..=1600 in mixed order. Prints one line. One policy a process, because a
//! peak cannot be reset:
//! `for p in keep shrink none; do cargo run --release -p pagestream-models --example session_memory -- $p 2; done`

use std::{env, fs, io, thread, time::Instant};

use pagestream_models::{
    Backend, Session, TensorView,
    backend::{
        onnx::{MemoryPolicy, OnnxBackend, OnnxOptions, OnnxRuntime, Provider},
        openvino::{OpenVinoBackend, OpenVinoOptions},
    },
    device::DeviceChoice,
    registry::{DETECTOR, Fetching, OPENVINO, RECOGNIZER, Registry, RegistryOptions},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PAGES_PER_THREAD: usize = 8;

fn main() -> Result<(), Failure> {
    let memory = match env::args().nth(1).as_deref() {
        Some("keep") => MemoryPolicy::KeepArena,
        Some("shrink") => MemoryPolicy::ShrinkArena,
        Some("none") => MemoryPolicy::NoArena,
        _ => return Err("say keep, shrink or none; then how many threads; then a device".into()),
    };
    let threads: usize = env::args().nth(2).map_or(Ok(1), |text| text.parse())?;
    let device = env::args().nth(3).unwrap_or_else(|| "cpu".into()).parse()?;
    let runtime = matches!(&device, DeviceChoice::Onnx(Provider::OpenVino { .. })).then(|| OPENVINO.to_owned());
    let registry = Registry::open(RegistryOptions { runtime, ..RegistryOptions::default() })?;
    let installed = registry.ensure(&[DETECTOR, RECOGNIZER], &Fetching::allowed())?;
    let backend: Box<dyn Backend> = match device {
        DeviceChoice::Onnx(provider) => {
            let runtime = OnnxRuntime::load(&registry.runtime(&Fetching::allowed())?)?;
            Box::new(OnnxBackend::new(runtime, OnnxOptions { provider, memory, ..OnnxOptions::default() }))
        }
        DeviceChoice::OpenVino { device } => {
            let library = registry.openvino(&Fetching::allowed())?;
            Box::new(OpenVinoBackend::new(&library, OpenVinoOptions { device, streams: threads })?)
        }
    };
    let load = || -> Result<_, Failure> {
        Ok((backend.load(&installed.source(DETECTOR)?)?, backend.load(&installed.source(RECOGNIZER)?)?))
    };
    let workers = (0..threads).map(|_| load()).collect::<Result<Vec<_>, _>>()?;
    let loaded = resident_mib()?;
    let (started, cpu) = (Instant::now(), cpu_seconds()?);
    let workers: Vec<_> = workers.into_iter().map(|(det, rec)| thread::spawn(move || read_pages(det, rec))).collect();
    let mut kept = Vec::new();
    let mut sum = 0.0;
    for worker in workers {
        let (sessions, part) = worker.join().map_err(|_| "a worker panicked")??;
        kept.push(sessions);
        sum += part;
    }
    println!(
        "{memory:?}: {:.2} CPU s, {:.2} s, resident {loaded} MiB loaded, {} MiB after, {} MiB peak (check {sum})",
        cpu_seconds()? - cpu,
        started.elapsed().as_secs_f64(),
        resident_mib()?,
        usage()?.ru_maxrss / 1024,
    );
    Ok(())
}

type Sessions = (Box<dyn Session>, Box<dyn Session>);

fn read_pages(mut detector: Box<dyn Session>, mut recognizer: Box<dyn Session>) -> Result<(Sessions, f32), Failure> {
    let mut noise = 1u32;
    let mut sum = 0.0;
    let mut run = |session: &mut dyn Session, height: usize, width: usize| {
        let mut value = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let data: Vec<f32> = (0..3 * height * width).map(|_| value()).collect();
        session.run(TensorView { shape: &[1, 3, height, width], data: &data }, &mut |output| sum += output.data[0])
    };
    for page in 0..PAGES_PER_THREAD {
        run(&mut *detector, 960, 416 + page * 3 % 8 * 64)?;
        for line in 0..40 {
            // 17 has no factor in common with 46: all widths, in mixed order.
            run(&mut *recognizer, 48, 160 + (page * 40 + line) * 17 % 46 * 32)?;
        }
    }
    Ok(((detector, recognizer), sum))
}

fn resident_mib() -> Result<u64, Failure> {
    let pages: u64 = fs::read_to_string("/proc/self/statm")?.split(' ').nth(1).ok_or("no such field")?.parse()?;
    Ok((pages * 4096) >> 20)
}

fn cpu_seconds() -> Result<f64, io::Error> {
    let usage = usage()?;
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

fn usage() -> Result<libc::rusage, io::Error> {
    // SAFETY: all zeroes is a valid rusage, and the call fills it.
    unsafe {
        let mut usage = std::mem::zeroed();
        if libc::getrusage(libc::RUSAGE_SELF, &mut usage) == 0 { Ok(usage) } else { Err(io::Error::last_os_error()) }
    }
}
