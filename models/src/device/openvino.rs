//! OpenVINO by itself, without ONNX Runtime around it, through its C library.

use std::path::Path;

use openvino::{Core, DeviceType, ElementType, PropertyKey, Shape, Tensor};

use super::{DeviceId, DeviceKind, DeviceReport, cpu::Cpu, guarded};
use crate::backend::tiny;

/// Every device that OpenVINO finds, or one line saying why OpenVINO itself is not to be had.
pub(super) fn probe(library: Option<&Path>, cpu: &Cpu) -> Vec<DeviceReport> {
    let devices = guarded(|| {
        match library {
            Some(path) => openvino_sys::library::load_from(path.to_path_buf()),
            None => openvino_sys::library::load(),
        }?;
        let core = Core::new().map_err(|error| error.to_string())?;
        let devices = core.available_devices().map_err(|error| error.to_string())?;
        Ok(devices.iter().map(DeviceType::to_owned).collect::<Vec<_>>())
    });
    match devices {
        Err(why) => vec![DeviceReport::absent("openvino-native", DeviceKind::Cpu, "openvino", &why)],
        Ok(devices) => devices.iter().map(|device| report(device, cpu)).collect(),
    }
}

fn report(device: &DeviceType<'_>, cpu: &Cpu) -> DeviceReport {
    let text: &str = device.as_ref();
    let kind = DeviceKind::of_openvino(text);
    let name = guarded(|| {
        let core = Core::new().map_err(|error| error.to_string())?;
        core.get_property(device, &PropertyKey::DeviceFullName).map_err(|error| error.to_string())
    });
    let outcome = guarded(|| double(device.to_owned()));
    let hardware = cpu.report();
    DeviceReport {
        id: DeviceId::new(format!("openvino-native:{text}")),
        kind,
        backend: "openvino".into(),
        name: name.ok(),
        works: outcome.is_ok(),
        why_not: outcome.err(),
        memory: hardware.memory.filter(|_| kind == DeviceKind::Cpu),
        details: if kind == DeviceKind::Cpu { hardware.details } else { Vec::new() },
    }
}

fn double(device: DeviceType<'static>) -> Result<(), String> {
    // A GPU or NPU computes in half precision: these numbers and their doubles are exact in it.
    let input = [0.0f32, 1.5, -2.0, 256.0];
    let run = || -> Result<Vec<f32>, Box<dyn std::error::Error>> {
        let mut core = Core::new()?;
        let model = core.read_model_from_buffer(&tiny::doubling_model(4), None)?;
        let mut request = core.compile_model(&model, device)?.create_infer_request()?;
        let mut tensor = Tensor::new(ElementType::F32, &Shape::new(&[4])?)?;
        tensor.get_data_mut::<f32>()?.copy_from_slice(&input);
        request.set_input_tensor(&tensor)?;
        request.infer()?;
        Ok(request.get_output_tensor()?.get_data::<f32>()?.to_vec())
    };
    let output = run().map_err(|error| error.to_string())?;
    if output == input.map(|value| value + value) { Ok(()) } else { Err("it computes wrong numbers".into()) }
}
