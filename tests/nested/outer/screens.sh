# shellcheck shell=sh disable=SC2034,SC2154
# Screens of other sizes, and a second one, as the kernel's connectors see them.
# Sourced by devices-test; the guest is not to draw afterwards.
if command -v machine_resize > /dev/null; then
    what='a second screen is unplugged at first' && check wait_for 30 said 'guest: Virtual-2 disconnected'

    what='a size told from outside is the first mode of the connector'
    machine_resize 1280x800
    check wait_for 60 said 'guest: Virtual-1 connected 1280x800'

    what='a second screen is plugged in with its size'
    machine_resize 1280x800 800x600
    check wait_for 60 said 'guest: Virtual-2 connected 800x600'

    what='a width that is no multiple of 8 is the first mode too'
    unplugged=$(grep -c 'guest: Virtual-2 disconnected' "$results/serial.log")
    machine_resize 1366x768
    check wait_for 60 said 'guest: Virtual-1 connected 1366x768'
    what='a second screen is unplugged again'
    check wait_for 60 said 'guest: Virtual-2 disconnected' $((unplugged + 1))

    what='the largest size is the first mode, by its DisplayID block'
    machine_resize 4096x2160
    check wait_for 60 said 'guest: Virtual-1 connected 4096x2160'
fi
