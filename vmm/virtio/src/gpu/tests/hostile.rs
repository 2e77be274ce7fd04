//! Invalid commands, which a correct driver does not send.

use super::*;
use crate::queue::test_driver::XorShift;

#[test]
fn hostile_commands_get_the_right_error() {
    const UNSPEC: u32 = 0x1200;
    const NO_MEMORY: u32 = 0x1201;
    const SCANOUT: u32 = 0x1202;
    const RESOURCE: u32 = 0x1203;
    const PARAMETER: u32 = 0x1205;
    let mut guest = guest();
    guest.create_2d(1, 2, 8, 8);
    assert_eq!(guest.create_blob(2, 16384), OK_NODATA);
    let max = u32::MAX;
    let cases: &[(u32, &[u32], u32)] = &[
        (0x0BAD, &[], UNSPEC),
        (0x0108, &[0, 0], UNSPEC),
        (0x0101, &[9], PARAMETER),
        (0x0101, &[0, 2, 8, 8], RESOURCE),
        (0x0101, &[1, 2, 8, 8], RESOURCE),
        (0x0101, &[9, 5, 8, 8], PARAMETER),
        (0x0101, &[9, 2, 0, 8], PARAMETER),
        (0x0101, &[9, 2, max, max], PARAMETER),
        (0x0101, &[9, 2, 16384, 16384], NO_MEMORY),
        (0x0102, &[9, 0], RESOURCE),
        (0x0106, &[9, 0], RESOURCE),
        (0x0106, &[1, 1, 0, 0, 16, 0], UNSPEC),
        (0x0106, &[2, 1, 0, 0, 16, 0], UNSPEC),
        (0x0106, &[1, max], PARAMETER),
        (0x0106, &[1, 2, 0, 0, 16, 0], PARAMETER),
        (0x0106, &[1, 1, 0, 1, 16, 0], PARAMETER),
        (0x0105, &[0, 0, 9, 8, 0, 0, 1, 0], PARAMETER),
        (0x0105, &[max, max, 2, 2, 0, 0, 1, 0], PARAMETER),
        (0x0105, &[0, 0, 8, 8, 4, 0, 1, 0], PARAMETER),
        (0x0105, &[0, 0, 8, 8, max, max, 1, 0], PARAMETER),
        (0x0103, &[0, 0, 8, 8, 1, 1], SCANOUT),
        (0x0103, &[0, 0, 8, 8, 0, 9], RESOURCE),
        (0x0103, &[0, 0, 8, 8, 0, 2], RESOURCE),
        (0x0103, &[0, 0, 0, 8, 0, 1], PARAMETER),
        (0x0103, &[1, 0, 8, 8, 0, 1], PARAMETER),
        (0x0103, &[max, max, max, max, 0, 1], PARAMETER),
        (0x0104, &[0, 0, 8, 9, 1, 0], PARAMETER),
        (0x0104, &[0, 0, 8, 8, 9, 0], RESOURCE),
        (0x010A, &[16, 0], SCANOUT),
        (0x010C, &[9, 2, 0, 0, 0, 0, 4, 0], PARAMETER),
        (0x010C, &[9, 1, 0, 1, 0, 0, 17, 0, 0, 0, 16, 0], PARAMETER),
        (0x010C, &[9, 1, 0, 1, 0, 0, 0, 0, 0, 0, 16, 0], PARAMETER),
        (0x010C, &[9, 1, 0, 34561, 0, 0, 4, 0], PARAMETER),
        // Blob scanouts: past the end, a stride too short, all ones.
        (0x010D, &[0, 0, 64, 65, 0, 2, 64, 65, 2, 0, 256, 0, 0, 0, 0, 0, 0, 0], PARAMETER),
        (0x010D, &[0, 0, 64, 64, 0, 2, 64, 64, 2, 0, 252, 0, 0, 0, 0, 0, 0, 0], PARAMETER),
        (0x010D, &[0, 0, 64, 64, 0, 2, 64, 64, 9, 0, 256, 0, 0, 0, 0, 0, 0, 0], PARAMETER),
        (0x010D, &[max, max, max, max, 0, 2, max, max, 2, 0, max, 0, 0, 0, max, 0, 0, 0], PARAMETER),
        (0x010D, &[0, 0, max, max, 0, 2, max, max, 2, 0, max, 0, 0, 0, max, 0, 0, 0], PARAMETER),
        (0x010D, &[0, 0, 8, 8, 0, 1, 8, 8, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0], RESOURCE),
    ];
    for (i, (kind, body, expected)) in cases.iter().enumerate() {
        assert_eq!(guest.response_type(*kind, body), *expected, "case {i}: {kind:#x} {body:?}");
        assert_eq!(guest.counters.gpu_refused_commands.get(), i as u64 + 1);
    }
    // And after all that the device still works.
    assert_eq!(guest.response_type(0x0103, &[0, 0, 8, 8, 0, 1]), OK_NODATA);
}

#[test]
fn host_memory_is_bounded_and_given_back() {
    let mut guest = guest();
    // 64 MiB each.
    for resource in 1..=4 {
        assert_eq!(guest.response_type(0x0101, &[resource, 2, 4096, 4096]), OK_NODATA);
    }
    assert_eq!(guest.response_type(0x0101, &[5, 2, 1, 1]), 0x1201);
    assert_eq!(guest.response_type(0x0102, &[3, 0]), OK_NODATA);
    assert_eq!(guest.response_type(0x0101, &[5, 2, 4096, 4096]), OK_NODATA);
}

#[test]
fn garbage_is_always_returned() {
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let mut guest = guest();
    let mut sent = 0;
    for round in 0..4000 {
        // Half of it looks like commands on resources that may exist.
        if round % 2 == 0 {
            guest.control.send_garbage(&mut random);
        } else {
            let kind = 0x0100 + random.below(0x0F) as u32;
            let body: Vec<u32> = (0..18)
                .map(|_| if random.below(4) == 0 { random.next() as u32 } else { random.below(6) as u32 })
                .collect();
            guest.control.send(&[&request(kind, random.below(2) as u32, 0, &body)], &[1100]);
        }
        sent += 1;
        guest.gpu.queue_notified(0);
        guest.cursor.send_garbage(&mut random);
        guest.gpu.queue_notified(1);
        assert_eq!(guest.cursor.used().len(), 1);
        if let Some(source) = guest.source() {
            let size = source.size();
            let mut row = vec![0; size.width as usize * 4];
            let _ = source.read_row(0, size.height - 1, &mut row);
        }
    }
    let mut returned = guest.control.used().len();
    if returned < sent {
        wait_readable(guest.gpu.event_fds()[0]);
        guest.gpu.event(0);
        returned += guest.control.used().len();
    }
    assert_eq!(returned, sent);
    assert!(!guest.gpu.needs_reset());
}
