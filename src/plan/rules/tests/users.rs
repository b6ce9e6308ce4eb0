//! Rules of the user's own.

use h2k_config::UserRule;
use h2k_fixers::{Concern, Severity};

use super::bench::Vm;
use crate::plan::rules::user;

fn rule(id: &str, when: &str) -> UserRule {
    let text = serde_json::json!({
        "id": id, "when": when, "severity": "warning", "message": "m", "advice": "a",
    });
    serde_json::from_value(text).unwrap()
}

fn concerns(when: &[&str]) -> Vec<Concern> {
    let mut vm = Vm::sound();
    vm.policy.rules = when.iter().enumerate().map(|(n, when)| rule(&format!("site.r{n}"), when)).collect();
    vm.seen(user::check)
}

#[test]
fn conditions_see_source_facts_target_forecast_and_policy() {
    for when in [
        "source.memory_mib == 2048 && source.vcpus == 2",
        "source.features.cpu_hotplug == 'unknown'",
        "source.disks.exists(d, d.slot.bus == 'scsi')",
        "facts.systems.exists(s, s.distro == 'debian' && s.major >= 12)",
        "facts.network.interfaces.all(i, i.dhcp)",
        "target.name == 'web01' && target.machine == 'q35'",
        "forecast.target_bytes > 1024 * 1024",
        "policy.disk_bus == 'virtio-blk'",
    ] {
        let found = concerns(&[when]);
        let told: Vec<(&str, &str, &str)> =
            found.iter().map(|c| (c.id.as_str(), c.subject.as_str(), c.message.as_str())).collect();
        assert_eq!(told, [("site.r0", "web01", "m")], "{when}: {found:?}");
        assert_eq!((found[0].severity, found[0].advice.as_str()), (Severity::Warning, "a"));
    }
    assert_eq!(concerns(&["source.memory_mib > 65536", "false"]), []);
}

#[test]
fn a_rule_that_cannot_look_is_critical_and_hides_no_other() {
    let found = concerns(&["source.memory_gib > 64", "true"]);
    assert_eq!((found[0].id.as_str(), found[0].subject.as_str()), ("rules.failed", "site.r0"));
    assert_eq!(found[0].severity, Severity::Critical);
    assert!(
        found[0].message.contains("source.memory_gib > 64: No such key: memory_gib"),
        "{}",
        found[0].message
    );
    assert_eq!(found[1].id, "site.r1");
}
