//! TrueType fonts. Mostly of boxes: what a text layer says is in its maps, and no letter of any script has to be drawn for that.

/// Units of the em.
const EM: u16 = 1_000;

/// A closed line of points, in thousandths of an em, y upwards.
pub type Contour = Vec<(i16, i16)>;

/// A font whose glyph n + 1 has the width `widths[n]`, in thousandths of an em, and these contours. `codes` gives simple fonts their
/// map from codes to glyphs (a Macintosh subtable of format 6); fonts that are asked by glyph index need none.
pub fn font(widths: &[u16], shapes: &[Vec<Contour>], codes: Option<u16>) -> Vec<u8> {
    let glyphs = widths.len() as u16 + 1;
    let mut glyf = Vec::new();
    let mut loca = vec![0_u32];
    let mut hmtx = Vec::new();
    let missing = vec![outline(500)];
    for (width, shape) in std::iter::once((&500, &missing)).chain(widths.iter().zip(shapes)) {
        glyf.extend(glyph(shape));
        glyf.resize(glyf.len().next_multiple_of(4), 0);
        loca.push(glyf.len() as u32);
        let left = shape.iter().flatten().map(|point| point.0).min().unwrap_or(0);
        hmtx.extend([width.to_be_bytes(), left.to_be_bytes()].concat());
    }
    let loca: Vec<u8> = loca.iter().flat_map(|offset| offset.to_be_bytes()).collect();
    let points = |shape: &Vec<Contour>| shape.iter().map(Vec::len).sum::<usize>();
    let most =
        (shapes.iter().map(points).max().unwrap_or(0).max(4), shapes.iter().map(Vec::len).max().unwrap_or(0).max(1));
    let mut tables: Vec<(&[u8; 4], Vec<u8>)> = vec![
        (b"glyf", glyf),
        (b"head", head()),
        (b"hhea", hhea(glyphs)),
        (b"hmtx", hmtx),
        (b"loca", loca),
        (b"maxp", maxp(glyphs, most)),
    ];
    if let Some(first) = codes {
        tables.insert(0, (b"cmap", cmap(first, glyphs - 1)));
    }
    file(&tables)
}

/// The same of boxes.
pub fn boxes(widths: &[u16], codes: Option<u16>) -> Vec<u8> {
    let shapes: Vec<Vec<Contour>> = widths.iter().map(|&width| vec![outline(width)]).collect();
    font(widths, &shapes, codes)
}

/// One box from the baseline to seven tenths of the em.
fn outline(width: u16) -> Contour {
    let right = width.max(101) as i16 - 50;
    vec![(50, 0), (50, 700), (right, 700), (right, 0)]
}

/// An entry of `glyf`; what has no contours has no entry.
fn glyph(contours: &[Contour]) -> Vec<u8> {
    let points: Vec<(i16, i16)> = contours.concat();
    if points.is_empty() {
        return Vec::new();
    }
    let bounds = |values: &dyn Fn(&(i16, i16)) -> i16| {
        let all = || points.iter().map(values);
        (all().min().unwrap(), all().max().unwrap())
    };
    let ((left, right), (low, high)) = (bounds(&|point| point.0), bounds(&|point| point.1));
    let mut words = vec![contours.len() as i16, left, low, right, high];
    let ends = contours.iter().scan(-1, |end, contour| {
        *end += contour.len() as i16;
        Some(*end)
    });
    words.extend(ends);
    // No instructions.
    words.push(0);
    let steps = |values: Vec<i16>| {
        let mut last = 0;
        values.into_iter().map(move |value| value - std::mem::replace(&mut last, value)).collect::<Vec<i16>>()
    };
    let bytes = |words: Vec<i16>| words.into_iter().flat_map(i16::to_be_bytes).collect::<Vec<u8>>();
    let mut glyph = bytes(words);
    // All points lie on the curve, and each coordinate is a word of its own.
    glyph.extend(vec![1; points.len()]);
    glyph.extend(bytes(steps(points.iter().map(|point| point.0).collect())));
    glyph.extend(bytes(steps(points.iter().map(|point| point.1).collect())));
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

/// `most` points and contours of a glyph.
fn maxp(glyphs: u16, most: (usize, usize)) -> Vec<u8> {
    let mut table = vec![0; 32];
    table[..4].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    table[4..6].copy_from_slice(&glyphs.to_be_bytes());
    table[6..8].copy_from_slice(&(most.0 as u16).to_be_bytes());
    table[8..10].copy_from_slice(&(most.1 as u16).to_be_bytes());
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
