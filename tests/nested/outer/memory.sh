# shellcheck shell=sh disable=SC2154,SC2034
# Processors, clocks and memory of our own monitor's guest. Sourced by devices-test.

# counter NAME: one of the machine's figures
counter() { oriel-vmm control --socket "$socket" describe | sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p"; }
balloon() { oriel-vmm control --socket "$socket" balloon "$1" >> "$results/client.log" 2>&1; }
counts() { [ "$(counter "$1")" "$2" "$3" ]; }
# told TEXT: what follows it on the guest's console
told() { sed -n "s/^guest: .*$1 //p" "$results/serial.log" | tr -d '\r' | head -n 1; }
between() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }

online=0
[ "$cpus" = 1 ] || online=0-$((cpus - 1))
what="all $cpus processors are online" && check said "guest: $online online"
what='the clock is one of a guest' && check grep -qE 'guest: clock source is (kvm-clock|tsc)' "$results/serial.log"
what='the time is right from the start' && check between "$(told 'time is')" "$began" "$(date +%s)"
what='the real-time clock is right' && check between "$(told 'rtc_cmos .* shows')" "$began" "$(date +%s)"
what='the guest knows its generation' && check said 'guest: generation is read by'

what='the guest leaves memory to the host when asked'
balloon 128
check wait_for 60 said 'guest: memory left to the host, first'
what='and tells how much that is' && check wait_for 30 counts balloon_mib -eq 128
what='and what it still has' && check wait_for 30 counts guest_available_mib -gt 32
what='the guest cannot be asked for all of its memory' && check eval '! balloon 512'
what='the guest takes it back when it may'
balloon 0
check wait_for 60 said 'guest: memory taken back, first'

# The balloon has what it wants when the memory in use is looked at, and its end
# is the guest's sign to free 95 MiB of it.
what='memory that the guest frees goes back to the host by itself'
wait_for 60 said 'guest: memory filled'
balloon 128
wait_for 60 said 'guest: memory left to the host, then'
wait_for 30 counts balloon_mib -eq 128
filled=$(counter guest_resident_kib)
balloon 0
wait_for 60 said 'guest: memory freed'
check wait_for 60 counts guest_resident_kib -lt $((filled - 64 * 1024))
echo "The guest's memory in the host: $filled KiB, then $(counter guest_resident_kib) KiB."
