//! A recogniser cut to an alphabet: the classes that are not wanted are taken out of its last layer.
//!
//! PP-OCRv6's last layer maps 120 features to 18,710 classes at every step, which is 16% of the recogniser's time. A cut
//! model computes the same scores for the classes that it keeps; the softmax over fewer of them only makes each more
//! probable. So wherever the whole model's best class is kept, the cut one answers the same, at the same confidence or a
//! little more. What is of another script, or hardly text at all, it reads as the nearest character that it has left, or
//! not at all.

use super::{
    alphabet::CharacterSet,
    graph::{Model, Node},
    wire::Malformed,
};
use crate::error::{Error, Result};

/// Metadata key of a recogniser's characters, one a line, blank and space left out.
const CHARACTERS: &str = "character";

/// A cut model.
#[derive(Clone, Debug)]
pub struct Specialized {
    /// The model's file.
    pub bytes: Vec<u8>,
    /// Classes of the whole model and of the cut one, blank and space included.
    pub classes_before: usize,
    pub classes: usize,
}

/// Cuts `model` (an ONNX file of a recogniser whose classes are blank, the metadata's characters, space) to the characters
/// of `set`. Blank and space stay.
///
/// # Errors
/// [`Error::Optimize`] where the file is no such model, or has none of the characters.
pub fn specialize(model: &[u8], set: &CharacterSet) -> Result<Specialized> {
    let fail = |cause: &str| Error::Optimize { cause: cause.to_owned(), hint: None };
    let malformed = |_: Malformed| fail("it is no ONNX model");
    let mut model = Model::parse(model).map_err(malformed)?;
    let characters =
        model.metadata(CHARACTERS).ok_or_else(|| fail("it is no recogniser: its metadata has no `character`"))?;
    let mut characters: Vec<&str> = characters.split('\n').collect();
    if characters.last() == Some(&"") {
        characters.pop();
    }
    // Blank before them, the space after them.
    let classes_before = characters.len() + 2;
    let wanted = |class: &&str| set.has(class.trim_end_matches('\r'));
    let kept_characters: Vec<&str> = characters.iter().copied().filter(wanted).collect();
    if kept_characters.is_empty() {
        return Err(fail(&format!("it has no character of `{}`", set.name)));
    }
    let inner = characters.iter().enumerate().filter(|(_, class)| wanted(class)).map(|(place, _)| place + 1);
    let kept: Vec<usize> = [0].into_iter().chain(inner).chain([classes_before - 1]).collect();

    let head = Head::find(&model, classes_before)?;
    for Part { weights, axis } in head.parts {
        let whole = model.weights(&weights).map_err(malformed)?.ok_or_else(|| fail("its last layer went missing"))?;
        model.set_weights(&weights, &whole.keep(axis, &kept)).map_err(malformed)?;
    }
    for value in &head.values {
        model.restate_last_dimension(value, classes_before, kept.len()).map_err(malformed)?;
    }
    model.set_metadata(CHARACTERS, &kept_characters.join("\n")).map_err(malformed)?;
    Ok(Specialized { bytes: model.encode(), classes_before, classes: kept.len() })
}

/// The layer that makes the classes.
struct Head {
    /// Weights with a dimension of classes.
    parts: Vec<Part>,
    /// Values of the graph whose last dimension is the classes.
    values: Vec<String>,
}

struct Part {
    weights: String,
    axis: usize,
}

impl Head {
    /// Goes back from the model's output: over what treats every class alike (softmax over the classes, identity), over
    /// the addition of a bias, to the multiplication with the weights.
    fn find(model: &Model, classes: usize) -> Result<Self> {
        let fail = |cause: String| Error::Optimize {
            cause,
            hint: Some("cut the model before it is quantised; its last layer must be a MatMul or Gemm".to_owned()),
        };
        let malformed = |_: Malformed| fail("it is no ONNX model".to_owned());
        let nodes = model.nodes().map_err(malformed)?;
        let mut value = model.output().ok_or_else(|| fail("it has no output".to_owned()))?;
        let mut head = Self { parts: Vec::new(), values: Vec::new() };
        loop {
            head.values.push(value.clone());
            let node = nodes.iter().find(|node| node.outputs.contains(&value));
            let node = node.ok_or_else(|| fail(format!("nothing makes its value `{value}`")))?;
            let (next, done) = head.step(model, &nodes, node, classes).map_err(malformed)?.ok_or_else(|| {
                fail(format!("its classes come from `{}`, which cannot be cut to fewer of them", node.operator))
            })?;
            value = next;
            if done {
                break;
            }
        }
        // Cutting what another part of the network uses too would change that part.
        let shared = |part: &&Part| nodes.iter().filter(|node| node.inputs.contains(&part.weights)).count() != 1;
        if let Some(part) = head.parts.iter().find(shared) {
            return Err(fail(format!("its last layer shares its weights `{}` with another", part.weights)));
        }
        Ok(head)
    }

