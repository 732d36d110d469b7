//! Files of the user that are mapped may be cut short by somebody else. Whoever reads past the new end is sent SIGBUS, and would
//! be ended by it. Here zeros come in place of what is gone, and it is noted, so that the document fails and the process goes on.
//!
//! The first guard installs a handler for the whole process. It answers for the maps that are registered here and hands
//! every other SIGBUS to the handler that was there before.

use std::{
    mem::MaybeUninit,
    sync::{
        Once, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Maps guarded at once: many more than documents are open.
const PLACES: usize = 1024;

struct Place {
    taken: AtomicBool,
    /// Address and length of the map; a length of 0 is no map.
    start: AtomicUsize,
    length: AtomicUsize,
    torn: AtomicBool,
}

static PLACES_TAKEN: [Place; PLACES] = [const {
    Place {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        length: AtomicUsize::new(0),
        torn: AtomicBool::new(false),
    }
}; PLACES];

/// The handler that was there before. Written once, before ours is installed.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();
static PAGE: AtomicUsize = AtomicUsize::new(4096);
static INSTALL: Once = Once::new();

/// Guards one map for as long as it lives. Must be dropped before the map is.
pub struct Guard {
    place: &'static Place,
}

impl Guard {
    /// `None` where as many maps are guarded as can be.
    pub fn new(map: &[u8]) -> Option<Self> {
        INSTALL.call_once(install);
        let place = PLACES_TAKEN.iter().find(|place| !place.taken.swap(true, Ordering::AcqRel))?;
        place.torn.store(false, Ordering::Release);
        place.start.store(map.as_ptr() as usize, Ordering::Release);
        place.length.store(map.len(), Ordering::Release);
        Some(Self { place })
    }

    /// Whether something of the map could not be read, and was zeros since.
    pub fn is_torn(&self) -> bool {
        self.place.torn.load(Ordering::Acquire)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.place.length.store(0, Ordering::Release);
        self.place.taken.store(false, Ordering::Release);
    }
}

fn install() {
    // SAFETY: plain calls of the C library; the handler does only what a signal handler may (atomics, mmap, sigaction).
    unsafe {
        PAGE.store(usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096), Ordering::Release);
        let mut before = MaybeUninit::<libc::sigaction>::zeroed();
        if libc::sigaction(libc::SIGBUS, std::ptr::null(), before.as_mut_ptr()) != 0 {
            return;
        }
        BEFORE.get_or_init(|| before.assume_init());
        let mut ours = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        ours.sa_sigaction = on_bus_error as *const () as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&mut ours.sa_mask);
        libc::sigaction(libc::SIGBUS, &ours, std::ptr::null_mut());
    }
}

extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid `info` to a handler with SA_SIGINFO.
    let at = unsafe { (*info).si_addr() } as usize;
    for place in &PLACES_TAKEN {
        let (start, length) = (place.start.load(Ordering::Acquire), place.length.load(Ordering::Acquire));
        if !(start..start + length).contains(&at) {
            continue;
        }
        let page = PAGE.load(Ordering::Acquire);
        let from = at & !(page - 1);
        // SAFETY: the pages from here to the map's end belong to the map, which only its owner unmaps, after the guard is gone;
        // they can only be read, and hold zeros from now on.
        let mapped = unsafe {
            libc::mmap(
                from as *mut libc::c_void,
                (start + length).next_multiple_of(page) - from,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if mapped != libc::MAP_FAILED {
            place.torn.store(true, Ordering::Release);
            return;
        }
    }
    // Not ours: with the handler from before in place, the instruction faults again.
    if let Some(before) = BEFORE.get() {
        // SAFETY: `before` is what the C library gave.
        unsafe { libc::sigaction(libc::SIGBUS, before, std::ptr::null_mut()) };
    }
}
