//! spice-vdagentd and spice-vdagent on an X server without a screen.

use crate::rig::{Folder, PATIENCE, Program, installed, listening_port, wait_until};
use oriel_agents::spice::{AgentEvent, AgentFeatures, ClipboardType, FileXferEvent, MonConfig, SpiceAgent};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

const PROGRAMS: [&str; 4] = ["spice-vdagentd", "spice-vdagent", "Xvfb", "xclip"];

/// X session with spice-vdagentd and spice-vdagent.
struct Desktop {
    folder: Folder,
    display: String,
    agent: SpiceAgent,
    news: Receiver<AgentEvent>,
    daemon: Option<Program>,
    session: Option<Program>,
    _server: Program,
}

impl Desktop {
    fn start() -> Self {
        let folder = Folder::new();
        let port = listening_port(&folder.path("port"));
        let (tell, news) = channel();
        let agent = SpiceAgent::start(port, move |one| drop(tell.send(one))).unwrap();
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"]);
        let mut server = Program::start(server.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut number = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        std::fs::create_dir(folder.path("files")).unwrap();
        std::fs::write(folder.path("uinput"), []).unwrap();
        let mut desktop = Self { folder, display, agent, news, daemon: None, session: None, _server: server };
        desktop.start_agents();
        desktop
    }

    fn start_agents(&mut self) {
        let path = |name: &str| self.folder.path(name);
        let daemon = Program::start(
            Command::new("spice-vdagentd")
                .args(["-x", "-X", "-f", "-s"])
                .arg(path("port"))
                .arg("-S")
                .arg(path("session"))
                .arg("-u")
                .arg(path("uinput")),
        );
        wait_until("the daemon listens", || UnixStream::connect(path("session")).is_ok());
        let session = Program::start(
            self.command("spice-vdagent")
                .args(["-x", "-o", "0", "-s"])
                .arg(path("port"))
                .arg("-S")
                .arg(path("session"))
                .arg("-f")
                .arg(path("files"))
                .stderr(Stdio::null()),
        );
        (self.daemon, self.session) = (Some(daemon), Some(session));
    }

    /// Returns a command for a program in the X session.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env("HOME", self.folder.path("")).env("NO_AT_BRIDGE", "1");
        command
    }

    /// Waits for an event for which `wanted` returns a value; other events are dropped.
    fn hear<T>(&self, what: &str, mut wanted: impl FnMut(AgentEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let news = self.news.recv_timeout(left).unwrap_or_else(|_| panic!("waited in vain for {what}"));
            if let Some(value) = wanted(news) {
                return value;
            }
        }
    }

    fn wait_for_features(&self) {
        let all = AgentFeatures { clipboard: true, monitors_config: true, file_xfer: true };
        self.hear("the agents", |news| (news == AgentEvent::Features(all)).then_some(()));
    }

    /// Copies contents in the X session.
    fn copy(&self, target: &str, contents: &[u8]) {
        let mut xclip = self
            .command("xclip")
            .args(["-selection", "clipboard", "-in", "-t", target])
            .stdin(Stdio::piped())
            // It stays in the background, and is not to keep the test's own output open.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        xclip.stdin.take().unwrap().write_all(contents).unwrap();
        // The parent ends once its child in the background has the selection.
        assert!(xclip.wait().unwrap().success());
    }

    /// Pastes in the X session, while the host answers the agent's request.
    fn paste(&self, target: &str, kind: ClipboardType, contents: Option<&[u8]>) -> Vec<u8> {
        let xclip = self
            .command("xclip")
            .args(["-selection", "clipboard", "-out", "-t", target])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.hear("the guest to paste", |news| (news == AgentEvent::ClipboardRequest(kind)).then_some(()));
        self.agent.send_clipboard(kind, contents.map(<[u8]>::to_vec));
        xclip.wait_with_output().unwrap().stdout
    }

