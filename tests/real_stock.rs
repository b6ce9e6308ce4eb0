//! A stock Debian 12: its initramfs holds virtio already, so nothing is rebuilt.

use crate::common::guest::guest;
use crate::common::story;

#[test]
fn nothing_is_rebuilt_where_nothing_is_missing() {
    let guest = guest("debian12-stock");
    let story = story::migrate(&guest, &guest.vmx(), &[("/dev/sda1", "/")]);
    let edits = story.plan["edits"].as_array().unwrap();
    assert!(!edits.iter().any(|e| e["kind"] == "run"), "a program of the guest was run: {edits:#?}");
}
