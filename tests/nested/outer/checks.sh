# shellcheck shell=sh disable=SC2154,SC2034,SC2016
# What a run uses to wait, to judge and to say so. Sourced by the payload's run.
results=/payload/results
failures=0
mkdir -p "$results"
PATH=/payload/bin:$PATH

uptime_s() { cut -d. -f1 /proc/uptime; }
check() {
    if "$@" > /dev/null 2>&1; then
        echo "ok - $what"
    else
        emulation_failed && give_up
        echo "not ok - $what"
        failures=$((failures + 1))
        why_it_ended
    fi
}
# A machine that is gone when it should not be: how it ended and the last lines of what it and its
# guest said, once
why_it_ended() {
    [ "$machine" ] && ended && [ "$explained" != "$machine" ] || return 0
    explained=$machine
    wait "$machine"
    echo "The machine is gone; its process ended with status $?."
    for file in exit-report.json serial.log vmm.log; do
        [ -s "$results/$file" ] || continue
        echo "The last lines of $file:"
        tail -n 15 "$results/$file"
    done
    echo 'The last lines of the kernel:'
    dmesg | tail -n 5
}

# wait_for SECONDS COMMAND...: until it succeeds, as long as the machine runs
wait_for() {
    until=$(($(uptime_s) + $1))
    shift
    while [ "$(uptime_s)" -lt "$until" ] && ! ended; do
        "$@" > /dev/null 2>&1 && return
        sleep 1
    done
    "$@" > /dev/null 2>&1
}
# said TEXT [TIMES]: whether the guest's serial console has it
said() { [ "$(grep -c -F "$1" "$results/serial.log")" -ge "${2:-1}" ]; }
ended() { ! kill -0 "$machine" 2> /dev/null; }
shut_down() { ended && machine_ended_well; }
# What every thread of the machine and of the processes that it started does
what_threads_do() {
    for process in "$machine" $(cat /proc/"$machine"/task/"$machine"/children); do
        for task in /proc/"$process"/task/*; do
            echo "$(cat "$task/comm"): $(cat "$task/syscall") $(cat "$task/wchan") $(cut -d' ' -f14-15 "$task/stat")"
            cat "$task/stack"
        done
    done > "$results/threads.log" 2>&1
}
# QEMU's emulation of AMD-V enters a guest now and then with the registers of this machine, which it
# should have put aside: that processor of the guest is then at this machine's own VMRUN instruction,
# in a module, at an address where the guest's kernel has nothing. Nothing after such an exit is proof
# of anything, so they are looked out for. The host's registers may also be the last that the guest ever
# had: a triple fault, which is tried again for that. One of the guest's own comes again in every attempt.
tracing=/sys/kernel/tracing
watch_emulation() {
    vmrun=$(awk '$3 == "__svm_vcpu_run" { print $1 }' /proc/kallsyms)
    mount -t tracefs tracefs $tracing
    # Modules are in the last 2 GiB, and the shell counts with a sign.
    end=$(printf 'ffffffff%08x' $((0x${vmrun#ffffffff} + 1024)))
    echo "guest_rip >= 0x$vmrun && guest_rip < 0x$end" > $tracing/events/kvm/kvm_exit/filter
    echo 1 > $tracing/events/kvm/kvm_exit/enable
}
emulation_failed() {
    grep -q kvm_exit: $tracing/trace || { ended && grep -qs 'triple fault' "$results/exit-report.json"; }
}
# Why processors leave the guest, for a second
why_they_exit() {
    echo 0 > $tracing/events/kvm/kvm_exit/filter
    sleep 1
    echo 0 > $tracing/events/kvm/kvm_exit/enable
    head -n 300 $tracing/trace > "$results/exits.log"
}
give_up() {
    echo "The emulation of AMD-V failed: the guest has registers of this machine. What was to be tried: $what."
    [ ! -s "$results/exit-report.json" ] || cat "$results/exit-report.json"
    ended || kill -9 "$machine"
    exit 75
}
finish() {
    if ! ended; then
        what_threads_do
        why_they_exit
        kill -9 "$machine"
    fi
    wait "$machine"
    exit "$((failures > 0))"
}
watch_emulation
