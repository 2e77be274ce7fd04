//! What reverse proxies say of a request: `Forwarded` (RFC 7239) and `X-Forwarded-For`, `-Proto` and `-Host`.
//!
//! The headers count from trusted proxies only. Each proxy appends the address that it saw, so the client is the
//! rightmost address that is no trusted proxy; what is left of it may be forged.

use axum::http::HeaderMap;
use oriel_auth::{Network, Scheme};
use std::net::{IpAddr, SocketAddr};

/// Description of a request by trusted proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// Address of the client.
    pub client: IpAddr,
    /// `Host` that the client sent.
    pub host: Option<String>,
    /// Scheme by which the client sent the request.
    pub scheme: Option<Scheme>,
}

/// Returns what trusted proxies say of a request from `peer`; `None` if the peer is none, or says nothing.
pub(super) fn forwarded(headers: &HeaderMap, peer: IpAddr, trusted: &[Network]) -> Option<Forwarded> {
    let peer = peer.to_canonical();
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !trusts(peer) {
        return None;
    }
    let standard = from_forwarded(headers, peer, trusts);
    let usual = from_x_forwarded(headers, peer, trusts);
    match (standard, usual) {
        // A proxy that writes one of them and passes the other on would let clients choose their address.
        (Some(one), Some(other)) if one.client != other.client => {
            Some(Forwarded { client: peer, host: None, scheme: None })
        }
        (Some(one), Some(other)) => Some(Forwarded {
            client: one.client,
            host: other.host.or(one.host),
            scheme: other.scheme.or(one.scheme),
        }),
        (one, other) => one.or(other),
    }
}

/// Reads `Forwarded`.
fn from_forwarded(headers: &HeaderMap, peer: IpAddr, trusts: impl Fn(IpAddr) -> bool) -> Option<Forwarded> {
    let values = headers.get_all("forwarded").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| split(value, ',')).collect();
    let parameter = |hop: &str, name: &str| {
        split(hop, ';').into_iter().find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
        })
    };
    let addresses: Vec<_> =
        hops.iter().map(|hop| parameter(hop, "for").and_then(|node| address_of(&node))).collect();
    let (client, at) = client_among(&addresses, peer, trusts)?;
    let hop = hops.get(at)?;
    Some(Forwarded {
        client,
        host: parameter(hop, "host"),
        scheme: parameter(hop, "proto").and_then(|text| scheme_of(&text)),
    })
}

/// Reads `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
fn from_x_forwarded(headers: &HeaderMap, peer: IpAddr, trusts: impl Fn(IpAddr) -> bool) -> Option<Forwarded> {
    let list = |name: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect::<Vec<_>>()
    };
    let (nodes, schemes, hosts) =
        (list("x-forwarded-for"), list("x-forwarded-proto"), list("x-forwarded-host"));
    if nodes.is_empty() && schemes.is_empty() && hosts.is_empty() {
        return None;
    }
    let addresses: Vec<_> = nodes.iter().map(|node| address_of(node)).collect();
    let (client, at) = match client_among(&addresses, peer, trusts) {
        Some((client, at)) => (client, Some(at)),
        None => (peer, None),
    };
    // Proxies either append to all three, or replace the two others.
    let of_hop = |values: &[String]| match at {
        Some(at) if values.len() == nodes.len() => values.get(at).cloned(),
        _ => values.last().cloned(),
    };
    Some(Forwarded {
        client,
        host: of_hop(&hosts).filter(|host| !host.is_empty()),
        scheme: of_hop(&schemes).and_then(|text| scheme_of(&text)),
    })
}

/// Returns the rightmost address that is not trusted, or else the leftmost one, with its position. An element
/// without an address ends the search, since nothing left of it can be trusted. `None` for an empty list.
fn client_among(
    addresses: &[Option<IpAddr>],
    peer: IpAddr,
    trusts: impl Fn(IpAddr) -> bool,
) -> Option<(IpAddr, usize)> {
    let mut found = None;
    for (at, address) in addresses.iter().enumerate().rev() {
        let last = found.map_or(peer, |(client, _)| client);
        found = Some((address.unwrap_or(last), at));
        if !address.is_some_and(&trusts) {
            break;
        }
    }
    found
}

/// Parses an address with or without a port: `192.0.2.1`, `192.0.2.1:1234`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:443`. Names such as `unknown` and `_hidden` are none.
fn address_of(node: &str) -> Option<IpAddr> {
    let bare = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address =
        node.parse().ok().or_else(bare).or_else(|| node.parse().map(|full: SocketAddr| full.ip()).ok());
    address.map(|address| address.to_canonical())
}

