#!/usr/bin/env bash
# `make demo` and `make test` on machines that have never built Oriel: from a clean clone of what is committed here, in
# bare Debian 12 and 13 roots with git and make. Needs root and the better part of an hour for each of the four.
#
#   fresh.sh [--suite bookworm|trixie] [--only demo|test] [--keep]     default: both of both
#
# Rust and Node.js are this machine's, since Debian 12 packages none that is new enough, and so are the settings by which it
# reaches the registries: certificates, proxies, apt's, cargo's and npm's configuration. Nothing else of it is seen.
# Prints `ok - …` and `not ok - …`; logs are in .cache/test-logs/fresh-*. With --keep the roots stay, for a look
# at them: .cache/fresh/.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
logs=$repository/.cache/test-logs
roots=${ORIEL_CACHE:-$repository/.cache}/fresh
suites=(trixie bookworm) tasks=(demo test) keep=''
while (($#)); do
  case $1 in
    --suite) suites=("$2") && shift 2 ;;
    --only) tasks=("$2") && shift 2 ;;
    --keep) keep=yes && shift ;;
    *) echo "unknown option $1; see the head of $0." >&2 && exit 2 ;;
  esac
done

die() { echo "fresh: $*" >&2; exit 1; }
step() { printf '[%5d s] %s\n' "$SECONDS" "$*"; }
((EUID == 0)) || die "making and entering a root needs root; run it with sudo."
PATH=$PATH:/usr/sbin:/sbin
for program in mmdebstrap git unshare pivot_root rustc node npm; do
  command -v "$program" > /dev/null || die "$program is missing; install it first (deploy/setup/packages.sh desktop)."
done
[[ ! $(git status --porcelain --untracked-files=no) ]] || echo "fresh: changes that are not committed are left out." >&2
mkdir -p "$logs" "$roots"

