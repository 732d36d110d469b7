//! When a file is ready to be taken: when it has not changed for a while, by a clock that never goes back, and has its end.
//!
//! Nothing is compared with the time of day: clocks of servers differ, and are set back.

use std::{
    fs::Metadata,
    time::{Duration, Instant, SystemTime},
};

/// A state of a file. What was written between two looks changes one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub length: u64,
    pub modified: Option<SystemTime>,
    /// Device and number of the file, where the system has them.
    pub identity: (u64, u64),
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Self {
        #[cfg(unix)]
        let identity = (std::os::unix::fs::MetadataExt::dev(found), std::os::unix::fs::MetadataExt::ino(found));
        #[cfg(not(unix))]
        let identity = (0, 0);
        Self { length: found.len(), modified: found.modified().ok(), identity }
    }
}

/// How long a file must be as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// One that has its end.
    pub settle: Duration,
    /// One that has not.
    pub incomplete: Duration,
}

/// A file that was found and is not taken yet.
#[derive(Clone, Debug)]
pub struct Candidate {
    stamp: Stamp,
    /// When it was first found.
    pub found: Instant,
    /// Since when it is as it is.
    since: Instant,
    /// When it is worth looking again.
    pub due: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not before [`Candidate::due`].
    Wait,
    Ready,
}

impl Candidate {
    pub fn new(stamp: Stamp, now: Instant, patience: Patience) -> Self {
        Self { stamp, found: now, since: now, due: now + patience.settle }
    }

    /// What is to be done with it, seen as `stamp` at `now`; `is_whole` is asked only when it decides.
    pub fn look(&mut self, stamp: Stamp, now: Instant, patience: Patience, is_whole: impl FnOnce() -> bool) -> Verdict {
        if stamp != self.stamp {
            (self.stamp, self.since) = (stamp, now);
        }
        let unchanged = now.saturating_duration_since(self.since);
        if unchanged < patience.settle {
            self.due = self.since + patience.settle;
            return Verdict::Wait;
        }
        if unchanged >= patience.incomplete || is_whole() {
            return Verdict::Ready;
        }
        // It has no end yet: the next bytes may come at any time.
        let again = now + patience.settle.max(Duration::from_millis(100));
        self.due = again.min(self.since + patience.incomplete);
        Verdict::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { settle: Duration::from_secs(2), incomplete: Duration::from_secs(60) };

    fn stamp(length: u64, modified: u64) -> Stamp {
        let modified = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(modified));
        Stamp { length, modified, identity: (1, 1) }
    }

    /// A clock that the test moves.
    struct Watched {
        start: Instant,
        candidate: Candidate,
    }

    impl Watched {
        fn new(first: Stamp) -> Self {
            let start = Instant::now();
            Self { start, candidate: Candidate::new(first, start, PATIENCE) }
        }

        fn look(&mut self, second: u64, stamp: Stamp, whole: bool) -> Verdict {
            self.candidate.look(stamp, self.start + Duration::from_secs(second), PATIENCE, || whole)
        }
    }

    #[test]
    fn a_writer_that_writes_in_slow_pieces_is_waited_for() {
        let mut file = Watched::new(stamp(0, 100));
        for second in 1..50 {
            // Each piece comes a second after the last, and each is whole by itself.
            assert_eq!(file.look(second, stamp(second * 1_000, 100 + second), true), Verdict::Wait, "{second}");
        }
        assert_eq!(file.look(50, stamp(49_000, 149), true), Verdict::Wait);
        assert_eq!(file.look(51, stamp(49_000, 149), true), Verdict::Ready);
    }

    #[test]
    fn a_file_without_its_end_is_waited_for_longer_and_then_taken() {
        let mut file = Watched::new(stamp(10, 100));
        for second in [2, 10, 59] {
            assert_eq!(file.look(second, stamp(10, 100), false), Verdict::Wait, "{second}");
            assert!(file.candidate.due > file.start + Duration::from_secs(second), "it is looked at again");
        }
        assert_eq!(file.look(60, stamp(10, 100), false), Verdict::Ready);
    }

    #[test]
    fn clocks_that_go_back_change_nothing() {
        // Its time of modification lies in the future; then somebody sets it back; then it stays.
        let mut file = Watched::new(stamp(10, 9_000_000_000));
        assert_eq!(file.look(1, stamp(10, 50), true), Verdict::Wait, "it has changed");
        assert_eq!(file.look(2, stamp(10, 50), true), Verdict::Wait);
        assert_eq!(file.look(3, stamp(10, 50), true), Verdict::Ready);
        // The same size and the same time, but another file under the name.
        let replaced = Stamp { identity: (1, 2), ..stamp(10, 50) };
        assert_eq!(file.look(4, replaced, true), Verdict::Wait);
    }
}
