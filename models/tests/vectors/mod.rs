//! Pictures of the lab's vectors: PNG in base64.

use serde_json::Value;

pub fn gray(png: &Value) -> image::GrayImage {
    image::load_from_memory(&base64(png)).unwrap().into_luma8()
}

fn base64(text: &Value) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> =
        text.as_str().unwrap().bytes().filter_map(|c| DIGITS.iter().position(|&d| d == c)).map(|d| d as u32).collect();
    let bytes = |four: &[u32]| {
        let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(bytes).collect()
}
