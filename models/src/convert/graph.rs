//! An ONNX model written node by node. Field numbers are those of `onnx.proto` (ONNX 1.x).

use crate::optimize::wire::{Message, Value};

/// `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    F32 = 1,
    U8 = 2,
    I8 = 3,
    I64 = 7,
}

/// An attribute of a node.
pub enum Attribute<'a> {
    Integer(i64),
    Float(f32),
    Integers(&'a [i64]),
}

/// The operator set: the first that has layer normalisation, so that old runtimes know it.
const OPERATORS: u64 = 17;
/// Of the file format, as of that operator set.
const IR_VERSION: u64 = 8;

/// A model in the making. Values are named by what makes them; the nodes come in the order in which they were added.
#[derive(Default)]
pub struct GraphBuilder {
    nodes: Vec<Value>,
    initializers: Vec<Value>,
    made: usize,
}

impl GraphBuilder {
    /// Adds a node with one output, and says the output's name.
    pub fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute<'_>)]) -> String {
        self.nodes_of(operator, inputs, attributes, 1).remove(0)
    }

    /// Adds a node with so many outputs.
    pub fn nodes_of(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
        outputs: usize,
    ) -> Vec<String> {
        let names: Vec<String> = (0..outputs).map(|output| format!("{operator}.{}.{output}", self.made)).collect();
        self.made += 1;
        let mut node = Message::default();
        inputs.iter().for_each(|input| node.push(1, Value::text(input)));
        names.iter().for_each(|name| node.push(2, Value::text(name)));
        node.push(3, Value::text(&names[0]));
        node.push(4, Value::text(operator));
        attributes.iter().for_each(|(name, attribute)| node.push(5, attribute_of(name, attribute)));
        self.nodes.push(Value::message(&node));
        names
    }

    /// Gives a value the name under which it goes out.
    pub fn output(&mut self, value: &str, name: &str) {
        let mut node = Message::default();
        node.push(1, Value::text(value));
        node.push(2, Value::text(name));
        node.push(3, Value::text(name));
        node.push(4, Value::text("Identity"));
        self.nodes.push(Value::message(&node));
    }

    /// Adds a constant; its name.
    pub fn constant(&mut self, name: &str, kind: Type, shape: &[usize], data: Vec<u8>) -> String {
        let mut tensor = Message::default();
        shape.iter().for_each(|&size| tensor.push(1, Value::Varint(size as u64)));
        tensor.push(2, Value::Varint(kind as u64));
        tensor.push(8, Value::text(name));
        tensor.push(9, Value::Bytes(data));
        self.initializers.push(Value::message(&tensor));
        name.to_owned()
    }

    pub fn f32(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        self.constant(name, Type::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    pub fn i8(&mut self, name: &str, shape: &[usize], values: &[i8]) -> String {
        self.constant(name, Type::I8, shape, values.iter().map(|value| value.cast_unsigned()).collect())
    }

    pub fn i64(&mut self, name: &str, shape: &[usize], values: &[i64]) -> String {
        self.constant(name, Type::I64, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// The file: one input and one output of f32 with these dimensions, a name where a dimension is open.
    pub fn model(
        self,
        name: &str,
        input: (&str, &[&str]),
        output: (&str, &[&str]),
        metadata: &[(&str, &str)],
    ) -> Vec<u8> {
        let mut graph = Message::default();
        self.nodes.into_iter().for_each(|node| graph.push(1, node));
        graph.push(2, Value::text(name));
        self.initializers.into_iter().for_each(|tensor| graph.push(5, tensor));
        graph.push(11, stated(input));
        graph.push(12, stated(output));
        let mut operators = Message::default();
        operators.push(1, Value::text(""));
        operators.push(2, Value::Varint(OPERATORS));
        let mut model = Message::default();
        model.push(1, Value::Varint(IR_VERSION));
        model.push(2, Value::text("pagestream"));
        model.push(7, Value::message(&graph));
        model.push(8, Value::message(&operators));
        for (key, value) in metadata {
            let mut entry = Message::default();
            entry.push(1, Value::text(key));
            entry.push(2, Value::text(value));
            model.push(14, Value::message(&entry));
        }
        model.encode()
    }
}

fn attribute_of(name: &str, attribute: &Attribute<'_>) -> Value {
    let mut message = Message::default();
    message.push(1, Value::text(name));
    let kind = match attribute {
        Attribute::Float(value) => {
            message.push(2, Value::Fixed32(value.to_le_bytes()));
            1
        }
        Attribute::Integer(value) => {
            message.push(3, Value::Varint(value.cast_unsigned()));
            2
        }
        Attribute::Integers(values) => {
            values.iter().for_each(|value| message.push(8, Value::Varint(value.cast_unsigned())));
            7
        }
    };
    message.push(20, Value::Varint(kind));
    Value::message(&message)
}

/// `ValueInfoProto` of a tensor of f32.
fn stated((name, dimensions): (&str, &[&str])) -> Value {
    let mut shape = Message::default();
    for dimension in dimensions {
        let mut size = Message::default();
        match dimension.parse() {
            Ok(number) => size.push(1, Value::Varint(number)),
            Err(_) => size.push(2, Value::text(dimension)),
        }
        shape.push(1, Value::message(&size));
    }
    let mut tensor = Message::default();
    tensor.push(1, Value::Varint(Type::F32 as u64));
    tensor.push(2, Value::message(&shape));
    let mut kind = Message::default();
    kind.push(1, Value::message(&tensor));
    let mut info = Message::default();
    info.push(1, Value::text(name));
    info.push(2, Value::message(&kind));
    Value::message(&info)
}
