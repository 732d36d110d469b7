//! The devices that configuration can name.

use std::{fmt, str::FromStr};

use crate::{
    backend::Provider,
    error::{Error, Result},
};

/// What runs models: a backend with a device of it. Asking for one means that one: where it cannot start, that is an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// ONNX Runtime with a provider.
    Onnx(Provider),
    /// OpenVINO without ONNX Runtime; `device` as OpenVINO names it.
    OpenVino { device: String },
}

const NATIVE: &str = "openvino-native";

impl DeviceChoice {
    /// Whether it computes on the processor's cores, so that it has a thread for each.
    pub fn is_cpu(&self) -> bool {
        match self {
            Self::Onnx(provider) => provider.is_cpu(),
            Self::OpenVino { device } => device == "CPU",
        }
    }
}

/// As ONNX Runtime's providers are written, and `openvino-native:CPU`.
impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Onnx(provider) => provider.fmt(formatter),
            Self::OpenVino { device } => write!(formatter, "{NATIVE}:{device}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix(NATIVE) {
            Some("") => Ok(Self::OpenVino { device: "CPU".to_owned() }),
            Some(rest) if rest.len() > 1 && rest.starts_with(':') => {
                Ok(Self::OpenVino { device: rest[1..].to_owned() })
            }
            _ => match text.parse() {
                Ok(provider) => Ok(Self::Onnx(provider)),
                Err(Error::Device { device, cause }) => {
                    let cause = cause.replace("cuda[:N]", &format!("{NATIVE}[:DEVICE], cuda[:N]"));
                    Err(Error::Device { device, cause })
                }
                Err(error) => Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_as_it_is_read() {
        for (text, cpu) in [
            ("cpu", true),
            ("openvino", true),
            ("openvino:GPU.1", false),
            ("cuda:0", false),
            ("tensorrt:1", false),
            ("openvino-native:CPU", true),
            ("openvino-native:GPU", false),
        ] {
            let device: DeviceChoice = text.parse().unwrap();
            assert_eq!((device.to_string().as_str(), device.is_cpu()), (text, cpu));
        }
        assert_eq!("openvino-native".parse::<DeviceChoice>().unwrap().to_string(), "openvino-native:CPU");
        for text in ["", "gpu", "openvino-native:", "openvino-nativeCPU", "cpu:1"] {
            let error = text.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(error.contains(text) && (text == "cpu:1" || error.contains("openvino-native[:DEVICE]")), "{error}");
        }
    }
}
