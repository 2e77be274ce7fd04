//! Host names and origins of this server, against cross-site requests and DNS rebinding.
//!
//! Against cross-site requests, the `Origin` must equal the `Host` or be a configured public address. With
//! DNS rebinding both agree, but the `Host` is a foreign name; so the `Host` must be known. Known are the
//! public addresses, this computer's names, and every IP address, since rebinding needs a name.

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
    /// Returns the scheme's default port.
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Origin with an explicit port and the host in lower case (RFC 6454, section 4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// URL by which browsers reach this server: an origin, and the path below which the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: Origin,
    base: String,
}

impl PublicUrl {
    /// Returns the scheme of the URL.
    pub fn scheme(&self) -> Scheme {
        self.origin.scheme
    }

    /// Returns the path of the URL without a slash at its end; empty for the root of the origin.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Returns host and port as a browser writes them in `Host`: without the scheme's default port.
    pub fn authority(&self) -> String {
        let Origin { scheme, host, port } = &self.origin;
        if *port == scheme.default_port() { host.clone() } else { format!("{host}:{port}") }
    }

    /// Returns whether a request's `Host` is that of the URL.
    pub fn has_host(&self, host: &str) -> bool {
        let port = self.origin.scheme.default_port();
        parse_authority(host, port)
            .is_some_and(|(host, port)| host == self.origin.host && port == self.origin.port)
    }

    /// Parses a URL such as `https://corp.example/vdi/`.
    fn parse(text: &str) -> Option<Self> {
        let start = text.find("://")? + 3;
        let end = text.get(start..)?.find('/').map_or(text.len(), |at| start + at);
        let (origin, path) = text.split_at_checked(end)?;
        let base = path.strip_suffix('/').unwrap_or(path);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~');
        let is_segment =
            |part: &str| !part.is_empty() && part.chars().all(plain) && part.chars().any(|c| c != '.');
        let ok = base.is_empty() || base.split('/').skip(1).all(is_segment);
        ok.then_some(Self { origin: parse_origin(origin)?, base: base.to_owned() })
    }
}

/// Host names and origins of this server.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    public: Vec<PublicUrl>,
    names: BTreeSet<String>,
}

impl Origins {
    /// Makes the set from `public`, URLs such as `https://desk.example.org` or `https://corp.example/vdi/`, and
    /// `names`, host names of this computer.
    ///
    /// # Errors
    /// The first text in `public` that is no such URL.
    pub fn new<'a>(
        public: impl IntoIterator<Item = &'a str>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let public = public
            .into_iter()
            .map(|text| PublicUrl::parse(text).ok_or_else(|| text.to_owned()))
            .collect::<Result<_, _>>()?;
        Ok(Self { public, names: names.into_iter().map(str::to_lowercase).collect() })
    }

    /// Returns the public URLs in the order of the configuration.
    pub fn public_urls(&self) -> impl Iterator<Item = &PublicUrl> {
        self.public.iter()
    }

    /// Returns whether a request's `Host` is a name or an address of this server.
    pub fn knows_host(&self, host: &str, scheme: Scheme) -> bool {
        let Some((host, _)) = parse_authority(host, scheme.default_port()) else { return false };
        host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || self.names.contains(&host)
            || self.public.iter().any(|url| url.origin.host == host)
    }

    /// Returns whether a page of `origin` may send requests to the server under the name `host`.
    pub fn allows(&self, origin: &str, host: &str, scheme: Scheme) -> bool {
        let Some(origin) = parse_origin(origin) else { return false };
        if self.public.iter().any(|url| url.origin == origin) {
            return true;
        }
        let Some((host, port)) = parse_authority(host, scheme.default_port()) else { return false };
        let own = Origin { scheme, host, port };
        origin == own && self.knows_host(&own.host, scheme)
    }
}

/// Returns the origin part of a URL such as a `Referer`, for requests without an `Origin`.
pub fn origin_of(address: &str) -> Option<&str> {
    let start = address.find("://")? + 3;
    let end = address.get(start..)?.find(['/', '?', '#']).map_or(address.len(), |at| start + at);
    address.get(..end)
}

/// Parses an origin.
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

/// Parses `host`, `host:port`, `[v6]` or `[v6]:port`; the host keeps its brackets.
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
        for text in [
            "desk.example.org",
            "https://desk.example.org/a?b",
            "https://desk.example.org/a//b",
            "https://desk.example.org/..",
            "https://desk.example.org/a b",
            "https://desk.example.org//",
            "ftp://desk.example.org",
        ] {
            assert_eq!(Origins::new([text], []).unwrap_err(), text);
        }
    }

    #[test]
    fn a_public_address_may_have_a_path_which_is_no_part_of_the_origin() {
        let origins = Origins::new(["https://corp.example/vdi/", "http://bay:8080/a/b"], []).unwrap();
        let bases: Vec<_> = origins.public_urls().map(|url| (url.authority(), url.base())).collect();
        assert_eq!(bases, [("corp.example".to_owned(), "/vdi"), ("bay:8080".to_owned(), "/a/b")]);
        assert!(origins.allows("https://corp.example", "localhost", Scheme::Http));
        assert!(!origins.allows("http://corp.example", "localhost", Scheme::Http));
        assert!(origins.knows_host("corp.example", Scheme::Http));
        let corp = origins.public_urls().next().unwrap();
        assert!(corp.has_host("corp.example") && corp.has_host("Corp.Example:443"));
        assert!(!corp.has_host("corp.example:80") && !corp.has_host("bay"));
    }
}
