#!/bin/sh
# Finishes the root file system of the desktop. Called by mmdebstrap, after the
# packages are installed, with the folder that becomes `/`.
set -eu
root=$1
in_root() { chroot "$root" "$@"; }

in_root locale-gen

# The user: no password to remember, since the only way in is the desktop
# itself, and the host guards that. An empty one lets the greeter through after
# a log-out.
in_root useradd --create-home --uid 1000 --shell /bin/bash --comment Oriel \
    --groups sudo,audio,video,plugdev,dialout oriel
in_root passwd --delete oriel
chmod 0440 "$root/etc/sudoers.d/oriel"

in_root systemctl --quiet enable oriel-settings.service systemd-networkd.service systemd-resolved.service
in_root systemctl --quiet set-default graphical.target
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# Work that a cloned desktop must not do behind the user's back, and waits
# that only make it late.
in_root systemctl --quiet mask \
    apt-daily.timer apt-daily-upgrade.timer man-db.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service \
    systemd-networkd-wait-online.service systemd-network-generator.service \
    getty@tty1.service serial-getty@ttyS0.service serial-getty@hvc0.service \
    systemd-pstore.service systemd-hibernate-clear.service \
    console-setup.service keyboard-setup.service \
    udisks2.service

# Every clone is its own machine: an empty machine-id is filled at first boot,
# without the questions of a first boot.
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"
echo oriel > "$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 oriel\n::1 localhost\n' > "$root/etc/hosts"

rm -rf "$root"/var/log/*.log "$root"/var/log/apt/* "$root"/var/cache/apt/*.bin \
    "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old
# Nothing of /tmp: mmdebstrap empties it at the end, and until then has settings there, without which its apt would
# clean up the host.

# Newer than everything in /usr, or systemd rebuilds its caches at first boot.
touch "$root/etc/.updated" "$root/var/.updated"
