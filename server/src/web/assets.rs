//! Files of the web client.

use super::app::App;
use super::error::ApiError;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// File of the one page.
const PAGE: &str = "index.html";

/// Sends a file of the web client; for the address of a page, `index.html`.
pub(super) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return ApiError::not_found().into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::method_not_allowed().into_response();
    }
    let Some(name) = file_name(path) else { return ApiError::not_found().into_response() };
    match tokio::fs::read(app.web_root.path().join(name)).await {
        Ok(bytes) => {
            let bytes = if name == PAGE { at_depth(bytes, path) } else { bytes };
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(content_type(name))),
                (header::CACHE_CONTROL, HeaderValue::from_static(caching(name))),
            ];
            (headers, bytes).into_response()
        }
        Err(_) => ApiError::not_found().into_response(),
    }
}

/// Returns the page for an address with the given path. The page names its files relative to the application's
/// folder by `"./`, and an address may be further down.
fn at_depth(page: Vec<u8>, path: &str) -> Vec<u8> {
    let depth = path.matches('/').count().saturating_sub(1);
    if depth == 0 {
        return page;
    }
    match String::from_utf8(page) {
        Ok(text) => text.replace("=\"./", &format!("=\"{}", "../".repeat(depth))).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

/// Returns the file for a path: `index.html` if the last part has no dot; `None` for a path that leaves the
/// folder or names a hidden file.
fn file_name(path: &str) -> Option<&str> {
    let path = path.strip_prefix('/')?;
    let last = path.rsplit('/').next()?;
    if !last.contains('.') {
        return Some(PAGE);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let ok =
        path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain));
    ok.then_some(path)
}

/// Returns the `Cache-Control` of a file. Vite names the files in `assets/` by their contents, so they never
/// change.
fn caching(name: &str) -> &'static str {
    if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

/// Returns the `Content-Type` of a file by its extension.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_the_one_page_and_files_are_files() {
        assert_eq!(file_name("/"), Some("index.html"));
        assert_eq!(file_name("/desktops/abc"), Some("index.html"));
        assert_eq!(file_name("/assets/index-a1.js"), Some("assets/index-a1.js"));
    }

    #[test]
    fn the_page_finds_its_files_at_any_depth() {
        let page = |path| String::from_utf8(at_depth(b"<a src=\"./assets/a.js\">".to_vec(), path)).unwrap();
        assert_eq!(page("/"), "<a src=\"./assets/a.js\">");
        assert_eq!(page("/login"), "<a src=\"./assets/a.js\">");
        assert_eq!(page("/desktop/abc"), "<a src=\"../assets/a.js\">");
        assert_eq!(page("/desktop/abc/"), "<a src=\"../../assets/a.js\">");
    }

    #[test]
    fn nothing_outside_or_hidden_is_reached() {
        for path in
            ["/../x.y", "/a/../b.c", "/.env", "/a/.git/x.y", "//x.y", "/%2e%2e/x.y", "/a\\b.c", "/..", "x.y"]
        {
            assert!(matches!(file_name(path), None | Some("index.html")), "{path}");
        }
    }

    #[test]
    fn only_files_named_by_their_content_are_kept_for_good() {
        assert!(caching("assets/a.js").contains("immutable"));
        assert_eq!(caching("index.html"), "no-cache");
    }
}
