//! Prints what `pagestream_models::device::probe` finds, with the runtime of the manifest that the first argument names:
//! `cargo run --release -p pagestream-models --example devices -- onnxruntime-openvino`

use pagestream_models::{
    device,
    registry::{Fetching, Registry, RegistryOptions},
};

fn main() -> Result<(), pagestream_models::Error> {
    let options = RegistryOptions { runtime: std::env::args().nth(1), ..RegistryOptions::default() };
    let registry = Registry::open(options)?;
    let dylib = registry.runtime(&Fetching::allowed().with_progress(|event| eprintln!("{event:?}")))?;
    let probe = device::probe(&dylib, registry.openvino_library().as_deref());
    println!("{:#?}", probe.runtime);
    for device in probe.devices {
        println!("{device:#?}");
    }
    Ok(())
}
