#!/usr/bin/env bash
# Writes THIRD_PARTY.md: what is built into the programs and into the page, and under which licence.
set -euo pipefail
cd "$(dirname "$0")/../.."

crates() {
  cargo metadata --format-version 1 --locked --filter-platform x86_64-unknown-linux-gnu \
    | jq -r '.packages[] | select(.source != null) | "| \(.name) | \(.version) | \(.license // "see its files") |"' \
    | sort -u
}

packages() {
  jq -r '.packages | to_entries[] | select(.key != "" and (.value.dev | not))
    | "| \(.key | sub("^node_modules/"; "")) | \(.value.version) | \(.value.license) |"' web-client/package-lock.json
}

{
  cat <<'TEXT'
# Third-party notices

Oriel is licensed under the Apache License 2.0 (see LICENSE). It is built with the software below; each part stays under
its own licence, whose text comes with its source. This list is written by `deploy/setup/third-party.sh`.

H.264 is encoded with OpenH264 (Cisco Systems, BSD-2-Clause), built from source; patent licences for H.264 are the
concern of whoever distributes binaries. Desktop images are made of Debian packages, which carry their own
licences in `/usr/share/doc/*/copyright`. QEMU runs as a program of its own (GPL-2.0).

## In the programs (Rust crates, also those that only build or test)

| crate | version | licence |
|---|---|---|
TEXT
  crates
  printf '\n## In the page (npm packages)\n\n| package | version | licence |\n|---|---|---|\n'
  packages
} > THIRD_PARTY.md