/// Parses the name of a scheme.
fn scheme_of(text: &str) -> Option<Scheme> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(Scheme::Https),
        "http" | "ws" => Some(Scheme::Http),
        _ => None,
    }
}

/// Splits a text at a separator outside of quoted strings (RFC 9110, section 5.6.4), and drops empty parts.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c: char| {
        let is_separator = c == separator && !quoted;
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        is_separator
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Returns the contents of a quoted string, or another text as it is.
fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut escaped = false;
    inner
        .chars()
        .filter(|c| {
            let skip = *c == '\\' && !escaped;
            escaped = skip;
            !skip
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, sent: &[(&'static str, &str)]) -> Option<Forwarded> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        let trusted = ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:f::/48"].map(|text| text.parse().unwrap());
        forwarded(&headers, peer.parse().unwrap(), &trusted)
    }

    fn client(peer: &str, sent: &[(&'static str, &str)]) -> String {
        of(peer, sent).map_or("nobody".into(), |forwarded| forwarded.client.to_string())
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_is_the_client() {
        for (list, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("198.51.100.1, 192.0.2.7", "192.0.2.7"),
            ("198.51.100.1, 192.0.2.7, 10.0.0.3, 127.0.0.1", "192.0.2.7"),
            ("10.0.0.5, 10.0.0.3", "10.0.0.5"),
            ("192.0.2.7, unknown, 10.0.0.3", "10.0.0.3"),
            ("nonsense", "127.0.0.1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(client("127.0.0.1", &[("x-forwarded-for", list)]), expected, "{list}");
            let elements: Vec<_> = list.split(", ").map(|node| format!("for=\"{node}\"")).collect();
            assert_eq!(client("127.0.0.1", &[("forwarded", &elements.join(", "))]), expected, "{list}");
        }
        let two = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client("127.0.0.1", &two), "192.0.2.7");
    }

    #[test]
    fn who_is_no_trusted_proxy_says_nothing() {
        assert_eq!(
            of("198.51.100.1", &[("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.7")]),
            None
        );
        assert_eq!(of("127.0.0.1", &[]), None);
        assert_eq!(client("2001:db8:f::1", &[("x-forwarded-for", "192.0.2.7")]), "192.0.2.7");
        assert_eq!(client("::ffff:127.0.0.1", &[("x-forwarded-for", "192.0.2.7")]), "192.0.2.7");
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        for (node, expected) in [
            ("192.0.2.1:1234", Some("192.0.2.1")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("192.0.2.1:", None),
            ("192.0.2.1:port", None),
            ("[192.0.2.1", None),
            ("_secret", None),
            ("", None),
        ] {
            assert_eq!(address_of(node).map(|address| address.to_string()).as_deref(), expected, "{node}");
        }
    }

    #[test]
    fn host_and_scheme_are_those_of_the_client_s_hop() {
        let said = |sent: &[(&'static str, &str)]| {
            let said = of("127.0.0.1", sent).unwrap();
            (said.client.to_string(), said.host.unwrap_or_default(), said.scheme)
        };
        let chain = "for=192.0.2.7;host=\"desk.example.org\";proto=https, for=10.0.0.2;host=inner;proto=http";
        let expected = ("192.0.2.7".to_owned(), "desk.example.org".to_owned(), Some(Scheme::Https));
        assert_eq!(said(&[("forwarded", chain)]), expected);
        assert_eq!(
            said(&[
                ("x-forwarded-for", "192.0.2.7, 10.0.0.2"),
                ("x-forwarded-proto", "https, http"),
                ("x-forwarded-host", "desk.example.org"),
            ]),
            expected
        );
        let alone = said(&[("x-forwarded-proto", "HTTPS")]);
        assert_eq!(alone, ("127.0.0.1".to_owned(), String::new(), Some(Scheme::Https)));
        let quoted = said(&[("forwarded", "for=\"192.0.2.7\";host=\"a,b;c\\\"d\"")]);
        assert_eq!(quoted.1, "a,b;c\"d");
    }

    #[test]
    fn a_header_that_the_proxy_only_passes_on_gives_no_other_address() {
        let sent = [("forwarded", "for=203.0.113.99"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client("127.0.0.1", &sent), "127.0.0.1");
        let agreeing = [("forwarded", "for=192.0.2.7;proto=https"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client("127.0.0.1", &agreeing), "192.0.2.7");
    }
}
