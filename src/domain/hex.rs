//! Bytes as lower-case hexadecimal digits, alone and in JSON (`serde(with)`).

use std::fmt::Write as _;

use serde::{Deserialize as _, Deserializer, Serializer, de};

/// Two digits for each byte.
pub(super) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What [`encode`] wrote, and nothing that only means the same; `None` for any other text.
pub(crate) fn decode<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let bytes: Vec<u8> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

pub(super) fn deserialize<'de, const LENGTH: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<[u8; LENGTH], D::Error> {
    let text = String::deserialize(deserializer)?;
    decode(&text).ok_or_else(|| de::Error::custom(format!("expected {} hexadecimal digits", 2 * LENGTH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let bytes = [0, 9, 0xab, 0xff];
        assert_eq!(encode(&bytes), "0009abff");
        assert_eq!(decode("0009abff"), Some(bytes));
        for text in ["0009ABFF", "0009abf", "0009abff0", "0009abff00", "0009abfg", "+009abff", "", "00 9abff"]
        {
            assert_eq!(decode::<4>(text), None, "{text}");
        }
    }
}