    /// One node back: the value that it is made of, and whether the weights have been found. `None` where the classes
    /// cannot be followed through it.
    fn step(
        &mut self,
        model: &Model,
        nodes: &[Node],
        node: &Node,
        classes: usize,
    ) -> Result<Option<(String, bool)>, Malformed> {
        match (node.operator.as_str(), node.inputs.as_slice()) {
            // Along an axis before the last, or with the default of old versions, it would mix more than classes. Files
            // state it as -1 or as the last of three.
            ("Softmax" | "LogSoftmax", [input]) if [-1, 2].contains(&node.integer("axis", 1)) => {
                Ok(Some((input.clone(), false)))
            }
            ("Identity", [input]) => Ok(Some((input.clone(), false))),
            ("Add", [a, b]) => {
                for (bias, input) in [(b, a), (a, b)] {
                    if self.take(model, nodes, bias, classes, None)? {
                        return Ok(Some((input.clone(), false)));
                    }
                }
                Ok(None)
            }
            ("MatMul", [input, weights]) => {
                let found = self.take(model, nodes, weights, classes, None)?;
                Ok(found.then(|| (input.clone(), true)))
            }
            ("Gemm", [input, weights, bias @ ..]) => {
                let axis = if node.integer("transB", 0) == 0 { 1 } else { 0 };
                let mut found = self.take(model, nodes, weights, classes, Some(axis))?;
                if let [bias] = bias {
                    found &= self.take(model, nodes, bias, classes, None)?;
                }
                Ok(found.then(|| (input.clone(), true)))
            }
            _ => Ok(None),
        }
    }

