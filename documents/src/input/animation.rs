//! GIF and WebP with several frames: each is a page, as it is seen in its turn. Programs save documents of several pages so, and what a
//! frame shows may be on no other.

use std::{
    io::Cursor,
    sync::{Mutex, PoisonError},
};

use super::{
    DocumentData, FileKind, Limits, PageInfo, PageSource, RenderOptions, TextLayer, get_it_again,
    guard::{check_cost, guarded, no_such_page, one_line, too_large},
    pixels::on_white,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ByteSize, PageNumber},
    raster::{PixelFormat, Raster},
};

/// What is held for each pixel: what is seen and what was seen before it, with transparency, the frame as it was decoded, and the
/// raster made of it.
const BYTES_A_PIXEL: u64 = 4 + 4 + 4 + 3;

/// The file's bytes in the form that decoders take.
#[derive(Clone)]
struct Shared(DocumentData);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

pub(super) struct AnimationSource {
    data: Shared,
    kind: FileKind,
    frames: u32,
    /// The file ends before the animation does: nobody knows how many frames are lost.
    ends_early: bool,
    info: PageInfo,
    limits: Limits,
    /// Frames build upon each other, so whoever asks for the next one goes on from the last.
    reel: Mutex<Option<Reel>>,
}

fn damaged(kind: FileKind, cause: &dyn std::fmt::Display) -> Error {
    let cause = one_line(&cause.to_string());
    Error::new(ErrorKind::Damaged, format!("the {} animation is damaged ({cause})", kind.name()))
        .with_hint("the file may be cut off; get it again")
}

/// How many frames a GIF or WebP has, as far as it goes, and whether it ends before they do.
fn count(kind: FileKind, bytes: &[u8]) -> Option<(u32, bool)> {
    if kind == FileKind::WebP {
        let decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).ok()?;
        return decoder.is_animated().then(|| (decoder.num_frames(), false));
    }
    let mut options = gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(Cursor::new(bytes)).ok()?;
    let mut frames = 0;
    loop {
        match decoder.next_frame_info() {
            Ok(Some(_)) => frames += 1,
            Ok(None) => return Some((frames, false)),
            Err(_) => return Some((frames, true)),
        }
    }
}

impl AnimationSource {
    /// `None` for what has one frame only, or is no animation.
    ///
    /// # Errors
    /// `TooLarge`, from the header.
    pub(super) fn open(data: &DocumentData, kind: FileKind, limits: &Limits) -> Result<Option<Self>> {
        if !matches!(kind, FileKind::Gif | FileKind::WebP) {
            return Ok(None);
        }
        let bytes: &[u8] = (**data).as_ref();
        let Some((frames, ends_early)) = count(kind, bytes).filter(|(frames, _)| *frames > 1) else { return Ok(None) };
        let data = Shared(data.clone());
        let info = {
            let reel = Reel::open(&data, kind, limits)?;
            let (width, height) = reel.size();
            let cost = ByteSize(u64::from(width) * u64::from(height) * BYTES_A_PIXEL + ByteSize::mib(1).bytes());
            check_cost(width.into(), height.into(), cost, limits)?;
            PageInfo { width, height, format: PixelFormat::Rgb8, cost }
        };
        Ok(Some(Self { data, kind, frames, ends_early, info, limits: *limits, reel: Mutex::new(None) }))
    }

    fn check_page(&self, page: PageNumber) -> Result<()> {
        if page.index() < self.frames { Ok(()) } else { Err(no_such_page(page, self.frames)) }
    }
}

impl PageSource for AnimationSource {
    fn kind(&self) -> FileKind {
        self.kind
    }

    fn page_count(&self) -> u32 {
        self.frames
    }

    fn page_info(&self, page: PageNumber, _options: &RenderOptions) -> Result<PageInfo> {
        self.check_page(page)?;
        Ok(self.info)
    }

    fn render(&self, page: PageNumber, _options: &RenderOptions) -> Result<Raster> {
        self.check_page(page)?;
        guarded("the animation", Some(page), || {
            // Taken out: what panics or fails is not gone on with.
            let kept = self.reel.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut reel = match kept.filter(|reel| reel.next <= page.index()) {
                Some(reel) => reel,
                None => Reel::open(&self.data, self.kind, &self.limits)?,
            };
            while reel.next <= page.index() {
                reel.advance()?;
            }
            let (pixels, _) = reel.seen.as_chunks::<4>();
            let data =
                pixels.iter().flat_map(|&[r, g, b, alpha]| [r, g, b].map(|value| on_white(value, alpha))).collect();
            let PageInfo { width, height, format, .. } = self.info;
            *self.reel.lock().unwrap_or_else(PoisonError::into_inner) = Some(reel);
            Ok(Raster { width, height, format, data, dpi: 72.0 })
        })
    }

    fn text_layer(&self, page: PageNumber) -> Result<Option<TextLayer>> {
        self.check_page(page)?;
        Ok(None)
    }

