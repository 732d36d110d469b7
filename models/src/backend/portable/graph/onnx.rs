//! What an ONNX file holds: nodes, their attributes, and constants. Field and operator names are those of ONNX.

use std::collections::HashMap;

use crate::backend::protobuf::{self, Value};

/// What computes a value.
pub struct Node<'a> {
    pub op: &'a str,
    pub inputs: Vec<&'a str>,
    pub output: &'a str,
    pub attributes: HashMap<&'a str, &'a [u8]>,
}

pub struct Constant {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
    /// Of what was kept in integers: the same, all of them exactly.
    pub integers: Vec<i32>,
    /// Its values are whole numbers of 8 bits.
    pub is_int8: bool,
}

/// Makes constants of f32 of those that are kept in int8 with a scale for each output channel.
pub fn expand<'a>(nodes: &mut Vec<Node<'a>>, constants: &mut HashMap<&'a str, Constant>) -> Result<(), String> {
    let is_weight = |node: &Node<'_>, constants: &HashMap<&str, Constant>| {
        node.op == "DequantizeLinear"
            && node.inputs.len() == 2
            && constants.get(node.inputs[0]).is_some_and(|weight| weight.is_int8)
    };
    for node in nodes.iter().filter(|node| is_weight(node, constants)).collect::<Vec<_>>() {
        let scale = constants.get(node.inputs[1]).map(|scale| scale.values.clone()).unwrap_or_default();
        let Some(weight) = constants.get(node.inputs[0]) else { continue };
        let axis = usize::try_from(attribute_integer(node, "axis").unwrap_or(1)).unwrap_or(usize::MAX);
        let channels = weight.shape.get(axis).copied().unwrap_or_default();
        let inner: usize = weight.shape.iter().skip(axis + 1).product();
        if channels == 0 || scale.len() != channels {
            return Err("it has weights in int8 without a scale for each channel".to_owned());
        }
        let values = weight.values.chunks_exact(inner.max(1)).zip(scale.iter().cycle());
        let values = values.flat_map(|(values, scale)| values.iter().map(move |value| value * scale)).collect();
        let expanded = Constant { shape: weight.shape.clone(), values, integers: Vec::new(), is_int8: false };
        constants.insert(node.output, expanded);
    }
    nodes.retain(|node| node.op != "DequantizeLinear" || !constants.contains_key(node.output));
    Ok(())
}

pub fn node(message: &[u8]) -> Option<Node<'_>> {
    let attributes = all(message, 5).filter_map(|a| Some((text(a, 1)?, a))).collect();
    let strings = |number| all(message, number).map(std::str::from_utf8).collect::<Result<Vec<_>, _>>().ok();
    let inputs = strings(1)?;
    let op = text(message, 4)?;
    let enough = match op {
        "Constant" => 0,
        "Add" | "Conv" => 2,
        _ => 1,
    };
    (inputs.len() >= enough).then_some(Node { op, inputs, output: text(message, 2)?, attributes })
}

/// A tensor of numbers, with its name.
pub fn constant(message: &[u8]) -> Option<(&str, Constant)> {
    const FLOAT: u64 = 1;
    const UINT8: u64 = 2;
    const INT8: u64 = 3;
    const INT32: u64 = 6;
    let shape: Vec<usize> =
        protobuf::integers(message, 1).into_iter().map(usize::try_from).collect::<Result<_, _>>().ok()?;
    let kind = protobuf::values(message).find_map(|(number, value)| match value {
        Value::Number(kind) if number == 2 => Some(kind),
        _ => None,
    })?;
    let bytes = field(message, 9);
    let listed = || protobuf::integers(message, 5).into_iter().map(|value| value as i32).collect();
    let integers: Vec<i32> = match (kind, bytes) {
        (UINT8, Some(bytes)) => bytes.iter().map(|&byte| i32::from(byte)).collect(),
        (INT8, Some(bytes)) => bytes.iter().map(|byte| i32::from(byte.cast_signed())).collect(),
        (INT32, Some(bytes)) => bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect(),
        (UINT8 | INT8 | INT32, None) => listed(),
        _ => Vec::new(),
    };
    let values = match kind {
        FLOAT => {
            let bytes = bytes.or_else(|| field(message, 4)).unwrap_or_default();
            bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
        }
        INT8 => integers.iter().map(|&value| value as f32).collect(),
        _ => Vec::new(),
    };
    Some((text(message, 8).unwrap_or_default(), Constant { shape, values, integers, is_int8: kind == INT8 }))
}

pub fn attribute_integer(node: &Node<'_>, name: &str) -> Option<i64> {
    protobuf::integers(node.attributes.get(name)?, 3).first().copied()
}

pub fn attribute_text<'a>(node: &Node<'a>, name: &str) -> Option<&'a str> {
    text(node.attributes.get(name)?, 4)
}

pub fn all(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    protobuf::fields(message).filter(move |(number, _)| *number == wanted).map(|(_, bytes)| bytes)
}

pub fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    all(message, wanted).next()
}

pub fn text(message: &[u8], wanted: u64) -> Option<&str> {
    std::str::from_utf8(field(message, wanted)?).ok()
}
