//! What ONNX Runtime computes with, by name. Known whether ONNX Runtime is built in or not, so that settings mean the same everywhere.

use std::{fmt, str::FromStr};

use crate::error::{Error, Result};

/// What ONNX Runtime computes with. Asking for one means that one: where it cannot start, loading fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Provider {
    #[default]
    Cpu,
    /// `device` as OpenVINO names it: `CPU`, `GPU`, `GPU.1`, `NPU`.
    OpenVino {
        device: String,
    },
    /// `device` counts from 0, as CUDA does.
    Cuda {
        device: u32,
    },
    TensorRt {
        device: u32,
    },
}

impl Provider {
    /// Whether it computes on the processor's cores, one session a core.
    pub fn is_cpu(&self) -> bool {
        match self {
            Self::Cpu => true,
            Self::OpenVino { device } => device == "CPU",
            Self::Cuda { .. } | Self::TensorRt { .. } => false,
        }
    }
}

/// `cpu`, `openvino`, `openvino:GPU.1`, `cuda:0`, `tensorrt:0`.
impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => formatter.write_str("cpu"),
            Self::OpenVino { device } if device == "CPU" => formatter.write_str("openvino"),
            Self::OpenVino { device } => write!(formatter, "openvino:{device}"),
            Self::Cuda { device } => write!(formatter, "cuda:{device}"),
            Self::TensorRt { device } => write!(formatter, "tensorrt:{device}"),
        }
    }
}

impl FromStr for Provider {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, device) = text.split_once(':').map_or((text, None), |(name, device)| (name, Some(device)));
        let fail = |cause: &str| Error::Device { device: text.into(), cause: cause.into() };
        let number = || device.unwrap_or("0").parse().map_err(|_| fail("the device after the colon must be a number"));
        match name {
            "cpu" if device.is_none() => Ok(Self::Cpu),
            "openvino" => Ok(Self::OpenVino { device: device.unwrap_or("CPU").into() }),
            "cuda" => Ok(Self::Cuda { device: number()? }),
            "tensorrt" => Ok(Self::TensorRt { device: number()? }),
            _ => Err(fail("known are cpu, openvino[:DEVICE], cuda[:N] and tensorrt[:N]")),
        }
    }
}
