#!/usr/bin/env bash
# cargo deny over what is built in. The advisory database comes over the network: where it cannot
# be reached, licences, bans and sources are still checked, and that is said.
set -uo pipefail
cd "$(dirname "$0")/.."

# What is built for this machine is fetched by the build; cargo deny reads every locked package, those of other
# systems and of the tests too.
cargo fetch --quiet --locked || { echo "not ok - the locked packages can be fetched"; exit 1; }
cargo deny --offline check licenses bans sources || exit 1
echo "ok - licences, bans and sources"
if timeout 120 cargo deny fetch db >/dev/null 2>&1; then
  cargo deny check advisories || exit 1
  echo "ok - advisories"
else
  echo "The advisory database cannot be reached from here; advisories were not checked."
fi
