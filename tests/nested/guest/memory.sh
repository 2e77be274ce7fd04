# shellcheck shell=sh disable=SC2154,SC2046
# Processors, clocks, generation and memory, from within. Sourced by the guest's init.
say "$(cat /sys/devices/system/cpu/online) online"
say "clock source is $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
say "time is $(date -u +%s)"
say "clock $(cat /sys/class/rtc/rtc0/name) shows $(cat /sys/class/rtc/rtc0/since_epoch)"
for device in /sys/bus/*/drivers/vmgenid/ORIL*; do
    [ -e "$device" ] && say "generation is read by ${device##*/}"
done

# free_is OPERATOR MIB: compares the memory that nothing uses
free_is() {
    {
        read -r _
        read -r _ free _
    } < /proc/meminfo
    [ $((free / 1024)) "$1" "$2" ]
}
wait_until_free_is() {
    until free_is "$@"; do sleep 1; done
}

# balloon_goes_up_and_down: as the host says; seen by what is left free
balloon_goes_up_and_down() {
    free_is -ge 0
    all=$((free / 1024))
    wait_until_free_is -le $((all - 80))
    say "memory left to the host, $1"
    wait_until_free_is -ge $((all - 40))
    say "memory taken back, $1"
}
# Once with nothing else to do, and once with memory in use that is freed after it.
watch_memory() {
    balloon_goes_up_and_down first
    head -c 100000000 /dev/zero > /tmp/filled
    say "memory filled"
    balloon_goes_up_and_down then
    rm /tmp/filled
    say "memory freed"
}
# Once, in the life that is tried longest: each look costs a process, and those are slow here.
[ "$boots" != 2 ] || watch_memory &
