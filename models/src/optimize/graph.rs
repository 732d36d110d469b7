//! What of an ONNX model we read and change: nodes, weights, shapes, metadata. Everything else stays as it is.
//!
//! Field numbers are those of `onnx.proto` (ONNX 1.x).

use super::wire::{Malformed, Message, Value};

/// `ModelProto`.
const GRAPH: u64 = 7;
const METADATA: u64 = 14;

/// `GraphProto`.
const NODE: u64 = 1;
const INITIALIZER: u64 = 5;
const OUTPUT: u64 = 12;
const VALUE_INFO: u64 = 13;

/// `TensorProto`.
const DIMS: u64 = 1;
const DATA_TYPE: u64 = 2;
const FLOAT_DATA: u64 = 4;
const NAME: u64 = 8;
const RAW_DATA: u64 = 9;
const DATA_LOCATION: u64 = 14;

/// A model file, open for changes.
#[derive(Clone, Debug)]
pub struct Model {
    model: Message,
    graph: Message,
}

/// `NodeProto`, as far as we look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub operator: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    message: Message,
}

/// A constant tensor of the file: its shape, and its elements as they lie, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    pub shape: Vec<usize>,
    /// `TensorProto.DataType`: 1 is f32, 10 is f16.
    pub data_type: u64,
    /// Bytes of one element.
    pub element: usize,
    pub data: Vec<u8>,
}

impl Model {
    /// # Errors
    /// [`Malformed`], where the bytes are no ONNX model.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut model = Message::parse(bytes)?;
        let graph = Message::parse(model.bytes(GRAPH).ok_or(Malformed)?)?;
        // The graph is held once, as a message; its place among the fields is kept.
        model.replace(GRAPH, vec![Value::Bytes(Vec::new())]);
        Ok(Self { model, graph })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut model = self.model.clone();
        model.replace(GRAPH, vec![Value::message(&self.graph)]);
        model.encode()
    }

    pub fn metadata(&self, key: &str) -> Option<String> {
        let entries = self.model.all(METADATA).filter_map(|entry| Message::parse(entry).ok());
        entries.into_iter().find(|entry| entry.text(1) == key).map(|entry| entry.text(2).to_owned())
    }

    /// Sets the entry `key`, which may be new.
    pub fn set_metadata(&mut self, key: &str, value: &str) -> Result<(), Malformed> {
        let mut found = false;
        self.model.each(METADATA, |entry| {
            let wanted = entry.text(1) == key;
            if wanted {
                entry.replace(2, vec![Value::text(value)]);
                found = true;
            }
            Ok::<_, Malformed>(wanted)
        })?;
        if !found {
            let mut entry = Message::default();
            entry.push(1, Value::text(key));
            entry.push(2, Value::text(value));
            self.model.push(METADATA, Value::message(&entry));
        }
        Ok(())
    }

    /// The name of the graph's first output.
    pub fn output(&self) -> Option<String> {
        let output = Message::parse(self.graph.all(OUTPUT).next()?).ok()?;
        Some(output.text(1).to_owned())
    }

    /// # Errors
    /// [`Malformed`].
    pub fn nodes(&self) -> Result<Vec<Node>, Malformed> {
        self.graph
            .all(NODE)
            .map(|bytes| {
                let message = Message::parse(bytes)?;
                let texts =
                    |number| message.all(number).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
                Ok(Node {
                    operator: message.text(4).to_owned(),
                    inputs: texts(1),
                    outputs: texts(2),
                    message: message.clone(),
                })
            })
            .collect()
    }

    /// The weights called `name`; `None` where the file has none of that name, or holds them elsewhere or in a form
    /// that we do not read.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn weights(&self, name: &str) -> Result<Option<Weights>, Malformed> {
        for bytes in self.graph.all(INITIALIZER) {
            let tensor = Message::parse(bytes)?;
            if tensor.text(NAME) == name {
                return Weights::of(&tensor);
            }
        }
        Ok(None)
    }

    /// Puts other weights in the place of those called `name`.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn set_weights(&mut self, name: &str, weights: &Weights) -> Result<(), Malformed> {
        self.graph.each(INITIALIZER, |tensor| {
            let wanted = tensor.text(NAME) == name;
            if wanted {
                tensor.replace(DIMS, weights.shape.iter().map(|&size| Value::Varint(size as u64)).collect());
                tensor.replace(FLOAT_DATA, Vec::new());
                tensor.replace(RAW_DATA, vec![Value::Bytes(weights.data.clone())]);
            }
            Ok::<_, Malformed>(wanted)
        })
    }

    /// Where the file states the shape of `value` and its last dimension is `from`, states `to`.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn restate_last_dimension(&mut self, value: &str, from: usize, to: usize) -> Result<(), Malformed> {
        for number in [OUTPUT, VALUE_INFO] {
            self.graph.each(number, |info| {
                if info.text(1) != value {
                    return Ok(false);
                }
                // ValueInfoProto.type (2) . tensor_type (1) . shape (2) . dim (1) . dim_value (1)
                let mut changed = false;
                info.each(2, |kind| {
                    kind.each(1, |tensor| {
                        tensor.each(2, |shape| {
                            let dimensions: Vec<&[u8]> = shape.all(1).collect();
                            let last = dimensions.last().copied().ok_or(Malformed)?;
                            if Message::parse(last)?.number(1) != Some(from as u64) {
                                return Ok::<_, Malformed>(false);
                            }
                            let mut dimension = Message::default();
                            dimension.push(1, Value::Varint(to as u64));
                            let mut all: Vec<Value> =
                                dimensions.iter().map(|bytes| Value::Bytes(bytes.to_vec())).collect();
                            all.pop();
                            all.push(Value::message(&dimension));
                            shape.replace(1, all);
                            changed = true;
                            Ok(true)
                        })?;
                        Ok::<_, Malformed>(changed)
                    })?;
                    Ok::<_, Malformed>(changed)
                })?;
                Ok::<_, Malformed>(changed)
            })?;
        }
        Ok(())
    }
}

