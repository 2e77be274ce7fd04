//! Table of routes: path, right and handler. The router is made from the table alone, and so are the tests
//! that strangers are refused.

use super::app::App;
use super::error::ApiError;
use super::guard::{Access, guard};
use super::{account, assets, desktops, events, headers, operations};
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use oriel_auth::Origins;
use std::sync::Arc;

/// Route of the API: a method, a path, the right that callers need, and the handler.
pub struct Route {
    /// Method of the route: GET, POST or PUT.
    pub method: Method,
    /// Path of the route, with `{id}` in place of a desktop's identifier.
    pub path: &'static str,
    /// Right that callers of the route need.
    pub access: Access,
    handler: MethodRouter<Arc<App>>,
}

/// Returns the table of all routes.
pub fn table() -> Vec<Route> {
    use Access::*;
    vec![
        get("/healthz", Anyone, operations::healthz),
        get("/metrics", MetricsTokenOrAdmin, operations::metrics),
        post("/api/login", OwnPage, account::login),
        post("/api/logout", User, account::logout),
        get("/api/session", User, account::session),
        post("/api/activity", User, account::activity),
        put("/api/settings", User, account::put_settings),
        post("/api/password", User, account::change_password),
        get("/api/desktops", User, desktops::list),
        get("/api/desktops/{id}", Owner, desktops::get),
        post("/api/desktops/{id}/start", Owner, desktops::start),
        post("/api/desktops/{id}/stop", Owner, desktops::stop),
        post("/api/desktops/{id}/restart", Owner, desktops::restart),
        post("/api/desktops/{id}/reset", Owner, desktops::reset),
        post("/api/desktops/{id}/ticket", Owner, desktops::ticket),
        get("/api/desktops/{id}/stream", OwnerSocket, desktops::stream),
        get("/api/events", UserSocket, events::events),
        get("/api/host", Admin, operations::host),
        get("/api/pools", Admin, operations::pools),
    ]
}

/// Makes the router from the table; other paths lead to the web client.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let guarded = route.handler.route_layer(from_fn_with_state((Arc::clone(&app), route.access), guard));
        router = router.route(route.path, guarded);
    }
    let router = router
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .fallback(assets::serve)
        .with_state(Arc::clone(&app));
    // Around the router and not within: the middleware changes the path by which the router finds the route.
    Router::new().fallback_service(router).layer(from_fn_with_state(app, headers::surround))
}

/// Checks that no public URL's path begins like one of the server's own.
///
/// # Errors
/// One sentence that names the path.
pub fn check_public_paths(origins: &Origins) -> Result<(), String> {
    let first = |path: &str| path.split('/').nth(1).map(str::to_owned).unwrap_or_default();
    let own: Vec<String> = table()
        .iter()
        .map(|route| first(route.path))
        .chain(["assets", "desktop", "login"].map(str::to_owned))
        .collect();
    let taken = origins.public_urls().map(|url| url.base()).find(|base| own.contains(&first(base)));
    taken.map_or(Ok(()), |base| {
        Err(format!(
            "public_urls has the path {base}/, which Oriel uses itself; choose another one, such as /vdi/."
        ))
    })
}

fn get<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::GET, path, access, handler: on(MethodFilter::GET, handler) }
}

fn post<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::POST, path, access, handler: on(MethodFilter::POST, handler) }
}

fn put<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::PUT, path, access, handler: on(MethodFilter::PUT, handler) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(url: &str) -> Origins {
        Origins::new([url], []).unwrap()
    }

    #[test]
    fn the_server_s_own_paths_are_no_public_paths() {
        for url in ["https://corp.example/vdi/", "https://desk.example"] {
            assert!(check_public_paths(&origins(url)).is_ok(), "{url}");
        }
        for path in ["api", "assets/x", "desktop", "login", "metrics"] {
            let refusal = check_public_paths(&origins(&format!("https://corp.example/{path}")));
            assert!(refusal.unwrap_err().contains(path), "{path}");
        }
    }
}
