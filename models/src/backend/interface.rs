//! What a model takes and gives, as its file says, without loading it: for models of others, of which nothing else is known.

use std::collections::HashSet;

use super::{
    ModelSource,
    named::{Element, Port},
    protobuf::{Value, fields, values},
};
use crate::error::Result;

/// `ModelProto.graph`; `GraphProto.initializer`, `input` and `output`.
const GRAPH: u64 = 7;
const INITIALIZER: u64 = 5;
const INPUT: u64 = 11;
const OUTPUT: u64 = 12;
/// `TensorProto.name`.
const NAME_OF_TENSOR: u64 = 8;

/// Inputs and outputs of a model, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

impl ModelSource {
    /// What the model takes and gives. What is no ONNX model takes and gives nothing.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when the file cannot be opened.
    pub fn interface(&self) -> Result<Interface> {
        Ok(interface(&self.bytes()?))
    }
}

fn interface(model: &[u8]) -> Interface {
    let Some((_, graph)) = fields(model).find(|(number, _)| *number == GRAPH) else { return Interface::default() };
    let name_of = |tensor| fields(tensor).find(|(number, _)| *number == NAME_OF_TENSOR).map(|(_, name)| name);
    // Old exports list their weights among the inputs.
    let weights: HashSet<&[u8]> =
        fields(graph).filter(|(number, _)| *number == INITIALIZER).filter_map(|(_, tensor)| name_of(tensor)).collect();
    let ports = |wanted: u64| fields(graph).filter(move |(number, _)| *number == wanted).map(|(_, port)| port);
    let is_weight = |port: &&[u8]| first(port, 1).is_some_and(|name| weights.contains(name));
    Interface {
        inputs: ports(INPUT).filter(|port| !is_weight(port)).map(port).collect(),
        outputs: ports(OUTPUT).map(port).collect(),
    }
}

fn first(message: &[u8], wanted: u64) -> Option<&[u8]> {
    fields(message).find(|(number, _)| *number == wanted).map(|(_, bytes)| bytes)
}

/// `ValueInfoProto {name = 1, type = 2 {tensor_type = 1 {elem_type = 1, shape = 2 {dim = 1 {dim_value = 1}}}}}`
fn port(message: &[u8]) -> Port {
    let name = first(message, 1).map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    let tensor = first(message, 2).and_then(|kind| first(kind, 1));
    let shape = tensor.and_then(|tensor| first(tensor, 2));
    let size = |dimension: &[u8]| {
        values(dimension).find_map(|(number, value)| match value {
            Value::Number(size) if number == 1 => usize::try_from(size).ok().filter(|size| *size > 0),
            _ => None,
        })
    };
    let dimensions = shape.into_iter().flat_map(|shape| fields(shape).filter(|(number, _)| *number == 1));
    Port { name, element: element(tensor), shape: dimensions.map(|(_, dimension)| size(dimension)).collect() }
}

/// `TensorProto.DataType`
fn element(tensor: Option<&[u8]>) -> Element {
    let number = tensor.and_then(|tensor| {
        values(tensor).find_map(|(number, value)| match value {
            Value::Number(element) if number == 1 => Some(element),
            _ => None,
        })
    });
    match number {
        Some(1) => Element::F32,
        Some(7) => Element::I64,
        Some(9) => Element::Bool,
        Some(6) => Element::Other("int32".to_owned()),
        Some(10) => Element::Other("float16".to_owned()),
        Some(11) => Element::Other("float64".to_owned()),
        Some(16) => Element::Other("bfloat16".to_owned()),
        Some(number) => Element::Other(format!("ONNX's type {number}")),
        None => Element::Other("no tensor".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::tiny;

    #[test]
    fn a_model_says_what_it_takes_and_gives() {
        let Interface { inputs, outputs } = interface(&tiny::doubling_model(3));
        assert_eq!((inputs.len(), outputs.len()), (1, 1), "its weights are no inputs");
        assert!(!inputs[0].shape.is_empty() && inputs[0].name != outputs[0].name, "{inputs:?} {outputs:?}");
        assert_eq!((&inputs[0].element, &outputs[0].element), (&Element::F32, &Element::F32));
    }

    #[test]
    fn what_is_no_model_takes_and_gives_nothing() {
        let model = tiny::doubling_model(3);
        for bytes in [&model[..0], &b"not a model"[..], &[0xff; 40]] {
            assert_eq!(interface(bytes), Interface::default());
        }
        for length in 0..model.len() {
            interface(&model[..length]);
        }
    }
}
