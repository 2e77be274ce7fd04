#!/bin/bash
# Desktops in control groups of version 2, on a kernel that has them: the limits of a pool hold, the
# groups come and go with their desktops, and a restart of the server as systemd does it keeps them.
#
#   cgroups.sh [--time-limit SECONDS]
#
# The server, our machine and the bench guest run in the emulated machine between; see run.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/prepare.sh"

vmm=oriel limit=300
while (($#)); do
    case $1 in
        --time-limit) limit=$2 ;;
        *) die "unknown option $1; see the head of $0." ;;
    esac
    shift 2
done

prepare cgroups
make_outer
add_program "$tree" "${ORIEL_SERVER:-$root/target/release/oriel}"
guest=${ORIEL_GUEST:-$root/tests/guest/target/release/oriel-bench-guest}
[[ -s $guest ]] || die "$guest is missing; build it with: make guest"
cp "$guest" "$tree/guest.elf"
cp "$here/outer/cgroups-test" "$tree/run"
# The very line that systemd runs before a new server.
sed -n "s/^ExecStartPre=-.bin.sh -c '\(.*\)'$/\1/p" "$root/deploy/systemd/oriel.service" |
    sed 's/\$\$/$/g' > "$tree/before-start"
[[ -s $tree/before-start ]] || die "the unit has no ExecStartPre= any more."
mkdir "$tree/web"
echo '<title>Oriel</title>' > "$tree/web/index.html"
run_payload 256M
