//! The reports' pages in a real browser.

use std::path::{Path, PathBuf};

use h2k::report::{BatchReport, Report, VmStanding, VmSummary, batch};
use serde_json::json;

use crate::common::Place;
use crate::common::browser::Browser;

/// A name as a hostile description may give it.
const HOSTILE: &str = "<img src=x onerror=alert(1)><script>document.title='owned'</script>";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports/debian12-bios")
}

fn real() -> Report {
    serde_json::from_slice(&std::fs::read(fixture().join("report.json")).unwrap()).unwrap()
}

/// Where a picture of a page is kept for people: `H2K_PICTURES`, if somebody wants to look.
fn keep(browser: &Browser, name: &str) {
    if let Some(dir) = std::env::var_os("H2K_PICTURES") {
        browser.picture(&Path::new(&dir).join(name));
    }
}

#[test]
fn the_page_of_a_vm_shows_everything_and_fetches_nothing() {
    let place = Place::new();
    let mut report = real();
    let page = place.write("report.html", report.html(&fixture()));
    let browser = Browser::start(false);
    browser.open(&page);
    let count = |selector: &str| browser.ask(&format!("document.querySelectorAll('{selector}').length"));
    assert_eq!(browser.ask("document.querySelector('h1').innerText"), "debian12-bios booted");
    assert_eq!(count("svg.gantt rect.bar"), json!(report.stages.len()));
    assert_eq!(count("svg.gantt .label"), json!(report.stages.len()));
    let details = report.edits.len() + 1;
    assert_eq!(count("details"), json!(details), "the edits, and the serial console");
    assert_eq!(count(".concern"), json!(report.concerns.len()));
    assert!(count("pre ins").as_u64() > Some(5) && count("pre del").as_u64() > Some(3));
    let links = report.readiness.as_ref().unwrap().links.len();
    assert!(count("table tbody tr").as_u64().unwrap() as usize > links + report.stages.len());
    // Bars have a width of their own, and the longest stage has the longest.
    let widths =
        browser.ask("[...document.querySelectorAll('rect.bar')].map(b => b.getBoundingClientRect().width)");
    let widths: Vec<f64> = serde_json::from_value(widths).unwrap();
    let seconds: Vec<f64> = report.stages.iter().map(|s| s.seconds).collect();
    let longest = |values: &[f64]| values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    assert!(widths.iter().all(|w| *w > 0.5), "{widths:?}");
    assert_eq!(longest(&widths), longest(&seconds), "{widths:?} {seconds:?}");
    // The screenshot is drawn from the page itself.
    assert!(browser.ask("document.querySelector('figure img').naturalWidth").as_u64() >= Some(320));
    assert_eq!(browser.ask("document.querySelector('figure img').complete"), true);
    // Nothing is wider than the window.
    assert_eq!(browser.ask("document.documentElement.scrollWidth <= innerWidth"), true);
    fetched_only(&browser, &page);
    assert!(browser.print().starts_with(b"%PDF-"));
    keep(&browser, "vm-light.png");

    report.name = HOSTILE.to_owned();
    let page = place.write("hostile.html", report.html(&fixture()));
    browser.open(&page);
    assert_eq!(browser.ask("document.querySelector('h1').innerText"), format!("{HOSTILE} booted"));
    assert_eq!(browser.ask("document.title"), format!("{HOSTILE}: h2k migration report"));
    assert_eq!(count("script"), 0);
    assert_eq!(count("img"), 1);
    fetched_only(&browser, &page);
}

/// The page itself and what it holds is all that was asked for, and the page's own policy forbids the rest.
fn fetched_only(browser: &Browser, page: &Path) {
    let asked = browser.requests();
    let own = format!("file://{}", page.display());
    assert!(asked.contains(&own), "{asked:?}");
    let others: Vec<_> = asked.iter().filter(|url| **url != own && !url.starts_with("data:")).collect();
    assert!(others.is_empty(), "the page fetched {others:?}");
    let tried = "(() => { const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x.png'; \
                 const s = document.createElement('script'); s.textContent = 'window.owned = 1'; \
                 document.body.append(i, s); return window.owned === undefined; })()";
    assert_eq!(browser.ask(tried), true, "the page runs scripts");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let network: Vec<_> = browser.requests().into_iter().filter(|url| url.starts_with("http")).collect();
    assert!(network.is_empty(), "the page may fetch {network:?}");
}

