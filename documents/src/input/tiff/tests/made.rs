//! Makes TIFFs of every arrangement.

/// A page: tags as (tag, values); those that say where the data are, are added.
#[derive(Clone, Default)]
pub(super) struct Made {
    pub(super) tags: Vec<(u16, Vec<u64>)>,
    /// Strips, or tiles where there is a TileWidth.
    pub(super) chunks: Vec<Vec<u8>>,
    /// What lies in the file besides; of a tag whose value is `PART + n`, where the nth lies.
    pub(super) parts: Vec<Vec<u8>>,
}

pub(super) const PART: u64 = 1 << 32;

/// How the file is written.
#[derive(Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) big_endian: bool,
    pub(super) big: bool,
}

impl Made {
    pub(super) fn new(width: u64, height: u64, bits: u64, photometric: u64, samples: u64) -> Self {
        let tags = vec![
            (256, vec![width]),
            (257, vec![height]),
            (258, vec![bits; samples as usize]),
            (262, vec![photometric]),
            (277, vec![samples]),
            (278, vec![height]),
        ];
        Self { tags, ..Self::default() }
    }

    /// With the tag set, instead of what it was.
    pub(super) fn with(mut self, tag: u16, values: impl Into<Vec<u64>>) -> Self {
        self.tags.retain(|(there, _)| *there != tag);
        self.tags.push((tag, values.into()));
        self
    }

    pub(super) fn of(mut self, chunks: &[&[u8]]) -> Self {
        self.chunks = chunks.iter().map(|chunk| chunk.to_vec()).collect();
        self
    }

    pub(super) fn file(&self) -> Vec<u8> {
        document(std::slice::from_ref(self), Written::default())
    }
}

/// The pages as one file.
pub(super) fn document(pages: &[Made], written: Written) -> Vec<u8> {
    let number = |value: u64, length: usize| {
        if written.big_endian {
            value.to_be_bytes()[8 - length..].to_vec()
        } else {
            value.to_le_bytes()[..length].to_vec()
        }
    };
    let pointer = if written.big { 8 } else { 4 };
    let mut file = if written.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    file.extend(number(if written.big { 43 } else { 42 }, 2));
    if written.big {
        file.extend(number(8, 2));
        file.extend(number(0, 2));
    }
    let mut link = file.len();
    file.extend(number(0, pointer));
    for page in pages {
        let mut lay = |bytes: &[u8]| {
            file.resize(file.len().next_multiple_of(2), 0);
            file.extend(bytes);
            (file.len() - bytes.len()) as u64
        };
        let parts: Vec<u64> = page.parts.iter().map(|part| lay(part)).collect();
        let offsets: Vec<u64> = page.chunks.iter().map(|chunk| lay(chunk)).collect();
        let lengths: Vec<u64> = page.chunks.iter().map(|chunk| chunk.len() as u64).collect();
        let mut tags = page.tags.clone();
        let tiled = tags.iter().any(|(tag, _)| *tag == 322);
        tags.extend([(if tiled { 324 } else { 273 }, offsets), (if tiled { 325 } else { 279 }, lengths)]);
        tags.sort();
        let mut entries = Vec::new();
        for (tag, values) in tags {
            let place = |value: &u64| if *value >= PART { parts[(value - PART) as usize] } else { *value };
            let values: Vec<u64> = values.iter().map(place).collect();
            let (kind, length) = if values.iter().all(|&value| value <= 0xffff) { (3, 2) } else { (4, 4) };
            let mut encoded: Vec<u8> = values.iter().flat_map(|&value| number(value, length)).collect();
            if encoded.len() > pointer {
                file.resize(file.len().next_multiple_of(2), 0);
                let at = file.len() as u64;
                file.extend(&encoded);
                encoded = number(at, pointer);
            }
            encoded.resize(pointer, 0);
            entries
                .push([number(tag.into(), 2), number(kind, 2), number(values.len() as u64, pointer), encoded].concat());
        }
        file.resize(file.len().next_multiple_of(2), 0);
        let directory = number(file.len() as u64, pointer);
        file[link..link + pointer].copy_from_slice(&directory);
        file.extend(number(entries.len() as u64, if written.big { 8 } else { 2 }));
        file.extend(entries.concat());
        link = file.len();
        file.extend(number(0, pointer));
    }
    file
}
