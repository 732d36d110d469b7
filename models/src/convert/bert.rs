//! A BERT encoder as sentence-transformers publishes it (weights, `config.json`, `tokenizer.json`) to one ONNX file that is the whole
//! model: word pieces in, one vector out.
//!
//! Input `ids` f32 `[N, L]`, 0 where a text has ended; output `vector` f32 `[N, width]`: the mean over the text's pieces, of length one.
//!
//! In int8 each row of activations is scaled by its own largest number, so that a text's vector depends neither on how far it was
//! filled up nor on what shares its run. Weights have one scale a column and seven bits, so that no processor's sums of products in
//! pairs can saturate in 16 bits; and sums over 1,536 products stay below 2^24, where f32 has every whole number, so that a runtime
//! without integer kernels comes to the same sums.
//!
//! Sources: Devlin et al., "BERT", 2019; the names of the weights are those of `transformers`.

use serde::Deserialize;

use super::{
    graph::{Attribute, GraphBuilder, Type},
    safetensors::SafeTensors,
};
use crate::{
    backend::portable::encoder::{ARCHITECTURE, EPSILON, HEADS, STEPS},
    embedding::{MAX_PIECES, VOCABULARY},
};

/// Largest weight: seven bits.
const WEIGHT_STEPS: f32 = 64.0;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    F32,
    Int8,
}

#[derive(Deserialize)]
struct Config {
    model_type: String,
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    vocab_size: usize,
    layer_norm_eps: f32,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

#[derive(Deserialize)]
struct TokenizerFile {
    normalizer: Normalizer,
    pre_tokenizer: Kind,
    model: WordPiece,
}

#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

#[derive(Deserialize)]
struct Normalizer {
    r#type: String,
    clean_text: bool,
    handle_chinese_chars: bool,
    strip_accents: Option<bool>,
    lowercase: bool,
}

#[derive(Deserialize)]
struct WordPiece {
    r#type: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: std::collections::HashMap<String, usize>,
}

/// Converts.
///
/// # Errors
/// What of the sources is not as it must be.
pub fn encoder(weights: &[u8], config: &[u8], tokenizer: &[u8], precision: Precision) -> Result<Vec<u8>, String> {
    let config: Config = serde_json::from_slice(config).map_err(|error| format!("the configuration: {error}"))?;
    check(&config)?;
    let vocabulary = vocabulary(tokenizer, config.vocab_size)?;
    let weights = SafeTensors::parse(weights)?;
    let mut encoder = Encoder { graph: GraphBuilder::default(), weights, config, precision };
    encoder.write()?;
    let Encoder { graph, config, .. } = encoder;
    let width = config.hidden_size.to_string();
    let heads = config.num_attention_heads.to_string();
    let epsilon = config.layer_norm_eps.to_string();
    let metadata = [ARCHITECTURE, (HEADS, &heads), (EPSILON, &epsilon), (VOCABULARY, &vocabulary)];
    Ok(graph.model("bert", ("ids", &["N", "L"]), ("vector", &["N", &width]), &metadata))
}

fn check(config: &Config) -> Result<(), String> {
    let Config { hidden_size: width, num_attention_heads: heads, intermediate_size, .. } = *config;
    let absolute = config.position_embedding_type.as_deref().is_none_or(|kind| kind == "absolute");
    if config.model_type != "bert" || config.hidden_act != "gelu" || !absolute {
        return Err("the configuration is not that of a BERT with GELU and absolute positions".to_owned());
    }
    let sizes = [width, intermediate_size, heads, config.vocab_size, config.type_vocab_size];
    // Sums of int8 products must be whole numbers in f32.
    let too_wide = sizes[..2].iter().any(|&size| size as f32 * STEPS * WEIGHT_STEPS >= 16_777_216.0);
    if sizes.contains(&0) || !width.is_multiple_of(heads) || too_wide || config.max_position_embeddings < MAX_PIECES {
        return Err("the configuration's sizes do not fit together, or are not known here".to_owned());
    }
    Ok(())
}

/// Word pieces, one a line.
fn vocabulary(tokenizer: &[u8], size: usize) -> Result<String, String> {
    let file: TokenizerFile = serde_json::from_slice(tokenizer).map_err(|error| format!("the tokenizer: {error}"))?;
    let Normalizer { r#type, clean_text, handle_chinese_chars, strip_accents, lowercase } = &file.normalizer;
    let uncased = r#type == "BertNormalizer" && *clean_text && *handle_chinese_chars && *lowercase;
    let WordPiece { r#type, continuing_subword_prefix, max_input_chars_per_word, vocab } = file.model;
    let word_piece = r#type == "WordPiece" && continuing_subword_prefix == "##" && max_input_chars_per_word == 100;
    if !uncased || *strip_accents == Some(false) || file.pre_tokenizer.r#type != "BertPreTokenizer" || !word_piece {
        return Err("the tokenizer is not BERT's uncased one".to_owned());
    }
    let mut words = vec![None; size];
    for (word, number) in vocab {
        match words.get_mut(number) {
            Some(place @ None) if !word.contains('\n') => *place = Some(word),
            _ => return Err(format!("the tokenizer's `{word}` has a number that is taken or too large")),
        }
    }
    let words: Option<Vec<String>> = words.into_iter().collect();
    Ok(words.ok_or("the tokenizer has fewer words than the model")?.join("\n"))
}

struct Encoder<'a> {
    graph: GraphBuilder,
    weights: SafeTensors<'a>,
    config: Config,
    precision: Precision,
}

impl Encoder<'_> {
    fn write(&mut self) -> Result<(), String> {
        // Of value one where there is text, `[N, L]`.
        let ids = self.graph.node("Cast", &["ids"], &[("to", Attribute::Integer(Type::I64 as i64))]);
        let zero = self.graph.f32("zero", &[], &[0.0]);
        let is_padding = self.graph.node("Equal", &["ids", &zero], &[]);
        let is_text = self.graph.node("Not", &[&is_padding], &[]);
        let text = self.graph.node("Cast", &[&is_text], &[("to", Attribute::Integer(Type::F32 as i64))]);
        // Added to scores: nothing, or so little that nothing is left of the exponential. `[N, 1, 1, L]`.
        let one = self.graph.f32("one", &[], &[1.0]);
        let away = self.graph.f32("away", &[], &[10_000.0]);
        let outside = self.graph.node("Sub", &[&text, &one], &[]);
        let outside = self.graph.node("Mul", &[&outside, &away], &[]);
        let middle = self.graph.i64("axes.middle", &[2], &[1, 2]);
        let mask = self.graph.node("Unsqueeze", &[&outside, &middle], &[]);

        let mut hidden = self.embeddings(&ids)?;
        for layer in 0..self.config.num_hidden_layers {
            hidden = self.layer(layer, &hidden, &mask)?;
        }

        // The sum points where the mean does, and is scaled to length one.
        let first = self.graph.i64("axes.one", &[1], &[1]);
        let chosen = self.graph.node("Unsqueeze", &[&text, &first], &[]);
        let sum = self.graph.node("MatMul", &[&chosen, &hidden], &[]);
        let sum = self.graph.node("Squeeze", &[&sum, &first], &[]);
        let squares = self.graph.node("Mul", &[&sum, &sum], &[]);
        let square = self.graph.node("ReduceSum", &[&squares, &first], &[]);
        let length = self.graph.node("Sqrt", &[&square], &[]);
        let least = self.graph.f32("least", &[], &[1e-12]);
        let length = self.graph.node("Max", &[&length, &least], &[]);
        let vector = self.graph.node("Div", &[&sum, &length], &[]);
        self.graph.output(&vector, "vector");
        Ok(())
    }

