//! What the networks of an export take and give, looked at before anything runs: what is not known is refused in one sentence.

use std::ops::RangeInclusive;

use super::{preprocess::Size, settings::Settings};
use crate::{
    backend::{
        Interface, ModelSource,
        named::{Element, Port},
    },
    error::{Error, Result},
};

/// The three networks' ports, as far as they differ between exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Of a picture.
    pub channels: usize,
    /// Whether several formulas may share a run.
    pub shares: bool,
    pub decoder: Decoder,
}

/// How a decoder goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// It is given all tokens each time.
    Whole(Takes),
    /// One network, which a switch tells whether there is a past (`decoder_model_merged.onnx`).
    Merged { takes: Takes, past: Vec<Past> },
    /// A network for the beginning, and one that has a past.
    Two { first: Takes, next: Takes, past: Vec<Past> },
}

/// What one network takes beside a past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    pub tokens: String,
    /// Whether it takes several tokens in a run.
    pub several: bool,
    /// `encoder_hidden_states`
    pub states: bool,
    /// `encoder_attention_mask`
    pub states_mask: bool,
    /// Over the tokens of the past and of the run.
    pub mask: Option<String>,
}

/// Keys or values of one layer, `[rows, heads, length, depth]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub given: String,
    pub made: String,
    /// Of the encoder's places: made once, by the first run.
    pub is_fixed: bool,
    /// What the first run of a merged network is given in its place is of that size.
    pub heads: usize,
    pub depth: usize,
}

pub const PICTURE: &str = "pixel_values";
pub const STATES: &str = "last_hidden_state";
pub const GIVEN_STATES: &str = "encoder_hidden_states";
pub const STATES_MASK: &str = "encoder_attention_mask";
pub const SWITCH: &str = "use_cache_branch";
pub const LOGITS: &str = "logits";

/// Channels that a picture may have here.
const CHANNELS: [usize; 2] = [1, 3];

/// Which files there are.
pub struct Networks<'a> {
    pub encoder: &'a ModelSource,
    /// The decoder without a past, or the merged one.
    pub decoder: &'a ModelSource,
    pub with_past: Option<&'a ModelSource>,
}

impl Ports {
    /// Looks at all networks; `size` is that of the pictures where it is always the same.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the port that is not known or lacks; [`Error::Io`].
    pub fn probe(networks: &Networks<'_>, settings: &Settings) -> Result<Self> {
        let encoder = networks.encoder.interface()?;
        let refuse = |cause: String| unsupported(networks.encoder, cause);
        if let Some(other) = encoder.inputs.iter().find(|input| input.name != PICTURE) {
            return Err(refuse(format!("its input {other} is not known here, and an encoder takes `{PICTURE}` alone")));
        }
        let picture = find(&encoder.inputs, PICTURE, &Element::F32, 4..=4).map_err(refuse)?;
        let states = find(&encoder.outputs, STATES, &Element::F32, 3..=3).map_err(refuse)?;
        let channels = picture.shape[1].or(settings.channels).unwrap_or(3);
        if !CHANNELS.contains(&channels) {
            return Err(refuse(format!("its input {picture} has {channels} channels, and known are 1 and 3")));
        }
        let decoder = probe_decoder(networks, settings)?;
        let shares = states.shape[0].is_none() && decoder.shares;
        Ok(Self { channels, shares, decoder: decoder.decoder })
    }

    /// Whether the encoder takes pictures of this size, or of any, for `None`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where it does not.
    pub fn check_size(encoder: &ModelSource, size: Option<Size>) -> Result<()> {
        let interface = encoder.interface()?;
        let Some(picture) = interface.inputs.iter().find(|input| input.name == PICTURE) else { return Ok(()) };
        let &[_, _, height, width] = &picture.shape[..] else { return Ok(()) };
        let fits = match size {
            Some(size) => height.is_none_or(|side| side == size.height) && width.is_none_or(|side| side == size.width),
            None => height.is_none() && width.is_none(),
        };
        if fits {
            return Ok(());
        }
        let made = size.map_or("of their own size".to_owned(), |size| format!("{} x {}", size.height, size.width));
        Err(unsupported(
            encoder,
            format!("its input {picture} does not fit pictures {made}, which `preprocessor_config.json` makes"),
        ))
    }
}

struct Probed {
    decoder: Decoder,
    shares: bool,
}

