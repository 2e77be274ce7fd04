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
    for file in last-words.json serial.log vmm.log; do
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
# What every thread of the machine does, and why its processors leave the guest;
# to find out why it hangs
why_it_hangs() {
    for task in /proc/"$machine"/task/*; do
        echo "$(cat "$task/comm"): $(cat "$task/syscall") $(cat "$task/wchan") $(cut -d' ' -f14-15 "$task/stat")"
        cat "$task/stack"
    done > "$results/threads.log" 2>&1
    mount -t tracefs tracefs /sys/kernel/tracing
    echo 1 > /sys/kernel/tracing/events/kvm/kvm_exit/enable
    sleep 1
    head -n 300 /sys/kernel/tracing/trace > "$results/exits.log"
}
finish() {
    if ! ended; then
        why_it_hangs
        kill -9 "$machine"
    fi
    wait "$machine"
    exit "$((failures > 0))"
}
