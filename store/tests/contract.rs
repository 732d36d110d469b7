//! The contract of the three seams. Each check takes the trait alone, so an engine that is to stand behind a seam is
//! tested by adding its `#[test]` below.

mod common;

use std::{
    io::{self, Cursor as Bytes, Read},
    path::Path,
};

use common::{commit, failed, page, submit};
use pagestream_documents::{ByteSize, Digest, DocumentId, PageStatus};
use pagestream_store::{
    BlobStore, Committed, Cursor, Error, FolderBlobs, Offer, PageLog, Priority, Store, StoreOptions, WorkQueue,
};

// ---- blobs

fn blobs_are_found_by_their_content(blobs: &dyn BlobStore) {
    let bytes: Vec<u8> = (0..700_001u32).map(|n| (n % 251) as u8).collect();
    let blob = blobs.put(&mut Bytes::new(&bytes)).unwrap();
    assert_eq!((blob.digest, blob.size), (Digest::of(&bytes), ByteSize(700_001)));
    assert_eq!((*blobs.open(blob.digest).unwrap()).as_ref(), bytes);
    assert_eq!(blobs.read_range(blob.digest, 262_100, 100).unwrap(), bytes[262_100..262_200]);
    assert_eq!(blobs.read_range(blob.digest, 700_000, 100).unwrap(), bytes[700_000..]);
    assert!(blobs.read_range(blob.digest, 800_000, 100).unwrap().is_empty());
    assert_eq!(blobs.size(blob.digest).unwrap(), Some(blob.size));

    let empty = blobs.put(&mut io::empty()).unwrap();
    assert!((*blobs.open(empty.digest).unwrap()).as_ref().is_empty());

    let absent = Digest::of(b"never put");
    assert!(matches!(blobs.open(absent), Err(Error::NoSuchBlob(digest)) if digest == absent));
    assert!(matches!(blobs.read_range(absent, 0, 1), Err(Error::NoSuchBlob(_))));
    assert_eq!(blobs.size(absent).unwrap(), None);
    assert!(blobs.delete(absent).unwrap());
}

fn the_same_bytes_are_held_once(blobs: &dyn BlobStore) {
    let first = blobs.put(&mut Bytes::new(b"twice")).unwrap();
    let second = blobs.put(&mut Bytes::new(b"twice")).unwrap();
    assert_eq!(first.digest, second.digest);
    assert_eq!(blobs.list().unwrap(), [first.digest]);
}

fn a_blob_in_use_is_not_deleted(blobs: &dyn BlobStore) {
    let first = blobs.put(&mut Bytes::new(b"held")).unwrap();
    let second = blobs.put(&mut Bytes::new(b"held")).unwrap();
    let digest = first.digest;
    assert!(!blobs.delete(digest).unwrap());
    drop(first);
    assert!(!blobs.delete(digest).unwrap(), "the second holder counts as well");
    let map = blobs.open(digest).unwrap();
    drop(second);
    assert!(blobs.delete(digest).unwrap());
    assert_eq!(blobs.size(digest).unwrap(), None);
    assert_eq!((*map).as_ref(), b"held", "an open map outlives the blob");
}

fn a_stream_that_breaks_leaves_nothing(blobs: &dyn BlobStore) {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut stream = Bytes::new(b"half a document").chain(Broken);
    assert!(matches!(blobs.put(&mut stream), Err(Error::Input(_))));
    assert_eq!(blobs.list().unwrap(), []);
}

fn folder(check: fn(&dyn BlobStore)) {
    let dir = tempfile::tempdir().unwrap();
    check(&FolderBlobs::open(dir.path()).unwrap());
    assert_eq!(std::fs::read_dir(dir.path().join("incoming")).unwrap().count(), 0, "nothing half written is left");
}

#[test]
fn folder_blobs_are_found_by_their_content() {
    folder(blobs_are_found_by_their_content);
}

#[test]
fn folder_holds_the_same_bytes_once() {
    folder(the_same_bytes_are_held_once);
}

#[test]
fn folder_does_not_delete_a_blob_in_use() {
    folder(a_blob_in_use_is_not_deleted);
}

#[test]
fn folder_keeps_nothing_of_a_stream_that_breaks() {
    folder(a_stream_that_breaks_leaves_nothing);
}

#[test]
fn a_truncated_file_in_the_spool_is_replaced_by_a_sound_one() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(dir.path()).unwrap();
    let digest = blobs.put(&mut Bytes::new(b"whole")).unwrap().digest;
    let name = digest.to_string();
    std::fs::write(dir.path().join(&name[..2]).join(&name[2..]), b"who").unwrap();
    let _blob = blobs.put(&mut Bytes::new(b"whole")).unwrap();
    assert_eq!((*blobs.open(digest).unwrap()).as_ref(), b"whole");
}

