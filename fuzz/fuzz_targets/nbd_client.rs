//! What a hostile NBD server says: negotiation, replies to a read and to a block status.
//!
//! Invariants: the client never panics, takes no more memory than one request's worth, and ends; a read that succeeds
//! has filled the whole buffer with what the server said; extents are in order, without gaps, and of the range.
#![no_main]

use std::io::{self, Cursor, Read, Write};

use h2k::image::nbd::Client;
use libfuzzer_sys::fuzz_target;

struct Canned<'a>(Cursor<&'a [u8]>);

impl Read for Canned<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Canned<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(mut client) = Client::connect(Canned(Cursor::new(data)), "export") else { return };
    let end = client.size().min(2000);
    let _ = client.read_at(&mut vec![0; end as usize], 0);
    let start = client.size() - end;
    if let Ok(extents) = client.extents(start..client.size()) {
        let mut at = start;
        for extent in extents {
            assert!(extent.start == at && extent.len > 0);
            at += extent.len;
        }
        assert_eq!(at, client.size());
    }
    let _ = client.read_at(&mut [0; 1], start);
});