fn probe_decoder(networks: &Networks<'_>, settings: &Settings) -> Result<Probed> {
    let refuse = |cause: String| unsupported(networks.decoder, cause);
    let first = networks.decoder.interface()?;
    let takes = takes(&first).map_err(refuse)?;
    find(&first.outputs, LOGITS, &Element::F32, 3..=3).map_err(refuse)?;
    let shares = has_open_rows(&first);
    let is_merged = find(&first.inputs, SWITCH, &Element::Bool, 0..=1).is_ok();
    let given = first.inputs.iter().find(|input| is_past(&input.name));
    match (is_merged, given, networks.with_past) {
        (true, Some(_), _) => {
            let past = pasts((networks.decoder, &first), (networks.decoder, &first), settings)?;
            Ok(Probed { decoder: Decoder::Merged { takes, past }, shares })
        }
        (true, None, _) => Err(refuse(format!("it has the switch `{SWITCH}` and no input `past_key_values.0...`"))),
        (false, Some(port), _) => Err(refuse(format!(
            "its input {port} is always wanted, since there is no switch `{SWITCH}` for the first run"
        ))),
        (false, None, None) => Ok(Probed { decoder: Decoder::Whole(takes), shares }),
        (false, None, Some(with_past)) => {
            let refuse = |cause: String| unsupported(with_past, cause);
            let next = with_past.interface()?;
            find(&next.outputs, LOGITS, &Element::F32, 3..=3).map_err(refuse)?;
            let past = pasts((networks.decoder, &first), (with_past, &next), settings)?;
            if past.is_empty() {
                return Err(refuse("it has no input `past_key_values.0...`".to_owned()));
            }
            let shares = shares && has_open_rows(&next);
            let decoder = Decoder::Two { first: takes, next: self::takes(&next).map_err(refuse)?, past };
            Ok(Probed { decoder, shares })
        }
    }
}

fn has_open_rows(interface: &Interface) -> bool {
    let rows = interface.inputs.iter().filter(|input| input.name != SWITCH).map(|input| input.shape.first());
    rows.flatten().all(Option::is_none)
}

/// The inputs of a decoder but for its past. What else there is, is not known.
fn takes(interface: &Interface) -> Result<Takes, String> {
    let mut takes = Takes { tokens: String::new(), several: false, states: false, states_mask: false, mask: None };
    for input in &interface.inputs {
        let (element, ranks) = match input.name.as_str() {
            "input_ids" | "decoder_input_ids" => {
                takes.tokens.clone_from(&input.name);
                takes.several = input.shape.get(1).is_some_and(Option::is_none);
                (Element::I64, 2..=2)
            }
            GIVEN_STATES => {
                takes.states = true;
                (Element::F32, 3..=3)
            }
            STATES_MASK => {
                takes.states_mask = true;
                (Element::I64, 2..=2)
            }
            "attention_mask" | "decoder_attention_mask" => {
                takes.mask = Some(input.name.clone());
                (Element::I64, 2..=2)
            }
            SWITCH => (Element::Bool, 0..=1),
            name if is_past(name) => (Element::F32, 4..=4),
            _ => return Err(format!("its input {input} is not known here")),
        };
        check(input, &element, ranks)?;
    }
    if takes.tokens.is_empty() {
        return Err("it has no input `input_ids`".to_owned());
    }
    Ok(takes)
}

/// `past_key_values.3.decoder.key`, and without the third part where there are no keys of the encoder's places.
fn is_past(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let is_layer = |layer: &str| layer.parse::<u16>().is_ok();
    match parts[..] {
        ["past_key_values", layer, "key" | "value"] => is_layer(layer),
        ["past_key_values", layer, "decoder" | "encoder", "key" | "value"] => is_layer(layer),
        _ => false,
    }
}

/// The past that `next` is given: `first` makes all of it, and `next` what is longer each time.
fn pasts(
    first: (&ModelSource, &Interface),
    next: (&ModelSource, &Interface),
    settings: &Settings,
) -> Result<Vec<Past>> {
    let past = |input: &Port| {
        let made = input.name.replacen("past_key_values", "present", 1);
        let is_fixed = input.name.contains(".encoder.");
        for (source, interface) in [first].into_iter().chain((!is_fixed).then_some(next)) {
            find(&interface.outputs, &made, &Element::F32, 4..=4)
                .map_err(|cause| unsupported(source, format!("{cause}, which its past {input} is made of")))?;
        }
        let heads = input.shape[1].or(settings.heads);
        let depth = input.shape[3].or(settings.depth);
        let (Some(heads), Some(depth)) = (heads, depth) else {
            let cause =
                format!("its input {input} leaves open how many heads there are, and `config.json` does not say it");
            return Err(unsupported(next.0, cause));
        };
        Ok(Past { given: input.name.clone(), made, is_fixed, heads, depth })
    };
    next.1.inputs.iter().filter(|input| is_past(&input.name)).map(past).collect()
}

fn find<'a>(
    ports: &'a [Port],
    name: &str,
    element: &Element,
    ranks: RangeInclusive<usize>,
) -> Result<&'a Port, String> {
    let port = ports.iter().find(|port| port.name == name);
    let port = port.ok_or_else(|| {
        let names: Vec<String> = ports.iter().take(4).map(|port| format!("`{}`", port.name)).collect();
        let more = if ports.len() > names.len() { ", ..." } else { "" };
        format!("it has no `{name}` among {}{more}", names.join(", "))
    })?;
    check(port, element, ranks)?;
    Ok(port)
}

fn check(port: &Port, element: &Element, ranks: RangeInclusive<usize>) -> Result<(), String> {
    if port.element == *element && ranks.contains(&port.shape.len()) {
        return Ok(());
    }
    Err(format!("its port {port} is not {element} of {} dimensions", ranks.end()))
}

/// A network of a family or a form that is not known here.
pub fn unsupported(source: &ModelSource, cause: String) -> Error {
    let model = source.path().map_or_else(|| source.id.clone(), |path| path.display().to_string());
    Error::Unsupported { model, task: "formula", cause }
}
