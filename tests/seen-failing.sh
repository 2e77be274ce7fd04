#!/usr/bin/env bash
# Shows that tests have been seen to fail: runs the test of each given commit on that commit, where it must fail, and on HEAD,
# where it must pass.
#
#   seen-failing.sh COMMIT...     or a range, such as main~20..main: every commit in it that names a test
#
# Such a commit only adds a test, before the fix, and its message has a line `Fails: COMMAND`. The command is run from the
# project's root. A command that ends otherwise than by a failing test (nothing compiled, nothing ran) counts as not seen.
# Prints `ok - …` and `not ok - …`. What commits build is kept in .cache/seen-failing/ for the next one.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
(($#)) || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
logs=$root/.cache/test-logs
mkdir -p "$logs"

commits=()
for name in "$@"; do
  if [[ $name == *..* ]]; then
    mapfile -t -O "${#commits[@]}" commits < <(git rev-list --reverse --grep='^Fails: ' "$name")
  else
    commits+=("$(git rev-parse --verify --quiet "$name^{commit}")") || { echo "There is no commit '$name'." >&2; exit 2; }
  fi
done
((${#commits[@]})) || { echo "No commit of $* names a test that fails there." >&2; exit 2; }

# at COMMIT: puts the one worktree of these runs at a commit, so that builds are shared.
tree=$root/.cache/seen-failing
at() {
  [[ -e $tree/.git ]] || { git worktree prune && git worktree add --quiet --detach "$tree" "$1"; } || exit 2
  git -C "$tree" checkout --quiet --detach --force "$1" || exit 2
  for dir in web-client tests/browser; do
    [[ -e $tree/$dir/node_modules || ! -e $root/$dir/node_modules ]] || ln -s "$root/$dir/node_modules" "$tree/$dir/node_modules"
  done
}
# What Rust's, Node's and our own tests print of a test that ran and failed.
failing='^test result: FAILED|^# fail [1-9]|^not ok|, [1-9][0-9]* failed'
passing='^test result: ok\. [1-9]|^# pass [1-9]|^ok|^[1-9][0-9]* passed'

failed=0
for commit in "${commits[@]}"; do
  title=$(git log -1 --format='%h %s' "$commit")
  mapfile -t commands < <(git log -1 --format=%B "$commit" | sed -n 's/^Fails: //p')
  ((${#commands[@]})) || { echo "not ok - $title: its message names no command (Fails: …)"; failed=1; continue; }
  for command in "${commands[@]}"; do
    log=$logs/seen-failing-$(git rev-parse --short "$commit").log
    at "$commit"
    (cd "$tree" && bash -c "$command") > "$log" 2>&1
    before=$?
    seen=$(grep -cE "$failing" "$log")
    at HEAD
    (cd "$tree" && bash -c "$command") > "$log.head" 2>&1
    after=$?
    if ((before != 0 && seen > 0 && after == 0)) && grep -qE "$passing" "$log.head"; then
      echo "ok - $title: fails there, passes at $(git rev-parse --short HEAD)"
    else
      echo "not ok - $title: '$command' ended with $before there ($seen lines of failing tests) and with $after at HEAD; see $log and $log.head"
      failed=1
    fi
  done
done
exit "$failed"
