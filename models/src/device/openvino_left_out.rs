//! In place of OpenVINO in a program that is built without the feature `openvino`.

use std::path::Path;

use super::{DeviceKind, DeviceReport, cpu::Cpu};

/// That it was left out.
pub(super) fn probe(_: Option<&Path>, _: &Cpu) -> Vec<DeviceReport> {
    let why = "this program was built without OpenVINO by itself; `cargo build --release --features openvino` makes one with it";
    vec![DeviceReport::absent("openvino-native", DeviceKind::Cpu, "openvino", why)]
}
