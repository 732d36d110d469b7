//! What reading a page asks the system's allocator for, counted by an allocator of the test's own.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use pagestream_documents::{PixelFormat, Raster, buffers};
use pagestream_models::{
    TensorView,
    ocr::{Alphabet, Inference, LargeModels, OcrModels, OcrOptions, PageReader, Quality, Step, Task, reduce},
};

/// Counts blocks of this size and more: pixels and tensors. What a page's text takes is smaller.
const LARGE: usize = 64 << 10;

static LARGE_BLOCKS: AtomicUsize = AtomicUsize::new(0);
static LARGE_BYTES: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn count(size: usize) {
    if size >= LARGE {
        LARGE_BLOCKS.fetch_add(1, Relaxed);
        LARGE_BYTES.fetch_add(size, Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Pages like one another cost the first of them megabytes and the others next to nothing: tensors, scaled pages and maps
/// are used again. The page itself is its owner's.
#[test]
fn a_page_allocates_no_large_block_once_another_was_read() {
    for format in [PixelFormat::Gray8, PixelFormat::Rgb8] {
        let page = Arc::new(page(format));
        let mut outputs = Outputs::default();
        let first = counted(|| outputs.read(page.clone()));
        outputs.read(page.clone());
        let later = counted(|| (0..10).for_each(|_| outputs.read(page.clone())));
        println!("{format:?}: {first:?} blocks and bytes for the first page, {later:?} for ten more");
        assert!(first.0 > 2 && first.1 > 4 << 20, "{first:?}");
        assert_eq!(later, (0, 0), "{format:?}");
    }
}

fn counted(work: impl FnOnce()) -> (usize, usize) {
    let before = (LARGE_BLOCKS.load(Relaxed), LARGE_BYTES.load(Relaxed));
    work();
    (LARGE_BLOCKS.load(Relaxed) - before.0, LARGE_BYTES.load(Relaxed) - before.1)
}

/// Twelve bars for lines.
fn page(format: PixelFormat) -> Raster {
    let (width, height) = (1240_u32, 1754_u32);
    let ink = |x: u32, y: u32| (200..1040).contains(&x) && (200..1400).contains(&y) && y % 100 < 40 && x % 9 > 3;
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| if ink(x, y) { 20 } else { 250 }));
    let data = pixels.flat_map(|value| std::iter::repeat_n(value, format.channels())).collect();
    Raster { width, height, format, data, dpi: 150.0 }
}

/// In the place of models: a map with a kernel where each bar is, and one character a line. The outputs are a device's own
/// and made before anything is counted.
#[derive(Default)]
struct Outputs {
    map: Vec<f32>,
    steps: Vec<f32>,
}

impl Outputs {
    fn read(&mut self, page: Arc<Raster>) {
        let large = LargeModels::Ready(Alphabet::from_metadata("a\nb\n"));
        let models = OcrModels { large, ..OcrModels::default() };
        let options = OcrOptions { quality: Quality::Accurate, ..OcrOptions::default() };
        let (mut reader, mut wanted) = PageReader::start(page, &options, &models).unwrap();
        let mut lines = 0;
        loop {
            let results = wanted.iter().map(|inference| {
                lines += usize::from(inference.task == Task::Recognize);
                self.answer(inference)
            });
            let results = results.collect();
            wanted.drain(..).for_each(|inference| buffers::give_back(inference.input.data));
            match reader.advance(results).unwrap() {
                Step::Infer(more) => wanted = more,
                Step::Done(_) => break,
            }
        }
        assert!(lines >= 12, "{lines} lines were read");
    }

    fn answer(&mut self, inference: &Inference) -> pagestream_models::ocr::Inferred {
        let shape = &inference.input.shape;
        let (height, width) = (shape[2], shape[3]);
        let (shape, data) = match inference.task {
            Task::Detect => {
                let plane = &inference.input.data[..width * height];
                self.map.clear();
                // Letters run together into lines.
                let is_line =
                    |at: usize| plane[at.saturating_sub(9)..(at + 9).min(plane.len())].iter().any(|&v| v < 0.8);
                self.map.extend((0..plane.len()).map(|at| if is_line(at) { 0.9 } else { 0.0 }));
                (vec![1, 1, height, width], &self.map)
            }
            _ => {
                let steps = width / 8;
                self.steps.clear();
                self.steps.extend(
                    (0..steps)
                        .flat_map(|step| if step % 3 == 0 { [0.0, 0.99, 0.0, 0.0] } else { [0.99, 0.0, 0.0, 0.0] }),
                );
                (vec![1, steps, 4], &self.steps)
            }
        };
        reduce(inference.task, TensorView { shape: &shape, data }).unwrap()
    }
}