    /// Notes the weights called `name`, if the file has them and their dimension `axis` (the last, if none is named) is
    /// the classes.
    fn take(
        &mut self,
        model: &Model,
        nodes: &[Node],
        name: &str,
        classes: usize,
        axis: Option<usize>,
    ) -> Result<bool, Malformed> {
        // Exporters like to pass constants on under another name.
        let mut name = name.to_owned();
        while let Some(node) = nodes.iter().find(|node| node.operator == "Identity" && node.outputs.contains(&name)) {
            name = node.inputs.first().ok_or(Malformed)?.clone();
        }
        let Some(weights) = model.weights(&name)? else { return Ok(false) };
        let Some(last) = weights.shape.len().checked_sub(1) else { return Ok(false) };
        let axis = axis.unwrap_or(last);
        if weights.shape.get(axis) != Some(&classes) {
            return Ok(false);
        }
        self.parts.push(Part { weights: name, axis });
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::{
        graph::tests::{TinyNode, tiny_model},
        wire::{Message, Value},
    };

    const CLASSES: usize = 6;

    /// Two features, six classes: blank, `a`, `中`, `b`, `文`, space. The weight of feature `i` and class `j` is `10 i + j`,
    /// the bias of class `j` is `100 j`.
    fn recognizer(nodes: &[TinyNode]) -> Vec<u8> {
        let weights: Vec<f32> = (0..2).flat_map(|i| (0..CLASSES).map(move |j| (10 * i + j) as f32)).collect();
        let transposed: Vec<f32> = (0..CLASSES).flat_map(|j| (0..2).map(move |i| (10 * i + j) as f32)).collect();
        let bias: Vec<f32> = (0..CLASSES).map(|j| 100.0 * j as f32).collect();
        tiny_model(
            nodes,
            &[("w", &[2, CLASSES], &weights), ("wt", &[CLASSES, 2], &transposed), ("b", &[CLASSES], &bias)],
            (&[1, 3, 2], &[1, 3, CLASSES]),
            &[("made-by", "pagestream"), ("character", "a\n中\nb\n文\n")],
        )
    }

    fn node<'a>(
        operator: &'a str,
        inputs: &'a [&'a str],
        output: &'a str,
        attributes: &'a [(&'a str, i64)],
    ) -> TinyNode<'a> {
        TinyNode { operator, inputs, output, attributes }
    }

    fn latin() -> CharacterSet {
        CharacterSet::built_in("latin").unwrap()
    }

    fn floats(model: &Model, name: &str) -> (Vec<usize>, Vec<f32>) {
        let weights = model.weights(name).unwrap().unwrap();
        let floats = weights.data.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
        (weights.shape, floats.collect())
    }

    #[test]
    fn the_classes_are_cut_out_of_weights_bias_shapes_and_characters() {
        let softmax: &[(&str, i64)] = &[("axis", 2)];
        let bytes = recognizer(&[
            node("Identity", &["w"], "w2", &[]),
            node("MatMul", &["x", "w2"], "product", &[]),
            node("Add", &["b", "product"], "sum", &[]),
            node("Identity", &["sum"], "same", &[]),
            node("Softmax", &["same"], "y", softmax),
        ]);
        let cut = specialize(&bytes, &latin()).unwrap();
        assert_eq!((cut.classes_before, cut.classes), (6, 4));
        let model = Model::parse(&cut.bytes).unwrap();
        assert_eq!(floats(&model, "w"), (vec![2, 4], vec![0.0, 1.0, 3.0, 5.0, 10.0, 11.0, 13.0, 15.0]));
        assert_eq!(floats(&model, "b"), (vec![4], vec![0.0, 100.0, 300.0, 500.0]));
        assert_eq!(floats(&model, "wt").0, [6, 2], "what the head does not use is left alone");
        assert_eq!(model.metadata("character").as_deref(), Some("a\nb"));
        assert_eq!(model.metadata("made-by").as_deref(), Some("pagestream"));
        // What is not touched is as it was: cutting to everything changes nothing but the list's last line end.
        let all = CharacterSet::of_text("all", "a中b文");
        let same = specialize(&bytes, &all).unwrap().bytes;
        let mut expected = Model::parse(&bytes).unwrap();
        expected.set_metadata("character", "a\n中\nb\n文").unwrap();
        assert_eq!(same, expected.encode());
    }

    #[test]
    fn the_stated_shapes_follow() {
        let bytes = recognizer(&[node("MatMul", &["x", "w"], "y", &[])]);
        let dimensions = |bytes: &[u8]| -> Vec<u64> {
            let path = [7, 12, 2, 1, 2];
            let shape = path.iter().fold(Message::parse(bytes).unwrap(), |message, &number| {
                Message::parse(message.bytes(number).unwrap()).unwrap()
            });
            shape.all(1).map(|bytes| Message::parse(bytes).unwrap().number(1).unwrap()).collect()
        };
        assert_eq!(dimensions(&bytes), [1, 3, 6]);
        assert_eq!(dimensions(&specialize(&bytes, &latin()).unwrap().bytes), [1, 3, 4]);
    }

    #[test]
    fn a_gemm_is_cut_along_the_dimension_that_is_the_classes() {
        let bytes = recognizer(&[node("Gemm", &["x", "wt", "b"], "y", &[("transB", 1)])]);
        let model = Model::parse(&specialize(&bytes, &latin()).unwrap().bytes).unwrap();
        assert_eq!(floats(&model, "wt"), (vec![4, 2], vec![0.0, 10.0, 1.0, 11.0, 3.0, 13.0, 5.0, 15.0]));
        assert_eq!(floats(&model, "b").0, [4]);
    }

    #[test]
    fn what_cannot_be_cut_is_refused_with_the_reason() {
        let check = |bytes: &[u8], expected: &str| {
            let error = specialize(bytes, &latin()).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected} in {error}");
        };
        check(b"no model", "no ONNX model");
        check(&recognizer(&[node("Conv", &["x", "w"], "y", &[])]), "`Conv`");
        check(&recognizer(&[node("MatMul", &["x", "wt"], "y", &[])]), "`MatMul`");
        check(&recognizer(&[node("Relu", &["x"], "z", &[])]), "nothing makes its value `y`");
        let along_steps: &[(&str, i64)] = &[("axis", 1)];
        let over_steps = [node("MatMul", &["x", "w"], "z", &[]), node("Softmax", &["z"], "y", along_steps)];
        check(&recognizer(&over_steps), "`Softmax`");
        let shared = [node("MatMul", &["x", "w"], "y", &[]), node("Add", &["x", "w"], "other", &[])];
        check(&recognizer(&shared), "shares its weights `w`");
        let digits = CharacterSet::of_text("digits", "0123");
        let bytes = recognizer(&[node("MatMul", &["x", "w"], "y", &[])]);
        assert!(specialize(&bytes, &digits).unwrap_err().to_string().contains("no character of"));
        let mut without = Message::parse(&bytes).unwrap();
        without.replace(14, Vec::<Value>::new());
        check(&without.encode(), "no recogniser");
    }
}
