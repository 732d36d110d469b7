//! Places where a test makes a stage fail. Without the feature `failpoints` there is nothing here but an empty function.

#[cfg(feature = "failpoints")]
mod armed {
    use std::{
        collections::BTreeMap,
        sync::{Mutex, PoisonError},
    };

    use crate::metrics::Stage;

    /// By stage: hits that are let pass, and panics to come after those.
    static POINTS: Mutex<BTreeMap<Stage, (usize, usize)>> = Mutex::new(BTreeMap::new());

    /// The stage's handlers panic `panics` times, after they were entered `pass` times. Points are the process's: tests
    /// that arm the same one must take turns.
    pub fn arm(stage: Stage, pass: usize, panics: usize) {
        POINTS.lock().unwrap_or_else(PoisonError::into_inner).insert(stage, (pass, panics));
    }

    /// Panics that were armed and did not happen.
    pub fn left(stage: Stage) -> usize {
        POINTS.lock().unwrap_or_else(PoisonError::into_inner).get(&stage).map_or(0, |(_, panics)| *panics)
    }

    pub fn hit(stage: Stage) {
        let fails = match POINTS.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&stage) {
            Some((pass @ 1.., _)) => {
                *pass -= 1;
                false
            }
            Some((_, panics @ 1..)) => {
                *panics -= 1;
                true
            }
            _ => false,
        };
        assert!(!fails, "fail point in the {}", stage.as_str());
    }
}

#[cfg(feature = "failpoints")]
pub use armed::{arm, hit, left};

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn hit(_: crate::metrics::Stage) {}
