//! Redirection of clipboards and files: a guest's agent and three viewers that perform any actions.

use crate::script::Reader;
use oriel_display::redirection::{DownloadEvent, GuestAgentSink, UploadEvent};
use oriel_display::{RedirectionHub, Screen};
use oriel_wire::{Chunk, ContentType, MAX_CHUNK};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Maximum number of actions of a script.
const MOST_ACTS: usize = 400;
/// Number of viewers.
const VIEWERS: usize = 3;

/// Guest agent that records the newest file.
#[derive(Default)]
struct Link {
    last_file: AtomicU32,
}

impl GuestAgentSink for Link {
    fn offer(&self, _: &[ContentType]) {}
    fn request(&self, _: ContentType) {}
    fn provide(&self, _: ContentType, _: Option<Vec<u8>>) {}
    fn start_upload(&self, file: u32, name: &str, _: u64) {
        let plain =
            !name.is_empty() && !name.contains(['/', '\\', '\0', '\n']) && name != "." && name != "..";
        assert!(plain, "a file's name is {name:?}");
        self.last_file.store(file, Ordering::Relaxed);
    }
    fn upload_data(&self, _: u32, bytes: &[u8]) {
        assert!(bytes.len() <= MAX_CHUNK);
    }
    fn cancel_upload(&self, _: u32) {}
    fn accept_download(&self, _: u32) {}
    fn ack_download(&self, _: u32, _: u64) {}
    fn reject_download(&self, _: u32, reason: &str) {
        assert!(!reason.contains('\n'), "the guest's program reads lines: {reason:?}");
    }
}

/// Runs the target with one input.
pub fn run(script: &[u8]) {
    let redirection = RedirectionHub::new();
    let link = Arc::new(Link::default());
    redirection.connect(link.clone());
    redirection.set_abilities(|abilities| (abilities.clipboard, abilities.files) = (true, true));
    let screen = Screen::new();
    let seats: Vec<_> = (0..VIEWERS).map(|_| screen.subscribe()).collect();
    let join = |viewer: usize| redirection.join(seats[viewer].inbox(), viewer > 0);
    let mut channels: Vec<_> = (0..VIEWERS).map(|viewer| Some(join(viewer))).collect();
    let mut script = Reader(script);
    for _ in 0..MOST_ACTS {
        if script.0.is_empty() {
            return;
        }
        let (viewer, act) = (usize::from(script.u8()) % VIEWERS, script.u8() % 19);
        let content =
            |script: &mut Reader| ContentType::ALL[usize::from(script.u8()) % ContentType::ALL.len()];
        let types = |script: &mut Reader| {
            let bits = script.u8();
            ContentType::ALL
                .into_iter()
                .enumerate()
                .filter(|(i, _)| bits >> i & 1 == 1)
                .map(|(_, one)| one)
                .collect()
        };
        // The guest's files have numbers from 1 on.
        let file = |script: &mut Reader| {
            link.last_file.load(Ordering::Relaxed).saturating_sub(u32::from(script.u8() % 10))
        };
        match act {
            0 => redirection.guest_clipboard_offer(types(&mut script)),
            1 => redirection.guest_clipboard_request(content(&mut script)),
            2 => {
                let content = content(&mut script);
                let len = script.u16();
                redirection.guest_clipboard_data(content, (len > 0).then(|| vec![0; len.into()]));
            }
            3 => redirection.upload_event(file(&mut script), UploadEvent::Accepted),
            4 => redirection.upload_event(file(&mut script), UploadEvent::Written(script.u64())),
            5 => redirection.upload_event(file(&mut script), UploadEvent::Done),
            6 => redirection.upload_event(file(&mut script), UploadEvent::Failed("no".to_owned())),
            16 => {
                let (file, bytes) = (u32::from(script.u8() % 4), vec![3; script.u8().into()]);
                redirection.download_event(
                    file,
                    match bytes.len() % 4 {
                        0 => DownloadEvent::Cancelled,
                        1 => DownloadEvent::End,
                        2 => DownloadEvent::Data(bytes),
                        _ => DownloadEvent::Offered {
                            name: String::from_utf8_lossy(&script.piece()).into_owned(),
                            size: script.u8().into(),
                        },
                    },
                );
            }
            7 => match channels[viewer].take() {
                Some(channel) => drop(channel),
                None => channels[viewer] = Some(join(viewer)),
            },
            _ => {
                if let Some(channel) = &channels[viewer] {
                    match act {
                        8 => channel.acted(),
                        9 => channel.offer(types(&mut script)),
                        10 => channel.request(script.u32(), content(&mut script)),
                        11 => {
                            let (request, ends) = (u32::from(script.u8()), script.u8());
                            let bytes = vec![1; usize::from(script.u16()) % (MAX_CHUNK + 1)];
                            channel.provide(Chunk {
                                request,
                                last: ends & 1 == 1,
                                failed: ends & 2 == 2,
                                bytes,
                            });
                        }
                        12 | 13 => {
                            let (transfer, size) = (script.u8().into(), script.u32().into());
                            channel.start_upload(transfer, size, &String::from_utf8_lossy(&script.piece()));
                        }
                        14 => {
                            let len = usize::from(script.u16()) % (MAX_CHUNK + 1);
                            channel.upload_data(script.u8().into(), &vec![2; len]);
                        }
                        15 => channel.cancel_upload(script.u8().into()),
                        17 => channel.answer_download(u32::from(script.u8() % 4), script.u8() % 2 == 1),
                        _ => channel.ack_download(u32::from(script.u8() % 4), script.u8().into()),
                    }
                }
            }
        }
    }
}
