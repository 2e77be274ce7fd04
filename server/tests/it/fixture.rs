//! A server with two people, Ada and Eve, each with a desktop of the pool `desk`, and Root, who
//! administers.

use crate::client::Browser;
use crate::machine;
use oriel_auth::user::Role;
use oriel_auth::{Password, PasswordHasher, Users};
use oriel_host::DesktopId;
use oriel_host::folder::DesktopDir;
use oriel_host::images::{DiskTool, ImageStore, Imported, NewImage, RunsAt, import};
use oriel_server::config::Config;
use oriel_server::desktops::DesktopTable;
use oriel_server::pools::{PoolSettings, Pools, RedirectionPolicy};
use oriel_server::serve::{Ready, serve};
use oriel_server::state::{StateDir, open_database};
use oriel_vmm_api::DiskFormat;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PASSWORD: &str = "correct horse";
const METRICS_TOKEN: &str = "a token for metrics";
/// Long enough for a loaded machine; nothing waits so long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything on disk; the server may come and go.
pub struct House {
    dir: TempDir,
    pub config: Config,
}

/// A server that runs.
pub struct Running {
    pub ready: Ready,
    pub address: SocketAddr,
    stopping: CancellationToken,
    task: JoinHandle<Result<(), String>>,
}

impl House {
    /// `behaviour` is what the desktops' machine is told (see [`machine`]).
    pub async fn new(behaviour: &str) -> Self {
        let house = Self::unfurnished();
        house.furnish(behaviour).await;
        house
    }

    /// Over the state folder in an archive of `tests/fixtures`.
    pub fn of_archive(archive: &std::path::Path) -> Self {
        let house = Self::unfurnished();
        let unpacked =
            std::process::Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(house.path()).status();
        assert!(unpacked.unwrap().success(), "{}", archive.display());
        house
    }

    /// In a folder that `prepare` gets while it is empty.
    pub async fn prepared(behaviour: &str, prepare: impl FnOnce(&std::path::Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let house = Self::unfurnished_in(dir);
        house.furnish(behaviour).await;
        house
    }

    fn unfurnished() -> Self {
        Self::unfurnished_in(tempfile::tempdir().unwrap())
    }

    fn unfurnished_in(dir: TempDir) -> Self {
        let web_root = dir.path().join("web");
        std::fs::create_dir_all(web_root.join("assets")).unwrap();
        std::fs::write(web_root.join("index.html"), "<title>Oriel</title>").unwrap();
        std::fs::write(web_root.join("assets/app-1.js"), "1").unwrap();
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            plain_loopback: Some("127.0.0.1:0".parse().unwrap()),
            state_dir: dir.path().join("state"),
            web_root: Some(web_root),
            vmm: Some(machine::install(dir.path())),
            metrics_token_file: Some(write_metrics_token(dir.path())),
            ..Config::default()
        };
        config.desktops.stop_grace_s = 1;
        config.desktops.host_reserve_mib = Some(0);
        Self { dir, config }
    }

    pub fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub fn state(&self) -> StateDir {
        StateDir::open(&self.config.state_dir).unwrap()
    }

    /// A desktop's folder.
    pub fn desktop_dir(&self, id: &str) -> DesktopDir {
        self.state().host_dir().desktop(&DesktopId::new(id).unwrap())
    }

    /// The process of the one desktop that runs.
    pub async fn recorded_pid(&self) -> Option<u32> {
        let db = open_database(&self.state()).await.unwrap();
        let all = DesktopTable::new(db.clone()).all().await.unwrap();
        db.close().await;
        all.into_iter().find_map(|record| record.pid)
    }

    /// Imports the image `small`, whose disk holds the given bytes.
    pub async fn import(&self, behaviour: &str, disk: &str) -> Imported {
        let (kernel_file, disk_file) = (self.path().join("kernel"), self.path().join("disk"));
        write_kernel(&kernel_file);
        std::fs::write(&disk_file, disk).unwrap();
        let image = NewImage {
            name: "small".into(),
            kernel: Some(kernel_file),
            initrd: None,
            disk: Some(disk_file),
            disk_format: Some(DiskFormat::Raw),
            cmdline: behaviour.into(),
            runs_at: RunsAt::Kernel,
        };
        let store = ImageStore::open(self.state().host_dir()).unwrap();
        let disks = DiskTool::new(self.config.vmm.clone().unwrap());
        import(&store, &disks, image, Arc::new(|_| {}), CancellationToken::new()).await.unwrap()
    }

