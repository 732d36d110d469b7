//! What the trial of the built-in networks says of this machine and an ONNX Runtime: `cargo run --release -p pagestream-models
//! --features built-in-models --example trial -- LIBRARY [QUALITY]`. The gates of `src/machine/precision.rs` come from it.

use std::{collections::BTreeMap, time::Instant};

use pagestream_models::{
    Backend,
    backend::{
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        portable::PortableBackend,
    },
    built_in,
    ocr::{Quality, Task},
    trial::{read_page, run_again, run_lines},
};

fn main() {
    let library = std::env::args().nth(1).expect("the library of ONNX Runtime is the argument");
    let backend = OnnxBackend::new(OnnxRuntime::load(library.as_ref()).expect("it loads"), OnnxOptions::default());
    let start = Instant::now();
    let now = || start.elapsed();
    let load = |model: built_in::BuiltIn| backend.load(&model.source()).expect("it loads");
    let quality = std::env::args().nth(2).map(|quality| quality.parse().expect("a quality"));
    for quality in quality.map_or(vec![Quality::Fast, Quality::Balanced], |quality| vec![quality]) {
        let networks = [
            (Task::CompactDetect, built_in::DETECTOR),
            (Task::CompactRecognize, built_in::recognizer(quality)),
            (Task::CompactReread, built_in::LARGE_RECOGNIZER),
            (Task::Layout, built_in::LAYOUT),
        ];
        let own = networks.map(|(task, n)| (task, PortableBackend.load(&n.f32.source()).expect("it loads")));
        let own = read_page(&mut BTreeMap::from(own), quality, &now).expect("it reads");
        let mut f32s = BTreeMap::from(networks.map(|(task, network)| (task, load(network.f32))));
        let mut int8s = BTreeMap::from(networks.map(|(task, network)| (task, load(network.int8))));
        let f32_page = read_page(&mut f32s, quality, &now).expect("it reads");
        let int8_page = read_page(&mut int8s, quality, &now).expect("it reads");
        for (name, page) in [("own", &own), ("f32", &f32_page), ("int8", &int8_page)] {
            println!("{quality} {name}: {:?}, {} lines", page.time(), page.lines);
        }
        for (task, network) in networks {
            for (name, sessions) in [("f32", &mut f32s), ("int8", &mut int8s)] {
                let session = &mut **sessions.get_mut(&task).expect("one a task");
                let again = run_again(session, task, &own.runs, &now).expect("it runs");
                let lines = run_lines(session, network.f32.id);
                println!("{quality} {} {name}: page {again:?}, vectors {lines:?}", network.f32.id);
            }
        }
    }
    println!("all in {:?}", start.elapsed());
}
