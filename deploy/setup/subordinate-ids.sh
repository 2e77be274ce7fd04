#!/usr/bin/env bash
# Gives a user 65536 subordinate ids for the files of images, if the user has none.
# Usage: subordinate-ids.sh USER
set -euo pipefail

user=$1
[ "$user" != root ] || exit 0
grep -qs "^$user:" /etc/subuid && grep -qs "^$user:" /etc/subgid && exit 0
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
# After every range that is given.
first=$(cat /etc/subuid /etc/subgid 2> /dev/null | awk -F: '{ end = $2 + $3; if (end > last) last = end } END { print (last > 100000 ? last : 100000) }')
echo "oriel setup: giving $user the subordinate ids $first to $((first + 65535))" >&2
PATH=$PATH:/usr/sbin:/sbin
$sudo env PATH="$PATH" usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$user"