    /// Of words, places and the only kind of text: `[N, L, width]`.
    fn embeddings(&mut self, ids: &str) -> Result<String, String> {
        let Config { hidden_size: width, vocab_size, max_position_embeddings, type_vocab_size, .. } = self.config;
        let table = self.weights.f32("embeddings.word_embeddings.weight", &[vocab_size, width])?;
        let words = match self.precision {
            Precision::F32 => {
                let table = self.graph.f32("word.table", &[vocab_size, width], &table);
                self.graph.node("Gather", &[&table, ids], &[])
            }
            Precision::Int8 => {
                let (numbers, scales) = quantized_rows(&table, width);
                let table = self.graph.i8("word.table", &[vocab_size, width], &numbers);
                let scales = self.graph.f32("word.scale", &[vocab_size, 1], &scales);
                let row = self.graph.node("Gather", &[&table, ids], &[]);
                let row = self.graph.node("Cast", &[&row], &[("to", Attribute::Integer(Type::F32 as i64))]);
                let scale = self.graph.node("Gather", &[&scales, ids], &[]);
                self.graph.node("Mul", &[&row, &scale], &[])
            }
        };
        // No text is longer than what the model was trained on; all texts are of the first of two kinds.
        let places = self.weights.f32("embeddings.position_embeddings.weight", &[max_position_embeddings, width])?;
        let kinds = self.weights.f32("embeddings.token_type_embeddings.weight", &[type_vocab_size, width])?;
        let rows = places.chunks_exact(width).take(MAX_PIECES);
        let places: Vec<f32> = rows.flat_map(|row| row.iter().zip(&kinds).map(|(place, kind)| place + kind)).collect();
        let places = self.graph.f32("position", &[MAX_PIECES, width], &places);
        let shape = self.graph.node("Shape", &[ids], &[]);
        let mut axis = |number: i64| self.graph.i64(&format!("axis.{number}"), &[1], &[number]);
        let (from, to, end) = (axis(0), axis(1), axis(2));
        let length = self.graph.node("Slice", &[&shape, &to, &end], &[]);
        let places = self.graph.node("Slice", &[&places, &from, &length], &[]);
        let sum = self.graph.node("Add", &[&words, &places], &[]);
        self.norm(&sum, "embeddings.LayerNorm", "embedding.norm")
    }

