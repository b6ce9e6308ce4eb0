//! Each stack: what changes, what stays, and what the guest says of itself afterwards.

use super::*;

const BOTH: &[&str] = &[
    "00:50:56:aa:00:01=192.0.2.10/24,192.0.2.1,192.0.2.53,2001:db8::53",
    "00:50:56:aa:00:01=2001:db8::10/64,2001:db8::1",
];

fn addresses() -> Vec<String> {
    ["192.0.2.10/24", "192.0.2.11/25"].map(str::to_owned).to_vec()
}

#[test]
fn ifcfg_of_red_hat() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-ens192";
    let before = "# the uplink\nTYPE=Ethernet\nDEVICE=ens192\nBOOTPROTO=\"none\"\nONBOOT=yes\nIPADDR=10.0.0.5\nPREFIX=24\n\
                  IPADDR1=10.0.0.6\nPREFIX1=24\nGATEWAY=10.0.0.1\nDNS1=10.0.0.53\nDNS2=10.0.0.54\nMTU=9000\nIPV6INIT=no";
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &policy(STATIC)).1, addresses());
    insta::assert_snapshot!(text(&guest, path), @r"
    # the uplink
    TYPE=Ethernet
    DEVICE=ens192
    ONBOOT=yes
    MTU=9000
    IPV6INIT=no
    BOOTPROTO=none
    IPADDR=192.0.2.10
    NETMASK=255.255.255.0
    IPADDR1=192.0.2.11
    NETMASK1=255.255.255.128
    GATEWAY=192.0.2.1
    DNS1=192.0.2.53
    ");
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &dhcp(MAC)).1, ["dhcp"]);
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &policy(BOTH)).1, ["192.0.2.10/24", "2001:db8::10/64"]);
    // A second file for the same NIC is not started any more.
    let mut guest = MemoryGuest::new()
        .file(path, before)
        .file(&format!("{path}-old"), "DEVICE=ens192\nIPADDR=10.0.0.7\nPREFIX=24\nONBOOT=yes\n");
    run(&mut guest, &policy(STATIC));
    assert!(text(&guest, &format!("{path}-old")).ends_with("ONBOOT=no\n"));
}

#[test]
fn ifcfg_of_suse() {
    let path = "/etc/sysconfig/network/ifcfg-ens192";
    let mut guest = MemoryGuest::new()
        .file(
            path,
            "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='10.0.0.5/24'\nIPADDR_1='10.0.0.6'\nNETMASK_1='255.255.255.0'\n\
             LABEL_1='x'\nIPADDR_2='fd00::5/64'\nMTU=''\n",
        )
        .file("/etc/sysconfig/network/routes", "# routes\ndefault 10.0.0.1 - -\n172.16.0.0/12 10.0.0.9 - ens192\ndefault fd00::1 - -\n")
        .file("/etc/sysconfig/network/config", "A=1\nNETCONFIG_DNS_STATIC_SERVERS=\"10.0.0.53\"\nB=2\n");
    let (edits, has) = run(&mut guest, &policy(STATIC));
    assert_eq!(has, ["192.0.2.10/24", "fd00::5/64", "192.0.2.11/25"]);
    insta::assert_snapshot!(edits, @r#"
    write /etc/sysconfig/network/ifcfg-ens192
    -IPADDR='10.0.0.5/24'
    -IPADDR_1='10.0.0.6'
    -NETMASK_1='255.255.255.0'
    -LABEL_1='x'
    +IPADDR='192.0.2.10/24'
    +IPADDR_h2k1='192.0.2.11/25'
    write /etc/sysconfig/network/routes
    -default 10.0.0.1 - -
    write /etc/sysconfig/network/ifroute-ens192
    +default 192.0.2.1 - ens192
    write /etc/sysconfig/network/config
    -NETCONFIG_DNS_STATIC_SERVERS="10.0.0.53"
    +NETCONFIG_DNS_STATIC_SERVERS="192.0.2.53"
    "#);
}

#[test]
fn keyfiles() {
    let path = "/etc/NetworkManager/system-connections/Wired 1.nmconnection";
    let before = "[connection]\nid=Wired 1\nuuid=1f2ea111-624b-32f6-8c93-12b2388516a6\ntype=ethernet\ninterface-name=ens192\n\n\
                  [ethernet]\nmtu=9000\n\n[ipv4]\naddress1=10.0.0.5/24,10.0.0.1\naddress2=10.0.0.6/24\ndns=10.0.0.53;\ndns-search=example.org;\n\
                  method=manual\nroute1=172.16.0.0/12,10.0.0.9\n\n[ipv6]\naddr-gen-mode=eui64\nmethod=auto\n";
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &policy(STATIC)).1, addresses());
    insta::assert_snapshot!(text(&guest, path), @r"
    [connection]
    id=Wired 1
    uuid=1f2ea111-624b-32f6-8c93-12b2388516a6
    type=ethernet
    interface-name=ens192

    [ethernet]
    mtu=9000

    [ipv4]
    method=manual
    address1=192.0.2.10/24,192.0.2.1
    address2=192.0.2.11/25
    dns=192.0.2.53;
    dns-search=example.org;
    route1=172.16.0.0/12,10.0.0.9

    [ipv6]
    addr-gen-mode=eui64
    method=auto
    ");
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &policy(BOTH)).1, ["192.0.2.10/24", "2001:db8::10/64"]);
    assert!(
        text(&guest, path)
            .contains("[ipv6]\nmethod=manual\naddress1=2001:db8::10/64,2001:db8::1\ndns=2001:db8::53;\n")
    );
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &dhcp(MAC)).1, ["dhcp"]);
}

