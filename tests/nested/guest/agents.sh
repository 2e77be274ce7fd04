# shellcheck shell=sh disable=SC2015
# The guest's part of trying the agents: oriel-send and qemu-guest-agent at their
# ports, with the test disk mounted so that there is something to send and to freeze. Sourced by the guest's
# init, after it has tried the disk.
# There is no udev here to give the ports their names.
mkdir -p /dev/virtio-ports /etc /sbin
for port in /sys/class/virtio-ports/*; do
    [ -s "$port/name" ] && read -r name < "$port/name" || continue
    ln -sf "../${port##*/}" "/dev/virtio-ports/$name"
    say "port $name is ${port##*/}"
done
echo 'PRETTY_NAME="Nested guest"' > /etc/os-release
hostname nested-guest
# What the agent runs to shut the guest down. The power button is tried after it.
printf '#!/bin/sh\necho "guest: told to shut down: $*" > /dev/console\n' > /sbin/shutdown
chmod 755 /sbin/shutdown

mount -t ext4 /dev/vda /mnt || fail 'the disk could not be mounted for the agent'
# Files out: the program of the desktop image, with the stock kernel's port. It waits for whoever
# takes the file.
cat /mnt/written /mnt/written /mnt/written | head -c 5000003 > '/tmp/sent file.bin'
sum=$(sha256sum < '/tmp/sent file.bin')
say "sends a file with the sum ${sum%% *}"
(PATH=$PATH:/programs/bin sh /oriel-send '/tmp/sent file.bin' && say_when 'file sent' || fail 'the file was not sent') &

# A frozen disk makes whoever writes wait.
(while :; do
    read -r before _ < /proc/uptime
    echo "$before" > /mnt/alive
    read -r after _ < /proc/uptime
    [ $((${after%.*} - ${before%.*})) -lt 5 ] || say 'a write waited for the disk to thaw'
    sleep 1
done) &
/programs/bin/qemu-ga -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 -t /run -f /run/qemu-ga.pid &
say_when 'agent started'