    fn layer(&mut self, layer: usize, hidden: &str, mask: &str) -> Result<String, String> {
        let Config { hidden_size: width, intermediate_size, num_attention_heads: heads, .. } = self.config;
        let of = |part: &str| format!("encoder.layer.{layer}.{part}");
        let to = |part: &str| format!("layer.{layer}.{part}");
        let depth = width / heads;
        // Scores are divided by the root of the depth: so are the weights that make queries, once and for all.
        let root = (depth as f32).sqrt();
        let mut query = self.dense(&of("attention.self.query"), width, width)?;
        query.weights.iter_mut().chain(&mut query.bias).for_each(|value| *value /= root);
        let key = self.dense(&of("attention.self.key"), width, width)?;
        let value = self.dense(&of("attention.self.value"), width, width)?;
        let all = Dense::beside(&[query, key, value]);
        let all = self.apply(&all, hidden, &to("attention"));
        let parts = self.graph.nodes_of("Split", &[&all], &[("axis", Attribute::Integer(2))], 3);
        let shape = self.graph.i64(&to("heads"), &[4], &[0, 0, heads as i64, depth as i64]);
        let mut of_head = |part: &str, order: &[i64]| {
            let part = self.graph.node("Reshape", &[part, &shape], &[]);
            self.graph.node("Transpose", &[&part], &[("perm", Attribute::Integers(order))])
        };
        let (query, key) = (of_head(&parts[0], &[0, 2, 1, 3]), of_head(&parts[1], &[0, 2, 3, 1]));
        let value = of_head(&parts[2], &[0, 2, 1, 3]);
        let scores = self.graph.node("MatMul", &[&query, &key], &[]);
        let scores = self.graph.node("Add", &[&scores, mask], &[]);
        let shares = self.graph.node("Softmax", &[&scores], &[("axis", Attribute::Integer(-1))]);
        let context = self.graph.node("MatMul", &[&shares, &value], &[]);
        let context = self.graph.node("Transpose", &[&context], &[("perm", Attribute::Integers(&[0, 2, 1, 3]))]);
        let flat = self.graph.i64(&to("flat"), &[3], &[0, 0, width as i64]);
        let context = self.graph.node("Reshape", &[&context, &flat], &[]);
        let output = self.dense(&of("attention.output.dense"), width, width)?;
        let attended = self.apply(&output, &context, &to("output"));
        let sum = self.graph.node("Add", &[&attended, hidden], &[]);
        let hidden = self.norm(&sum, &of("attention.output.LayerNorm"), &to("output.norm"))?;

        let up = self.dense(&of("intermediate.dense"), width, intermediate_size)?;
        let up = self.apply(&up, &hidden, &to("up"));
        let up = self.gelu(&up, &to("gelu"));
        let down = self.dense(&of("output.dense"), intermediate_size, width)?;
        let down = self.apply(&down, &up, &to("down"));
        let sum = self.graph.node("Add", &[&down, &hidden], &[]);
        self.norm(&sum, &of("output.LayerNorm"), &to("down.norm"))
    }

    /// In the form that ONNX Runtime knows as one operation.
    fn gelu(&mut self, input: &str, name: &str) -> String {
        let constant =
            |graph: &mut GraphBuilder, part: &str, value: f32| graph.f32(&format!("{name}.{part}"), &[], &[value]);
        let root = constant(&mut self.graph, "root", std::f32::consts::SQRT_2);
        let one = constant(&mut self.graph, "one", 1.0);
        let half = constant(&mut self.graph, "half", 0.5);
        let scaled = self.graph.node("Div", &[input, &root], &[]);
        let erf = self.graph.node("Erf", &[&scaled], &[]);
        let above = self.graph.node("Add", &[&erf, &one], &[]);
        let product = self.graph.node("Mul", &[input, &above], &[]);
        self.graph.node("Mul", &[&product, &half], &[])
    }

    fn norm(&mut self, input: &str, from: &str, to: &str) -> Result<String, String> {
        let width = self.config.hidden_size;
        let weight = self.weights.f32(&format!("{from}.weight"), &[width])?;
        let bias = self.weights.f32(&format!("{from}.bias"), &[width])?;
        let weight = self.graph.f32(&format!("{to}.weight"), &[width], &weight);
        let bias = self.graph.f32(&format!("{to}.bias"), &[width], &bias);
        let epsilon = Attribute::Float(self.config.layer_norm_eps);
        let attributes = [("axis", Attribute::Integer(-1)), ("epsilon", epsilon)];
        Ok(self.graph.node("LayerNormalization", &[input, &weight, &bias], &attributes))
    }