// ---- waiting work

/// `queue` holds at most four; `document` makes one that it knows.
fn work_is_bounded(queue: &dyn WorkQueue, document: &dyn Fn() -> DocumentId) {
    let documents: Vec<_> = (0..5).map(|_| document()).collect();
    for &document in &documents[..4] {
        assert_eq!(queue.offer(document, Priority::Bulk).unwrap(), Offer::Accepted);
    }
    assert_eq!(queue.offer(documents[4], Priority::Interactive).unwrap(), Offer::Busy { waiting: 4 });
    assert_eq!(queue.offer(documents[0], Priority::Bulk).unwrap(), Offer::Accepted, "it waits already");
    assert_eq!(queue.waiting().unwrap(), 4);
    let lease = queue.claim().unwrap().unwrap();
    assert_eq!(queue.offer(documents[4], Priority::Bulk).unwrap(), Offer::Accepted, "what is leased does not wait");
    lease.done().unwrap();
    assert!(matches!(queue.offer(DocumentId::new(), Priority::Bulk), Err(Error::NoSuchDocument(_))));
}

fn work_is_given_to_one_at_a_time(queue: &dyn WorkQueue, document: &dyn Fn() -> DocumentId) {
    let id = document();
    queue.offer(id, Priority::Bulk).unwrap();
    let mut lease = queue.claim().unwrap().unwrap();
    assert_eq!((lease.document, lease.attempt, lease.progress), (id, 1, 0));
    assert!(queue.claim().unwrap().is_none());
    lease.progress(17).unwrap();
    lease.retry("the device was lost").unwrap();

    let lease = queue.claim().unwrap().unwrap();
    assert_eq!((lease.document, lease.attempt, lease.progress), (id, 2, 17));
    assert_eq!(lease.last_reason.as_deref(), Some("the device was lost"));
    drop(lease);

    let lease = queue.claim().unwrap().expect("a dropped lease is returned");
    assert_eq!(lease.attempt, 3);
    lease.done().unwrap();
    assert!(queue.claim().unwrap().is_none());
    assert_eq!(queue.waiting().unwrap(), 0);
}

fn interactive_work_goes_first_and_bulk_still_moves(queue: &dyn WorkQueue, document: &dyn Fn() -> DocumentId) {
    let bulk = [document(), document()];
    for id in bulk {
        queue.offer(id, Priority::Bulk).unwrap();
    }
    // A stream of interactive documents: after each claim the next is there already.
    let mut taken = Vec::new();
    for _ in 0..8 {
        queue.offer(document(), Priority::Interactive).unwrap();
        let lease = queue.claim().unwrap().unwrap();
        taken.push(lease.priority);
        if lease.priority == Priority::Bulk {
            assert_eq!(lease.document, bulk[0], "the one that waited longest");
        }
        lease.done().unwrap();
    }
    assert_eq!(taken[0], Priority::Interactive);
    assert_eq!(taken.iter().filter(|priority| **priority == Priority::Bulk).count(), 1, "one claim in eight");
}

fn what_is_retried_goes_behind_the_others(queue: &dyn WorkQueue, document: &dyn Fn() -> DocumentId) {
    let ids = [document(), document()];
    for id in ids {
        queue.offer(id, Priority::Bulk).unwrap();
    }
    queue.claim().unwrap().unwrap().retry("again").unwrap();
    let next = queue.claim().unwrap().unwrap();
    assert_eq!(next.document, ids[1]);
    next.done().unwrap();
    let last = queue.claim().unwrap().unwrap();
    assert_eq!(last.document, ids[0]);
    // Its new place is its own: a document offered later does not collide with it.
    let later = document();
    queue.offer(later, Priority::Bulk).unwrap();
    last.done().unwrap();
    assert_eq!(queue.claim().unwrap().unwrap().document, later);
}

fn sqlite_work(check: fn(&dyn WorkQueue, &dyn Fn() -> DocumentId)) {
    let store = Store::temporary(StoreOptions { max_waiting: 4, ..StoreOptions::default() }).unwrap();
    check(store.work(), &|| submit(&store, b"work"));
}

#[test]
fn sqlite_work_is_bounded() {
    sqlite_work(work_is_bounded);
}

#[test]
fn sqlite_work_is_given_to_one_at_a_time() {
    sqlite_work(work_is_given_to_one_at_a_time);
}

#[test]
fn sqlite_gives_interactive_work_first_and_bulk_still_moves() {
    sqlite_work(interactive_work_goes_first_and_bulk_still_moves);
}

#[test]
fn sqlite_puts_what_is_retried_behind_the_others() {
    sqlite_work(what_is_retried_goes_behind_the_others);
}