impl Node {
    /// An attribute that is a whole number (`AttributeProto.i`), `absent` where the node does not have it.
    pub fn integer(&self, name: &str, absent: i64) -> i64 {
        let attributes = self.message.all(5).filter_map(|bytes| Message::parse(bytes).ok());
        let found = attributes.into_iter().find(|attribute| attribute.text(1) == name);
        // Negative numbers are written as their two's complement.
        found.and_then(|attribute| attribute.number(3)).map_or(absent, |n| n as i64)
    }
}

impl Weights {
    fn of(tensor: &Message) -> Result<Option<Self>, Malformed> {
        let data_type = tensor.number(DATA_TYPE).ok_or(Malformed)?;
        let element: usize = match data_type {
            1 => 4,
            10 | 16 => 2,
            _ => return Ok(None),
        };
        let shape = tensor.numbers(DIMS)?.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>();
        let shape = shape.map_err(|_| Malformed)?;
        let data = match (tensor.bytes(RAW_DATA), tensor.bytes(FLOAT_DATA)) {
            _ if tensor.number(DATA_LOCATION) == Some(1) => return Ok(None),
            (Some(raw), _) => raw.to_vec(),
            // Packed f32 lie as raw data does.
            (None, Some(packed)) if data_type == 1 => packed.to_vec(),
            (None, _) => return Ok(None),
        };
        let expected = shape.iter().try_fold(element, |product, &size| product.checked_mul(size));
        if expected != Some(data.len()) {
            return Err(Malformed);
        }
        Ok(Some(Self { shape, data_type, element, data }))
    }