    fn damage(&self, page: PageNumber) -> Option<String> {
        let told = self.ends_early && page.index() + 1 == self.frames;
        told.then(|| get_it_again("the animation ends early, and frames after this one are lost"))
    }
}

/// An animation that has been shown up to a frame.
struct Reel {
    decoder: Decoder,
    kind: FileKind,
    /// The frame that comes next.
    next: u32,
    /// What is seen: red, green, blue, opacity.
    seen: Vec<u8>,
}

enum Decoder {
    Gif(Box<gif::Decoder<Cursor<Shared>>>, Disposal),
    WebP(Box<image_webp::WebPDecoder<Cursor<Shared>>>),
}

/// What becomes of a GIF's frame before the next one is shown.
enum Disposal {
    Keep,
    /// The rectangle, as left, top, width and height, becomes transparent.
    Clear([usize; 4]),
    /// What was seen before it is seen again.
    Restore(Vec<u8>),
}

impl Reel {
    fn open(data: &Shared, kind: FileKind, limits: &Limits) -> Result<Self> {
        let most = usize::try_from(limits.page.bytes()).unwrap_or(usize::MAX);
        let bytes = Cursor::new(data.clone());
        let (decoder, width, height) = if kind == FileKind::WebP {
            let mut decoder = image_webp::WebPDecoder::new(bytes).map_err(|error| damaged(kind, &error))?;
            decoder.set_memory_limit(most);
            let (width, height) = decoder.dimensions();
            (Decoder::WebP(Box::new(decoder)), width, height)
        } else {
            let mut options = gif::DecodeOptions::new();
            options.set_color_output(gif::ColorOutput::RGBA);
            options.set_memory_limit(gif::MemoryLimit::Bytes(
                limits.page.bytes().max(1).try_into().map_err(|_| damaged(kind, &"no limit"))?,
            ));
            let decoder = options.read_info(bytes).map_err(|error| damaged(kind, &error))?;
            let (width, height) = (decoder.width().into(), decoder.height().into());
            (Decoder::Gif(Box::new(decoder), Disposal::Keep), width, height)
        };
        let needs = ByteSize(u64::from(width) * u64::from(height) * BYTES_A_PIXEL);
        if needs > limits.page {
            return Err(too_large(width.into(), height.into(), needs, limits));
        }
        Ok(Self { decoder, kind, next: 0, seen: vec![0; width as usize * height as usize * 4] })
    }

    fn size(&self) -> (u32, u32) {
        match &self.decoder {
            Decoder::Gif(decoder, _) => (decoder.width().into(), decoder.height().into()),
            Decoder::WebP(decoder) => decoder.dimensions(),
        }
    }

