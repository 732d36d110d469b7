use super::*;

const UNSURE: Compact = Compact { unsure_of: Some('e'), unsure: 0.61, ..SURE_OF_ALL };

#[test]
fn only_the_doubtful_line_is_read_again_by_the_larger_recogniser_of_ours_and_by_nobody_else() {
    let models = OcrModels { reread: true, ..all_models() };
    for again in [0.95, 0.62, 0.4] {
        let compact = Compact { again, ..UNSURE };
        let (reading, asked) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &models, compact);
        assert_eq!(letters(&reading), "abcdefghijklm", "{again}");
        assert_eq!((times(&asked, Task::CompactReread), times(&asked, Task::Recognize)), (1, 0), "{again}");
        assert!(reading.tasks.contains(&Task::CompactReread) && !reading.needs_review);
    }
    let (sure, asked) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &models, SURE_OF_ALL);
    assert_eq!((letters(&sure).as_str(), times(&asked, Task::CompactReread)), ("abcdefghijklm", 0));
    for (quality, models) in [(Quality::Fast, &models), (Quality::Balanced, &all_models())] {
        let (reading, asked) = read_tier(page(&two_columns()), &tier(quality), models, UNSURE);
        assert_eq!((letters(&reading).as_str(), times(&asked, Task::CompactReread)), ("abcdefghijklm", 0), "{quality}");
    }
}

#[test]
fn of_two_readings_the_surer_one_counts() {
    let models = OcrModels { reread: true, ..all_models() };
    let worth = |again: f32| {
        let compact = Compact { again, ..UNSURE };
        read_tier(page(&two_columns()), &tier(Quality::Balanced), &models, compact).0.confidence.unwrap()
    };
    assert!(worth(0.99) > worth(0.62));
    assert_eq!(worth(0.3), worth(0.5));
}

#[test]
fn results_that_were_not_asked_for_end_the_second_reading() {
    let models = OcrModels { reread: true, ..all_models() };
    let (mut reader, mut wanted) =
        PageReader::start(Arc::new(page(&two_columns())), &tier(Quality::Balanced), &models).unwrap();
    while wanted.iter().all(|inference| inference.task != Task::CompactReread) {
        let results = wanted.iter().map(|inference| compact_answer(inference, UNSURE)).collect();
        match reader.advance(results).unwrap() {
            Step::Infer(more) => wanted = more,
            Step::Done(_) => panic!("a line is in doubt"),
        }
    }
    assert!(reader.advance(vec![Inferred::Symbols(Vec::new()), Inferred::Symbols(Vec::new())]).is_err());
}
