//! How a convolution's kernel moves over its input.

use super::{Node, onnx::attribute_integer};
use crate::backend::protobuf;

pub(super) struct Window {
    pub stride: (usize, usize),
    pub padding: (usize, usize),
    /// Whether each channel is convolved by itself.
    pub depthwise: bool,
}

/// Of a convolution whose weights are `[outputs, inputs, rows, columns]`.
pub(super) fn window(node: &Node<'_>, [outputs, inputs, rows, columns]: [usize; 4]) -> Result<Window, String> {
    let integers = |name: &str, default: [i64; 4], count: usize| {
        let found = node.attributes.get(name).map(|a| protobuf::integers(a, 8)).unwrap_or_default();
        let found = if found.is_empty() { default[..count].to_vec() } else { found };
        found.iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).collect::<Vec<_>>()
    };
    let strides = integers("strides", [1; 4], 2);
    let pads = integers("pads", [0; 4], 4);
    let dilations = integers("dilations", [1; 4], 2);
    let group = attribute_integer(node, "group").unwrap_or(1);
    let depthwise = group > 1 && inputs == 1 && i64::try_from(outputs) == Ok(group);
    match (strides.as_slice(), pads.as_slice()) {
        (&[down, across], &[top, left, bottom, right])
            if top == bottom && left == right && dilations == [1, 1] && (group == 1 || depthwise)
                // A stride of nothing, or padding beyond the kernel, is no convolution that anybody trains.
                && down > 0 && across > 0 && top < rows.max(1) && left < columns.max(1) =>
        {
            Ok(Window { stride: (down, across), padding: (top, left), depthwise })
        }
        _ => Err("it has a convolution of another kind".to_owned()),
    }
}
