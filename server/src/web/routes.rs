//! Table of routes: path, right and handler. The router is made from the table alone, and so are the tests
//! that strangers are refused.

use super::app::App;
use super::error::ApiError;
use super::guard::{Access, guard};
use super::{account, assets, desktops, events, headers, operations};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;

/// Maximum length of a request's body in bytes; requests have a few hundred.
const LONGEST_BODY: usize = 16 * 1024;

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
        get("/metrics", LoopbackOrAdmin, operations::metrics),
        post("/api/login", OwnPage, account::login),
        post("/api/logout", User, account::logout),
        get("/api/session", User, account::session),
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
    router
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .fallback(assets::serve)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&app), headers::surround))
        .with_state(app)
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
