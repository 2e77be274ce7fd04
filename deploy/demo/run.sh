#!/usr/bin/env bash
# Sets up everything and leaves a server running that shows a Linux desktop.
# Ends with a URL, a name and a password. State is kept in .demo/, `make demo-stop` stops it.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
state=$root/.demo
oriel=$root/target/release/oriel
image=debian-xfce
port=${ORIEL_DEMO_PORT:-8080}
tls_port=${ORIEL_DEMO_TLS_PORT:-8443}

began=$SECONDS
stage_began=$SECONDS
step() { stage_began=$SECONDS; printf '\n[%s] %s\n' "$1" "$2"; }
took() { printf '      done in %d s\n' $((SECONDS - stage_began)); }
die() { printf 'make demo: %s\n' "$*" >&2; exit 1; }

step 1/5 "Installing what the build and the desktop need"
deploy/setup/packages.sh build desktop
deploy/setup/toolchain.sh
took

step 2/5 "Building the server and the web client"
node deploy/demo/progress.mjs 'building the server' cargo build --release --locked -p oriel -p oriel-vmm
node deploy/demo/progress.mjs 'building the page' make --no-print-directory web
took

mkdir -p "$state"
# The demo runs as the owner of this folder, also when root starts it: Oriel goes on as the owner of its state.
if ! [ -d "$state/state" ]; then
  mkdir -m 700 "$state/state"
  [ "$(id -u)" != 0 ] || chown --reference="$root" "$state" "$state/state"
fi
owner=$(stat -c %U "$state/state")
[ "$owner" != UNKNOWN ] || owner=$(stat -c %u "$state/state")
config=$state/oriel.toml
cat > "$config" <<TOML
state_dir = "$state/state"
listen = "127.0.0.1:$tls_port"
plain_loopback = "127.0.0.1:$port"
web_root = "$root/web-client/dist"
TOML
run_oriel() { "$oriel" --config "$config" "$@"; }

step 3/5 "Building the Debian 13 desktop image (once; some minutes)"
if run_oriel image list | grep -q "^$image:"; then
  echo "      it is there already"
else
  # The image's files belong to several users.
  deploy/setup/subordinate-ids.sh "$owner"
  run_oriel image build "$image" --from "$root/deploy/images/$image"
fi
took

step 4/5 "Starting the server"
deploy/demo/stop.sh --quiet
name=demo
credentials=$state/credentials
if ! [ -s "$credentials" ]; then
  run_oriel pool add demo --image "$image" --cpus 2 --memory 1536 >/dev/null
  password=$(run_oriel user add "$name" --pool demo --generate | tail -n 1)
  (umask 077; printf '%s\n' "$password" > "$credentials")
  [ "$(id -u)" != 0 ] || chown --reference="$root" "$credentials"
fi
password=$(cat "$credentials")
url=http://localhost:$port
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  die "something else listens on port $port; stop it, or choose another: ORIEL_DEMO_PORT=8081 make demo"
fi
setsid nohup "$oriel" --config "$config" serve > "$state/server.log" 2>&1 < /dev/null &
echo $! > "$state/server.pid"
for _ in $(seq 100); do
  curl -fsS "$url/healthz" >/dev/null 2>&1 && break
  kill -0 "$(cat "$state/server.pid")" 2>/dev/null || { tail -n 5 "$state/server.log" >&2; die "the server ended; its last lines are above."; }
  sleep 0.2
done
curl -fsS "$url/healthz" >/dev/null || die "the server does not answer on $url; see $state/server.log."
took

step 5/5 "Booting the desktop"
node deploy/demo/boot.mjs "$url" "$name" "$credentials" "$state/state"
took

minutes=$(((SECONDS - began) / 60)) seconds=$(((SECONDS - began) % 60))
cat <<TEXT

  Oriel is running (ready after $minutes min $seconds s). Open it in a browser on this machine:

      URL       $url
      Name      $name
      Password  $password

  From another machine: ssh -L $port:localhost:$port $(hostname), then the same URL there.
  Stop it with: make demo-stop
TEXT
