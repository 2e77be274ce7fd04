//! A bare-metal guest that draws desktop scenes on virtio-gpu. It boots by PVH,
//! runs at CPL3, and sleeps until a device or the clock has something to do; see
//! README.md.

#![no_std]
#![no_main]

extern crate alloc;

mod acpi;
mod apic;
mod boot;
mod clock;
mod cursor;
mod desktop;
mod gpu;
mod input;
mod memory;
mod options;
mod pci;
mod port;
mod rest;
mod run;
mod serial;
mod sound;
mod start_info;
mod transport;

use core::fmt::Display;

use apic::Apic;
use clock::Clock;
use desktop::Desktop;
use gpu::Gpu;
use input::Input;
use options::Options;
use rest::Rest;
use sound::Speaker;
use start_info::StartInfo;
use transport::MsixTransport;

/// Assumed when nothing can be measured, in kHz.
const FALLBACK_TSC_KHZ: u64 = 2_000_000;

unsafe extern "C" {
    /// Set by the linker script behind the last byte of the image.
    static image_end: u8;
}

/// Entered from the boot stub at CPL3 with the physical address of the start info.
#[unsafe(no_mangle)]
extern "C" fn guest_main(start_info: usize) -> ! {
    // SAFETY: the stub passes the address from EBX on, and nothing has been
    // written outside the image.
    let info = unsafe { StartInfo::read(start_info) }.unwrap_or_else(|error| stop(error));
    let options = Options::parse(info.command_line()).unwrap_or_else(|error| stop(error));
    boot::init_interrupts();
    let clock = make_clock(&info, &options);
    let memory_map = info.memory_map();

    let floor = (&raw const image_end).addr() as u64;
    let Some(heap) = info.largest_memory(floor) else {
        stop("The memory map has no memory behind the image.")
    };
    // SAFETY: the range is memory behind the image, and this is the only call.
    unsafe { memory::init_heap(heap) };

    let apic = Apic::new(&clock);
    let mut bus = pci::Bus::scan(memory_map, apic.as_ref().map(Apic::message));
    let mut displays = bus.virtio_devices(pci::VIRTIO_GPU).unwrap_or_else(|error| stop(error));
    let inputs = bus.virtio_devices(pci::VIRTIO_INPUT).unwrap_or_else(|error| stop(error));
    let mut sound_cards = bus.virtio_devices(pci::VIRTIO_SOUND).unwrap_or_else(|error| stop(error));
    if displays.is_empty() {
        stop("There is no virtio-gpu device on PCI bus 0.");
    }
    // A device that cannot interrupt must be polled, and then nothing sleeps.
    let all_interrupt = displays.iter().chain(&inputs).chain(&sound_cards).all(MsixTransport::has_interrupts);
    let rest = Rest::new(clock, apic.filter(|_| all_interrupt));
    let size = (options.width, options.height);
    let gpu = Gpu::new(displays.swap_remove(0), options.blob).unwrap_or_else(|error| stop(error));
    let desktop = Desktop::new(gpu, options.scene, size, options.screens, &rest);
    let desktop = desktop.unwrap_or_else(|error| stop(error));
    let input = Input::new(inputs, size).unwrap_or_else(|error| stop(error));
    let speaker = sound_cards.pop().filter(|_| options.tone).map(Speaker::new);
    let speaker = speaker.transpose().unwrap_or_else(|error| stop(error));
    match run::run(desktop, input, speaker, &rest, &options) {
        Ok(never) => match never {},
        Err(error) => stop(error),
    }
}

fn make_clock(info: &StartInfo, options: &Options) -> Clock {
    let measured = || acpi::pm_timer_port(info.rsdp()).and_then(clock::calibrate_by_pm_timer);
    let khz = options.tsc_khz.or_else(measured).or_else(clock::calibrate_by_pit).unwrap_or_else(|| {
        log!("There is neither a PM timer nor a PIT: say tsc_khz= on the command line. Assuming 2 GHz.");
        FALLBACK_TSC_KHZ
    });
    Clock::new(khz)
}

/// Says why the program ends, and ends.
fn stop(reason: impl Display) -> ! {
    log!("oriel-bench-guest stopped: {reason}");
    loop {
        core::hint::spin_loop();
    }
}

/// Entered from the exception handlers at CPL3 with an empty stack.
#[unsafe(no_mangle)]
extern "C" fn guest_fault(instruction: u64, address: u64) -> ! {
    stop(format_args!("The processor faulted at {instruction:#x}; the last page fault was at {address:#x}."))
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    stop(info)
}
