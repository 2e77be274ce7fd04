//! `oriel serve`: construction of the server from its parts, and its orderly end.

use crate::changes::Changes;
use crate::config::Config;
use crate::desktops::{Broker, DesktopTable};
use crate::gateway::AccessSources;
use crate::listener::{Listening, Server, certificate_for, own_names};
use crate::metrics::Metrics;
use crate::pools::Pools;
use crate::programs;
use crate::retention;
use crate::state::{DatabaseReserve, StateDir, load_or_make_key, open_database};
use crate::users::SettingsTable;
use crate::web::{ActionRate, App, MetricsToken, SessionSockets, WebRoot, check_public_paths, router};
use oriel_auth::{AuditLog, DeviceKey, Login, Origins, Tickets};
use oriel_host::folder::{LockError, lock_within};
use oriel_host::images::{ImageError, ImageStore};
use oriel_host::schedule::{CGROUP_MOUNT, Cgroups};
use oriel_host::{HostClient, LocalHost};
use oriel_vmm_api::sentence;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time within which open streams must close when the server ends.
const LONGEST_GOODBYE: Duration = Duration::from_secs(6);
/// Time to wait for the lock of a server that is ending.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Addresses of a server that is ready.
#[derive(Debug, Clone)]
pub struct Ready {
    /// URL for a browser, with TLS.
    pub url: String,
    /// URL without TLS on a loopback address, if configured.
    pub plain_url: Option<String>,
    /// SHA-256 of the certificate in the notation of browsers.
    pub fingerprint: String,
}

/// Runs the server until `stopping` is cancelled, and calls `ready` when its ports are open. Desktops
/// continue to run after the server has ended.
///
/// # Errors
/// One sentence that says what to do; the server has not started.
pub async fn serve(
    config: Config,
    stopping: CancellationToken,
    ready: impl FnOnce(&Ready),
) -> Result<(), String> {
    let state = StateDir::open(&config.state_dir)?;
    let _lock = lock_within(&state.server_lock(), LOCK_PATIENCE).await.map_err(|error| match error {
        LockError::Held => format!(
            "Another server runs on {}; stop it first, or give this one its own --state-dir.",
            state.root().display()
        ),
        LockError::Io(error) => {
            format!(
                "The lock {} cannot be taken ({error}); check the state folder.",
                state.server_lock().display()
            )
        }
    })?;
    let vmm = programs::vmm(&config)?;
    let web_root = WebRoot::open(&programs::web_root(&config)?)?;
    DatabaseReserve::release_to_open(&state);
    let db = open_database(&state).await?;
    let audit = AuditLog::open(db.clone(), state.root()).await.map_err(sentence)?;
    let images = open_images(&state).await?;
    let device_key = DeviceKey::new(load_or_make_key(&state.device_key())?);

    let names = own_names();
    let certificate = certificate_for(&config, &state)?;
    let origins = Origins::new(
        config.public_urls.iter().map(String::as_str),
        names.iter().map(String::as_str),
    )
    .map_err(|url| {
        format!("public_urls has \"{url}\", which is no address like https://desk.example.org or https://corp.example/vdi/; correct it.")
    })?;
    check_public_paths(&origins)?;
    let metrics_token = config.metrics_token_file.as_deref().map(MetricsToken::load).transpose()?;
    let tls_port = Listening::open(config.listen, Some(TlsAcceptor::from(certificate.config))).await?;
    let plain_port = match config.plain_loopback {
        Some(address) => Some(Listening::open(address, None).await?),
        None => None,
    };
    let told = Ready {
        url: format!("https://{}/", shown_authority(tls_port.address)),
        plain_url: plain_port.as_ref().map(|port| format!("http://{}/", port.address)),
        fingerprint: certificate.fingerprint,
    };
    let host = LocalHost::open(
        config.desktops.host_settings(),
        state.host_dir().clone(),
        images,
        vmm,
        control_groups(),
    )
    .await?;
    let host: Arc<dyn HostClient> = Arc::new(host);
    let failed = |error: sqlx::Error| format!("The database failed: {error}.");
    let changes = Arc::new(Changes::open(db.clone()).await.map_err(failed)?);
    let desktops = Broker::open(host, db.clone(), audit.clone(), &changes).await.map_err(failed)?;
    let login = Login::new(db.clone(), config.login.session_limits(), audit.clone(), device_key)
        .map_err(|error| format!("The server cannot start: {error}."))?;
    let app = Arc::new(App {
        access: AccessSources {
            sessions: login.sessions.clone(),
            users: login.users.clone(),
            desktops: DesktopTable::new(db.clone()),
            changes,
        },
        login,
        action_rate: ActionRate::default(),
        tickets: Tickets::default(),
        origins,
        trusted_proxies: config.trusted_proxies.clone(),
        metrics_token,
        pools: Pools::new(db.clone()),
        settings: SettingsTable::new(db.clone()),
        desktops,
        metrics: Arc::new(Metrics::default()),
        web_root,
        certificate_given: certificate.given,
        stopping: stopping.clone(),
        sockets: TaskTracker::new(),
        session_sockets: SessionSockets::default(),
    });
    let retention = tokio::spawn(retention::keep(audit.clone(), config.audit_retention_days));
    let reserve = DatabaseReserve::new(db.clone(), state);
    let reserve = tokio::spawn(reserve.keep(Arc::clone(&app.metrics)));
    ready(&told);
    let warm = Arc::clone(&app);
    // The first user then does not wait for the probe; a failure is reported when a desktop starts.
    tokio::spawn(async move { warm.desktops.host().facts().await });

    Server::new(router(Arc::clone(&app)), config.trusted_proxies, stopping)
        .run(std::iter::once(tls_port).chain(plain_port).collect())
        .await;
    app.sockets.close();
    if tokio::time::timeout(LONGEST_GOODBYE, app.sockets.wait()).await.is_err() {
        tracing::warn!("some streams were cut off");
    }
    retention.abort();
    audit.flush().await;
    reserve.abort();
    db.close().await;
    Ok(())
}

