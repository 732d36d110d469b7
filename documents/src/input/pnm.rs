//! PBM, PGM, PPM and PAM (netpbm's pbm(5), pgm(5), ppm(5), pam(5)): what `pdftoppm` and scanner programs write. Several may follow each
//! other in one file or pipe; each is a page.

use super::{
    DocumentData, FileKind, Limits, PageInfo, PageSource, RenderOptions, TextLayer, get_it_again,
    guard::{check_cost, guarded, no_such_page},
    pixels::on_white,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::{PixelFormat, Raster},
};

/// A magic number, and what separates it from what follows. `P7 332` begins the thumbnails of another program.
pub(super) fn is_pnm(bytes: &[u8]) -> bool {
    match bytes {
        [b'P', b'1'..=b'6', next, ..] => next.is_ascii_whitespace() || *next == b'#',
        [b'P', b'7', b'\n', ..] => true,
        _ => false,
    }
}

/// Where an image is and what it is, from its header.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Header {
    width: u32,
    height: u32,
    /// Samples a pixel: gray, or red, green and blue, and where it is even an opacity after them.
    depth: u32,
    /// The value of white.
    most: u32,
    coding: Coding,
    data: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Coding {
    /// Numbers written in digits.
    Plain,
    /// Digits 0 for white and 1 for black, which need nothing between them.
    PlainBits,
    /// Bytes, or two with the higher one first.
    Raw,
    /// Eight pixels a byte, 1 for black.
    RawBits,
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what).with_hint("the file may be cut off; get it again")
}

/// The next number, after white space and remarks.
fn number(bytes: &[u8], at: &mut usize) -> Option<u32> {
    loop {
        match bytes.get(*at)? {
            b'#' => *at += bytes[*at..].iter().position(|&byte| byte == b'\n')?,
            space if space.is_ascii_whitespace() => *at += 1,
            _ => break,
        }
    }
    let digits = bytes[*at..].iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    *at += digits;
    std::str::from_utf8(&bytes[*at - digits..*at]).ok()?.parse().ok()
}

impl Header {
    /// Of the image that begins at `start`.
    fn of(bytes: &[u8], start: usize) -> Option<Self> {
        let kind = *bytes.get(start + 1)?;
        if kind == b'7' {
            return Self::of_pam(bytes, start);
        }
        let mut at = start + 2;
        let (width, height) = (number(bytes, &mut at)?, number(bytes, &mut at)?);
        let is_bits = matches!(kind, b'1' | b'4');
        let most = if is_bits { 1 } else { number(bytes, &mut at)? };
        let coding = match kind {
            b'1' => Coding::PlainBits,
            b'4' => Coding::RawBits,
            b'2' | b'3' => Coding::Plain,
            _ => Coding::Raw,
        };
        // One white space follows the header.
        Some(Self { width, height, depth: if matches!(kind, b'3' | b'6') { 3 } else { 1 }, most, coding, data: at + 1 })
    }

    fn of_pam(bytes: &[u8], start: usize) -> Option<Self> {
        let (mut at, mut fields) = (start + 3, [0; 4]);
        loop {
            let end = at + bytes.get(at..)?.iter().take(1_024).position(|&byte| byte == b'\n')?;
            let line = std::str::from_utf8(&bytes[at..end]).ok()?.trim();
            at = end + 1;
            if line == "ENDHDR" {
                let [width, height, depth, most] = fields;
                return Some(Self { width, height, depth, most, coding: Coding::Raw, data: at });
            }
            // What the samples mean is told by their number.
            if let Some((name, value)) = line.split_once(char::is_whitespace)
                && let Some(field) = ["WIDTH", "HEIGHT", "DEPTH", "MAXVAL"].iter().position(|field| *field == name)
            {
                fields[field] = value.trim().parse().ok()?;
            }
        }
    }

    fn row_bytes(&self) -> u64 {
        let samples = u64::from(self.width) * u64::from(self.depth);
        match self.coding {
            Coding::RawBits => samples.div_ceil(8),
            _ if self.most > 255 => samples * 2,
            _ => samples,
        }
    }

    /// Where the next image may begin; of one that is written in digits nobody knows.
    fn end(&self) -> Option<usize> {
        let length = self.row_bytes().checked_mul(self.height.into())?;
        matches!(self.coding, Coding::Raw | Coding::RawBits).then_some(())?;
        self.data.checked_add(usize::try_from(length).ok()?)
    }

    fn format(&self) -> PixelFormat {
        if self.depth >= 3 { PixelFormat::Rgb8 } else { PixelFormat::Gray8 }
    }

    /// Whole rows that the file has.
    fn rows(&self, file: usize) -> u32 {
        let there = file.saturating_sub(self.data) as u64 / self.row_bytes().max(1);
        there.min(self.height.into()) as u32
    }

