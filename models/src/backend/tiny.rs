//! The smallest model that proves a provider: y = x + x. Made here byte by byte, so that a probe needs no file.
//!
//! Field numbers are those of onnx.proto (ONNX 1.x, IR version 8); the wire format is Protocol Buffers'.

/// An ONNX model with input `x` and output `y`, both f32 of `elements` elements, and the metadata entry `made-by` =
/// `pagestream`.
pub fn doubling_model(elements: u8) -> Vec<u8> {
    const FLOAT: u8 = 1;
    let value = |name: &str| {
        let dimension = number(1, elements);
        let shape = field(1, &dimension);
        let tensor_type = [number(1, FLOAT), field(2, &shape)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor_type))].concat()
    };
    let node = [field(1, b"x"), field(1, b"x"), field(2, b"y"), field(3, b"double"), field(4, b"Add")].concat();
    let graph = [field(1, &node), field(2, b"doubling"), field(11, &value("x")), field(12, &value("y"))].concat();
    let opset = [field(1, b""), number(2, 13)].concat();
    let metadata = [field(1, b"made-by"), field(2, b"pagestream")].concat();
    [number(1, 8), field(7, &graph), field(8, &opset), field(14, &metadata)].concat()
}

/// A length-delimited field. All of ours are shorter than 128 bytes, so that the length is one byte.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 128).expect("our fields are short");
    [&[tag << 3 | 2, length], content].concat()
}

/// A varint field below 128.
fn number(tag: u8, value: u8) -> Vec<u8> {
    assert!(value < 128, "larger numbers take two bytes");
    vec![tag << 3, value]
}
