//! Rules of the user's own, weights and acceptances, through the program.

use crate::common::{Place, phony};

const SETTINGS: &str = "network: {'*': 'bridge:lo-is-no-bridge'}
rules:
  - id: site.bookworm
    when: facts.systems.exists(s, s.distro == 'debian' && s.major == 12) && source.memory_mib < 1024
    severity: critical
    message: a small Debian 12
    advice: give it more memory
  - id: site.large
    when: source.memory_mib > 65536
    severity: warning
    message: more memory than our hosts have
severity: {guest.agent.absent: critical}
";

#[test]
fn rules_weights_and_acceptances_are_in_the_plan() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let vmx = vmx.to_str().unwrap();
    place.write("h2k.yaml", SETTINGS);
    let ran = place.h2k(["plan", vmx]).expect(3);
    for line in [
        "[critical] site.bookworm: web01: a small Debian 12\n      give it more memory",
        "[critical] guest.agent.absent: ",
        "[warning] nic.bridge-missing: nic 0: there is no bridge lo-is-no-bridge",
    ] {
        assert!(ran.stdout.contains(line), "{line} is not in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("site.large"), "{}", ran.stdout);

    let accept =
        "accept: {site.bookworm: 'ticket 4711: it is a probe', guest.agent.absent: installed by hand}\n";
    place.write("h2k.yaml", format!("{SETTINGS}{accept}"));
    let ran = place.h2k(["plan", vmx]).expect(0);
    let line =
        "[warning] site.bookworm: web01: a small Debian 12\n      accepted: ticket 4711: it is a probe";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    let markdown = place.h2k(["plan", vmx, "--markdown"]).expect(0).stdout;
    assert!(markdown.contains("*Accepted: ticket 4711: it is a probe*"), "{markdown}");
    let json = place.h2k(["plan", vmx, "--json"]).expect(0).json();
    let concerns = json["vms"][0]["concerns"].as_array().unwrap();
    let agent = concerns.iter().find(|c| c["id"] == "guest.agent.absent").unwrap();
    assert_eq!((&agent["severity"], &agent["accepted"]), (&"warning".into(), &"installed by hand".into()));
}

#[test]
fn a_rule_that_cannot_look_stops_the_plan_and_one_that_is_none_stops_everything() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let vmx = vmx.to_str().unwrap();
    let rule = |when: &str| {
        format!("rules:\n  - id: site.a\n    when: {when}\n    severity: warning\n    message: m\n")
    };
    place.write("h2k.yaml", rule("source.nonsense > 1"));
    let ran = place.h2k(["plan", vmx]).expect(3);
    let line = "[critical] rules.failed: site.a: source.nonsense > 1: No such key: nonsense";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    place.write("h2k.yaml", rule("sorce.vcpus > 1"));
    let ran = place.h2k(["plan", vmx]).expect(2);
    for part in ["h2k.yaml", "3:11", "rules[0].when", "did you mean \"source\"?"] {
        assert!(ran.stderr.contains(part), "{part} is not in\n{}", ran.stderr);
    }
    place.write("h2k.yaml", "accept: {target.unfit: we know}\nseverity: {site.typo: warning}\n");
    let ran = place.h2k(["plan", vmx]).expect(2);
    assert!(ran.stderr.contains("target.unfit cannot be accepted"), "{}", ran.stderr);
    place.write("h2k.yaml", "severity: {site.typo: warning}\n");
    let ran = place.h2k(["plan", vmx]).expect(3);
    assert!(ran.stdout.contains("[critical] policy.unknown-rule: site.typo"), "{}", ran.stdout);
}