    /// The weights at `kept` of the dimension `axis`, in that order.
    ///
    /// # Panics
    /// Where there is no such dimension, or a place in `kept` lies beyond it.
    pub fn keep(&self, axis: usize, kept: &[usize]) -> Self {
        let inner = self.shape[axis + 1..].iter().product::<usize>() * self.element;
        let row = self.shape[axis] * inner;
        let mut data = Vec::with_capacity(self.data.len() / self.shape[axis].max(1) * kept.len());
        for outer in self.data.chunks_exact(row.max(1)) {
            for &place in kept {
                data.extend_from_slice(&outer[place * inner..(place + 1) * inner]);
            }
        }
        let mut shape = self.shape.clone();
        shape[axis] = kept.len();
        Self { shape, data, ..*self }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::optimize::wire::Field;

    /// A node of [`tiny_model`].
    pub struct TinyNode<'a> {
        pub operator: &'a str,
        pub inputs: &'a [&'a str],
        pub output: &'a str,
        pub attributes: &'a [(&'a str, i64)],
    }

    /// A model of f32 with the input `x` and the output `y` of these shapes, made of these nodes, weights and metadata.
    pub fn tiny_model(
        nodes: &[TinyNode<'_>],
        weights: &[(&str, &[usize], &[f32])],
        (input, output): (&[usize], &[usize]),
        metadata: &[(&str, &str)],
    ) -> Vec<u8> {
        let message = |fields: Vec<(u64, Value)>| {
            Value::message(&Message {
                fields: fields.into_iter().map(|(number, value)| Field { number, value }).collect(),
            })
        };
        let number = |n: usize| Value::Varint(n as u64);
        let stated = |name: &str, shape: &[usize]| {
            let dimensions = shape.iter().map(|&size| (1, message(vec![(1, number(size))]))).collect();
            let tensor = message(vec![(1, number(1)), (2, message(dimensions))]);
            message(vec![(1, Value::text(name)), (2, message(vec![(1, tensor)]))])
        };
        let mut graph = Vec::new();
        for node in nodes {
            let mut fields: Vec<_> = node.inputs.iter().map(|input| (1, Value::text(input))).collect();
            fields.push((2, Value::text(node.output)));
            fields.push((4, Value::text(node.operator)));
            for (name, value) in node.attributes {
                // AttributeProto: name, i, type = INT.
                fields.push((
                    5,
                    message(vec![(1, Value::text(name)), (3, Value::Varint(*value as u64)), (20, number(2))]),
                ));
            }
            graph.push((NODE, message(fields)));
        }
        graph.push((2, Value::text("tiny")));
        for (name, shape, values) in weights {
            let mut fields: Vec<_> = shape.iter().map(|&size| (DIMS, number(size))).collect();
            fields.push((DATA_TYPE, number(1)));
            fields.push((NAME, Value::text(name)));
            fields.push((RAW_DATA, Value::Bytes(values.iter().flat_map(|value| value.to_le_bytes()).collect())));
            graph.push((INITIALIZER, message(fields)));
        }
        graph.push((11, stated("x", input)));
        graph.push((OUTPUT, stated("y", output)));
        let mut model = vec![(1, number(8)), (GRAPH, message(graph)), (8, message(vec![(2, number(13))]))];
        for (key, value) in metadata {
            model.push((METADATA, message(vec![(1, Value::text(key)), (2, Value::text(value))])));
        }
        let Value::Bytes(bytes) = message(model) else { unreachable!("a message is bytes") };
        bytes
    }

    #[test]
    fn a_slice_keeps_the_order_asked_for_along_any_dimension() {
        let data: Vec<u8> = (0..12u16).flat_map(u16::to_le_bytes).collect();
        let weights = Weights { shape: vec![2, 3, 2], data_type: 10, element: 2, data };
        let numbers = |weights: &Weights| -> Vec<u16> {
            weights.data.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect()
        };
        let check = |axis: usize, kept: &[usize], shape: [usize; 3], expected: &[u16]| {
            let cut = weights.keep(axis, kept);
            assert_eq!((cut.shape.as_slice(), numbers(&cut).as_slice()), (shape.as_slice(), expected));
        };
        check(2, &[1], [2, 3, 1], &[1, 3, 5, 7, 9, 11]);
        check(1, &[2, 0], [2, 2, 2], &[4, 5, 0, 1, 10, 11, 6, 7]);
        check(0, &[1], [1, 3, 2], &[6, 7, 8, 9, 10, 11]);
        check(0, &[], [0, 3, 2], &[]);
    }

    #[test]
    fn weights_whose_size_contradicts_their_shape_are_refused() {
        let mut tensor = Message::default();
        tensor.push(DIMS, Value::Varint(3));
        tensor.push(DATA_TYPE, Value::Varint(1));
        tensor.push(RAW_DATA, Value::Bytes(vec![0; 8]));
        assert_eq!(Weights::of(&tensor), Err(Malformed));
    }

    /// On x86 without VNNI, ONNX Runtime adds products of bytes in pairs in 16 bits: 2 x 255 x 64 fits, 2 x 255 x 127 does not.
    #[test]
    fn no_sum_of_a_built_in_int8_model_can_saturate() {
        for network in crate::built_in::NETWORKS {
            let model = Model::parse(network.int8.bytes).unwrap();
            let tensors = model.graph.all(INITIALIZER).map(|bytes| Message::parse(bytes).unwrap());
            let weights = tensors.filter(|tensor| tensor.number(DATA_TYPE) == Some(3));
            let bytes = weights.flat_map(|tensor| tensor.bytes(RAW_DATA).unwrap_or_default().to_vec());
            let largest = bytes.map(|byte| byte.cast_signed().unsigned_abs()).max();
            assert_eq!(largest, Some(64), "{}", network.int8.id);
        }
    }
}