#[test]
fn netplan() {
    let path = "/etc/netplan/50-lan.yaml";
    let before = "# the network\nnetwork:\n  version: 2\n  ethernets:\n    ens192: # uplink\n      match:\n        macaddress: 00:50:56:aa:00:01 # NIC 1\n\
                  \x20     set-name: ens192\n      dhcp4: no\n      addresses:\n      - 10.0.0.5/24\n      - \"fd00::5/64\"\n      # the way out\n\
                  \x20     gateway4: 10.0.0.1\n      routes:\n        - to: 172.16.0.0/12 # office\n          via: 10.0.0.9\n        - to: default\n\
                  \x20         via: 10.0.0.1\n      nameservers:\n        search: [example.org]\n        addresses: [10.0.0.53]\n      mtu: 9000\n\
                  \x20   ens224:\n      dhcp4: true\n";
    let mut guest = MemoryGuest::new().file(path, before);
    let (_, has) = run(&mut guest, &policy(STATIC));
    assert_eq!(has, ["fd00::5/64", "192.0.2.10/24", "192.0.2.11/25"]);
    insta::assert_snapshot!(text(&guest, path), @r#"
    # the network
    network:
      version: 2
      ethernets:
        ens192: # uplink
          dhcp4: false
          addresses: ["fd00::5/64", "192.0.2.10/24", "192.0.2.11/25"]
          nameservers: {search: ["example.org"], addresses: ["192.0.2.53"]}
          match:
            macaddress: 00:50:56:aa:00:01 # NIC 1
          set-name: ens192
          # the way out
          routes:
            - {to: "0.0.0.0/0", via: "192.0.2.1"}
            - to: 172.16.0.0/12 # office
              via: 10.0.0.9
          mtu: 9000
        ens224:
          dhcp4: true
    "#);
}

#[test]
fn netplan_on_one_line_and_in_two_files() {
    let path = "/etc/netplan/50-lan.yaml";
    let mut guest = MemoryGuest::new()
        .file(path, "network:\n  ethernets:\n    ens192: {dhcp4: true, mtu: 9000} # uplink\n")
        .file(
            "/etc/netplan/60-more.yaml",
            "network:\n  ethernets:\n    ens192:\n      addresses: [10.0.0.5/24]\n",
        );
    let (edits, has) = run(&mut guest, &policy(BOTH));
    assert_eq!(has, ["192.0.2.10/24", "2001:db8::10/64"]);
    insta::assert_snapshot!(edits, @r#"
    write /etc/netplan/50-lan.yaml
    -    ens192: {dhcp4: true, mtu: 9000} # uplink
    +    ens192: # uplink
    +      mtu: 9000
    write /etc/netplan/60-more.yaml
    -      addresses: [10.0.0.5/24]
    +      dhcp4: false
    +      dhcp6: false
    +      addresses: ["192.0.2.10/24", "2001:db8::10/64"]
    +      nameservers: {addresses: ["192.0.2.53", "2001:db8::53"]}
    +      routes: [{to: "0.0.0.0/0", via: "192.0.2.1"}, {to: "::/0", via: "2001:db8::1"}]
    "#);
    let mut guest = MemoryGuest::new().file(path, "network:\n  ethernets:\n    ens192: {}\n");
    assert_eq!(run(&mut guest, &dhcp(MAC)).1, ["dhcp"]);
    // What cloud-init wrote is matched by MAC, and its list of addresses goes for good.
    let mut guest = MemoryGuest::new()
        .file(path, "network:\n  ethernets:\n    eth0:\n      match: {macaddress: '00:50:56:AA:00:01'}\n      set-name: eth0\n      addresses: [10.0.0.5/24]\n");
    assert_eq!(run(&mut guest, &dhcp(MAC)).1, ["dhcp"]);
    assert!(text(&guest, path).contains("set-name: eth0"));
}

#[test]
fn networkd() {
    let path = "/etc/systemd/network/20-lan.network";
    let before = "[Match]\nName=ens192\n\n[Link]\nMTUBytes=9000\n\n[Network]\nDHCP=no\nVLAN=storage\nAddress=10.0.0.5/24\nGateway=10.0.0.1\nDNS=10.0.0.53\n\n\
                  [Address]\nAddress=10.0.0.6/24\n\n[Route]\nDestination=172.16.0.0/12\nGateway=10.0.0.9\n\n[Route]\nGateway=10.0.0.1\n\n[Address]\nAddress=fd00::5/64\n";
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &policy(STATIC)).1, ["192.0.2.10/24", "192.0.2.11/25", "fd00::5/64"]);
    insta::assert_snapshot!(text(&guest, path), @r"
    [Match]
    Name=ens192

    [Link]
    MTUBytes=9000

    [Network]
    DHCP=no
    Address=192.0.2.10/24
    Address=192.0.2.11/25
    Gateway=192.0.2.1
    DNS=192.0.2.53
    VLAN=storage

    [Route]
    Destination=172.16.0.0/12
    Gateway=10.0.0.9

    [Address]
    Address=fd00::5/64
    ");
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &dhcp(MAC)).1, ["dhcp", "fd00::5/64"]);
    assert!(text(&guest, path).contains("[Network]\nDHCP=ipv4\nVLAN=storage\n"));
    let servers = "[Match]\nName=ens192\n[Network]\nDNS=10.0.0.53\nDNS=fd00::53\n";
    let mut guest = MemoryGuest::new().file(path, servers);
    run(&mut guest, &dhcp(MAC));
    assert_eq!(text(&guest, path), "[Match]\nName=ens192\n[Network]\nDHCP=ipv4\nDNS=fd00::53\n");
}

