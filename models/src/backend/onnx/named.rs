//! A model of several inputs and outputs in ONNX Runtime.

use std::borrow::Cow;

use ort::{
    session::{RunOptions, SessionInputValue},
    value::{TensorElementType, TensorRef, ValueType},
};
use pagestream_documents::ByteSize;

use super::denormals::FlushToZero;
use crate::{
    backend::{
        TensorView,
        named::{Element, NamedInput, NamedSession, Numbers, Port, check},
    },
    error::{Error, Result},
};

/// One model with the names of what goes in and comes out.
pub struct NamedOnnxSession {
    pub(super) session: ort::session::Session,
    pub(super) run_options: RunOptions,
    pub(super) model: String,
    pub(super) memory: ByteSize,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl NamedOnnxSession {
    pub(super) fn new(
        session: ort::session::Session,
        run_options: RunOptions,
        model: String,
        memory: ByteSize,
    ) -> Self {
        let ports = |outlets: &[ort::value::Outlet]| outlets.iter().map(port).collect();
        let (inputs, outputs) = (ports(session.inputs()), ports(session.outputs()));
        Self { session, run_options, model, memory, inputs, outputs }
    }
}

fn port(outlet: &ort::value::Outlet) -> Port {
    let (element, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let element = match ty {
                TensorElementType::Float32 => Element::F32,
                TensorElementType::Int64 => Element::I64,
                TensorElementType::Bool => Element::Bool,
                other => Element::Other(format!("{other}")),
            };
            (element, shape.iter().map(|&size| usize::try_from(size).ok()).collect())
        }
        other => (Element::Other(format!("{other}")), Vec::new()),
    };
    Port { name: outlet.name().to_owned(), element, shape }
}

impl NamedSession for NamedOnnxSession {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(
        &mut self,
        inputs: &[NamedInput<'_>],
        wanted: &[&str],
        read: &mut dyn FnMut(&[TensorView<'_>]),
    ) -> Result<()> {
        let model = &self.model;
        let wrong = |cause: String| Error::Inference { model: model.clone(), cause };
        let fail = |error: ort::Error| wrong(error.message().to_owned());
        check(&self.model, inputs)?;
        let mut values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for input in inputs {
            let value: SessionInputValue<'_> = match input.numbers {
                Numbers::F32(numbers) => TensorRef::from_array_view((input.shape, numbers)).map_err(fail)?.into(),
                Numbers::I64(numbers) => TensorRef::from_array_view((input.shape, numbers)).map_err(fail)?.into(),
                Numbers::Bool(numbers) => TensorRef::from_array_view((input.shape, numbers)).map_err(fail)?.into(),
            };
            values.push((input.name.into(), value));
        }
        let outputs = {
            let _guard = FlushToZero::on_this_thread();
            self.session.run_with_options(values, &self.run_options).map_err(fail)?
        };
        let mut lent = Vec::with_capacity(wanted.len());
        for name in wanted {
            let output = outputs.get(name).ok_or_else(|| wrong(format!("it has no output `{name}`")))?;
            let (shape, data) = output.try_extract_tensor::<f32>().map_err(fail)?;
            // Dimensions of a tensor that exists are never negative.
            let shape: Vec<usize> = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
            lent.push((shape, data));
        }
        let views: Vec<TensorView<'_>> = lent.iter().map(|(shape, data)| TensorView { shape, data }).collect();
        read(&views);
        Ok(())
    }

    fn memory(&self) -> ByteSize {
        self.memory
    }
}
