use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::image::ExtentKind;

/// A reader whose bytes are its number, with nothing in its second half.
struct Half(u64, u8);

impl DiskReader for Half {
    fn size(&self) -> u64 {
        self.0
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.0)?;
        buf.fill(self.1);
        Ok(())
    }
    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        let mut list = ExtentList::new(range.clone());
        list.push_to(self.0 / 2, ExtentKind::Data);
        list.push_to(self.0, ExtentKind::Unallocated);
        Ok(list.finish())
    }
}

fn spans(count: u64, opened: &Arc<AtomicUsize>) -> Spans {
    let opened = Arc::clone(opened);
    let open = move |number: usize| -> io::Result<Arc<dyn DiskReader>> {
        opened.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Half(10 + number as u64, number as u8)))
    };
    Spans::new((0..count).map(|n| 10 + n), Box::new(open))
}

#[test]
fn readers_follow_each_other() {
    let opened = Arc::default();
    let spans = spans(3, &opened);
    assert_eq!((spans.size(), opened.load(Ordering::Relaxed)), (33, 0));
    let mut read = [9; 14];
    spans.read_at(&mut read, 8).unwrap();
    assert_eq!(read, [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
    let found: Vec<_> = spans.extents(3..30).unwrap().iter().map(|e| (e.start, e.len, e.kind)).collect();
    let (data, none) = (ExtentKind::Data, ExtentKind::Unallocated);
    assert_eq!(
        found,
        [(3, 2, data), (5, 5, none), (10, 5, data), (15, 6, none), (21, 6, data), (27, 3, none)]
    );
    assert_eq!(spans.extents(33..33).unwrap(), []);
    assert!(spans.read_at(&mut read, 20).is_err() && spans.place(33).is_err());
    assert_eq!(opened.load(Ordering::Relaxed), 3);
}

#[test]
fn few_readers_stay_open() {
    let opened = Arc::default();
    let spans = spans(200, &opened);
    let mut all = vec![0; spans.size() as usize];
    spans.read_at(&mut all, 0).unwrap();
    assert_eq!(spans.open.lock().unwrap().readers.len(), MAX_OPEN);
    assert_eq!((all[0], all[all.len() - 1], opened.load(Ordering::Relaxed)), (0, 199, 200));
    let last = spans.size() - 1;
    spans.read_at(&mut [0], last).unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), 200);
    spans.read_at(&mut [0], 0).unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), 201);
}

#[test]
fn a_reader_of_another_size_is_refused() {
    let open = |_| -> io::Result<Arc<dyn DiskReader>> { Ok(Arc::new(Half(5, 0))) };
    let spans = Spans::new([6].into_iter(), Box::new(open));
    assert_eq!(spans.read_at(&mut [0], 0).unwrap_err().kind(), io::ErrorKind::InvalidData);
}
