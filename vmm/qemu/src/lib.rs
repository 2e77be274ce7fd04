//! QEMU as a child process that behaves as one of our machines.
