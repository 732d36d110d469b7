//! Text as another scan of the page would have been read.

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn chance(&mut self, share: f64) -> bool {
        ((self.next() >> 11) as f64) < share * (1_u64 << 53) as f64
    }

    pub fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// What letters are taken for.
const CONFUSED: [(char, &[&str]); 30] = [
    ('a', &["o", "e", "u"]),
    ('b', &["h", "6"]),
    ('c', &["e", "o", "("]),
    ('d', &["cl", "o"]),
    ('e', &["c", "o", "a"]),
    ('f', &["t", "l"]),
    ('g', &["q", "9", "y"]),
    ('h', &["b", "li", "n"]),
    ('i', &["l", "1", "t"]),
    ('j', &["i", "y"]),
    ('k', &["lc", "h"]),
    ('l', &["1", "i", "t"]),
    ('m', &["rn", "nn", "in"]),
    ('n', &["u", "ri", "m"]),
    ('o', &["0", "c", "e"]),
    ('p', &["n", "r"]),
    ('q', &["g", "a"]),
    ('r', &["t", "i", "n"]),
    ('s', &["5", "e", "8"]),
    ('t', &["f", "l", "r"]),
    ('u', &["n", "ii", "v"]),
    ('v', &["y", "u"]),
    ('w', &["vv", "u"]),
    ('y', &["v", "g"]),
    ('0', &["O", "6", "8"]),
    ('1', &["l", "I", "7"]),
    ('5', &["S", "6"]),
    ('8', &["B", "3"]),
    ('6', &["b", "8"]),
    ('.', &[",", ""]),
];

/// Misreads a share `rate` of the characters: most are taken for what looks alike, some are lost, or come from nowhere; spaces
/// go and come; line ends fall elsewhere.
pub fn misread(text: &str, rate: f64, random: &mut Random) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' {
            out.push(if random.chance(0.1) { ' ' } else { '\n' });
            continue;
        }
        if !random.chance(rate) {
            out.push(c);
            continue;
        }
        match random.below(100) {
            0..70 => {
                let low = c.to_lowercase().next().unwrap_or(c);
                match CONFUSED.iter().find(|(of, _)| *of == low) {
                    Some((_, like)) => out.push_str(random.of(like)),
                    None if c.is_alphanumeric() => out.push('x'),
                    None => out.push(if c == ' ' { '.' } else { '\'' }),
                }
            }
            70..85 => {}
            85..93 => {
                out.push(c);
                out.push(random.of(&["i", ".", "t", "'", " "]).chars().next().unwrap_or('.'));
            }
            _ => out.push(char::from(b'a' + random.below(26) as u8)),
        }
    }
    out
}