/// A batch of two waves as a night leaves it.
fn night() -> BatchReport {
    let report = real();
    let began = report.stages[0].started.unwrap();
    let mut vms: Vec<VmSummary> = (0..6_i64)
        .map(|index| {
            let mut vm = VmSummary::of(&report);
            vm.name = format!("web{index:02}");
            vm.dir = Some(format!("/srv/vms/web{index:02}").into());
            vm.wave = Some(if index < 4 { "first" } else { "second" }.to_owned());
            for stage in &mut vm.stages {
                let shift = std::time::Duration::from_secs(40 * index as u64);
                stage.started = stage.started.map(|at| at + shift);
            }
            vm
        })
        .collect();
    vms[3].state = VmStanding::Failed;
    vms[3].error = Some("convert: writing disk 0: No space left on device (os error 28)".to_owned());
    vms[3].stages.truncate(6);
    vms.push(VmSummary { wave: Some("second".to_owned()), ..VmSummary::new(HOSTILE, VmStanding::Skipped) });
    let ended = began + std::time::Duration::from_secs(430);
    BatchReport::new("night-1", Some("/etc/h2k/night-1.yaml".into()), (began, Some(ended)), vms)
}

#[test]
fn the_page_of_a_batch_shows_every_vm() {
    let place = Place::new();
    let report = night();
    batch::write(&place.path("night-1.batch"), &report).unwrap();
    let page = place.path("night-1.batch/batch.html");
    for dark in [false, true] {
        let browser = Browser::start(dark);
        browser.open(&page);
        let count = |selector: &str| browser.ask(&format!("document.querySelectorAll('{selector}').length"));
        assert_eq!(browser.ask("document.querySelector('h1').innerText"), "night-1 1 failed");
        // What failed stands first; a hostile name is text.
        let first = "document.querySelector('tbody tr').innerText";
        assert!(browser.ask(first).as_str().unwrap().starts_with("web03\tfailed"), "{}", browser.ask(first));
        let cells = browser.ask("[...document.querySelectorAll('section:nth-of-type(1) tbody td:first-child')].map(c => c.innerText)");
        let cells: Vec<String> = serde_json::from_value(cells).unwrap();
        assert_eq!(cells, ["web03", HOSTILE, "web00", "web01", "web02", "web04", "web05"]);
        let bars: usize = report.vms.iter().map(|vm| vm.stages.len()).sum();
        assert_eq!(count("svg.gantt rect.bar"), json!(bars));
        assert_eq!(count("svg.gantt .group"), 2, "a heading for each wave");
        assert_eq!(count("svg.gantt rect.broke"), 1);
        assert_eq!(count("script, img"), 0);
        let link = browser.ask("document.querySelector('a').getAttribute('href')");
        assert!(link.as_str().unwrap().ends_with("/srv/vms/web03/report.html"), "{link}");
        let ground = browser.ask("getComputedStyle(document.body).backgroundColor");
        assert_eq!(ground, if dark { "rgb(18, 22, 29)" } else { "rgb(246, 247, 249)" });
        keep(&browser, if dark { "batch-dark.png" } else { "batch-light.png" });
    }
    let place_text = page.parent().unwrap().to_str().unwrap().to_owned();
    let shown = place.h2k(["report", "--batch", &place_text, "--html"]).expect(0).stdout;
    assert!(shown.contains("<svg class=\"gantt\""));
    let json = place.h2k(["report", "--batch", &place_text, "--json"]).expect(0).json();
    assert_eq!(json["vms"].as_array().unwrap().len(), 7);
    let markdown = place.h2k(["report", "--batch", &place_text]).expect(0).stdout;
    assert!(markdown.contains("- 7 VMs: 5 done, 1 skipped, 1 failed\n"), "{markdown}");
    place.h2k(["report", "--batch", "night-2"]).expect(2);
}
