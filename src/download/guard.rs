//! Whom may be asked: where an address comes from somebody who is not trusted with this machine's view of the network, public addresses alone,
//! and those that the settings name.
//!
//! What is refused is taken from the registries of special-purpose addresses (IANA, RFC 6890 and its successors). Of IPv6 only what is handed
//! out for global unicast passes (2000::/3), without the ranges in it that carry an IPv4 address or are for documents and tests: so that no
//! spelling of a private address gets through.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::error::Failure;

/// Ports of HTTP; from here on anybody may have a server, below it are mail, name service and the like, which could be made to take what is
/// sent for their own language.
const UNPRIVILEGED: u16 = 1024;
const HTTP: [u16; 2] = [80, 443];

/// First address and length of the prefix.
const REFUSED_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // between a provider and its customers
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, where clouds answer for their machines' secrets
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocols' own
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Within [`GLOBAL_V6`].
const REFUSED_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocols' own: Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether an address is anybody's on the public network.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !REFUSED_V4.iter().any(|&(first, prefix)| is_within_v4(address, first, prefix)),
        IpAddr::V6(address) => {
            is_within_v6(address, GLOBAL_V6.0, GLOBAL_V6.1)
                && !REFUSED_V6.iter().any(|&(first, prefix)| is_within_v6(address, first, prefix))
        }
    }
}

fn is_within_v4(address: Ipv4Addr, first: Ipv4Addr, prefix: u8) -> bool {
    let differing = u32::from(address) ^ u32::from(first);
    differing.leading_zeros() >= u32::from(prefix)
}

fn is_within_v6(address: Ipv6Addr, first: Ipv6Addr, prefix: u8) -> bool {
    let differing = u128::from(address) ^ u128::from(first);
    differing.leading_zeros() >= u32::from(prefix)
}

/// A host or a network that may be asked although it is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allowed {
    /// By its name, wherever that leads.
    Host(String),
    Network {
        first: IpAddr,
        prefix: u8,
    },
}

impl Allowed {
    fn has(&self, host: &str, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Host(name), _) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
            (Self::Network { first: IpAddr::V4(first), prefix }, IpAddr::V4(address)) => {
                is_within_v4(address, *first, *prefix)
            }
            (Self::Network { first: IpAddr::V6(first), prefix }, IpAddr::V6(address)) => {
                is_within_v6(address, *first, *prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Allowed {
    type Err = String;

    /// `archive.intranet.example`, `10.1.0.0/16`, `fd00::/8`, `192.168.1.7`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        if let Ok(first) = address.parse::<IpAddr>() {
            let most = if first.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Ok(most), str::parse::<u8>);
            if let Some(prefix) = prefix.ok().filter(|prefix| *prefix <= most) {
                return Ok(Self::Network { first, prefix });
            }
        } else if prefix.is_none()
            && !text.is_empty()
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))
        {
            return Ok(Self::Host(text.trim_end_matches('.').to_owned()));
        }
        Err(format!(
            "`{text}` is no host and no network; write for example archive.example.org, 10.1.0.0/16 or fd00::/8"
        ))
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Network { first, prefix } => write!(f, "{first}/{prefix}"),
        }
    }
}

/// Whom may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// `None`: anybody.
    allowed: Option<Vec<Allowed>>,
}

impl Guard {
    /// Anybody: for a program whose user names the addresses himself.
    pub fn open() -> Self {
        Self { allowed: None }
    }

    /// Public addresses and these: for a program that others give addresses to.
    pub fn public_and(allowed: Vec<Allowed>) -> Self {
        Self { allowed: Some(allowed) }
    }

