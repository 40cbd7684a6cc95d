//! The network that a request comes from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// As much of an IPv6 address as one customer has at the least: whoever has one address has all that share it.
const PREFIX: u32 = 64;

/// An IPv4 address, or the /64 of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let rest = u128::BITS - PREFIX;
                let first = Ipv6Addr::from_bits(address.to_bits() >> rest << rest);
                Self(IpAddr::V6(first))
            }
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(first) => write!(f, "{first}/{PREFIX}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_version_6_counts_with_its_neighbours() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ] {
            let parsed = address.parse().expect("an address");
            assert_eq!(Network::of(parsed).to_string(), network, "{address}");
        }
    }
}