    fn check(&self, limits: &Limits) -> Result<PageInfo> {
        if self.width == 0 || self.height == 0 || !(1..=4).contains(&self.depth) || !(1..=65_535).contains(&self.most) {
            return Err(damaged("the PNM image has an impossible header"));
        }
        let format = self.format();
        // The raster, and a row of samples.
        let row = u64::from(self.width) * u64::from(self.depth);
        let cost = ByteSize(Raster::cost(self.width, self.height, format).bytes().saturating_add(row * 2));
        check_cost(self.width.into(), self.height.into(), cost, limits)?;
        Ok(PageInfo { width: self.width, height: self.height, format, cost })
    }

    fn decode(&self, file: &[u8]) -> Result<Vec<u8>> {
        let (width, samples) = (self.width as usize, self.width as usize * self.depth as usize);
        let mut pixels = Vec::with_capacity(width * self.height as usize * self.format().channels());
        let mut row = Vec::with_capacity(samples);
        let scale = |value: u32| ((value.min(self.most) * 255 + self.most / 2) / self.most) as u8;
        let mut at = self.data;
        let ends = || damaged("the PNM image ends before its pixels do");
        let rows = if self.end().is_some() { self.rows(file.len()) } else { self.height };
        if rows == 0 {
            return Err(ends());
        }
        for _ in 0..rows {
            row.clear();
            match self.coding {
                Coding::Plain => {
                    for _ in 0..samples {
                        row.push(scale(number(file, &mut at).ok_or_else(ends)?));
                    }
                }
                Coding::PlainBits => {
                    while row.len() < samples {
                        match *file.get(at).ok_or_else(ends)? {
                            b'0' => row.push(255),
                            b'1' => row.push(0),
                            b'#' => at += file[at..].iter().position(|&byte| byte == b'\n').ok_or_else(ends)?,
                            _ => {}
                        }
                        at += 1;
                    }
                }
                Coding::Raw | Coding::RawBits => {
                    let bytes = &file[at..at + self.row_bytes() as usize];
                    at += bytes.len();
                    match self.coding {
                        Coding::RawBits => {
                            let is_black = |x: usize| bytes[x / 8] & 0x80 >> (x % 8) != 0;
                            row.extend((0..samples).map(|x| if is_black(x) { 0 } else { 255 }));
                        }
                        _ if self.most == 255 => row.extend_from_slice(bytes),
                        _ if self.most < 255 => row.extend(bytes.iter().map(|&value| scale(value.into()))),
                        _ => {
                            let (pairs, _) = bytes.as_chunks::<2>();
                            row.extend(pairs.iter().map(|&pair| scale(u16::from_be_bytes(pair).into())));
                        }
                    }
                }
            }
            match self.depth {
                2 => pixels.extend(row.chunks_exact(2).map(|pixel| on_white(pixel[0], pixel[1]))),
                4 => {
                    pixels.extend(row.chunks_exact(4).flat_map(|pixel| [0, 1, 2].map(|c| on_white(pixel[c], pixel[3]))))
                }
                _ => pixels.extend_from_slice(&row),
            }
        }
        pixels.resize(width * self.height as usize * self.format().channels(), 255);
        Ok(pixels)
    }
}

pub(super) struct PnmSource {
    data: DocumentData,
    limits: Limits,
    pages: Vec<Header>,
}

impl PnmSource {
    /// Reads the headers of all images.
    pub(super) fn open(data: DocumentData, limits: &Limits) -> Result<Self> {
        let bytes: &[u8] = (*data).as_ref();
        let mut pages: Vec<Header> = Vec::new();
        let mut start = Some(0);
        while let Some(at) = start.filter(|&at| bytes.get(at..).is_some_and(is_pnm)) {
            let header = Header::of(bytes, at);
            pages.extend(header);
            start = header.and_then(|header| header.end());
        }
        if pages.is_empty() {
            return Err(damaged("the PNM image has no readable header"));
        }
        Ok(Self { data, limits: *limits, pages })
    }

    fn page(&self, page: PageNumber) -> Result<&Header> {
        self.pages.get(page.index() as usize).ok_or_else(|| no_such_page(page, self.page_count()))
    }
}

impl PageSource for PnmSource {
    fn kind(&self) -> FileKind {
        FileKind::Pnm
    }

    fn page_count(&self) -> u32 {
        self.pages.len() as u32
    }

    fn page_info(&self, page: PageNumber, _options: &RenderOptions) -> Result<PageInfo> {
        self.page(page)?.check(&self.limits).map_err(|error| error.on_page(page))
    }