#[test]
fn leases_die_with_the_process_that_held_them() {
    let dir = tempfile::tempdir().unwrap();
    let open = |dir: &Path| Store::open(dir, StoreOptions::default()).unwrap();
    let store = open(dir.path());
    let id = submit(&store, b"work");
    store.work().offer(id, Priority::Bulk).unwrap();
    // As if killed: the lease is neither ended nor dropped. The lock goes with the store.
    std::mem::forget(store.work().claim().unwrap().unwrap());
    drop(store);
    // The forgotten lease still holds the database, not the writer's lock.
    let lease = open(dir.path()).work().claim().unwrap().expect("the lease is returned on open");
    assert_eq!((lease.document, lease.attempt), (id, 2));
}

// ---- the page log

type NewDocument<'a> = &'a dyn Fn() -> DocumentId;

fn a_page_is_committed_once(log: &dyn PageLog, document: NewDocument) {
    let id = document();
    let answers = log.commit(&[commit(id, 1, "first"), commit(id, 2, "second"), commit(id, 1, "again")]).unwrap();
    let [Committed::New(one), Committed::New(two), Committed::AlreadyThere] = answers[..] else {
        panic!("{answers:?}");
    };
    assert!(0 < one && one < two);
    assert_eq!(log.commit(&[commit(id, 2, "later")]).unwrap(), [Committed::AlreadyThere]);
    let texts: Vec<_> =
        log.read(id, Cursor::Page(page(1)), 10).unwrap().iter().map(|page| page.record().unwrap().text).collect();
    assert_eq!(texts, ["first", "second"], "the first record stands");
}

fn racing_commits_of_one_page_have_one_winner(log: &dyn PageLog, document: NewDocument) {
    let id = document();
    let new: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (1..=50)
                        .map(|n| log.commit(&[commit(id, n, "race")]).unwrap())
                        .filter(|answer| matches!(answer[0], Committed::New(_)))
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(new, 50);
    assert_eq!(log.committed_pages(id).unwrap().len(), 50);
}

fn pages_are_read_from_anywhere(log: &dyn PageLog, document: NewDocument) {
    let [a, b] = [document(), document()];
    log.commit(&[commit(a, 3, "a3"), commit(b, 1, "b1"), commit(a, 1, "a1")]).unwrap();
    log.commit(&[failed(a, 2)]).unwrap();
    let numbers =
        |cursor, limit| log.read(a, cursor, limit).unwrap().iter().map(|page| page.page.get()).collect::<Vec<_>>();
    assert_eq!(numbers(Cursor::Page(page(1)), 10), [1, 2, 3]);
    assert_eq!(numbers(Cursor::Page(page(2)), 1), [2]);
    assert!(numbers(Cursor::Page(page(4)), 10).is_empty());
    assert_eq!(numbers(Cursor::After(0), 10), [3, 1, 2]);
    let third = log.read(a, Cursor::After(0), 1).unwrap()[0].seq;
    assert_eq!(numbers(Cursor::After(third), 10), [1, 2]);

    let all = log.changes_since(0, 10).unwrap();
    assert_eq!(
        all.iter().map(|stored| (stored.document, stored.page.get())).collect::<Vec<_>>(),
        [(a, 3), (b, 1), (a, 1), (a, 2)]
    );
    assert_eq!(log.changes_since(all[1].seq, 1).unwrap(), all[2..3]);
    assert_eq!(all[3].status, PageStatus::Failed);
    assert_eq!(all[0].record().unwrap(), *commit(a, 3, "a3").record, "a record comes back as it was");
    assert_eq!(log.committed_pages(a).unwrap().iter().map(|page| page.get()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(log.committed_pages(DocumentId::new()).unwrap().is_empty());
}

fn a_page_of_an_unknown_document_spoils_no_batch(log: &dyn PageLog, document: NewDocument) {
    let (id, stranger) = (document(), DocumentId::new());
    let answers = log.commit(&[commit(id, 1, "good"), commit(stranger, 1, "lost"), commit(id, 2, "good")]).unwrap();
    assert!(matches!(answers[..], [Committed::New(_), Committed::Closed, Committed::New(_)]), "{answers:?}");
    assert!(log.read(stranger, Cursor::After(0), 1).unwrap().is_empty());
}

fn sqlite_log(check: fn(&dyn PageLog, NewDocument)) {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    check(store.pages(), &|| submit(&store, b"pages"));
}

#[test]
fn sqlite_commits_a_page_once() {
    sqlite_log(a_page_is_committed_once);
}

#[test]
fn sqlite_lets_one_of_racing_commits_win() {
    sqlite_log(racing_commits_of_one_page_have_one_winner);
}

#[test]
fn sqlite_pages_are_read_from_anywhere() {
    sqlite_log(pages_are_read_from_anywhere);
}

#[test]
fn sqlite_takes_no_page_of_an_unknown_document() {
    sqlite_log(a_page_of_an_unknown_document_spoils_no_batch);
}