#[test]
fn networkds_file_for_several_is_copied() {
    let path = "/etc/systemd/network/99-dhcp-en.network";
    let shared = "[Match]\nName=e*\n\n[Network]\nDHCP=yes\nIPv6AcceptRA=no\n";
    let known = "[Match]\nMACAddress=00:50:56:aa:00:01\n[Link]\nName=ens192\n";
    let mut guest = MemoryGuest::new().file(path, shared).file("/etc/systemd/network/10-a.link", known);
    let (edits, _) = run(&mut guest, &policy(STATIC));
    insta::assert_snapshot!(edits, @r"
    write /etc/systemd/network/05-h2k-ens192.network
    +# Written by h2k: /etc/systemd/network/99-dhcp-en.network for one NIC.
    +[Match]
    +Name=ens192
    +
    +[Network]
    +DHCP=ipv6
    +Address=192.0.2.10/24
    +Address=192.0.2.11/25
    +Gateway=192.0.2.1
    +DNS=192.0.2.53
    +IPv6AcceptRA=no
    ");
    assert_eq!(text(&guest, path), shared);
}

#[test]
fn ifupdown() {
    let path = "/etc/network/interfaces";
    let before = "source interfaces.d/*\n# the uplink\nauto ens192\niface ens192 inet static\n\taddress 10.0.0.5\n\tnetmask 255.255.255.0\n\tgateway 10.0.0.1\n\
                  \t# fast\n\tmtu 9000\n\tdns-nameservers 10.0.0.53 \\\n\t\t10.0.0.54\n\tup ip route add 172.16.0.0/12 via 10.0.0.9\n\n\
                  iface ens192 inet static\n\taddress 10.0.0.6/24\n\niface ens192 inet6 static\n\taddress fd00::5/64\n\nauto br0\niface br0 inet dhcp\n\tbridge_ports ens224\n";
    let mut guest = MemoryGuest::new()
        .file(path, before)
        .file("/etc/resolv.conf", "search example.org\nnameserver 10.0.0.53\n");
    run(&mut guest, &policy(STATIC));
    assert_eq!(
        text(&guest, path),
        "source interfaces.d/*\n# the uplink\nauto ens192\niface ens192 inet static\n\taddress 192.0.2.10\n\tnetmask 255.255.255.0\n\
         \tgateway 192.0.2.1\n\tdns-nameservers 192.0.2.53\n\tup ip addr add 192.0.2.11/25 dev ens192\n\t# fast\n\tmtu 9000\n\
         \tup ip route add 172.16.0.0/12 via 10.0.0.9\n\n\n\
         iface ens192 inet6 static\n\taddress fd00::5/64\n\nauto br0\niface br0 inet dhcp\n\tbridge_ports ens224\n"
    );
    assert_eq!(text(&guest, "/etc/resolv.conf"), "search example.org\nnameserver 192.0.2.53\n");
    let mut guest = MemoryGuest::new().file(path, before);
    assert_eq!(run(&mut guest, &dhcp(MAC)).1, ["dhcp", "fd00::5/64"]);
    let mut guest = MemoryGuest::new()
        .file(path, "source interfaces.d/*\n")
        .file("/etc/network/interfaces.d/lan", "auto ens192\niface ens192 inet dhcp");
    assert_eq!(run(&mut guest, &policy(BOTH)).1, ["192.0.2.10/24", "2001:db8::10/64"]);
    assert_eq!(text(&guest, path), "source interfaces.d/*\n");
}