/// Opens the image store, and collects superseded versions.
///
/// # Errors
/// One sentence: the store cannot be opened.
async fn open_images(state: &StateDir) -> Result<ImageStore, String> {
    let state = state.clone();
    let open = move || {
        let store = ImageStore::open(state.host_dir())?;
        // The failure does not prevent the use of the images.
        if let Err(error) = store.lock().and_then(|lock| store.collect(&lock)) {
            tracing::warn!(%error, "superseded images were not collected");
        }
        Ok(store)
    };
    let opened = tokio::task::spawn_blocking(open).await;
    opened
        .map_err(|error| format!("The image store was not opened: {error}."))?
        .map_err(|error: ImageError| error.to_string())
}

/// Prepares the control groups; on failure returns one sentence, which is also logged.
fn control_groups() -> Result<Cgroups, String> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = Cgroups::take(Path::new(CGROUP_MOUNT), &own);
    if let Err(text) = &groups {
        tracing::warn!("{text}");
    }
    groups
}

/// Returns a token that SIGINT and SIGTERM cancel.
///
/// # Errors
/// One sentence: the signal handlers cannot be installed.
pub fn until_signalled() -> Result<CancellationToken, String> {
    let listen = |kind| signal(kind).map_err(|error| format!("Signals cannot be heard: {error}."));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let stopping = CancellationToken::new();
    let token = stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; desktops run on");
        token.cancel();
    });
    Ok(stopping)
}

/// Returns the host and port for a browser's address bar, with a name where one works.
fn shown_authority(address: SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_loopback() || ip.is_unspecified() {
        let name = if ip.is_loopback() { "localhost".into() } else { own_names().pop().unwrap_or_default() };
        format!("{name}:{}", address.port())
    } else {
        address.to_string()
    }
}
