//! What `generation_config.json` and `config.json` say of how a model is asked.

use serde_json::Value;

/// Tokens of the longest formula where nothing says how many there may be, and the most that is believed.
const MAX_TOKENS: usize = 512;
const MOST_TOKENS: usize = 2048;

/// How a decoder begins and ends, and what its ports leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What it is given to begin with: the start, and a token that must come first where there is one.
    pub start: Vec<u32>,
    /// What ends a formula.
    pub ends: Vec<u32>,
    /// Tokens of the longest formula, without those that begin it.
    pub max_tokens: usize,
    /// Of its attention.
    pub heads: Option<usize>,
    pub depth: Option<usize>,
    /// Of a picture.
    pub channels: Option<usize>,
}

impl Settings {
    /// Of both files; `generation` is `null` where there is none. It goes first, as in Hugging Face's programs, then what `config` says by itself,
    /// then what it says of its decoder. How they search (beams, penalties, sampling) is not taken from there.
    ///
    /// # Errors
    /// Where they do not say how a formula begins or ends.
    pub fn new(generation: &Value, config: &Value) -> Result<Self, String> {
        let decoder = &config["decoder"];
        let say = |key: &str| [generation, config, decoder].into_iter().map(|said| said[key].clone()).find(is_said);
        let id = |key: &str| say(key).and_then(|value| token(&value));
        let start = id("decoder_start_token_id").or_else(|| id("bos_token_id"));
        let start = start
            .ok_or("neither `decoder_start_token_id` nor `bos_token_id` is there, so that no formula can begin")?;
        let ends: Vec<u32> = match say("eos_token_id") {
            Some(Value::Array(ends)) => ends.iter().filter_map(token).collect(),
            Some(end) => token(&end).into_iter().collect(),
            None => Vec::new(),
        };
        if ends.is_empty() {
            return Err("`eos_token_id` is not there, so that no formula ends".to_owned());
        }
        let count = |value: &Value| value.as_u64().map(|count| count as usize).filter(|&count| count > 0);
        let of_decoder = |keys: &[&str]| keys.iter().find_map(|key| count(&decoder[*key]));
        // A decoder's own `max_length` is left out: older files write the default of 20 there, whatever the model can.
        let longest = count(&generation["max_new_tokens"])
            .or_else(|| [generation, config].iter().find_map(|said| count(&said["max_length"])));
        let places = of_decoder(&["max_position_embeddings", "n_positions"]);
        let start: Vec<u32> = [start].into_iter().chain(id("forced_bos_token_id")).collect();
        let most = places.unwrap_or(MOST_TOKENS).saturating_sub(start.len()).min(MOST_TOKENS);
        let max_tokens = longest.unwrap_or_else(|| places.unwrap_or(MAX_TOKENS)).min(most).max(1);
        let heads = of_decoder(&["decoder_attention_heads", "num_attention_heads", "n_head"]);
        let width = of_decoder(&["d_model", "hidden_size", "n_embd"]);
        let depth = heads.zip(width).filter(|(heads, width)| width % heads == 0).map(|(heads, width)| width / heads);
        Ok(Self { start, ends, max_tokens, heads, depth, channels: count(&config["encoder"]["num_channels"]) })
    }
}

fn is_said(value: &Value) -> bool {
    !value.is_null()
}

fn token(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_for_generation_goes_before_what_is_said_of_the_model() {
        let config = json!({
            "decoder_start_token_id": 2, "eos_token_id": 3, "encoder": {"num_channels": 1},
            "decoder": {"bos_token_id": 7, "max_length": 20, "max_position_embeddings": 300, "d_model": 64, "decoder_attention_heads": 4},
        });
        let of_config = Settings::new(&Value::Null, &config).unwrap();
        let expected = Settings {
            start: vec![2],
            ends: vec![3],
            max_tokens: 299,
            heads: Some(4),
            depth: Some(16),
            channels: Some(1),
        };
        assert_eq!(of_config, expected);
        let generation =
            json!({"decoder_start_token_id": 0, "eos_token_id": [1, 4], "max_length": 64, "forced_bos_token_id": 9});
        let both = Settings::new(&generation, &config).unwrap();
        assert_eq!((both.start, both.ends, both.max_tokens), (vec![0, 9], vec![1, 4], 64));
        let most = Settings::new(&json!({"max_new_tokens": 1_000_000}), &config).unwrap();
        assert_eq!(most.max_tokens, 299, "no more than it has places for");
        let bare = json!({"decoder": {"bos_token_id": 5, "eos_token_id": 6}});
        let bare = Settings::new(&Value::Null, &bare).unwrap();
        assert_eq!((bare.start, bare.ends, bare.max_tokens, bare.heads), (vec![5], vec![6], MAX_TOKENS, None));
    }

    #[test]
    fn a_model_that_does_not_begin_or_end_is_refused() {
        for (config, expected) in [(json!({"eos_token_id": 1}), "begin"), (json!({"bos_token_id": 1}), "ends")] {
            let error = Settings::new(&Value::Null, &config).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
