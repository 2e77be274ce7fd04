//! Address by which a browser sent a request: through a reverse proxy it is a public URL of the server, whose path
//! may be part of the request's.

use super::forwarded::{Forwarded, forwarded};
use crate::listener::ConnectionInfo;
use axum::http::{HeaderMap, HeaderValue, Uri, header, uri::PathAndQuery};
use oriel_auth::{Network, Origins, Scheme};
use std::borrow::Cow;

/// Address by which a browser sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicAddress {
    /// Scheme by which the browser sent the request.
    pub scheme: Scheme,
    /// `Host` that the browser sent, as far as the proxies tell; `None` without one.
    pub host: Option<String>,
    /// Whether a trusted proxy passed the request on.
    pub is_forwarded: bool,
}

/// Finds the address by which a browser sent a request, and puts it and the client's address in the place of
/// those that the connection has.
pub(super) fn resolve(
    origins: &Origins,
    trusted: &[Network],
    connection_info: &mut ConnectionInfo,
    headers: &mut HeaderMap,
) -> PublicAddress {
    let said = forwarded(headers, connection_info.peer.ip(), trusted);
    if let Some(host) = said.as_ref().and_then(|said| HeaderValue::try_from(said.host.as_deref()?).ok()) {
        headers.insert(header::HOST, host);
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let scheme = scheme(origins, connection_info.scheme, host.as_deref(), said.as_ref());
    connection_info.scheme = scheme;
    connection_info.client =
        said.as_ref().map_or(connection_info.peer.ip().to_canonical(), |said| said.client);
    PublicAddress { scheme, host, is_forwarded: said.is_some() }
}

/// Returns the scheme by which the browser sent a request that came by `received`.
fn scheme(origins: &Origins, received: Scheme, host: Option<&str>, said: Option<&Forwarded>) -> Scheme {
    let said_scheme = said.and_then(|said| said.scheme);
    if received == Scheme::Https {
        return Scheme::Https;
    }
    let mut of_host = origins.public_urls().filter(|url| host.is_some_and(|host| url.has_host(host)));
    match (of_host.next(), of_host.next()) {
        // The proxy's word may be that of another proxy before it, so the public URL comes first.
        (Some(url), None) => url.scheme(),
        (Some(url), Some(_)) => said_scheme.unwrap_or(url.scheme()),
        (None, _) if said.is_some() => {
            said_scheme.or_else(|| origins.public_urls().next().map(|url| url.scheme())).unwrap_or(received)
        }
        (None, _) => received,
    }
}

/// Path of a request without the path of a public URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PathWithin<'a> {
    /// The request is for this path of the server.
    Path(Cow<'a, str>),
    /// The request is for a public URL without its last slash, which is needed for relative URLs of the page.
    AddSlash(String),
}

/// Removes the path of a public URL from a request's path. A path without it stays as it is, since some proxies
/// remove it.
pub(super) fn path_within<'a>(origins: &Origins, path: &'a str) -> PathWithin<'a> {
    let bases = || origins.public_urls().map(|url| url.base()).filter(|base| !base.is_empty());
    if let Some(base) = bases().find(|base| path == *base) {
        return PathWithin::AddSlash(format!("{base}/"));
    }
    let inner = bases().filter_map(|base| path.strip_prefix(base)).filter(|rest| rest.starts_with('/'));
    PathWithin::Path(Cow::Borrowed(inner.min_by_key(|rest| rest.len()).unwrap_or(path)))
}

/// Replaces the path of a URI; `None` if the result is none.
pub(super) fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(urls: &[&str]) -> Origins {
        Origins::new(urls.iter().copied(), ["bay", "localhost"]).unwrap()
    }

    fn resolved(urls: &[&str], scheme: Scheme, peer: &str, sent: &[(&'static str, &str)]) -> PublicAddress {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        let peer: std::net::SocketAddr = peer.parse().unwrap();
        let mut info = ConnectionInfo { peer, client: peer.ip(), scheme };
        resolve(&origins(urls), &["127.0.0.0/8".parse().unwrap()], &mut info, &mut headers)
    }

    #[test]
    fn the_scheme_is_that_of_the_public_url() {
        use Scheme::{Http, Https};
        let desk = &["https://desk.example.org"][..];
        let both = &["http://desk.example.org", "https://desk.example.org"][..];
        let host = ("host", "desk.example.org");
        let backend = ("host", "127.0.0.1:8080");
        for (urls, received, peer, sent, expected) in [
            (desk, Http, "127.0.0.1:1", &[host][..], Https),
            (desk, Http, "127.0.0.1:1", &[host, ("x-forwarded-proto", "http")], Https),
            (desk, Http, "127.0.0.1:1", &[backend, ("x-forwarded-for", "192.0.2.1")], Https),
            (desk, Http, "127.0.0.1:1", &[backend, ("x-forwarded-host", "desk.example.org")], Https),
            (desk, Http, "127.0.0.1:1", &[backend, ("x-forwarded-proto", "http")], Http),
            (desk, Http, "127.0.0.1:1", &[backend], Http),
            (desk, Http, "192.0.2.1:1", &[backend, ("x-forwarded-proto", "https")], Http),
            (&[], Http, "127.0.0.1:1", &[backend, ("x-forwarded-proto", "https")], Https),
            (&[], Http, "127.0.0.1:1", &[backend, ("x-forwarded-for", "192.0.2.1")], Http),
            (&["http://desk.example.org"], Http, "127.0.0.1:1", &[host], Http),
            (both, Http, "127.0.0.1:1", &[host, ("x-forwarded-proto", "https")], Https),
            (both, Http, "127.0.0.1:1", &[host], Http),
            (&[], Https, "127.0.0.1:1", &[backend, ("x-forwarded-proto", "http")], Https),
        ] {
            assert_eq!(resolved(urls, received, peer, sent).scheme, expected, "{urls:?} {peer} {sent:?}");
        }
    }

    #[test]
    fn a_trusted_proxy_tells_the_host() {
        let sent = [("host", "127.0.0.1:8080"), ("x-forwarded-host", "desk.example.org")];
        let host = |peer| resolved(&[], Scheme::Http, peer, &sent).host.unwrap();
        assert_eq!(host("127.0.0.1:1"), "desk.example.org");
        assert_eq!(host("192.0.2.1:1"), "127.0.0.1:8080");
    }

    #[test]
    fn the_path_of_a_public_url_is_removed_once() {
        let origins =
            origins(&["https://corp.example/vdi/", "https://corp.example/vdi/new", "https://desk.example"]);
        for (path, within) in [
            ("/vdi/", "/"),
            ("/vdi/api/session", "/api/session"),
            ("/vdi/vdi/", "/vdi/"),
            ("/vdi/new/login", "/login"),
            ("/vdiary", "/vdiary"),
            ("/api/session", "/api/session"),
            ("/", "/"),
        ] {
            assert_eq!(path_within(&origins, path), PathWithin::Path(within.into()), "{path}");
        }
        assert_eq!(path_within(&origins, "/vdi"), PathWithin::AddSlash("/vdi/".into()));
        let uri: Uri = "/vdi/api/x?ticket=a%20b".parse().unwrap();
        assert_eq!(with_path(&uri, "/api/x").unwrap().to_string(), "/api/x?ticket=a%20b");
    }
}
