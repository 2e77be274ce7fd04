//! The bench guest's sound card, heard from outside.

use crate::support::{Desktop, Folder, bench_guest, kvm_is_here};
use oriel_display::Client;
use oriel_display::audio::PacketDecoder;
use oriel_display::audio::spectrum::strongest_tone;
use oriel_vmm_api::Command;
use oriel_vmm_api::control::Outcome;
use oriel_wire::ClientMessage;

/// 0.7 s of sound.
const PACKETS: usize = 70;

fn hears_the_tone(viewer: &mut Client) {
    let mut decoder = PacketDecoder::new().unwrap();
    let (mut samples, mut packets) = (Vec::new(), 0);
    while packets < PACKETS {
        viewer.receive_any().unwrap();
        while let Some(packet) = viewer.take_audio() {
            samples.extend_from_slice(decoder.decode(&packet.opus).unwrap());
            packets += 1;
        }
    }
    let tone = strongest_tone(&samples).unwrap();
    // A busy host makes the guest late now and then, and every gap is a click.
    assert!((tone.hz - 440.0).abs() < 3.0 && tone.above_rest_db > 6.0, "{tone:?}");
}

#[test]
fn what_a_guest_plays_is_heard_and_again_after_a_reset() {
    if !kvm_is_here() {
        return;
    }
    let folder = Folder::new();
    let mut config = folder.config(bench_guest(), "scene=idle tone=1");
    config.sound = true;
    let desktop = Desktop::start_as(folder, &config);
    let mut viewer = desktop.viewer();
    viewer.send(&ClientMessage::Sound { playback: true, capture: false }).unwrap();
    hears_the_tone(&mut viewer);
    assert!(viewer.agents().sound && viewer.agents().microphone);
    assert_eq!(desktop.request(Command::Reset), Outcome::Done);
    desktop.wait_for_ready(2);
    hears_the_tone(&mut viewer);
}

#[test]
fn a_desktop_without_a_sound_card_says_so() {
    if !kvm_is_here() {
        return;
    }
    let desktop = Desktop::start("scene=idle tone=1");
    let mut viewer = desktop.viewer();
    viewer.send(&ClientMessage::Sound { playback: true, capture: true }).unwrap();
    viewer.next_frame().unwrap();
    assert!(!viewer.agents().sound && !viewer.agents().microphone);
}
