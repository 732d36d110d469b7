use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use pagestream_models::{
    backend::{ModelSource, Tensor, TensorView},
    built_in,
};

use super::*;

fn verdict(f32_page: Option<PageCost>, int8_page: Option<PageCost>, networks: &[NetworkTrial]) -> Verdict {
    let instructions = vec!["avx2".to_owned(), "fma".to_owned()];
    Verdict { instructions, networks: networks.to_vec(), f32_page, int8_page }
}

fn network(network: &str, f32_ms: Option<f64>, int8_ms: Option<f64>, differ: usize) -> NetworkTrial {
    NetworkTrial { network: network.to_owned(), f32_ms, int8_ms, differ, of: 1000, error: None }
}

fn page(own_ms: f64) -> Option<PageCost> {
    Some(PageCost { own_ms, lines: 33 })
}

#[test]
fn int8_is_taken_where_the_whole_page_is_much_quicker_or_nothing_else_runs() {
    for (f32_page, int8_page, is_int8) in [
        (page(75.0), page(36.0), true),
        (page(71.0), page(77.0), false),
        (page(12.0), page(10.0), false),
        (page(10.0), None, false),
        (None, page(10.0), true),
        (None, None, false),
    ] {
        let network = network("detector", f32_page.map(|_| 2.0), Some(1.0), 0);
        let verdict = verdict(f32_page, int8_page, &[network]);
        assert_eq!(verdict.is_int8("detector"), is_int8, "{verdict:?}");
        assert!(!verdict.is_int8("another"));
        assert!(verdict.why("detector").contains("avx2 fma"), "{}", verdict.why("detector"));
    }
}

#[test]
fn a_network_that_gains_little_stays_in_f32_while_another_does_not() {
    let networks =
        [network("detector", Some(26.0), Some(25.0), 0), network("recogniser-latin-fast", Some(85.0), Some(37.0), 0)];
    let verdict = verdict(page(111.0), page(63.0), &networks);
    assert_eq!(["detector", "recogniser-latin-fast"].map(|id| verdict.is_int8(id)), [false, true]);
    assert!(verdict.why("detector").contains("not quicker by a quarter: 25.0 ms a page against 26.0"));
}

#[test]
fn a_network_that_computes_otherwise_than_it_should_stays_in_f32_and_the_verdict_says_so() {
    let recognizer = built_in::FAST_RECOGNIZER.f32.id;
    // What exact and what saturating sums give: see `GATES`.
    for (name, differ, is_right) in [
        (recognizer, 15, true),
        (recognizer, 51, false),
        ("detector", 23, true),
        ("detector", 364, false),
        ("new", 1, false),
    ] {
        let trial = network(name, Some(20.0), Some(10.0), differ);
        assert_eq!(trial.is_right(), is_right, "{trial:?}");
        let verdict = verdict(page(90.0), page(30.0), &[trial]);
        assert_eq!(verdict.is_int8(name), is_right);
        let why = verdict.why(name);
        let said = format!("{differ} of 1000 results differ from f32's on avx2 fma");
        assert!(why.contains(&said) && why.contains("does not compute here what it should") != is_right, "{why}");
    }
}

/// Our own runtime as a library that has int8: networks in f32 take it three times as long, and of the steps of those in int8 one in
/// `wrong_of` comes out otherwise.
struct Library {
    loads: AtomicUsize,
    wrong_of: usize,
}

struct Run {
    session: Box<dyn Session>,
    rounds: usize,
    wrong_of: usize,
}

impl Session for Run {
    fn run(&mut self, input: TensorView<'_>, read: &mut dyn FnMut(TensorView<'_>)) -> Result<(), ModelError> {
        for _ in 1..self.rounds {
            self.session.run(input, &mut |_| {})?;
        }
        let wrong_of = self.wrong_of;
        self.session.run(input, &mut |output| {
            let mut data = output.data.to_vec();
            if let (&[1, _, classes], true) = (output.shape, wrong_of > 0) {
                // The best class of the step is another one.
                data.chunks_exact_mut(classes).step_by(wrong_of).for_each(|step| step.rotate_right(1));
            }
            read(Tensor { shape: output.shape.to_vec(), data }.view());
        })
    }

    fn memory(&self) -> pagestream_documents::ByteSize {
        self.session.memory()
    }
}

