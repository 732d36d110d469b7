//! The wire format of Protocol Buffers, field by field: just enough to change a few fields of a message and to hand on
//! all others as they came.
//!
//! A generated reader drops fields that its schema does not know; a model file may have some, from a newer ONNX. Here a
//! message is the list of its fields, in their order, and what is not touched is written back byte for byte. Source:
//! "Encoding", Protocol Buffers documentation.

/// What a message is not when it is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not in the format of Protocol Buffers")]
pub struct Malformed;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    /// A text, a nested message, or packed numbers.
    Bytes(Vec<u8>),
    Fixed32([u8; 4]),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub number: u64,
    pub value: Value,
}

/// The fields of one message in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub fields: Vec<Field>,
}

impl Message {
    /// # Errors
    /// [`Malformed`], where a field is cut short or of a kind that proto3 does not have (groups).
    pub fn parse(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let value = match key & 7 {
                0 => Value::Varint(varint(&mut bytes)?),
                1 => Value::Fixed64(array(&mut bytes)?),
                2 => {
                    let length = usize::try_from(varint(&mut bytes)?).map_err(|_| Malformed)?;
                    Value::Bytes(take(&mut bytes, length)?.to_vec())
                }
                5 => Value::Fixed32(array(&mut bytes)?),
                _ => return Err(Malformed),
            };
            if key >> 3 == 0 {
                return Err(Malformed);
            }
            fields.push(Field { number: key >> 3, value });
        }
        Ok(Self { fields })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.fields.iter().map(|field| field.value.room() + 5).sum());
        for Field { number, value } in &self.fields {
            let mut key = |kind: u64| put_varint(&mut bytes, number << 3 | kind);
            match value {
                Value::Varint(n) => {
                    key(0);
                    put_varint(&mut bytes, *n);
                }
                Value::Fixed64(eight) => {
                    key(1);
                    bytes.extend_from_slice(eight);
                }
                Value::Bytes(content) => {
                    key(2);
                    put_varint(&mut bytes, content.len() as u64);
                    bytes.extend_from_slice(content);
                }
                Value::Fixed32(four) => {
                    key(5);
                    bytes.extend_from_slice(four);
                }
            }
        }
        bytes
    }

    /// The last number under `number`, which is the one that counts where a field is not repeated.
    pub fn number(&self, number: u64) -> Option<u64> {
        self.fields.iter().rev().find_map(|field| match field.value {
            Value::Varint(n) if field.number == number => Some(n),
            _ => None,
        })
    }

    /// Every text, nested message or packed list under `number`.
    pub fn all(&self, number: u64) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter_map(move |field| match &field.value {
            Value::Bytes(bytes) if field.number == number => Some(bytes.as_slice()),
            _ => None,
        })
    }

    pub fn bytes(&self, number: u64) -> Option<&[u8]> {
        self.all(number).last()
    }

    /// The text under `number`; empty where there is none, which is what the format means by an absent text.
    pub fn text(&self, number: u64) -> &str {
        self.bytes(number).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Repeated integers under `number`, packed or one by one.
    pub fn numbers(&self, number: u64) -> Result<Vec<u64>, Malformed> {
        let mut numbers = Vec::new();
        for field in self.fields.iter().filter(|field| field.number == number) {
            match &field.value {
                Value::Varint(n) => numbers.push(*n),
                Value::Bytes(packed) => {
                    let mut packed = packed.as_slice();
                    while !packed.is_empty() {
                        numbers.push(varint(&mut packed)?);
                    }
                }
                _ => return Err(Malformed),
            }
        }
        Ok(numbers)
    }

    /// Adds a field at the end.
    pub fn push(&mut self, number: u64, value: Value) {
        self.fields.push(Field { number, value });
    }

    /// Puts `values` where the first field `number` stands (at the end, if there is none) and removes the others.
    pub fn replace(&mut self, number: u64, values: Vec<Value>) {
        let at = self.fields.iter().position(|field| field.number == number).unwrap_or(self.fields.len());
        self.fields.retain(|field| field.number != number);
        let fields = values.into_iter().map(|value| Field { number, value });
        self.fields.splice(at..at, fields);
    }

    /// Changes each nested message under `number` for which `change` answers one.
    ///
    /// # Errors
    /// What `change` answers; [`Malformed`] where the field is no message.
    pub fn each<E: From<Malformed>>(
        &mut self,
        number: u64,
        mut change: impl FnMut(&mut Message) -> Result<bool, E>,
    ) -> Result<(), E> {
        for field in self.fields.iter_mut().filter(|field| field.number == number) {
            let Value::Bytes(bytes) = &mut field.value else { return Err(Malformed.into()) };
            let mut message = Self::parse(bytes)?;
            if change(&mut message)? {
                *bytes = message.encode();
            }
        }
        Ok(())
    }
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }

    pub fn message(message: &Message) -> Self {
        Self::Bytes(message.encode())
    }

    fn room(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len() + 10,
            _ => 10,
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
    *bytes = rest;
    Ok(taken)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    take(bytes, N)?.try_into().map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One field of every kind, of which a reader of ours knows only some.
    fn sample() -> Vec<u8> {
        let mut message = Message::default();
        message.push(1, Value::Varint(u64::MAX));
        message.push(2, Value::text("first"));
        message.push(3, Value::Fixed64([1; 8]));
        message.push(2, Value::text("second"));
        message.push(9_999, Value::Fixed32([2; 4]));
        message.push(1, Value::Varint(300));
        message.encode()
    }

    #[test]
    fn what_is_read_is_written_back_byte_for_byte() {
        let bytes = sample();
        assert_eq!(Message::parse(&bytes).unwrap().encode(), bytes);
        // 300 as in the documentation's example.
        assert!(bytes.ends_with(&[0x08, 0xac, 0x02]));
        assert_eq!(Message::parse(&[]).unwrap().encode(), [0u8; 0]);
    }

    #[test]
    fn a_change_leaves_the_other_fields_as_they_are_and_where_they_are() {
        let mut message = Message::parse(&sample()).unwrap();
        assert_eq!((message.number(1), message.text(2), message.text(7)), (Some(300), "second", ""));
        message.replace(2, vec![Value::text("only")]);
        let numbers: Vec<u64> = message.fields.iter().map(|field| field.number).collect();
        assert_eq!(numbers, [1, 2, 3, 9_999, 1]);
        assert_eq!(message.text(2), "only");
        message.replace(4, vec![Value::Varint(4), Value::Varint(5)]);
        assert_eq!(message.numbers(4), Ok(vec![4, 5]));
        assert_eq!(message.fields.len(), 7);
    }

    #[test]
    fn repeated_numbers_are_read_packed_or_not() {
        let mut message = Message::default();
        message.push(1, Value::Bytes(vec![3, 0xac, 0x02]));
        message.push(1, Value::Varint(7));
        assert_eq!(message.numbers(1), Ok(vec![3, 300, 7]));
    }

    #[test]
    fn what_is_cut_short_or_no_message_is_refused() {
        let bytes = sample();
        for end in [1, 5, 12, bytes.len() - 1] {
            assert_eq!(Message::parse(&bytes[..end]), Err(Malformed), "{end} bytes");
        }
        for wrong in [&[0x0b, 0x0c][..], &[0x00, 0x01], &[0x80; 11], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]] {
            assert_eq!(Message::parse(wrong), Err(Malformed), "{wrong:?}");
        }
    }
}