    fn targets(&self) -> String {
        let output = self
            .command("xclip")
            .args(["-selection", "clipboard", "-out", "-t", "TARGETS"])
            .stderr(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn request_clipboard(&self, kind: ClipboardType) -> Option<Vec<u8>> {
        self.agent.request_clipboard(kind);
        self.hear("contents", |news| match news {
            AgentEvent::ClipboardData(got, contents) if got == kind => Some(contents),
            _ => None,
        })
    }

    /// Sends a whole file, and waits for the result.
    fn send(&self, id: u32, name: &str, contents: &[u8]) -> FileXferEvent {
        self.agent.start_file(id, name, contents.len() as u64);
        self.agent.file_data(id, contents);
        self.hear("the end of the file", |news| match news {
            AgentEvent::FileXfer(got, end @ (FileXferEvent::Done | FileXferEvent::Failed(_)))
                if got == id =>
            {
                Some(end)
            }
            _ => None,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path("files").join(name)
    }
}

/// Returns the signature of a PNG file and noise; no program on the way decodes the image.
fn image(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let noise = (0..length).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    b"\x89PNG\r\n\x1a\n".iter().copied().chain(noise).collect()
}

#[test]
fn the_packaged_desktop_agent_copies_pastes_and_takes_files() {
    if !installed(&PROGRAMS) {
        return;
    }
    let mut desktop = Desktop::start();
    desktop.wait_for_features();

    // Out of the guest.
    desktop.copy("UTF8_STRING", "schön\nund gut".as_bytes());
    desktop.hear("an offer of text", |news| {
        (news == AgentEvent::ClipboardGrab(vec![ClipboardType::Text])).then_some(())
    });
    assert_eq!(desktop.request_clipboard(ClipboardType::Text).as_deref(), Some("schön\nund gut".as_bytes()));
    assert_eq!(desktop.request_clipboard(ClipboardType::Png), None, "that was not offered");
    let picture = image(700_000);
    desktop.copy("image/png", &picture);
    desktop.hear("an offer of a picture", |news| {
        (news == AgentEvent::ClipboardGrab(vec![ClipboardType::Png])).then_some(())
    });
    assert!(desktop.request_clipboard(ClipboardType::Png) == Some(picture));

    // Into the guest.
    desktop.agent.grab_clipboard(&[ClipboardType::Text, ClipboardType::Png]);
    wait_until("the guest has the offer", || desktop.targets().contains("image/png"));
    assert_eq!(
        desktop.paste("UTF8_STRING", ClipboardType::Text, Some("grüße".as_bytes())),
        "grüße".as_bytes()
    );
    let picture = image(3_000_000);
    assert!(desktop.paste("image/png", ClipboardType::Png, Some(&picture)) == picture);
    assert_eq!(desktop.paste("UTF8_STRING", ClipboardType::Text, None), b"", "there was nothing to paste");

    // The agents start anew, and the offer is renewed.
    (desktop.session, desktop.daemon) = (None, None);
    desktop.hear("the agents to go", |news| {
        (news == AgentEvent::Features(AgentFeatures::default())).then_some(())
    });
    let _ = std::fs::remove_file(desktop.folder.path("session"));
    desktop.start_agents();
    desktop.wait_for_features();
    wait_until("the guest has the offer again", || desktop.targets().contains("image/png"));
    desktop.agent.grab_clipboard(&[]);
    wait_until("the offer is gone", || !desktop.targets().contains("image/png"));

    // Files.
    let contents = image(2_500_000);
    assert_eq!(desktop.send(1, "a picture, \u{fc}ber [all].png", &contents), FileXferEvent::Done);
    assert!(std::fs::read(desktop.file("a picture, \u{fc}ber [all].png")).unwrap() == contents);
    assert_eq!(desktop.send(2, "empty", b""), FileXferEvent::Done);
    assert_eq!(std::fs::read(desktop.file("empty")).unwrap(), b"");
    let failed = {
        desktop.agent.start_file(3, "huge", 1 << 60);
        desktop.hear("a refusal", |news| match news {
            AgentEvent::FileXfer(3, FileXferEvent::Failed(text)) => Some(text),
            _ => None,
        })
    };
    assert!(failed.contains("no room") && failed.contains("MiB"), "{failed}");
    desktop.agent.start_file(4, "cancelled", 1000);
    desktop
        .hear("acceptance", |news| (news == AgentEvent::FileXfer(4, FileXferEvent::Accepted)).then_some(()));
    desktop.agent.cancel_file(4);
    wait_until("the cancelled file is gone", || !desktop.file("cancelled").exists());

    // The layout is taken or refused (this X server has one size), but it is answered.
    desktop.agent.set_monitors_config(&[MonConfig { x: 0, y: 0, width: 640, height: 480 }]);
    desktop.hear("an answer", |news| matches!(news, AgentEvent::MonitorsConfigReply { .. }).then_some(()));
    assert_eq!(desktop.agent.counters().refused_messages, 0);
}