impl Backend for Library {
    fn name(&self) -> &str {
        "library"
    }

    fn load(&self, model: &ModelSource) -> Result<Box<dyn Session>, ModelError> {
        self.loads.fetch_add(1, Relaxed);
        let is_int8 = model.id.ends_with("-int8");
        let twin = built_in::model(model.id.trim_end_matches("-int8")).unwrap();
        let (rounds, wrong_of) = if is_int8 { (1, self.wrong_of) } else { (3, 0) };
        Ok(Box::new(Run { session: PortableBackend.load(&twin.source())?, rounds, wrong_of }))
    }
}

/// What the trial makes of a library, and how many models it loaded for that, at first and when it is asked again.
fn tried(quality: Quality, wrong_of: usize) -> (Verdict, [usize; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let device = "cpu".parse().unwrap();
    let mut networks = vec![
        (Task::CompactDetect, built_in::DETECTOR),
        (Task::CompactRecognize, built_in::recognizer(quality)),
        (Task::Layout, built_in::LAYOUT),
    ];
    if quality == Quality::Balanced {
        networks.push((Task::CompactReread, built_in::LARGE_RECOGNIZER));
    }
    let machine = Machine::new(Some(dir.path().to_owned()));
    let trial =
        Trial { machine: &machine, device: &device, quality, library: "library".to_owned(), networks: &networks };
    let library = Library { loads: AtomicUsize::new(0), wrong_of };
    let verdict = || {
        let verdict = trial.verdict(&library, Measure::IfNeeded).unwrap();
        (verdict, library.loads.swap(0, Relaxed))
    };
    assert_eq!(trial.verdict(&library, Measure::Never), None);
    let ((first, loads), (again, loads_again)) = (verdict(), verdict());
    assert_eq!((&first, trial.kept().as_ref()), (&again, Some(&first)));
    (first, [loads, loads_again])
}

#[test]
fn networks_in_int8_are_tried_once_and_found_exact() {
    let (verdict, loads) = tried(Quality::Fast, 0);
    assert_eq!(loads, [6, 0]);
    assert_eq!(verdict.instructions, Machine::instructions());
    let names: Vec<&str> = verdict.networks.iter().map(|trial| trial.network.as_str()).collect();
    assert_eq!(names, ["detector", "recogniser-latin-fast", "layout"]);
    for trial in &verdict.networks {
        assert!(trial.differ == 0 && trial.of > 0 && trial.is_right(), "{verdict:?}");
    }
    // Whether they are quicker enough for a page of their own is the clock's to say, and what follows from that is tested above.
    let pages: Vec<PageCost> = [verdict.f32_page, verdict.int8_page].into_iter().flatten().collect();
    assert!(verdict.f32_page.is_some() && pages.iter().all(|page| page.lines == 33), "{pages:?}");
}

#[test]
fn a_recogniser_that_is_wrong_in_a_step_of_twenty_is_not_and_its_detector_may_be() {
    let (verdict, _) = tried(Quality::Fast, 20);
    let recognizer = &verdict.networks[1];
    assert!((0.05..0.06).contains(&(recognizer.differ as f64 / recognizer.of as f64)), "{recognizer:?}");
    assert!(!verdict.is_int8(&recognizer.network));
    assert!(verdict.why(&recognizer.network).contains("does not compute here what it should"));
    assert!(verdict.networks[0].is_right());
}

#[test]
fn in_balanced_what_reads_doubtful_lines_again_is_tried_with_the_page() {
    let (verdict, _) = tried(Quality::Balanced, 0);
    let again = verdict.networks.iter().find(|trial| trial.network == built_in::LARGE_RECOGNIZER.f32.id).unwrap();
    assert!(again.f32_ms > Some(0.0) && again.of > 0 && again.differ == 0, "{again:?}");
}
