//! The target's NICs, and where each is attached.

use h2k_config::{NetworkTarget, Policy};
use h2k_transports::{SourceVm, Tristate};

use super::{DEFAULT_NETWORK, mac};
use crate::emit::domain::DomainNic;

/// The NICs of the target, in the order of the source's.
pub(super) fn nics(source: &SourceVm, policy: &Policy, uuid: &str, model: &str) -> Vec<DomainNic> {
    source
        .nics
        .iter()
        .enumerate()
        .map(|(index, nic)| {
            let own = mac(source, uuid, index).0;
            let wanted = policy.macs.get(&own).unwrap_or(&own);
            let target = mapping([own.as_str(), wanted.as_str()], nic.network.as_deref(), policy);
            DomainNic {
                target: target.cloned().unwrap_or_else(|| NetworkTarget::network(DEFAULT_NETWORK)),
                mac: wanted.clone(),
                model: model.to_owned(),
                connected: nic.start_connected != Tristate::No,
            }
        })
        .collect()
}

/// What the user wants of a NIC with these MAC addresses (the source's and the target's) on the network `name`: the entry
/// of an address goes before that of the name, and that before the entry `*`.
pub fn mapping<'p, 'm>(
    macs: impl IntoIterator<Item = &'m str>,
    name: Option<&str>,
    policy: &'p Policy,
) -> Option<&'p NetworkTarget> {
    let entry = |source: &str| policy.networks.get(source);
    macs.into_iter().find_map(entry).or_else(|| name.and_then(entry)).or_else(|| entry("*"))
}

#[cfg(test)]
mod tests {
    use h2k_config::{Settings, network};
    use h2k_transports::{SourceKind, SourceNic};

    use super::*;

    /// What NICs with these addresses and networks come to with these options: `MAC TARGET`.
    fn attached(
        nics: &[(Option<&str>, Option<&str>)],
        options: &[&str],
        macs: &[(&str, &str)],
    ) -> Vec<String> {
        let mut settings = Settings::default();
        for option in options {
            let (source, target) = network::pair(option).unwrap();
            settings.add_network(source, target).unwrap();
        }
        let macs = macs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect();
        let policy = Policy { networks: settings.network, macs, ..Policy::default() };
        let mut vm = SourceVm::new("x", SourceKind::Vmx, "x.vmx");
        vm.nics = nics
            .iter()
            .map(|(mac, network)| SourceNic {
                mac: mac.map(str::to_owned),
                mac_static: false,
                model: None,
                network: network.map(str::to_owned),
                connection: None,
                pci_slot: None,
                start_connected: Tristate::Yes,
            })
            .collect();
        let nics = super::nics(&vm, &policy, "564d5707-c4b1-a2e3-9f08-17263544aa03", "virtio");
        nics.iter().map(|nic| format!("{} {}", nic.mac, nic.target)).collect()
    }

    /// The mapping case with seven NICs that virt-v2v has. h2k's sources are of one kind, so there is one default, and
    /// what the case has a second one for is named.
    #[test]
    fn seven_nics_go_where_their_names_are_mapped() {
        let names = ["VM Network", "bob", "default", "john", "paul", "george", "ringo"];
        let macs: Vec<String> = (1..=7).map(|n| format!("52:54:00:01:02:{n:02x}")).collect();
        let nics: Vec<_> =
            macs.iter().zip(names).map(|(mac, name)| (Some(mac.as_str()), Some(name))).collect();
        let options = [
            "VM Network=bridge:bridge1",
            "bob=bridge:bridge2",
            "default=network:network1",
            "john=network:network2",
            "paul=network:network3",
            "*=network:network4",
        ];
        let targets = ["bridge:bridge1", "bridge:bridge2", "network:network1", "network:network2"]
            .into_iter()
            .chain(["network:network3", "network:network4", "network:network4"]);
        let expected: Vec<String> = macs.iter().zip(targets).map(|(mac, to)| format!("{mac} {to}")).collect();
        assert_eq!(attached(&nics, &options, &[]), expected);
    }

    /// The mapping case by MAC address that virt-v2v has.
    #[test]
    fn a_mac_address_goes_before_a_name() {
        let nics = [
            (Some("52:54:00:01:02:03"), Some("VM Network")),
            (Some("52:54:00:01:02:04"), Some("VM Network")),
            (Some("52:54:00:01:02:05"), Some("VM Network")),
            (Some("52:54:00:01:02:06"), None),
        ];
        let options = [
            "VM Network=bridge:br0",
            "52:54:00:01:02:03=network:nancy",
            "52-54-00-01-02-04=bridge:bob",
            "*=network:default_network",
        ];
        let expected = [
            "52:54:00:01:02:03 network:nancy",
            "52:54:00:01:02:04 bridge:bob",
            "52:54:00:01:02:05 bridge:br0",
            "52:54:00:01:02:06 network:default_network",
        ];
        assert_eq!(attached(&nics, &options, &[]), expected);
    }

    #[test]
    fn a_new_mac_address_and_one_that_is_made_up_are_mapped_too() {
        let (old, new) = ("52:54:00:01:02:03", "52:54:00:01:02:99");
        let nics = [(Some(old), Some("a"))];
        for mac in [old, new] {
            let option = format!("{mac}=bridge:br1");
            let found = attached(&nics, &["a=bridge:br0", &option], &[(old, new)]);
            assert_eq!(found, [format!("{new} bridge:br1")]);
        }
        let made_up = attached(&[(None, None)], &[], &[]).remove(0);
        let (mac, target) = made_up.split_once(' ').unwrap();
        assert_eq!(target, "network:default");
        let option = format!("{mac}=bridge:br1");
        assert_eq!(attached(&[(None, None)], &[&option], &[]), [format!("{mac} bridge:br1")]);
    }
}
