//! Made-up pages and queries, and how long a query computes: for whatever compares searches. Words are as frequent as in a language (Zipf).

use std::time::Duration;

use pagestream_documents::{
    Digest, DocumentId, DocumentRef, Origin, PageNumber, PageRecord, PageStatus, Point, Polygon, Rotation, TextLine,
    record::SCHEMA,
};

const VOCABULARY: f64 = 200_000.0;
pub const PAGES_OF_A_DOCUMENT: u32 = 100;
const QUERIES: usize = 300;

/// The same numbers for the same seed (PCG's multiplier).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) ^ (self.0 >> 17 & 0xffff)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() % (1 << 30)) as f64 / f64::from(1 << 30)
    }

    /// A word of this place in the order of frequency.
    fn rank(&mut self, from: f64, to: f64) -> u64 {
        (from.ln() + self.fraction() * (to / from).ln()).exp() as u64
    }
}

fn word(rank: u64) -> String {
    let mut numbers = Numbers(rank.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    numbers.next();
    let syllables = 1 + (rank > 50) as u64 + (rank > 2_000) as u64 + numbers.next() % 2;
    let syllable = |n: u64| {
        [b"bcdfghklmnprstvz"[(n % 16) as usize], b"aeiou"[(n / 16 % 5) as usize], b"nrstlm"[(n / 80 % 6) as usize]]
    };
    (0..syllables).flat_map(|_| syllable(numbers.next())).map(char::from).collect()
}

pub fn page(document: DocumentId, number: u32, numbers: &mut Numbers) -> PageRecord {
    let lines: Vec<TextLine> = (0..40)
        .map(|row| {
            let y = 50.0 * row as f32;
            let corners = [(100.0, y), (1500.0, y), (1500.0, y + 30.0), (100.0, y + 30.0)];
            TextLine {
                text: (0..10).map(|_| word(numbers.rank(1.0, VOCABULARY))).collect::<Vec<_>>().join(" "),
                polygon: Polygon(corners.map(|(x, y)| Point { x, y })),
                confidence: Some(0.9875),
                words: Vec::new(),
            }
        })
        .collect();
    let record = PageRecord::without_text(
        DocumentRef {
            id: document,
            source: "made-up.pdf".into(),
            sha256: Digest::of(b"made up"),
            pages: PAGES_OF_A_DOCUMENT,
        },
        PageNumber::new(number).expect("pages are counted from 1"),
        PageStatus::Ok,
        None,
    );
    PageRecord {
        schema: SCHEMA.into(),
        origin: Some(Origin::Ocr),
        width: 1654,
        height: 2339,
        dpi: 200.0,
        rotation: Rotation::default(),
        text: lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"),
        lines,
        ..record
    }
}

/// Queries of each kind, by name.
pub fn queries() -> Vec<(&'static str, Vec<String>)> {
    let mut numbers = Numbers(7);
    let mut make =
        |query: &dyn Fn(&mut Numbers) -> String| (0..QUERIES).map(|_| query(&mut numbers)).collect::<Vec<_>>();
    let rare = |n: &mut Numbers| word(n.rank(2_000.0, VOCABULARY));
    let usual = |n: &mut Numbers| word(n.rank(100.0, 2_000.0));
    let frequent = |n: &mut Numbers| word(n.rank(1.0, 100.0));
    vec![
        ("a rare word (on up to 1.6% of the pages)", make(&rare)),
        ("a usual word (1.6% to 28%)", make(&usual)),
        ("a frequent word (28% to all)", make(&frequent)),
        ("a rare and a usual word", make(&|n| format!("{} {}", rare(n), usual(n)))),
        ("three usual words", make(&|n| format!("{} {} {}", usual(n), usual(n), usual(n)))),
        ("a phrase of two usual words", make(&|n| format!("\"{} {}\"", usual(n), usual(n)))),
        ("a beginning of five letters", make(&|n| format!("{}*", &format!("{}aaaaa", rare(n))[..5]))),
        ("a rare word, one letter wrong", make(&|n| rare(n) + "q")),
    ]
}

/// What this thread has computed: other processes of a busy machine do not count.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a timespec, which `time` is.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Median and 99th percentile in milliseconds of CPU.
pub fn measure(queries: &[String], mut ask: impl FnMut(&str)) -> (f64, f64) {
    let mut times: Vec<Duration> = queries
        .iter()
        .map(|query| {
            let start = cpu_time();
            ask(query);
            cpu_time() - start
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
}
