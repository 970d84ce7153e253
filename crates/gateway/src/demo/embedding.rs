//! Embeddings: the same text has the same vector, and every vector has length one.

use http::Response;
use serde_json::{Value, json};

use super::{Asked, DemoBody, text_of, whole};

const DIMENSIONS: usize = 256;

/// One vector for each input.
pub(super) fn answer(model: &str, asked: &Asked) -> Response<DemoBody> {
    let texts: Vec<String> = match &asked.input {
        Value::Array(items) if items.iter().all(Value::is_string) => items.iter().map(text_of).collect(),
        Value::Array(items) if items.iter().all(Value::is_array) => {
            items.iter().map(Value::to_string).collect()
        }
        Value::Array(items) => vec![json!(items).to_string()],
        other => vec![text_of(other)],
    };
    let is_base64 = asked.encoding_format.as_deref() == Some("base64");
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text);
            let embedding = if is_base64 { json!(base64(&vector)) } else { json!(vector) };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens: usize = texts.iter().map(|text| text.split_whitespace().count().max(1)).sum();
    let body = json!({ "object": "list", "data": data, "model": model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens } });
    whole(&body.to_string())
}

/// Pseudo-random numbers from the text (FNV-1a, then a linear congruential generator), scaled to length one.
#[expect(clippy::cast_precision_loss, reason = "24 bits fit into a float exactly")]
fn vector(text: &str) -> Vec<f32> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut numbers: Vec<f32> = (0..DIMENSIONS)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / 8_388_608.0 - 1.0
        })
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for number in &mut numbers {
        *number /= length;
    }
    numbers
}

/// Little-endian floats in base 64 (RFC 4648), the form that OpenAI's SDKs ask for.
fn base64(vector: &[f32]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| group.get(index).copied().map_or(0, u32::from);
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        for place in 0..4 {
            let sextet = usize::try_from((bits >> (18 - 6 * place)) & 63).expect("six bits fit");
            text.push(if place <= group.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_vector_of_length_one() {
        let (one, same, other) = (vector("a text"), vector("a text"), vector("another"));
        assert_eq!(one, same);
        assert_ne!(one, other);
        let length: f32 = one.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-4);
    }

    #[test]
    fn vectors_in_base_64_are_little_endian_floats_with_padding() {
        assert_eq!(base64(&[1.0]), "AACAPw==");
        assert_eq!(base64(&[1.0, -2.0]), "AACAPwAAAMA=");
        assert_eq!(base64(&[1.0, -2.0, 0.5]), "AACAPwAAAMAAAAA/");
    }
}