    fn dense(&self, name: &str, inputs: usize, outputs: usize) -> Result<Dense, String> {
        let rows = self.weights.f32(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.weights.f32(&format!("{name}.bias"), &[outputs])?;
        // From a row an output to a column an output, as a product of matrices has them.
        let weights = (0..inputs).flat_map(|i| rows.iter().skip(i).step_by(inputs).copied()).collect();
        Ok(Dense { inputs, outputs, weights, bias })
    }

    fn apply(&mut self, dense: &Dense, input: &str, name: &str) -> String {
        let Dense { inputs, outputs, ref weights, ref bias } = *dense;
        let bias = self.graph.f32(&format!("{name}.bias"), &[outputs], bias);
        if self.precision == Precision::F32 {
            let weights = self.graph.f32(&format!("{name}.weight"), &[inputs, outputs], weights);
            let product = self.graph.node("MatMul", &[input, &weights], &[]);
            return self.graph.node("Add", &[&product, &bias], &[]);
        }
        let (numbers, mut scales) = quantized_columns(weights, outputs);
        // The sums are scaled by the largest of the row, and not by a step of it.
        scales.iter_mut().for_each(|scale| *scale /= STEPS);
        let weights = self.graph.i8(&format!("{name}.weight"), &[inputs, outputs], &numbers);
        let scales = self.graph.f32(&format!("{name}.scale"), &[outputs], &scales);
        let mut shared = |part: &str, value: f32| self.graph.f32(&format!("{name}.{part}"), &[], &[value]);
        let (least, steps) = (shared("least", 1e-12), shared("steps", STEPS));
        // Cutting off behind a half more rounds, as all numbers are positive then.
        let middle = shared("middle", 128.5);
        let zero = self.graph.constant(&format!("{name}.zero"), Type::U8, &[], vec![128]);
        let sizes = self.graph.node("Abs", &[input], &[]);
        let axes = [("axes", Attribute::Integers(&[-1])), ("keepdims", Attribute::Integer(1))];
        let largest = self.graph.node("ReduceMax", &[&sizes], &axes);
        let largest = self.graph.node("Max", &[&largest, &least], &[]);
        let per_step = self.graph.node("Div", &[&steps, &largest], &[]);
        let scaled = self.graph.node("Mul", &[input, &per_step], &[]);
        let moved = self.graph.node("Add", &[&scaled, &middle], &[]);
        let bytes = self.graph.node("Cast", &[&moved], &[("to", Attribute::Integer(Type::U8 as i64))]);
        let sums = self.graph.node("MatMulInteger", &[&bytes, &weights, &zero], &[]);
        let sums = self.graph.node("Cast", &[&sums], &[("to", Attribute::Integer(Type::F32 as i64))]);
        let sums = self.graph.node("Mul", &[&sums, &largest], &[]);
        let sums = self.graph.node("Mul", &[&sums, &scales], &[]);
        self.graph.node("Add", &[&sums, &bias], &[])
    }
}

/// A layer that multiplies and adds. The weights of an input lie together.
struct Dense {
    inputs: usize,
    outputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Dense {
    /// Layers with the same inputs, their outputs one after another.
    fn beside(parts: &[Self]) -> Self {
        let inputs = parts[0].inputs;
        let row =
            |input: usize| parts.iter().flat_map(move |part| &part.weights[input * part.outputs..][..part.outputs]);
        Self {
            inputs,
            outputs: parts.iter().map(|part| part.outputs).sum(),
            weights: (0..inputs).flat_map(row).copied().collect(),
            bias: parts.iter().flat_map(|part| &part.bias).copied().collect(),
        }
    }
}

/// Eight bits and a scale a row.
fn quantized_rows(values: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    let mut numbers = Vec::with_capacity(values.len());
    let scales = values.chunks_exact(width).map(|row| {
        let scale = largest(row.iter()) / STEPS;
        numbers.extend(row.iter().map(|value| (value / scale).round() as i8));
        scale
    });
    let scales = scales.collect();
    (numbers, scales)
}

/// Seven bits and a scale a column.
fn quantized_columns(values: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    let scales: Vec<f32> =
        (0..width).map(|column| largest(values.iter().skip(column).step_by(width)) / WEIGHT_STEPS).collect();
    let numbers = values.iter().zip(scales.iter().cycle()).map(|(value, scale)| (value / scale).round() as i8);
    (numbers.collect(), scales)
}

/// The largest absolute value, or one where all are zero.
fn largest<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    let largest = values.fold(0.0, |largest: f32, value| largest.max(value.abs()));
    if largest > 0.0 { largest } else { 1.0 }
}