    fn render(&self, page: PageNumber, _options: &RenderOptions) -> Result<Raster> {
        let header = self.page(page)?;
        guarded("the PNM image", Some(page), || {
            let PageInfo { width, height, format, .. } = header.check(&self.limits)?;
            Ok(Raster { width, height, format, data: header.decode((*self.data).as_ref())?, dpi: 72.0 })
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        self.page(page)?;
        Ok(None)
    }

    fn damage(&self, page: PageNumber) -> Option<String> {
        let header = self.page(page).ok().filter(|header| header.end().is_some())?;
        let missing = header.height - header.rows((*self.data).as_ref().len());
        (missing > 0)
            .then(|| get_it_again(&format!("{missing} of {} rows of the PNM image are missing", header.height)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::input::{OpenOptions, open};

    fn source(bytes: &[u8]) -> Box<dyn PageSource> {
        let source = open(Arc::new(bytes.to_vec()), &OpenOptions::default()).unwrap();
        assert_eq!(source.kind(), FileKind::Pnm);
        source
    }

    fn rendered(bytes: &[u8]) -> (u32, u32, PixelFormat, Vec<u8>) {
        let source = source(bytes);
        assert_eq!((source.page_count(), source.damage(PageNumber::FIRST)), (1, None));
        let raster = source.render(PageNumber::FIRST, &RenderOptions::default()).unwrap();
        (raster.width, raster.height, raster.format, raster.data)
    }

    #[test]
    fn every_kind_gives_its_pixels() {
        use PixelFormat::{Gray8, Rgb8};
        for (bytes, expected) in [
            (&b"P1\n# remark\n3 2\n0 1 0\n1#1\n10"[..], (3, 2, Gray8, vec![255, 0, 255, 0, 0, 255])),
            (b"P1 3 1 010", (3, 1, Gray8, vec![255, 0, 255])),
            (b"P4\n10 1\n\x40\x40", (10, 1, Gray8, vec![255, 0, 255, 255, 255, 255, 255, 255, 255, 0])),
            (b"P2 2 1 15 0 15", (2, 1, Gray8, vec![0, 255])),
            (b"P3\n1 1\n255\n1 2 3\n", (1, 1, Rgb8, vec![1, 2, 3])),
            (b"P5#remark\n2 1\n255\n\x09\x0a", (2, 1, Gray8, vec![9, 10])),
            (b"P5 2 1 100 \x64\x32", (2, 1, Gray8, vec![255, 128])),
            (b"P5 1 1 65535\n\x80\x80", (1, 1, Gray8, vec![128])),
            (b"P5 1 1 1023\n\x03\xff", (1, 1, Gray8, vec![255])),
            (b"P6 1 1 255\n\x01\x02\x03", (1, 1, Rgb8, vec![1, 2, 3])),
            (
                b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n\x01\x00",
                (2, 1, Gray8, vec![255, 0]),
            ),
            (b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nENDHDR\n\x00\x80", (1, 1, Gray8, vec![127])),
            (
                b"P7\n# remark\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n\x01\x02\x03\xff\x01\x02\x03\x00",
                (2, 1, Rgb8, vec![1, 2, 3, 255, 255, 255]),
            ),
        ] {
            assert_eq!(rendered(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn images_that_follow_each_other_are_pages() {
        let source = source(b"P5 2 1 255\n\x01\x02P6 1 1 255\n\x03\x04\x05P4 1 1\n\x80");
        let data = |index| source.render(PageNumber::from_index(index), &RenderOptions::default()).unwrap().data;
        assert_eq!((source.page_count(), data(0), data(1), data(2)), (3, vec![1, 2], vec![3, 4, 5], vec![0]));
        let beyond = source.render(PageNumber::from_index(3), &RenderOptions::default()).unwrap_err();
        assert_eq!(beyond.kind, ErrorKind::NoSuchPage);
    }

    #[test]
    fn what_is_cut_off_is_told_and_what_is_too_large_or_impossible_refused() {
        let cut = source(b"P5 2 3 255\n\x01\x02\x03");
        assert_eq!(cut.render(PageNumber::FIRST, &RenderOptions::default()).unwrap().data, [1, 2, 255, 255, 255, 255]);
        assert!(cut.damage(PageNumber::FIRST).unwrap().starts_with("2 of 3 rows"));
        for (bytes, kind) in [
            (&b"P5 2 3 255\n\x01"[..], ErrorKind::Damaged),
            (b"P2 2 1 255 7", ErrorKind::Damaged),
            (b"P5 0 3 255\n", ErrorKind::Damaged),
            (b"P5 1 1 70000\n\x01\x02", ErrorKind::Damaged),
            (b"P6 400000 400000 255\n", ErrorKind::TooLarge),
            (b"P5 4294967295 4294967295 65535\n", ErrorKind::TooLarge),
        ] {
            let error = source(bytes).render(PageNumber::FIRST, &RenderOptions::default()).unwrap_err();
            assert_eq!((error.kind, error.page), (kind, Some(PageNumber::FIRST)), "{}", bytes.escape_ascii());
        }
        for bytes in [&b"P5 no number"[..], b"P7\nWIDTH 1\n", b"P6 \n#"] {
            assert_eq!(open(Arc::new(bytes.to_vec()), &OpenOptions::default()).err().unwrap().kind, ErrorKind::Damaged);
        }
    }
}
