//! A model's constants by their names, for what is run by the names of its weights and not by walking a graph.

use std::collections::HashMap;

use crate::backend::protobuf::{self, Value};

struct Constant<'a> {
    kind: u64,
    shape: Vec<usize>,
    data: &'a [u8],
}

impl<'a> Constant<'a> {
    /// A `TensorProto` with its name.
    fn of(tensor: &'a [u8]) -> Option<(&'a str, Self)> {
        let bytes = |wanted| protobuf::fields(tensor).find(|(number, _)| *number == wanted).map(|(_, bytes)| bytes);
        let shape = protobuf::integers(tensor, 1).into_iter().map(usize::try_from).collect::<Result<_, _>>().ok()?;
        let kind = protobuf::values(tensor).find_map(|(number, value)| match value {
            Value::Number(kind) if number == 2 => Some(kind),
            _ => None,
        });
        let name = std::str::from_utf8(bytes(8)?).ok()?;
        Some((name, Self { kind: kind?, shape, data: bytes(9).unwrap_or_default() }))
    }
}

pub struct Tensors<'a>(HashMap<&'a str, Constant<'a>>);

impl<'a> Tensors<'a> {
    /// # Errors
    /// Where the bytes are no model.
    pub fn of_onnx(model: &'a [u8]) -> Result<Self, String> {
        let graph = protobuf::fields(model).find(|(number, _)| *number == 7).ok_or("it has no graph")?.1;
        let tensors = protobuf::fields(graph).filter(|(number, _)| *number == 5);
        Ok(Self(tensors.filter_map(|(_, tensor)| Constant::of(tensor)).collect()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn bytes(&self, name: &str, kind: u64, size: usize) -> Result<(Vec<usize>, &[u8]), String> {
        let constant = self.0.get(name).filter(|constant| constant.kind == kind);
        let constant = constant.ok_or_else(|| format!("it has no `{name}`"))?;
        let expected = constant.shape.iter().try_fold(size, |bytes, &size| bytes.checked_mul(size));
        match expected == Some(constant.data.len()) {
            true => Ok((constant.shape.clone(), constant.data)),
            false => Err(format!("its `{name}` is not as large as its shape says")),
        }
    }

    /// Shape and numbers of a constant of f32.
    ///
    /// # Errors
    /// Where there is none of this name, or it is not as large as its shape says.
    pub fn f32(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
        let (shape, data) = self.bytes(name, 1, size_of::<f32>())?;
        Ok((shape, data.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect()))
    }

    /// As [`Tensors::f32`], of int8.
    ///
    /// # Errors
    /// As there.
    pub fn i8(&self, name: &str) -> Result<(Vec<usize>, Vec<i8>), String> {
        let (shape, data) = self.bytes(name, 3, 1)?;
        Ok((shape, data.iter().map(|byte| byte.cast_signed()).collect()))
    }
}