# Mounts are made in a namespace of the run and end with it, so that what is under a root here is only its own files.
inside=''
clean_up() {
  [[ ! $inside ]] || { kill "$inside" && wait "$inside"; } 2> /dev/null || true
  [[ $keep ]] || rm -rf --one-file-system "$roots"/{base,run}-*."$$"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# What the compiler is, not rustup in front of it: that would look for its own state in the home folder.
rust=$(rustc --print sysroot)
npm=$(dirname "$(dirname "$(realpath "$(command -v npm)")")")
[[ -x $rust/bin/cargo && $rust != /usr ]] || die "the Rust in $rust cannot be lent to another root; install one by rustup."

# apt's ways to the archive, as lines of a configuration file.
apt_settings() { apt-config dump | grep -E '^Acquire::(http|https|ftp|Check-|Retries|ForceIPv)' || true; }

# make_base SUITE DIR: a bare Debian that reaches what this machine reaches.
make_base() {
  local suite=$1 dir=$2 file
  apt_settings > "$dir.apt.conf"
  mmdebstrap --quiet --mode=root --variant=minbase --include=ca-certificates,git,make \
    --aptopt="$dir.apt.conf" "$suite" "$dir" || return
  rm -f "$dir.apt.conf"
  cp -L /etc/resolv.conf /etc/hosts "$dir/etc/"
  for file in /usr/local/share/ca-certificates/*.crt; do
    [[ ! -e $file ]] || cp "$file" "$dir/usr/local/share/ca-certificates/"
  done
  chroot "$dir" update-ca-certificates > /dev/null 2>&1 || return

  mkdir -p "$dir$rust" "$dir/opt/node/bin" "$dir/opt/node/etc" "$dir/opt/node/lib/node_modules/npm" "$dir/root/.cargo"
  touch "$dir/opt/node/bin/node"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$dir/opt/node/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$dir/opt/node/bin/npx"
  file=$(npm config get globalconfig)
  [[ ! -f $file ]] || cp "$file" "$dir/opt/node/etc/npmrc"
  file=$(npm config get userconfig)
  [[ ! -f $file ]] || cp "$file" "$dir/root/.npmrc"
  for file in config.toml config; do
    [[ ! -f ${CARGO_HOME:-$HOME/.cargo}/$file ]] || cp "${CARGO_HOME:-$HOME/.cargo}/$file" "$dir/root/.cargo/"
  done
}

# What of the environment is a setting of the machine, each as NAME=VALUE.
machine_environment() {
  local name
  while read -r name; do
    case $name in
      *_proxy | *_PROXY | SSL_CERT_* | *CA_CERTS | *_CAINFO | CURL_CA_BUNDLE | CARGO_HTTP_* | CARGO_NET_* | CARGO_REGISTRIES_* | npm_config_*)
        printf '%s\0' "$name=${!name}"
        ;;
    esac
  done < <(compgen -e)
}

# Runs in the namespaces: makes ROOT the root of everything, and runs the rest of the arguments there. A chroot would
# not do: in one, the kernel refuses user namespaces, in which desktops are jailed.
# shellcheck disable=SC2016
pivot='
set -euo pipefail
root=$1 rust=$2 node=$3 npm=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
lend() { mount --bind "$1" "$root$2" && mount -o remount,bind,ro "$root$2"; }
lend "$rust" "$rust"
lend "$node" /opt/node/bin/node
lend "$npm" /opt/node/lib/node_modules/npm
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/.host"
cd "$root"
pivot_root . .host
cd /
umount -l /.host
rmdir /.host
exec "$@"
'

# enter ROOT LOG COMMAND...: runs a command in the clone within that root, with nothing but the machine's settings. What it
# starts and leaves running ends with it.
enter() {
  local root=$1 log=$2 status=0
  shift 2
  local environment=()
  mapfile -d '' environment < <(machine_environment)
  unshare --mount --pid --fork --kill-child bash -c "$pivot" fresh "$root" "$rust" "$(realpath "$(command -v node)")" "$npm" \
    /usr/bin/env -i -C /root/oriel "${environment[@]}" HOME=/root USER=root LANG=C.UTF-8 TERM=dumb \
    PATH="$rust/bin:/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    ORIEL_DEMO_PORT="$((20000 + $$ % 10000))" ORIEL_DEMO_TLS_PORT="$((30000 + $$ % 10000))" \
    "$@" > "$log" 2>&1 < /dev/null &
  inside=$!
  wait "$inside" || status=$?
  inside=''
  return "$status"
}

# What shows that the task was done, not only that it ended well.
run_demo() {
  # The page and its login answer; the demo's own steps have waited until the desktop was up.
  enter "$1" "$2" bash -c 'make demo && url=$(sed -n "s/^plain_loopback = \"\(.*\)\"/http:\/\/\1/p" .demo/oriel.toml) \
    && curl -fsS "$url/" | grep -qi "<title>" && echo "The page answers." && make demo-stop'
}
run_test() { enter "$1" "$2" make test && grep -qE '^[1-9][0-9]* passed, 0 failed$' "$2"; }

failed=0
for suite in "${suites[@]}"; do
  base=$roots/base-$suite.$$
  step "making a bare root of $suite"
  if ! make_base "$suite" "$base" > "$logs/fresh-$suite-root.log" 2>&1; then
    echo "not ok - a bare root of $suite can be made; see $logs/fresh-$suite-root.log"
    tail -n 10 "$logs/fresh-$suite-root.log" | sed 's/^/    /'
    failed=1
    continue
  fi
  for task in "${tasks[@]}"; do
    root=$roots/run-$suite-$task.$$
    log=$logs/fresh-$suite-$task.log
    cp -a "$base" "$root"
    git clone --quiet "$repository" "$root/root/oriel"
    step "make $task in $suite, at $(git rev-parse --short HEAD); its log is $log"
    began=$SECONDS
    if "run_$task" "$root" "$log"; then
      echo "ok - make $task in a bare root of $suite ($((SECONDS - began)) s)"
    else
      echo "not ok - make $task in a bare root of $suite ($((SECONDS - began)) s); see $log"
      # What failed may be long before the end: the first lines that say so, and the last of all.
      grep -nE '^not ok|^ *not ok [0-9]|^error|oriel setup:|panicked at|^make: \*\*\*|FAILED' "$log" | head -n 20 | sed 's/^/    /' || true
      tail -n 15 "$log" | sed 's/^/    /'
      failed=1
    fi
    # Logs of its suites, before the root goes.
    rm -rf "$logs/fresh-$suite-$task.suites"
    [[ ! -d $root/root/oriel/.cache/test-logs ]] || cp -r "$root/root/oriel/.cache/test-logs" "$logs/fresh-$suite-$task.suites"
    [[ $keep ]] || rm -rf --one-file-system "$root"
  done
  [[ $keep ]] || rm -rf --one-file-system "$base"
done
exit "$failed"