    async fn furnish(&self, behaviour: &str) {
        self.import(behaviour, "a disk").await;
        let db = open_database(&self.state()).await.unwrap();
        let pool = PoolSettings { cpus: 1, memory_mib: 64, ..PoolSettings::new("small".into()) };
        let pools = Pools::new(db.clone());
        pools.add("desk", &pool, 0).await.unwrap();
        let hash = PasswordHasher::new().unwrap().hash(Password::new(PASSWORD.into())).await.unwrap();
        let users = Users::new(db.clone());
        for (name, role) in [("ada", Role::User), ("eve", Role::User), ("root", Role::Admin)] {
            let user = users.add(name, role, &hash, 0).await.unwrap();
            pools.entitle("desk", &user.id).await.unwrap();
        }
        db.close().await;
    }

    /// What the desktops share from here on with those who open them.
    pub async fn set_redirection(&self, redirection: RedirectionPolicy) {
        let db = open_database(&self.state()).await.unwrap();
        let pools = Pools::new(db.clone());
        let settings = pools.get("desk").await.unwrap().settings;
        pools.set("desk", &PoolSettings { redirection, ..settings }).await.unwrap();
        db.close().await;
    }

    /// Starts a server on the house.
    pub async fn open(&self) -> Running {
        let stopping = CancellationToken::new();
        let (sender, ready) = oneshot::channel();
        let (config, token) = (self.config.clone(), stopping.clone());
        let task = tokio::spawn(serve(config, token, move |ready| {
            let _ = sender.send(ready.clone());
        }));
        let Ok(ready) = ready.await else { panic!("{:?}", task.await) };
        let plain = ready.plain_url.clone().unwrap();
        let address = plain.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        Running { ready, address, stopping, task }
    }
}

impl Running {
    pub fn stranger(&self) -> Browser {
        Browser::new(self.address)
    }

    /// The metrics, read with the token.
    pub async fn metrics(&self) -> String {
        let token = format!("Bearer {METRICS_TOKEN}");
        let monitoring = Browser { extra: vec![("authorization", token)], ..self.stranger() };
        String::from_utf8(monitoring.get("/metrics").await.body).unwrap()
    }

    pub async fn user(&self, name: &str) -> Browser {
        self.stranger().logged_in(name, PASSWORD).await
    }

    /// Stops the server; its desktops run on.
    pub async fn close(self) {
        self.stopping.cancel();
        self.task.await.unwrap().unwrap();
    }
}

fn write_metrics_token(dir: &std::path::Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join("metrics.token");
    std::fs::write(&path, METRICS_TOKEN).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A file that begins as a kernel does.
pub fn write_kernel(path: &std::path::Path) {
    let mut elf = b"\x7fELF\x02\x01".to_vec();
    elf.resize(64, 0);
    elf[18] = 62;
    std::fs::write(path, elf).unwrap();
}

/// The path of a user's one desktop.
pub async fn desktop_of(browser: &Browser) -> String {
    let list = browser.get("/api/desktops").await.json();
    format!("/api/desktops/{}", list[0]["id"].as_str().unwrap())
}

/// Waits until the desktop is in a state, and returns it.
pub async fn until(browser: &Browser, desktop: &str, state: &str) -> Value {
    let wait = async {
        loop {
            let now = browser.get(desktop).await.json();
            if now["state"] == state {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(desktop) => desktop,
        Err(_) => panic!("never {state}: {}", browser.get(desktop).await.json()),
    }
}

/// Ends a desktop's machine at once, so that no test leaves one behind.
pub async fn unplug(browser: &Browser, desktop: &str) {
    browser.post(&format!("{desktop}/stop"), r#"{"force":true}"#).await;
    until(browser, desktop, "stopped").await;
}
