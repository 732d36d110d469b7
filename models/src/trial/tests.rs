use super::*;
use crate::backend::{Backend, portable::PortableBackend};

fn sessions(quality: Quality) -> Sessions {
    let load = |model: built_in::BuiltIn| PortableBackend.load(&model.source()).unwrap();
    let mut sessions: Sessions = [
        (Task::CompactDetect, load(built_in::DETECTOR.f32)),
        (Task::CompactRecognize, load(built_in::recognizer(quality).f32)),
    ]
    .into();
    if quality == Quality::Balanced {
        sessions.insert(Task::CompactReread, load(built_in::LARGE_RECOGNIZER.f32));
    }
    sessions
}

#[test]
fn our_own_runtime_computes_what_the_lab_did() {
    for network in [built_in::FAST_RECOGNIZER.f32, built_in::LARGE_RECOGNIZER.f32] {
        let session = &mut *PortableBackend.load(&network.source()).unwrap();
        assert_eq!(run_lines(session, network.id).unwrap(), Agreement { differ: 0, of: 896 }, "{}", network.id);
    }
    assert!(lines("another").is_empty());
}

#[test]
fn the_page_is_read_and_in_balanced_its_doubtful_lines_again() {
    let clock = std::cell::Cell::new(Duration::ZERO);
    // Every look at the clock is a millisecond later.
    let now = || clock.replace(clock.get() + Duration::from_millis(1));
    let fast = read_page(&mut sessions(Quality::Fast), Quality::Fast, &now).unwrap();
    let again = |page: &PageTrial| page.runs.iter().filter(|run| run.task == Task::CompactReread).count();
    assert_eq!((fast.lines, again(&fast)), (33, 0));
    assert_eq!(fast.time(), Duration::from_millis(fast.runs.len() as u64));
    let mut balanced_sessions = sessions(Quality::Balanced);
    let balanced = read_page(&mut balanced_sessions, Quality::Balanced, &now).unwrap();
    assert!(balanced.lines == 33 && (1..33).contains(&again(&balanced)), "{}", again(&balanced));
    let session = &mut **balanced_sessions.get_mut(&Task::CompactRecognize).unwrap();
    let (time, agreement) = run_again(session, Task::CompactRecognize, &balanced.runs, &now).unwrap();
    let runs = balanced.runs.iter().filter(|run| run.task == Task::CompactRecognize);
    assert_eq!((time, agreement.differ), (Duration::from_millis(runs.count() as u64), 0));
    assert!(agreement.of > 5000, "{agreement:?}");
}

#[test]
fn answers_agree_by_steps_and_by_lines() {
    let classes = |all: &[u32]| Answer::Classes(all.to_vec());
    let line = |top: f64, height: f64| [[0.0, top], [100.0, top], [100.0, top + height], [0.0, top + height]];
    let boxes = |all: &[Corners]| Answer::Boxes(all.to_vec());
    for (ours, right, differ, of) in [
        (classes(&[0, 1, 2, 0]), classes(&[0, 1, 3, 0]), 1, 4),
        (classes(&[0, 1]), classes(&[0, 1, 3, 0]), 2, 4),
        (boxes(&[line(0.0, 20.0), line(50.0, 20.0)]), boxes(&[line(51.0, 20.0), line(0.0, 22.0)]), 0, 2),
        // One too long, or one half as high: neither answer has the other's.
        (boxes(&[line(0.0, 20.0), line(50.0, 10.0)]), boxes(&[line(0.0, 20.0), line(50.0, 20.0)]), 2, 2),
        (boxes(&[]), boxes(&[line(0.0, 20.0)]), 1, 1),
        (boxes(&[]), classes(&[1]), 1, 1),
    ] {
        assert_eq!(ours.agreement(&right), Agreement { differ, of }, "{ours:?} {right:?}");
    }
    let share = |differ, of| Agreement { differ, of }.share();
    assert_eq!((share(1, 4), share(0, 0)), (0.25, 1.0));
}

#[test]
fn base64_is_that_of_the_standard() {
    // RFC 4648, section 10.
    for (text, expected) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")] {
        assert_eq!(base64(text), expected.as_bytes());
    }
}
