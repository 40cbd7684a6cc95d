//! What is counted for whom: names made of hashes, so that Redis holds no address of anybody.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::Email;
use crate::service::Client;

/// The part of an IPv6 address that one customer has.
const CUSTOMER: u32 = 64;

/// The names of an attempt.
pub(super) struct Names {
    /// What all strangers share.
    pub(super) account: String,
    pub(super) address: Option<String>,
    /// The client, if its account has seen this device before.
    pub(super) device: Option<String>,
    /// The client, if its account has seen this address before.
    pub(super) pair: Option<String>,
    /// The client without a known device.
    pub(super) own: String,
    email: String,
}

impl Names {
    pub(super) fn new(email: &Email, client: &Client) -> Self {
        let email = email.as_str();
        let address = client.address.map(|address| network(address).to_string());
        let pair = address
            .as_deref()
            .map(|address| name("client", &[email, "at", address]));
        Self {
            account: name("account", &[email]),
            device: client
                .device
                .as_deref()
                .map(|device| of_device(email, device)),
            own: pair.clone().unwrap_or_else(|| name("client", &[email])),
            pair,
            address: address.map(|address| name("address", &[&address])),
            email: email.to_owned(),
        }
    }

    /// The client on a device.
    pub(super) fn of_device(&self, device: &str) -> String {
        of_device(&self.email, device)
    }
}

fn of_device(email: &str, device: &str) -> String {
    name("client", &[email, "on", device])
}

/// No part holds a line's end, so no two lists of parts give one name.
fn name(kind: &str, parts: &[&str]) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(parts.join("\n")));
    format!("login:{kind}:{digest}")
}

/// Whoever has one IPv6 address has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let mask = u128::MAX << (Ipv6Addr::BITS - CUSTOMER);
            IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(address: &str, device: Option<&str>) -> Names {
        let email = Email::parse("ada@example.org").expect("valid");
        let client = Client {
            address: Some(address.parse().expect("an address")),
            device: device.map(ToOwned::to_owned),
            ..Client::default()
        };
        Names::new(&email, &client)
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let one = names("2001:db8:1:2::1", None);
        let other = names("2001:db8:1:2:ffff::9", None);
        assert_eq!(one.address, other.address);
        assert_ne!(one.address, names("2001:db8:1:3::1", None).address);
        assert_ne!(names("192.0.2.1", None).own, names("192.0.2.2", None).own);
    }

    #[test]
    fn a_device_is_no_address() {
        let names = names("192.0.2.1", Some("192.0.2.1"));
        assert_ne!(names.device, names.pair);
        assert!(!names.own.contains("192.0.2.1"));
    }
}
