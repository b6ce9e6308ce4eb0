//! What the user wants of a NIC: `--mac OLD=NEW`, `--ip MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]…]`, `--dhcp MAC`.

use std::net::IpAddr;

use thiserror::Error;

use crate::policy::StaticAddress;

/// How an `--ip` is written.
const IP_FORM: &str = "MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...]; a GATEWAY that is left empty is none";

/// Most name servers of one address: resolv.conf(5) takes three of all of them.
const MAX_DNS: usize = 8;

/// A value that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NicError {
    /// No MAC address.
    #[error("{0:?} is no MAC address such as 00:50:56:aa:bb:cc")]
    Mac(String),
    /// A MAC address that no NIC can have.
    #[error("{0} cannot be the MAC address of a NIC: {1}")]
    Impossible(String, &'static str),
    /// No `=`.
    #[error("{0:?} is no pair: write OLD=NEW, two MAC addresses")]
    Pair(String),
    /// No `=`.
    #[error("{0:?} gives no address: write {IP_FORM}")]
    Form(String),
    /// The part before the first comma.
    #[error("{0:?} is no address with the length of its prefix, such as 192.0.2.10/24 or 2001:db8::10/64")]
    Address(String),
    /// Gateway or name server.
    #[error("{0:?} is no IP address, as a {1} must be")]
    Server(String, &'static str),
    /// An IPv4 address with an IPv6 gateway, or the reverse.
    #[error("the gateway {0} is not of the same family as the address {1}")]
    Family(IpAddr, IpAddr),
    /// The gateway is the address itself.
    #[error("the gateway {0} is the address itself")]
    OwnGateway(IpAddr),
    /// More than anything reads.
    #[error("{0:?} names more than {MAX_DNS} name servers")]
    ManyServers(String),
}

/// A MAC address in lower case with colons.
///
/// # Errors
/// It is none.
pub fn mac(text: &str) -> Result<String, NicError> {
    let octets: Vec<&str> = text.trim().split([':', '-']).collect();
    let octet = |o: &&str| o.len() == 2 && o.bytes().all(|b| b.is_ascii_hexdigit());
    if octets.len() != 6 || !octets.iter().all(octet) {
        return Err(NicError::Mac(text.to_owned()));
    }
    Ok(octets.join(":").to_ascii_lowercase())
}

/// `OLD=NEW`: NEW must be an address that a NIC can have (IEEE 802: the lowest bit of the first octet marks groups).
///
/// # Errors
/// It is no such pair.
pub fn mac_pair(text: &str) -> Result<(String, String), NicError> {
    let (old, new) = text.split_once('=').ok_or_else(|| NicError::Pair(text.to_owned()))?;
    Ok((mac(old)?, own_mac(new)?))
}

/// The MAC address of a NIC.
///
/// # Errors
/// It is none, a group's, or all zeros.
pub fn own_mac(text: &str) -> Result<String, NicError> {
    let mac = mac(text)?;
    let first = mac.get(..2).and_then(|o| u8::from_str_radix(o, 16).ok()).unwrap_or_default();
    if first & 1 == 1 {
        return Err(NicError::Impossible(mac, "it is a multicast address"));
    }
    if mac == "00:00:00:00:00:00" {
        return Err(NicError::Impossible(mac, "it is all zeros"));
    }
    Ok(mac)
}

/// `MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]…]`.
///
/// # Errors
/// It is nothing of that form.
pub fn address(text: &str) -> Result<(String, StaticAddress), NicError> {
    let (owner, rest) = text.split_once('=').ok_or_else(|| NicError::Form(text.to_owned()))?;
    let owner = mac(owner)?;
    let mut parts = rest.split(',').map(str::trim);
    let (address, prefix) = with_prefix(parts.next().unwrap_or_default())?;
    let server = |text: &str, what| text.parse().map_err(|_| NicError::Server(text.to_owned(), what));
    let gateway: Option<IpAddr> = match parts.next() {
        None | Some("") => None,
        Some(gateway) => Some(server(gateway, "gateway")?),
    };
    if let Some(gateway) = gateway {
        if gateway.is_ipv4() != address.is_ipv4() {
            return Err(NicError::Family(gateway, address));
        }
        if gateway == address {
            return Err(NicError::OwnGateway(gateway));
        }
    }
    let dns = parts.map(|part| server(part, "name server")).collect::<Result<Vec<IpAddr>, _>>()?;
    if dns.len() > MAX_DNS {
        return Err(NicError::ManyServers(text.to_owned()));
    }
    Ok((owner, StaticAddress { address, prefix, gateway, dns }))
}

fn with_prefix(text: &str) -> Result<(IpAddr, u8), NicError> {
    let none = || NicError::Address(text.to_owned());
    let (address, prefix) = text.split_once('/').ok_or_else(none)?;
    let address: IpAddr = address.parse().map_err(|_| none())?;
    let prefix: u8 = prefix.parse().map_err(|_| none())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let usable = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
    if usable && (1..=longest).contains(&prefix) { Ok((address, prefix)) } else { Err(none()) }
}

/// The entries of a list that commas separate, where the entries have commas too: each begins with `MAC=`.
pub(crate) fn entries(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in text.split(',') {
        match found.last_mut() {
            Some(last) if !part.contains('=') => {
                last.push(',');
                last.push_str(part);
            }
            _ => found.push(part.trim().to_owned()),
        }
    }
    found.retain(|entry| !entry.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families() {
        let (mac, wanted) =
            address("00-50-56-AA-00-01=192.0.2.10/24,192.0.2.1,192.0.2.53,2001:db8::53").unwrap();
        assert_eq!(mac, "00:50:56:aa:00:01");
        assert_eq!((wanted.address.to_string().as_str(), wanted.prefix), ("192.0.2.10", 24));
        assert_eq!(wanted.gateway.unwrap().to_string(), "192.0.2.1");
        assert_eq!(wanted.dns.len(), 2);
        let (_, wanted) = address("00:50:56:aa:00:01=2001:db8::10/64,,2001:db8::53").unwrap();
        assert_eq!((wanted.gateway, wanted.dns.len()), (None, 1));
        let (_, wanted) = address("00:50:56:aa:00:01=192.0.2.10/32").unwrap();
        assert_eq!((wanted.gateway, wanted.dns.len()), (None, 0));
    }

    #[test]
    fn bad_values_are_named() {
        let m = "00:50:56:aa:00:01";
        for (text, message) in [
            (
                "192.0.2.10/24".to_owned(),
                "\"192.0.2.10/24\" gives no address: write MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...]; a GATEWAY that is left empty is none",
            ),
            ("x=192.0.2.10/24".to_owned(), "\"x\" is no MAC address such as 00:50:56:aa:bb:cc"),
            (
                format!("{m}=192.0.2.10"),
                "\"192.0.2.10\" is no address with the length of its prefix, such as 192.0.2.10/24 or 2001:db8::10/64",
            ),
            (
                format!("{m}=192.0.2.10/33"),
                "\"192.0.2.10/33\" is no address with the length of its prefix, such as 192.0.2.10/24 or 2001:db8::10/64",
            ),
            (format!("{m}=192.0.2.10/24,gw"), "\"gw\" is no IP address, as a gateway must be"),
            (format!("{m}=192.0.2.10/24,192.0.2.1,"), "\"\" is no IP address, as a name server must be"),
            (
                format!("{m}=192.0.2.10/24,2001:db8::1"),
                "the gateway 2001:db8::1 is not of the same family as the address 192.0.2.10",
            ),
            (format!("{m}=192.0.2.10/24,192.0.2.10"), "the gateway 192.0.2.10 is the address itself"),
        ] {
            assert_eq!(address(&text).unwrap_err().to_string(), message);
        }
        for (text, message) in [
            ("00:50:56:aa:00:01", "\"00:50:56:aa:00:01\" is no pair: write OLD=NEW, two MAC addresses"),
            ("00:50:56:aa:00:01=a", "\"a\" is no MAC address such as 00:50:56:aa:bb:cc"),
            (
                "00:50:56:aa:00:01=01:00:5e:00:00:01",
                "01:00:5e:00:00:01 cannot be the MAC address of a NIC: it is a multicast address",
            ),
            (
                "00:50:56:aa:00:01=00:00:00:00:00:00",
                "00:00:00:00:00:00 cannot be the MAC address of a NIC: it is all zeros",
            ),
        ] {
            assert_eq!(mac_pair(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn commas_inside_of_entries() {
        assert_eq!(entries("a=1/2,3,4,b=5/6, c=7"), ["a=1/2,3,4", "b=5/6", "c=7"]);
        assert_eq!(entries(""), Vec::<String>::new());
        assert_eq!(entries("x"), ["x"]);
    }
}
