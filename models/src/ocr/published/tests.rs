use pagestream_documents::{BlockKind, Digest};

use super::{
    LayoutNetwork,
    picodet::{self, Found, PicoDet},
    slanet::{self, SlaNet},
};
use crate::{
    TensorView,
    backend::{ModelSource, tiny},
};

/// A graph without nodes, with inputs and outputs of these shapes (0 for what is left open) and tokens or classes of these names.
fn model(inputs: &[&[usize]], outputs: &[&[usize]], names: Option<&str>) -> OnDisk {
    let field = |number: u8, content: &[u8]| {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        [&bytes[..], content].concat()
    };
    let number = |mut value: usize| {
        let mut bytes = vec![1 << 3];
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    let port = |name: String, shape: &[usize]| {
        let dimension = |&size: &usize| field(1, &if size == 0 { field(2, b"open") } else { number(size) });
        let shape: Vec<u8> = shape.iter().flat_map(dimension).collect();
        [field(1, name.as_bytes()), field(2, &field(1, &field(2, &shape)))].concat()
    };
    let ports = |number: u8, name: &str, shapes: &[&[usize]]| -> Vec<u8> {
        shapes.iter().enumerate().flat_map(|(at, shape)| field(number, &port(format!("{name}{at}"), shape))).collect()
    };
    let graph = [ports(11, "in", inputs), ports(12, "out", outputs)].concat();
    let names = names.map(|names| field(14, &[field(1, b"character"), field(2, names.as_bytes())].concat()));
    let bytes: &'static [u8] = [field(7, &graph), names.unwrap_or_default()].concat().leak();
    // Whatever is no file is our own.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("network.onnx");
    std::fs::write(&path, bytes).unwrap();
    OnDisk { source: ModelSource::file("network", path, Digest::of(bytes)), _dir: dir }
}

/// A model, and the folder that it is in.
struct OnDisk {
    source: ModelSource,
    _dir: tempfile::TempDir,
}

impl std::ops::Deref for OnDisk {
    type Target = ModelSource;

    fn deref(&self) -> &ModelSource {
        &self.source
    }
}

const IMAGE: &[usize] = &[1, 3, 64, 64];

fn picodet() -> OnDisk {
    model(&[IMAGE], &[&[1, 64, 2], &[1, 16, 2], &[1, 64, 32], &[1, 16, 32]], Some("text\ntable"))
}

#[test]
fn a_file_of_another_family_is_told_in_a_sentence_that_names_it() {
    let layout = |source: &ModelSource| LayoutNetwork::of_model(source).unwrap_err().to_string();
    let table = |source: &ModelSource| SlaNet::of_model(source).unwrap_err().to_string();
    let scores: &[usize] = &[1, 64, 2];
    let sides: &[usize] = &[1, 64, 32];
    for (source, said) in [
        (model(&[IMAGE, &[1, 2]], &[scores, sides], None), "it takes 2 inputs"),
        (model(&[&[1, 3, 0, 0]], &[scores, sides], None), "[1, 3, ?, ?]"),
        (model(&[IMAGE], &[scores, sides, sides], None), "3 outputs"),
        (model(&[IMAGE], &[&[1, 63, 2], sides], None), "[1, 63, 2]"),
        (model(&[IMAGE], &[scores, &[1, 64, 30]], None), "[1, 64, 30]"),
        (model(&[IMAGE], &[scores, sides], None), "names 0 of them"),
        (model(&[IMAGE], &[scores, sides], Some("cat\ndog")), "none of its classes"),
    ] {
        let error = layout(&source);
        assert!(error.contains(said) && error.contains("network.onnx") && error.contains("`layout`"), "{error}");
    }
    let image: &[usize] = &[0, 3, 0, 0];
    for (source, said) in [
        (model(&[&[0, 1, 0, 0]], &[&[0, 0, 4], &[0, 0, 30]], None), "square image"),
        (model(&[image], &[&[0, 0, 8], &[0, 0, 30]], None), "SLANet-plus"),
        (model(&[image], &[&[0, 0, 30]], None), "1 outputs"),
        (model(&[image], &[&[0, 0, 4], &[0, 0, 30]], None), "does not name its tokens"),
        (model(&[image], &[&[0, 0, 4], &[0, 0, 30]], Some("<tr>\n<td>")), "it has 30 tokens"),
    ] {
        let error = table(&source);
        assert!(error.contains(said) && error.contains("network.onnx") && error.contains("`table`"), "{error}");
    }
    let junk = ModelSource::built_in("junk", tiny::doubling_model(3).leak(), Digest([0; 32]));
    assert!(SlaNet::of_model(&junk).is_err());
}

#[test]
fn boxes_are_where_distances_say_and_those_of_one_thing_are_one() {
    let LayoutNetwork::PicoDet(network) = LayoutNetwork::of_model(&picodet()).unwrap() else { panic!("it is one") };
    // Cells 27 and 28 of the fine scale see one table, cell 5 of the coarse one a text.
    let (mut fine, mut coarse) = (vec![0.0; 128], vec![0.0; 32]);
    (fine[27 * 2 + 1], fine[28 * 2 + 1], coarse[5 * 2]) = (0.9, 0.8, 0.7);
    let sides = |cells: usize, strides: usize| {
        let mut sides = vec![-50.0; cells * 32];
        sides.chunks_exact_mut(8).for_each(|side| side[strides] = 50.0);
        sides
    };
    let (fine_sides, coarse_sides) = (sides(64, 3), sides(16, 1));
    let view = |shape: &'static [usize], data| TensorView { shape, data };
    let candidates = picodet::reduce(&[
        view(&[1, 64, 2], &fine),
        view(&[1, 16, 2], &coarse),
        view(&[1, 64, 32], &fine_sides),
        view(&[1, 16, 32], &coarse_sides),
    ]);
    let found = network.boxes(candidates.unwrap());
    let wanted = [
        Found { kind: BlockKind::Table, bounds: [4.0, 4.0, 52.0, 52.0], score: 0.9 },
        Found { kind: BlockKind::Paragraph, bounds: [8.0, 8.0, 40.0, 40.0], score: 0.7 },
    ];
    assert_eq!(found, wanted);
    let line = |x: f64, y: f64| [[x, y], [x + 4.0, y], [x + 4.0, y + 2.0], [x, y + 2.0]];
    assert_eq!(picodet::kind_of_line(&found, &line(20.0, 20.0)).0, BlockKind::Paragraph, "the smaller box");
    assert_eq!(picodet::kind_of_line(&found, &line(44.0, 44.0)).0, BlockKind::Table);
    assert_eq!(picodet::kind_of_line(&found, &line(56.0, 56.0)).0, BlockKind::Text);
    assert_eq!(picodet::areas(&found).len(), 1);
    assert!(picodet::reduce(&[view(&[1, 64, 2], &fine), view(&[1, 16, 32], &coarse_sides)]).is_err());
    assert!(PicoDet::of_model(&picodet()).is_ok());
}

#[test]
fn cells_stand_where_tokens_and_spans_put_them() {
    let names = "<thead>\n<tr>\n<td>\n</td>\n</tr>\n</thead>\n<td\n>\n colspan=\"2\"\n rowspan=\"2\"";
    let network = SlaNet::of_model(&model(&[&[0, 3, 0, 0]], &[&[0, 0, 4], &[0, 0, 12]], Some(names))).unwrap();
    // sos <thead> <tr> </td> </tr> </thead> <td > colspan rowspan <td></td> eos
    let (head, row, end_cell, end_row, end_head, with, close, column, down, cell, end) =
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    let said = [
        head, row, with, column, close, end_cell, cell, end_row, end_head, row, with, down, close, end_cell, cell,
        cell, end_row, row, cell, cell, end_row, end, cell,
    ];
    let mut tokens = vec![0.0; said.len() * 12];
    said.iter().enumerate().for_each(|(at, token)| tokens[at * 12 + token] = 0.9);
    let boxes: Vec<f32> = (0..said.len() * 4).map(|at| at as f32 / 100.0).collect();
    let (steps, shape) = ([1, said.len(), 4], [1, said.len(), 12]);
    let read =
        slanet::reduce(&[TensorView { shape: &shape, data: &tokens }, TensorView { shape: &steps, data: &boxes }]);
    let table = network.cells(&read.unwrap()).unwrap();
    let places: Vec<_> =
        table.cells.iter().map(|c| (c.row, c.column, c.row_span, c.column_span, c.is_header)).collect();
    let wanted = [
        (0, 0, 1, 2, true),
        (0, 2, 1, 1, true),
        (1, 0, 2, 1, false),
        (1, 1, 1, 1, false),
        (1, 2, 1, 1, false),
        (2, 1, 1, 1, false),
        (2, 2, 1, 1, false),
    ];
    assert_eq!(places, wanted, "what follows the end is not read");
    assert_eq!(table.cells[0].bounds, [0.08, 0.09, 0.1, 0.11]);
    assert!((table.confidence - 0.9).abs() < 1e-6);
    assert_eq!(network.cells(&[]), None);
}
