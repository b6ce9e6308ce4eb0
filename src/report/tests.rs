use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A report in which every text that comes from a guest, a source or a program is `t`.
pub(super) fn report(t: &str) -> Report {
    let link = json!({ "link": "fstab", "subject": t, "state": "late", "detail": t });
    let edits = json!([
        { "fixer": "linux.fstab", "reason": t, "kind": "write", "path": t, "before": { "text": format!("a\n{t}\n") },
          "after": { "text": format!("b\n{t}") }, "mode": 420 },
        { "fixer": "linux.tools", "reason": t, "kind": "run", "argv": [t, t], "changes": [t] },
        { "fixer": "linux.x", "reason": t, "kind": "rename", "path": t, "to": t },
        { "fixer": "linux.x", "reason": t, "kind": "patch", "path": t, "size": 9, "pieces": [
          { "offset": 1, "before": { "text": t }, "after": { "text": "b" } },
          { "offset": 5, "before": { "base64": "AAE=" }, "after": { "base64": "AAI=" } } ] },
    ]);
    let disk = json!({ "file": t, "size": 1024, "allocated": 512, "seconds": 0.5, "transfer": { "engine": t, "copied": null } });
    let evidence = json!({
        "nics": [{ "mac": t, "connected": true }], "differences": [t], "serial_excerpt": [t], "screenshots": [t],
        "hints": [{ "sign": "kernel-panic", "line": t }], "warnings": [t], "first_try": t,
    });
    let stage = |name| json!({ "stage": name, "started": "2026-11-20T22:00:00Z", "seconds": 2.0, "summary": t, "resumed": true });
    let value = json!({
        "version": 1, "h2k": "0.1.0", "name": t, "source": t, "source_digest": "ab", "dir": format!("/vms/{t}"),
        "finished": "2026-11-20T22:00:09Z", "stages": [stage("fetch"), stage("fix")], "edits": edits,
        "edit_seconds": [0.1], "forecast": { "virtual_bytes": 1, "source_bytes": 1, "target_bytes": 1,
        "overlay_bytes": 1, "temp_bytes": 1 }, "disks": [disk], "readiness": [link], "untrimmed": [[t, t]],
        "concerns": [{ "id": t, "severity": "warning", "subject": t, "message": t, "advice": t }],
        "verdict": { "outcome": "unproven", "reason": t, "evidence": evidence },
        "host": { "kvm": false, "peak_memory_bytes": 5 },
    });
    serde_json::from_value(value).unwrap()
}

fn batch(t: &str) -> BatchReport {
    let mut vm = VmSummary::of(&report(t));
    vm.wave = Some(t.to_owned());
    let mut failed = VmSummary::new(t, VmStanding::Failed);
    failed.error = Some(t.to_owned());
    failed.dir = Some(format!("/vms/{t}").into());
    let started = "2026-11-20T22:00:00Z".parse().unwrap();
    BatchReport { host: Host { kvm: false, peak_memory_bytes: None }, ..bare(t, started, vec![vm, failed]) }
}

fn bare(t: &str, started: Timestamp, vms: Vec<VmSummary>) -> BatchReport {
    let host = Host { kvm: false, peak_memory_bytes: None };
    let (h2k, name, file) = ("0.1.0".to_owned(), t.to_owned(), Some(t.into()));
    BatchReport { version: batch::VERSION, h2k, name, file, started, ended: None, host, vms }
}

/// Every tag with its attributes, in order. Marks of a diff's lines are as many as its lines; the value of a link is
/// tried apart.
fn tags(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, behind) = after.split_once('>').expect("a tag that does not end");
        if !["ins", "/ins", "del", "/del"].contains(&tag) {
            found.push(if tag.starts_with("a href=") { "a".to_owned() } else { tag.to_owned() });
        }
        rest = behind;
    }
    found
}

fn pages(t: &str) -> [String; 2] {
    [report(t).html(Path::new("/nowhere")), batch(t).html(Path::new("/vms/x.batch"))]
}

#[test]
fn a_hostile_name_shows_as_text() {
    let name = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\x1b[2J\u{202e}";
    for page in pages(name) {
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("<h1>&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&lt;img "), "{page}");
        assert!(page.contains("&amp;amp;\\u{1b}[2J\\u{202e}"), "{page}");
    }
}

#[test]
fn megabytes_of_a_guest_do_not_become_megabytes_of_a_page() {
    let [page, batch] = pages(&"<&\"".repeat(500_000));
    assert!(page.len() < 2 << 20, "{}", page.len());
    assert!(batch.len() < 2 << 20, "{}", batch.len());
}

#[test]
fn a_report_of_an_older_h2k_is_read() {
    let mut old = serde_json::to_value(report("x")).unwrap();
    for field in ["edit_seconds", "used", "readiness", "untrimmed"] {
        old.as_object_mut().unwrap().remove(field);
    }
    for field in ["started", "resumed"] {
        old["stages"][0].as_object_mut().unwrap().remove(field);
    }
    let old: Report = serde_json::from_value(old).unwrap();
    assert_eq!((old.used, old.stages[0].started), (None, None));
    assert!(old.html(Path::new("/nowhere")).contains("<rect"), "no timeline without times");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_of_a_guest_yields_a_tag_or_an_attribute(any in "\\PC{1,40}|[<>&\"'/=a-z \n\r\t\u{0}-\u{1f}-]{1,60}") {
        for (page, plain) in pages(&any).iter().zip(pages("x")) {
            prop_assert_eq!(tags(page), tags(&plain));
        }
    }
}
