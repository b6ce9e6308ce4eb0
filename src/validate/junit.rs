//! Verdicts as JUnit XML, which CI systems read (<https://github.com/testmoapp/junitxml>).

use crate::emit::tree::{Element, write};

use super::verdict::{Outcome, Verdict};

/// One test case per VM: its name, and its verdict or why there is none. A guest that did not boot is a failure, a
/// test that could not be made is an error.
pub fn junit(results: &[(String, Result<Verdict, String>)]) -> String {
    let failures = results.iter().filter(|(_, r)| r.as_ref().is_ok_and(|v| !v.proven())).count();
    let errors = results.iter().filter(|(_, r)| r.is_err()).count();
    let seconds: f64 = results.iter().filter_map(|(_, r)| Some(r.as_ref().ok()?.evidence.seconds)).sum();
    let suite = Element::new("testsuite")
        .attr("name", "h2k boot test")
        .attr("tests", results.len().to_string())
        .attr("failures", failures.to_string())
        .attr("errors", errors.to_string())
        .attr("skipped", "0")
        .attr("time", format!("{seconds:.3}"))
        .with(results.iter().map(|(name, result)| case(name, result)));
    let text = write(&Element::new("testsuites").child(suite)).unwrap_or_default();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}")
}

fn case(name: &str, result: &Result<Verdict, String>) -> Element {
    let case = Element::new("testcase").attr("classname", "h2k.boot").attr("name", clean(name));
    let verdict = match result {
        Ok(verdict) => verdict,
        Err(why) => return case.child(problem("error", "not-tested", why, "")),
    };
    let excerpt = clean(&verdict.evidence.serial_excerpt.join("\n"));
    let case = case.attr("time", format!("{:.3}", verdict.evidence.seconds));
    match verdict.outcome {
        Outcome::Booted => {
            case.child(Element::new("system-out").text(format!("{}\n{excerpt}", clean(&verdict.reason))))
        }
        outcome => case.child(problem("failure", &outcome.to_string(), &verdict.reason, &excerpt)),
    }
}

fn problem(kind: &str, class: &str, message: &str, text: &str) -> Element {
    Element::new(kind).attr("type", class).attr("message", clean(message)).text(text)
}

/// Text without the characters that XML 1.0 cannot carry.
fn clean(text: &str) -> String {
    let bad = |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    text.chars().map(|c| if bad(c) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Evidence;

    #[test]
    fn ci_systems_can_read_it() {
        let verdict = |outcome, reason: &str| {
            let serial_excerpt = vec!["a <b>\u{1}".to_owned(), "c".to_owned()];
            let evidence = Evidence { seconds: 31.5, serial_excerpt, ..Evidence::default() };
            Ok(Verdict { outcome, reason: reason.to_owned(), evidence })
        };
        let results = [
            ("web & co".to_owned(), verdict(Outcome::Booted, "login prompt")),
            ("db".to_owned(), verdict(Outcome::Failed, "the kernel \"panicked\"")),
            ("old".to_owned(), Err("QEMU is not installed".to_owned())),
        ];
        let text = junit(&results);
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites>
          <testsuite name="h2k boot test" tests="3" failures="1" errors="1" skipped="0" time="63.000">
            <testcase classname="h2k.boot" name="web &amp; co" time="31.500">
              <system-out>login prompt
        a &lt;b&gt;�
        c</system-out>
            </testcase>
            <testcase classname="h2k.boot" name="db" time="31.500">
              <failure type="failed" message="the kernel &quot;panicked&quot;">a &lt;b&gt;�
        c</failure>
            </testcase>
            <testcase classname="h2k.boot" name="old">
              <error type="not-tested" message="QEMU is not installed"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
        assert!(crate::emit::tree::read(&text).is_ok());
    }
}
