#!/bin/sh
# Copies files of this recipe's root/ into the root file system being built:
#   copy-files.sh ROOT PATH...
# Those that steer an installation go in before it, all of them after it, so
# that dpkg does not find its own configuration files already there.
set -eu
root=$1
shift
cd "$(dirname "$0")/root"
tar --owner=0 --group=0 -c "$@" | tar -C "$root" --keep-directory-symlink -x