    /// Whether all addresses of a host may be asked: one that may not is enough for none to be, since who has the name in hand decides which
    /// comes first. The message names no address: who asks need not learn where names lead here.
    pub(super) fn check(&self, host: &str, port: u16, addresses: &[IpAddr]) -> Result<(), Failure> {
        let Some(allowed) = &self.allowed else { return Ok(()) };
        let is_named = |address: &IpAddr| allowed.iter().any(|entry| entry.has(host, *address));
        if addresses.iter().all(is_named) {
            return Ok(());
        }
        if !addresses.iter().all(|address| is_public(*address) || is_named(address)) {
            return Err(Failure::NotPublic { host: host.to_owned() });
        }
        if port < UNPRIVILEGED && !HTTP.contains(&port) {
            return Err(Failure::Port { port });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("93.184.215.14", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("169.253.255.255", true),
            ("198.17.255.255", true),
            ("198.20.0.0", true),
            ("223.255.255.255", true),
            ("192.0.1.0", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.255.255.255", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.7", false),
            ("203.0.113.7", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2a00:1450:4001:80b::200e", true),
            ("2001:4860:4860::8888", true),
            ("2001:200::1", true),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::8.8.8.8", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", false),
            ("::ffff:0:127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b:1::7f00:1", false),
            ("100::1", false),
            ("2001::7f00:1", false),
            ("2001:2::1", false),
            ("2001:20::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("3fff::1", false),
            ("3fff:fff:ffff::1", false),
            ("4000::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fdff::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    fn check(guard: &Guard, host: &str, port: u16, addresses: &[&str]) -> bool {
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        guard.check(host, port, &addresses).is_ok()
    }

    #[test]
    fn one_address_that_is_not_public_is_enough_to_refuse_all() {
        let guard = Guard::public_and(Vec::new());
        assert!(check(&guard, "a.example", 443, &["8.8.8.8", "2606:4700::1"]));
        assert!(!check(&guard, "a.example", 443, &["8.8.8.8", "10.0.0.1"]));
        assert!(!check(&guard, "a.example", 443, &["2606:4700::1", "::ffff:10.0.0.1"]));
        assert!(check(&Guard::open(), "a.example", 25, &["10.0.0.1"]), "who is trusted may ask anybody");
    }

    #[test]
    fn ports_of_other_services_are_refused() {
        let guard = Guard::public_and(Vec::new());
        for (port, passes) in
            [(80, true), (443, true), (8080, true), (1024, true), (25, false), (22, false), (53, false)]
        {
            assert_eq!(check(&guard, "a.example", port, &["8.8.8.8"]), passes, "{port}");
        }
    }

    #[test]
    fn what_the_settings_name_is_allowed_in_spite_of_it() {
        let allowed = ["10.1.0.0/16", "fd00::/8", "Archive.Intern", "127.0.0.1"];
        let guard = Guard::public_and(allowed.iter().map(|text| text.parse().unwrap()).collect());
        assert!(check(&guard, "x", 443, &["10.1.255.255"]));
        assert!(check(&guard, "x", 81, &["fd12::1", "127.0.0.1"]));
        assert!(check(&guard, "archive.intern.", 443, &["192.168.0.1"]));
        assert!(check(&guard, "x", 443, &["10.1.0.1", "8.8.8.8"]));
        assert!(!check(&guard, "x", 25, &["10.1.0.1", "8.8.8.8"]), "the other one is anybody's");
        assert!(!check(&guard, "x", 443, &["10.2.0.0"]));
        assert!(!check(&guard, "x", 443, &["127.0.0.2"]));
        assert!(!check(&guard, "an.archive.intern", 443, &["192.168.0.1"]));
    }

    #[test]
    fn what_is_no_host_and_no_network_is_named() {
        for wrong in ["", "10.0.0.0/33", "fd00::/129", "10.0.0.0/x", "a b", "http://a", "a/8", "*"] {
            assert!(
                wrong.parse::<Allowed>().is_err_and(|error| error.contains("is no host and no network")),
                "{wrong}"
            );
        }
        assert_eq!("fd00::/8".parse::<Allowed>().unwrap().to_string(), "fd00::/8");
        assert_eq!("192.168.1.7".parse::<Allowed>().unwrap().to_string(), "192.168.1.7/32");
    }
}
