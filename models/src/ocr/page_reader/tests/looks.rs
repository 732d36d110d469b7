//! What a page's looks tell, of a page of bars and a layout network that sees two halves.

use pagestream_documents::{BlockKind, structure::RegionScope};

use super::*;
use crate::{
    backend::{Tensor, TensorView},
    ocr::{LayoutMap, LayoutNetwork, compact::layout},
};

/// What a layout network says that takes the upper half of the page's picture for a heading and the lower one for a table.
pub(super) fn looked(input: &Tensor) -> LayoutMap {
    let (rows, columns) = (input.shape[2] / 4, input.shape[3] / 8);
    let mut data = vec![0.0; 16 * rows * columns];
    for cell in 0..rows * columns {
        let kind = if cell / columns < rows / 2 { 3 } else { 5 };
        data[kind * rows * columns + cell] = 4.0;
    }
    let shape = [1, 16, rows, columns];
    layout::reduce(TensorView { shape: &shape, data: &data }).unwrap()
}

#[test]
fn the_layout_is_asked_for_once_a_page_and_only_where_it_is_wanted() {
    let wanted = OcrModels { structure: true, layout: Some(LayoutNetwork::Own), ..all_models() };
    for quality in [Quality::Fast, Quality::Balanced, Quality::Accurate] {
        for (models, times_asked) in [
            (wanted.clone(), 1),
            (OcrModels { structure: false, ..wanted.clone() }, 0),
            (OcrModels { layout: None, ..wanted.clone() }, 0),
        ] {
            let (reading, asked) = read_tier(page(&two_columns()), &tier(quality), &models, SURE_OF_ALL);
            assert_eq!(times(&asked, Task::Layout), times_asked, "{quality}");
            assert_eq!(reading.tasks.contains(&Task::Layout), times_asked == 1, "{quality}");
            let regions = &reading.hints.regions;
            if times_asked == 0 {
                assert_eq!(regions, &[], "{quality}");
                continue;
            }
            assert!(asked.last() == Some(&Task::Layout), "{quality}: when it is known which way up the page is");
            let of_lines = regions.iter().filter(|region| region.scope == RegionScope::Line);
            assert_eq!(of_lines.count(), reading.lines.len(), "{quality}");
            for (line, region) in reading.lines.iter().zip(regions) {
                let (bounds, middle) = (line.polygon.bounds(), reading.hints.height / 2.0);
                let kind = if bounds.center().y < middle { BlockKind::Heading } else { BlockKind::Table };
                assert_eq!((region.kind, region.rect), (kind, bounds), "{quality}: {line:?}");
                assert!(region.confidence > 0.7);
            }
            let [area] = &regions[reading.lines.len()..] else { panic!("{quality}: {regions:?}") };
            assert_eq!((area.scope, area.kind), (RegionScope::Area, BlockKind::Table));
        }
    }
}

#[test]
fn regions_lie_on_the_page_as_it_was_given_however_that_is_turned() {
    let models = OcrModels { structure: true, layout: Some(LayoutNetwork::Own), ..all_models() };
    for rotation in [Rotation::None, Rotation::Clockwise90, Rotation::Half, Rotation::Clockwise270] {
        // So that it must be turned back by `rotation`.
        let back = [Rotation::None, Rotation::Clockwise90, Rotation::Half, Rotation::Clockwise270]
            .into_iter()
            .find(|other| other.then(rotation) == Rotation::None)
            .unwrap();
        let given = page(&two_columns()).rotated(back);
        let size = (given.width as f32, given.height as f32);
        let (reading, _) = read_tier(given, &tier(Quality::Fast), &models, SURE_OF_ALL);
        assert_eq!(reading.rotation, rotation);
        assert_eq!((reading.hints.width, reading.hints.height), size);
        let area = reading.hints.regions.last().unwrap().rect;
        // The table is in the lower half of the page once that is upright.
        let lower = match rotation {
            Rotation::None => area.top >= 0.45 * size.1 && area.right > 0.9 * size.0,
            Rotation::Clockwise90 => area.left >= 0.45 * size.0 && area.bottom > 0.9 * size.1,
            Rotation::Half => area.bottom <= 0.55 * size.1 && area.right > 0.9 * size.0,
            Rotation::Clockwise270 => area.right <= 0.55 * size.0 && area.bottom > 0.9 * size.1,
        };
        assert!(lower, "{rotation:?}: {area:?} of {size:?}");
    }
}
