//! Which names the server answers to, and which pages may talk to it.
//!
//! Two attacks are kept out. *Cross-site requests*: a page elsewhere makes the browser send a
//! request here; its `Origin` names that page. *DNS rebinding*: a page elsewhere lets its own name
//! resolve to this server, so that its `Origin` and our `Host` agree; but then `Host` is a name that
//! is not ours. So the `Host` must be one we know, and the `Origin` must be the same as the `Host`
//! or one of the public addresses that the administrator configured.
//!
//! Known are the configured public addresses, the machine's own names, and every IP address:
//! rebinding needs a name, and a browser that was sent to a bare address meant this machine.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Scheme by which a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP, on loopback only.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// `scheme://host:port` with the port always there and the host in lower case (RFC 6454, section 4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// The names and pages that are ours.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    public: BTreeSet<Origin>,
    names: BTreeSet<String>,
}

impl Origins {
    /// `public` are addresses like `https://desk.example.org`, `names` this machine's own host names.
    ///
    /// # Errors
    /// The public address that is none.
    pub fn new<'a>(
        public: impl IntoIterator<Item = &'a str>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let public = public
            .into_iter()
            .map(|text| parse_origin(text.trim_end_matches('/')).ok_or_else(|| text.to_owned()))
            .collect::<Result<_, _>>()?;
        Ok(Self { public, names: names.into_iter().map(str::to_lowercase).collect() })
    }

    /// Whether the request's `Host` is a name of this server.
    pub fn knows_host(&self, host: &str, scheme: Scheme) -> bool {
        let Some((host, _)) = parse_authority(host, scheme.default_port()) else { return false };
        host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || self.names.contains(&host)
            || self.public.iter().any(|origin| origin.host == host)
    }

    /// Whether a page of `origin` may talk to the server that the request reached as `host`.
    pub fn allows(&self, origin: &str, host: &str, scheme: Scheme) -> bool {
        let Some(origin) = parse_origin(origin) else { return false };
        if self.public.contains(&origin) {
            return true;
        }
        let Some((host, port)) = parse_authority(host, scheme.default_port()) else { return false };
        let own = Origin { scheme, host, port };
        origin == own && self.knows_host(&own.host, scheme)
    }
}

/// The origin part of an address such as a `Referer`, for requests that carry no `Origin`.
pub fn origin_of(address: &str) -> Option<&str> {
    let start = address.find("://")? + 3;
    let end = address.get(start..)?.find(['/', '?', '#']).map_or(address.len(), |at| start + at);
    address.get(..end)
}

fn parse_origin(text: &str) -> Option<Origin> {
    let (scheme, authority) = text.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let (host, port) = parse_authority(authority, scheme.default_port())?;
    Some(Origin { scheme, host, port })
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; the brackets stay.
fn parse_authority(text: &str, default_port: u16) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        // Inside the brackets of an IPv6 address there is no port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (text, default_port),
    };
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ok = match v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(name),
    };
    ok.then(|| (host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        Origins::new(["https://desk.example.org/"], ["bay", "localhost"]).unwrap()
    }

    #[test]
    fn our_own_pages_may_talk_to_us() {
        for (origin, host) in [
            ("https://localhost:8443", "localhost:8443"),
            ("https://Bay:8443", "bay:8443"),
            ("https://192.0.2.7:8443", "192.0.2.7:8443"),
            ("https://[::1]:8443", "[::1]:8443"),
            ("https://bay", "bay:443"),
            ("https://desk.example.org", "desk.example.org"),
            // Behind a proxy that rewrites Host.
            ("https://desk.example.org", "localhost:8443"),
        ] {
            assert!(origins().allows(origin, host, Scheme::Https), "{origin} {host}");
        }
    }

    #[test]
    fn foreign_pages_may_not() {
        for (origin, host) in [
            ("https://evil.example", "localhost:8443"),
            // Rebinding: both agree, on a name that is not ours.
            ("https://evil.example:8443", "evil.example:8443"),
            ("https://localhost", "localhost:8443"),
            ("http://localhost:8443", "localhost:8443"),
            ("https://localhost:8443.evil.example", "localhost:8443"),
            ("null", "localhost:8443"),
            ("", "localhost:8443"),
            ("https://", ""),
            ("https://desk.example.org:8443", "desk.example.org"),
        ] {
            assert!(!origins().allows(origin, host, Scheme::Https), "{origin} {host}");
        }
    }

    #[test]
    fn hosts_are_known_by_name_and_by_address() {
        for host in ["localhost:1", "bay", "BAY:8443", "127.0.0.1:8080", "[::1]:8443", "desk.example.org"] {
            assert!(origins().knows_host(host, Scheme::Https), "{host}");
        }
        for host in ["", "evil.example", "bay.evil.example", "bay:port", "bay@evil", "[::1", "a b"] {
            assert!(!origins().knows_host(host, Scheme::Https), "{host}");
        }
    }

    #[test]
    fn the_origin_of_an_address_ends_at_its_path() {
        assert_eq!(origin_of("https://bay:8443/desktops?a"), Some("https://bay:8443"));
        assert_eq!(origin_of("https://bay"), Some("https://bay"));
        assert_eq!(origin_of("bay"), None);
    }

    #[test]
    fn a_public_address_that_is_none_is_named() {
        assert_eq!(Origins::new(["desk.example.org"], []).unwrap_err(), "desk.example.org");
    }
}
