//! How the platform is reached from outside.

use std::net::IpAddr;

use crds::{ExposureSpec, HttpRouteSpec, IngressSpec};

/// What leads requests from outside to the roles.
#[derive(Debug, Clone, PartialEq)]
pub enum Exposure {
    /// Nothing of ours.
    None,
    /// A route of the Gateway API, under its names.
    HttpRoute(HttpRouteSpec),
    /// Ingresses, under this name; under every name when there is none.
    Ingress(IngressSpec, Option<String>),
}

impl Exposure {
    /// What a spec asks for; an error is what the definition's rules refuse too.
    pub(super) fn parse(spec: &ExposureSpec, public_url: &str) -> Result<Self, String> {
        let exposure = match (&spec.http_route, &spec.ingress) {
            (None, None) => return Ok(Self::None),
            (Some(_), Some(_)) => {
                return Err(
                    "spec.exposure has both httpRoute and ingress; take one of them out".to_owned(),
                );
            }
            (Some(route), None) => {
                let mut route = route.clone();
                if route.hostnames.is_empty() {
                    route.hostnames.extend(host(public_url)?);
                }
                Self::HttpRoute(route)
            }
            (None, Some(ingress)) => Self::Ingress(ingress.clone(), host(public_url)?),
        };
        Ok(exposure)
    }

    /// Proxies before web whose entries in `X-Forwarded-For` are believed. A Gateway or an ingress controller is one; what
    /// stands before it, and before web where the way in is not ours, only the spec can tell.
    pub(super) fn trusted_hops(spec: &ExposureSpec) -> i32 {
        let is_ours = spec.http_route.is_some() || spec.ingress.is_some();
        spec.trusted_hops.unwrap_or(i32::from(is_ours))
    }
}

/// The host of an address, if it has a name. One with a path cannot be exposed: the roles serve from the root.
fn host(public_url: &str) -> Result<Option<String>, String> {
    let refused = || {
        format!(
            "spec.publicURL is {public_url}; with spec.exposure it must be a scheme and a host, without a path, such as \
             https://crew.example.org"
        )
    };
    let url: http::Uri = public_url.parse().map_err(|_| refused())?;
    let host = url.host().ok_or_else(refused)?;
    if !url.path().trim_matches('/').is_empty() {
        return Err(refused());
    }
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    Ok((!is_address).then(|| host.to_owned()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::name("https://crew.example.org", Some("crew.example.org"))]
    #[case::port("https://crew.example.org:8443", Some("crew.example.org"))]
    #[case::address("http://127.0.0.1:18080", None)]
    #[case::long_address("http://[::1]:18080", None)]
    fn a_name_is_served_and_an_address_by_any_name(#[case] url: &str, #[case] name: Option<&str>) {
        assert_eq!(host(url), Ok(name.map(str::to_owned)));
    }

    #[test]
    fn a_path_is_refused() {
        let told = host("https://example.org/crew").expect_err("refused");
        assert!(told.contains("without a path"), "{told}");
    }

    #[rstest]
    #[case::nothing_before_it(json!({}), 0)]
    #[case::a_proxy_of_ones_own(json!({"trustedHops": 1}), 1)]
    #[case::ingress(json!({"ingress": {}}), 1)]
    #[case::gateway(json!({"httpRoute": {"parentRefs": [{"name": "edge"}]}}), 1)]
    #[case::network_before_the_ingress(json!({"ingress": {}, "trustedHops": 2}), 2)]
    #[case::ingress_that_tells_nothing(json!({"ingress": {}, "trustedHops": 0}), 0)]
    fn a_way_in_of_ours_is_one_proxy_unless_the_spec_says_otherwise(
        #[case] spec: serde_json::Value,
        #[case] hops: i32,
    ) {
        let spec = serde_json::from_value(spec).expect("a spec");
        assert_eq!(Exposure::trusted_hops(&spec), hops);
    }

    #[test]
    fn given_names_win() {
        let spec = json!({"httpRoute": {"parentRefs": [{"name": "edge"}], "hostnames": ["a.example.org"]}});
        let spec = serde_json::from_value(spec).expect("a spec");
        let Ok(Exposure::HttpRoute(route)) = Exposure::parse(&spec, "https://crew.example.org")
        else {
            panic!("a route");
        };
        assert_eq!(route.hostnames, ["a.example.org"]);
    }
}
