//! A TrueType font of boxes: what a text layer says is in its maps, and no letter of any script has to be drawn for that.

/// Units of the em.
const EM: u16 = 1_000;

/// A font whose glyph n + 1 has the width `widths[n]`, in thousandths of an em. `codes` gives simple fonts their map from codes to
/// glyphs (a Macintosh subtable of format 6); fonts that are asked by glyph index need none.
pub fn boxes(widths: &[u16], codes: Option<u16>) -> Vec<u8> {
    let glyphs = widths.len() as u16 + 1;
    let mut glyf = Vec::new();
    let mut loca = vec![0_u32];
    let mut hmtx = Vec::new();
    for width in std::iter::once(&500).chain(widths) {
        glyf.extend(outline(*width));
        loca.push(glyf.len() as u32);
        hmtx.extend([width.to_be_bytes(), 50_u16.to_be_bytes()].concat());
    }
    let loca: Vec<u8> = loca.iter().flat_map(|offset| offset.to_be_bytes()).collect();
    let mut tables: Vec<(&[u8; 4], Vec<u8>)> = vec![
        (b"glyf", glyf),
        (b"head", head()),
        (b"hhea", hhea(glyphs)),
        (b"hmtx", hmtx),
        (b"loca", loca),
        (b"maxp", maxp(glyphs)),
    ];
    if let Some(first) = codes {
        tables.insert(0, (b"cmap", cmap(first, glyphs - 1)));
    }
    file(&tables)
}

/// One box from the baseline to seven tenths of the em.
fn outline(width: u16) -> Vec<u8> {
    let right = width.max(101) as i16 - 50;
    let shorts = |values: &[i16]| values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<u8>>();
    let mut glyph = shorts(&[1, 50, 0, right, 700, 3, 0]);
    // All four points lie on the curve, and each coordinate is a word of its own.
    glyph.extend([1; 4]);
    glyph.extend(shorts(&[50, 0, right - 50, 0, 0, 700, 0, -700]));
    glyph
}

fn head() -> Vec<u8> {
    let mut table = vec![0; 54];
    table[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    table[12..16].copy_from_slice(&0x5f0f_3cf5_u32.to_be_bytes());
    table[18..20].copy_from_slice(&EM.to_be_bytes());
    table[40..42].copy_from_slice(&EM.to_be_bytes());
    table[42..44].copy_from_slice(&EM.to_be_bytes());
    // Offsets in `loca` are long.
    table[51] = 1;
    table
}

fn hhea(glyphs: u16) -> Vec<u8> {
    let mut table = vec![0; 36];
    table[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    table[4..6].copy_from_slice(&800_i16.to_be_bytes());
    table[6..8].copy_from_slice(&(-200_i16).to_be_bytes());
    table[10..12].copy_from_slice(&EM.to_be_bytes());
    table[34..36].copy_from_slice(&glyphs.to_be_bytes());
    table
}

fn maxp(glyphs: u16) -> Vec<u8> {
    let mut table = vec![0; 32];
    table[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    table[4..6].copy_from_slice(&glyphs.to_be_bytes());
    table[6..8].copy_from_slice(&4_u16.to_be_bytes());
    table[8..10].copy_from_slice(&1_u16.to_be_bytes());
    table[14..16].copy_from_slice(&1_u16.to_be_bytes());
    table
}

fn cmap(first: u16, count: u16) -> Vec<u8> {
    let mut words = vec![0, 1, 1, 0, 0, 12, 6, 10 + 2 * count, 0, first, count];
    words.extend(1..=count);
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn file(tables: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let count = tables.len() as u16;
    let power = 1_u16 << count.ilog2();
    let mut file = 0x0001_0000_u32.to_be_bytes().to_vec();
    for word in [count, 16 * power, count.ilog2() as u16, 16 * (count - power)] {
        file.extend(word.to_be_bytes());
    }
    let mut at = 12 + 16 * tables.len();
    for (tag, table) in tables {
        file.extend(*tag);
        let words = table.chunks(4).map(|chunk| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_be_bytes(word)
        });
        file.extend(words.fold(0_u32, u32::wrapping_add).to_be_bytes());
        file.extend((at as u32).to_be_bytes());
        file.extend((table.len() as u32).to_be_bytes());
        at += table.len().next_multiple_of(4);
    }
    for (_, table) in tables {
        file.extend(table);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}