    /// Shows the next frame.
    fn advance(&mut self) -> Result<()> {
        let kind = self.kind;
        match &mut self.decoder {
            Decoder::WebP(decoder) => {
                if decoder.has_alpha() {
                    decoder.read_frame(&mut self.seen).map_err(|error| damaged(kind, &error))?;
                } else {
                    let mut rgb = vec![0; self.seen.len() / 4 * 3];
                    decoder.read_frame(&mut rgb).map_err(|error| damaged(kind, &error))?;
                    let (pixels, _) = self.seen.as_chunks_mut::<4>();
                    pixels
                        .iter_mut()
                        .zip(rgb.chunks_exact(3))
                        .for_each(|(out, rgb)| *out = [rgb[0], rgb[1], rgb[2], 255]);
                }
            }
            Decoder::Gif(decoder, disposal) => {
                let width = usize::from(decoder.width());
                let height = usize::from(decoder.height());
                match std::mem::replace(disposal, Disposal::Keep) {
                    Disposal::Keep => {}
                    Disposal::Restore(before) => self.seen = before,
                    Disposal::Clear([left, top, across, down]) => {
                        for y in top..top + down {
                            self.seen[(y * width + left) * 4..][..across * 4].fill(0);
                        }
                    }
                }
                let frame = decoder.read_next_frame().map_err(|error| damaged(kind, &error))?;
                let frame = frame.ok_or_else(|| damaged(kind, &"a frame is missing"))?;
                // Frames that reach beyond the picture are cut.
                let (left, top) = (usize::from(frame.left).min(width), usize::from(frame.top).min(height));
                let across = usize::from(frame.width).min(width - left);
                let down = usize::from(frame.height).min(height - top);
                *disposal = match frame.dispose {
                    gif::DisposalMethod::Background => Disposal::Clear([left, top, across, down]),
                    gif::DisposalMethod::Previous => Disposal::Restore(self.seen.clone()),
                    _ => Disposal::Keep,
                };
                let rows = frame.buffer.chunks_exact(usize::from(frame.width).max(1) * 4).take(down);
                for (y, row) in rows.enumerate() {
                    let (pixels, _) = self.seen[((top + y) * width + left) * 4..][..across * 4].as_chunks_mut::<4>();
                    let (drawn, _) = row.as_chunks::<4>();
                    pixels
                        .iter_mut()
                        .zip(drawn)
                        .filter(|(_, drawn)| drawn[3] > 0)
                        .for_each(|(out, drawn)| *out = *drawn);
                }
            }
        }
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gif::{DisposalMethod, Encoder, Frame};

    use super::*;
    use crate::input::{OpenOptions, open};

    /// Of two by one pixels; frames as (left, width, colour, disposal), colours 0 black, 1 red, 2 green.
    fn animation(frames: &[(u16, u16, u8, DisposalMethod)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, 2, 1, &[0, 0, 0, 255, 0, 0, 0, 255, 0]).unwrap();
        for &(left, width, colour, dispose) in frames {
            let buffer = vec![colour; usize::from(width)].into();
            encoder.write_frame(&Frame { left, width, height: 1, dispose, buffer, ..Frame::default() }).unwrap();
        }
        drop(encoder);
        out
    }

    const WHITE: [u8; 3] = [255; 3];
    const BLACK: [u8; 3] = [0; 3];
    const RED: [u8; 3] = [255, 0, 0];
    const GREEN: [u8; 3] = [0, 255, 0];

    #[test]
    fn each_frame_is_a_page_as_it_is_seen() {
        use DisposalMethod::{Background, Keep, Previous};
        let bytes = animation(&[(0, 2, 0, Keep), (0, 1, 1, Previous), (1, 1, 2, Background), (0, 1, 1, Keep)]);
        let source = open(Arc::new(bytes), &OpenOptions::default()).unwrap();
        assert_eq!((source.kind(), source.page_count()), (FileKind::Gif, 4));
        let options = RenderOptions::default();
        let expected = [[BLACK, BLACK], [RED, BLACK], [BLACK, GREEN], [RED, WHITE]];
        // In order, and in any other.
        for index in [0, 1, 2, 3, 1, 0, 3] {
            let raster = source.render(PageNumber::from_index(index), &options).unwrap();
            assert_eq!(raster.data, expected[index as usize].concat(), "frame {index}");
            assert_eq!(source.damage(PageNumber::from_index(index)), None);
        }
        let beyond = source.render(PageNumber::from_index(4), &options).unwrap_err();
        assert_eq!(beyond.kind, ErrorKind::NoSuchPage);
    }

    #[test]
    fn one_frame_is_an_image_and_what_is_cut_off_is_told() {
        let one = animation(&[(0, 2, 1, DisposalMethod::Keep)]);
        assert_eq!(open(Arc::new(one), &OpenOptions::default()).unwrap().page_count(), 1);
        let three = animation(&[(0, 2, 1, DisposalMethod::Keep); 3]);
        let source = open(Arc::new(three[..three.len() - 6].to_vec()), &OpenOptions::default()).unwrap();
        let last = PageNumber::from_index(source.page_count() - 1);
        assert!(source.damage(last).is_some() && source.page_count() > 1);
        let limits = Limits { page: ByteSize(20) };
        let error = open(Arc::new(three), &OpenOptions { limits, ..Default::default() }).err().unwrap();
        assert_eq!(error.kind, ErrorKind::TooLarge);
    }

    /// A WebP of two by one pixels: one frame over the other (WebP container specification, ANIM and ANMF).
    #[test]
    fn frames_of_a_webp_are_pages() {
        let still = |rgb: [u8; 3]| {
            let mut out = Vec::new();
            image_webp::WebPEncoder::new(&mut out).encode(&rgb.repeat(2), 2, 1, image_webp::ColorType::Rgb8).unwrap();
            out[12..].to_vec()
        };
        let chunk = |name: &[u8], content: &[u8]| {
            let mut all = [name, &(content.len() as u32).to_le_bytes(), content].concat();
            all.resize(all.len().next_multiple_of(2), 0);
            all
        };
        let frame =
            |rgb| chunk(b"ANMF", &[&[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 100, 0, 0, 0b10][..], &still(rgb)].concat());
        let content = [
            b"WEBP".to_vec(),
            chunk(b"VP8X", &[0b0000_0010, 0, 0, 0, 1, 0, 0, 0, 0, 0]),
            chunk(b"ANIM", &[0; 6]),
            frame([255, 0, 0]),
            frame([0, 255, 0]),
        ]
        .concat();
        let file = [b"RIFF".to_vec(), (content.len() as u32).to_le_bytes().to_vec(), content].concat();
        let source = open(Arc::new(file), &OpenOptions::default()).unwrap();
        assert_eq!((source.kind(), source.page_count()), (FileKind::WebP, 2));
        for (index, expected) in [(1, GREEN), (0, RED), (1, GREEN)] {
            let raster = source.render(PageNumber::from_index(index), &RenderOptions::default()).unwrap();
            assert_eq!(raster.data, expected.repeat(2), "frame {index}");
        }
    }
}
