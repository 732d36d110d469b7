use super::*;

/// Height of the tests' text: that of ten points at 200 dpi.
const TEXT: f32 = 33.0;

struct Page {
    data: Vec<u8>,
    width: usize,
    height: usize,
}

impl Page {
    fn new(width: usize, height: usize) -> Self {
        Self { data: vec![250; width * height], width, height }
    }

    fn fill(&mut self, [left, top, right, bottom]: [usize; 4], level: u8) {
        for y in top..bottom {
            self.data[y * self.width..][left..right].fill(level);
        }
    }

    /// From left to right or from top to bottom, a pixel at a time, `thick` pixels across.
    fn line(&mut self, [x0, y0, x1, y1]: [f32; 4], thick: usize, level: u8) {
        let steps = (x1 - x0).abs().max((y1 - y0).abs()) as usize;
        for n in 0..=steps {
            let part = n as f32 / steps as f32;
            let (x, y) = ((x0 + part * (x1 - x0)) as usize, (y0 + part * (y1 - y0)) as usize);
            let level_line = (x1 - x0).abs() > (y1 - y0).abs();
            let (wide, high) = if level_line { (1, thick) } else { (thick, 1) };
            self.fill([x, y, x + wide, y + high], level);
        }
    }

    /// A line of letters of strokes: stems, bars, serifs on one baseline.
    fn text(&mut self, left: usize, baseline: usize, letters: usize) {
        for n in 0..letters {
            let x = left + 19 * n;
            self.fill([x + 2, baseline - 22, x + 5, baseline], 20);
            self.fill([x, baseline - 2, x + 17, baseline], 20);
            if n % 3 == 0 {
                self.fill([x + 4, baseline - 14, x + 15, baseline - 11], 20);
            }
        }
    }

    fn found(&self) -> Vec<Line> {
        of_page(Plane::new(&self.data, self.width, self.height), TEXT)
    }
}

/// Ends to the pixel, and thickness.
fn rounded(lines: &[Line]) -> Vec<[i32; 5]> {
    let round =
        |line: &Line| [line.from.x, line.from.y, line.to.x, line.to.y, line.thickness].map(|v| v.round() as i32);
    let mut all: Vec<_> = lines.iter().map(round).collect();
    all.sort_unstable();
    all
}

#[test]
fn lines_of_every_kind_are_found_where_they_are() {
    type Draw = fn(&mut Page);
    let cases: [(&str, Draw, &[[i32; 5]]); 10] = [
        ("a hairline", |p| p.line([100.0, 300.0, 899.0, 300.0], 1, 0), &[[100, 301, 900, 301, 1]]),
        ("a gray one", |p| p.line([100.0, 300.0, 899.0, 300.0], 2, 190), &[[100, 301, 900, 301, 2]]),
        ("a thick one", |p| p.fill([100, 300, 900, 312], 0), &[[100, 306, 900, 306, 12]]),
        ("an upright one", |p| p.line([400.0, 100.0, 400.0, 899.0], 3, 0), &[[402, 100, 402, 900, 3]]),
        ("one askew", |p| p.line([100.0, 300.0, 899.0, 312.0], 2, 0), &[[100, 301, 900, 313, 2]]),
        (
            "a broken one",
            |p| {
                for n in 0..8 {
                    p.fill([100 + 100 * n, 300, 190 + 100 * n, 302], 0);
                }
            },
            &[[100, 301, 890, 301, 2]],
        ),
        (
            "cracks",
            |p| {
                for n in 0..400 {
                    p.fill([100 + 2 * n, 300, 101 + 2 * n, 302], 0);
                }
            },
            &[[100, 301, 899, 301, 1]],
        ),
        (
            "two side by side",
            |p| {
                p.fill([100, 300, 900, 302], 0);
                p.fill([100, 308, 900, 310], 0);
            },
            &[[100, 301, 900, 301, 2], [100, 309, 900, 309, 2]],
        ),
        (
            "a word's underline",
            |p| {
                p.text(200, 300, 6);
                p.fill([200, 306, 314, 308], 0);
            },
            &[[200, 307, 314, 307, 2]],
        ),
        (
            "a cell",
            |p| {
                p.fill([100, 100, 400, 103], 0);
                p.fill([100, 200, 400, 203], 0);
                p.fill([100, 100, 103, 203], 0);
                p.fill([397, 100, 400, 203], 0);
                p.text(120, 160, 12);
            },
            &[[100, 102, 400, 102, 3], [100, 202, 400, 202, 3], [102, 100, 102, 203, 3], [399, 100, 399, 203, 3]],
        ),
    ];
    for (name, draw, expected) in cases {
        let mut page = Page::new(1000, 1000);
        draw(&mut page);
        let found = rounded(&page.found());
        let near = |a: &[i32; 5], b: &[i32; 5]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1);
        assert!(
            found.len() == expected.len() && expected.iter().all(|line| found.iter().any(|other| near(line, other))),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn strokes_of_letters_tints_bars_and_pictures_are_none() {
    type Draw = fn(&mut Page);
    let cases: [(&str, Draw); 6] = [
        ("text", |p| (0..20).for_each(|n| p.text(60, 60 + 44 * n, 45))),
        ("a large letter", |p| p.fill([300, 300, 380, 312], 0)),
        ("a tint", |p| p.fill([100, 100, 900, 160], 225)),
        ("a bar", |p| p.fill([100, 100, 900, 160], 40)),
        ("a slope", |p| p.line([100.0, 100.0, 900.0, 500.0], 3, 0)),
        ("a picture", |p| {
            for (y, x) in (100..700).flat_map(|y| (100..800).map(move |x| (y, x))) {
                let tone = 128.0 + 120.0 * ((x as f32 / 37.0).sin() * (y as f32 / 23.0).cos());
                p.fill([x, y, x + 1, y + 1], tone as u8);
            }
        }),
    ];
    for (name, draw) in cases {
        let mut page = Page::new(1000, 1000);
        draw(&mut page);
        assert_eq!(rounded(&page.found()), [[0; 5]; 0], "{name}");
    }
}

#[test]
fn no_page_is_too_strange() {
    for (width, height) in [(0, 0), (1, 1), (1, 900), (900, 1), (65, 64)] {
        for level in [0, 255] {
            let page = Page { data: vec![level; width * height], width, height };
            assert_eq!(page.found(), [], "{width} x {height} of {level}");
        }
    }
    // Every other row black: more runs than any page has lines.
    let (width, height) = (800, 4000);
    let data = (0..width * height).map(|n| if n / 40 % 2 == 0 { 0 } else { 255 }).collect();
    assert_eq!(Page { data, width, height }.found().len(), 0);
}
