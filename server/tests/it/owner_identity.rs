//! Commands that root starts in a state folder of another user, who is not to be trusted with root's rights.

use crate::command_line::{ok, oriel};
use crate::fixture::write_kernel;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// User who owns the state folder: `nobody`, who may do nothing that root may.
const OWNER: u32 = 65534;

/// Makes a state folder of [`OWNER`] and a file of root next to it; `None` where the test is not root.
fn foreign_state() -> Option<(tempfile::TempDir, PathBuf)> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can act in the name of another user");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let state = dir.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    give(&state);
    Some((dir, state))
}

fn give(path: &Path) {
    chown(path, Some(OWNER), Some(OWNER)).unwrap();
}

/// A folder with a manifest, as the owner of the state could write it, whose disk is reached by a link.
fn write_evil_image(folder: &Path, link_to: &Path) {
    fs::create_dir_all(folder).unwrap();
    let manifest = "name = \"evil\"\ndisk = \"x/shadow\"\nkernel = \"vmlinuz\"\nruns_at = \"kernel\"\n";
    fs::write(folder.join("image.toml"), manifest).unwrap();
    write_kernel(&folder.join("vmlinuz"));
    symlink(link_to, folder.join("x")).unwrap();
    for made in [folder.join("image.toml"), folder.join("vmlinuz"), folder.to_owned()] {
        give(&made);
    }
}

/// A folder of root's with a secret, as `/etc` is one.
fn write_secret(folder: &Path) -> PathBuf {
    fs::create_dir(folder).unwrap();
    let secret = folder.join("shadow");
    fs::write(&secret, "root:secret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    secret
}

/// Checks that the secret is root's alone, and that nothing below the state folder has it.
fn assert_untouched(secret: &Path, state: &Path) {
    let facts = fs::metadata(secret).unwrap();
    let facts = (facts.nlink(), facts.uid(), facts.mode() & 0o7777);
    assert_eq!(facts, (1, 0, 0o600), "links, owner and mode of root's file");
    for path in files_below(state) {
        let text = fs::read(&path).unwrap();
        assert!(!text.windows(11).any(|bytes| bytes == b"root:secret"), "{} has it", path.display());
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .flat_map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => files_below(&entry.path()),
            kind if kind.is_file() => vec![entry.path()],
            _ => vec![],
        })
        .collect()
}

#[test]
fn a_list_of_images_reaches_no_file_of_root_by_a_link_in_the_state_folder() {
    let Some((dir, state)) = foreign_state() else { return };
    let secret = write_secret(&dir.path().join("etc"));
    write_evil_image(&state.join("images/evil"), &dir.path().join("etc"));
    give(&state.join("images"));
    oriel(&state, &["image", "list"], "");
    assert_untouched(&secret, &state);
}

#[test]
fn what_root_s_commands_make_belongs_to_the_owner_of_the_state_folder() {
    let Some((dir, state)) = foreign_state() else { return };
    let kernel = dir.path().join("kernel");
    write_kernel(&kernel);
    ok(&state, &["image", "import", "bench", "--kernel", kernel.to_str().unwrap(), "--runs-at", "user"], "");
    ok(&state, &["pool", "add", "bench", "--image", "bench", "--cpus", "1", "--memory", "256"], "");
    ok(&state, &["user", "add", "ada", "--generate"], "");
    let made = files_below(&state);
    assert!(made.contains(&state.join("oriel.db")), "{made:?}");
    for path in made {
        assert_eq!(fs::metadata(&path).unwrap().uid(), OWNER, "{}", path.display());
    }
}

#[test]
fn a_recipe_that_root_starts_runs_as_the_owner_of_the_state_folder() {
    let Some((dir, state)) = foreign_state() else { return };
    let recipe = dir.path().join("recipe");
    fs::create_dir(&recipe).unwrap();
    write_kernel(&recipe.join("vmlinuz"));
    let script = "#!/bin/sh\nset -e\nmkdir -p \"$2\"\ncp \"$(dirname \"$0\")/vmlinuz\" \"$2/vmlinuz\"\n\
        printf 'name = \"r\"\\nkernel = \"vmlinuz\"\\nruns_at = \"kernel\"\\ndescription = \"%s %s %s\"\\n' \
        \"$(id -u)\" \"$(id -G)\" \"$HOME\" > \"$2/image.toml\"\n";
    fs::write(recipe.join("build.sh"), script).unwrap();
    fs::set_permissions(recipe.join("build.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    ok(&state, &["image", "build", "r", "--from", recipe.to_str().unwrap()], "");
    let listed = ok(&state, &["image", "list"], "");
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let home = passwd.lines().find(|line| line.split(':').nth(2) == Some("65534"));
    let home = home.and_then(|line| line.split(':').nth(5)).unwrap_or("/");
    assert!(listed.ends_with(&format!(": {OWNER} {OWNER} {home}\n")), "{listed}");
}

/// Runs a script as root in a network of its own, in which `$ORIEL` is the program on the state folder.
fn in_own_network(state: &Path, script: &str) -> std::process::Output {
    std::process::Command::new("unshare")
        .args(["--net", "--mount", "sh", "-ec"])
        .arg(format!("mount -t sysfs sysfs /sys\nip tuntap add dev desk0 mode tap\n{script}"))
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .env("ORIEL", format!("{} --state-dir {}", env!("CARGO_BIN_EXE_oriel"), state.display()))
        .output()
        .unwrap()
}

#[tokio::test]
async fn network_rules_are_root_s_and_what_they_say_is_checked_since_the_owner_writes_it() {
    let Some((dir, state)) = foreign_state() else { return };
    if !in_own_network(&state, "nft list ruleset").status.success() {
        eprintln!("not run: it takes iproute2, nftables and a network namespace");
        return;
    }
    let kernel = dir.path().join("kernel");
    write_kernel(&kernel);
    ok(&state, &["image", "import", "bench", "--kernel", kernel.to_str().unwrap()], "");
    ok(&state, &["pool", "add", "office", "--image", "bench", "--cpus", "1", "--network", "tap:desk0"], "");
    let applied = in_own_network(
        &state,
        "$ORIEL network apply\nnft list ruleset\n$ORIEL network remove\nnft list ruleset",
    );
    let told = String::from_utf8(applied.stdout).unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    assert!(told.starts_with("office: 1 TAP interfaces reach internet dns\n"), "{told}");
    assert_eq!(told.matches("comment \"pool office\"").count(), 1, "{told}");
    for path in files_below(&state) {
        assert_eq!(fs::metadata(&path).unwrap().uid(), OWNER, "{}", path.display());
    }

    // What the owner can write by hand.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(state.join("oriel.db"));
    let db = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit ORDER BY seq").fetch_all(&db).await.unwrap();
    // The intent before each action, and the outcome after it.
    let expected = ["network.apply", "network.apply", "network.remove", "network.remove"].map(String::from);
    assert!(actions.ends_with(&expected), "{actions:?}");
    let name = "x\" ; }\n}\nadd table inet evil\ntable netdev y {\n#";
    sqlx::query("UPDATE pools SET name = ?").bind(name).execute(&db).await.unwrap();
    db.close().await;
    for path in files_below(&state) {
        give(&path);
    }
    let refused = in_own_network(&state, "$ORIEL network apply || nft list ruleset");
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert!(complaint.contains("of `pools` has pool_name"), "{complaint}");
    assert_eq!(String::from_utf8(refused.stdout).unwrap(), "");
}
