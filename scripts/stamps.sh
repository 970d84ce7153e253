# Sourced by the other scripts: where things are, how to speak, and remembering what was done already.
# A stamp is a file that holds the hash of what a step read; the step is skipped while the hash is the same. So a second
# run is quick and needs no network, and a changed lock file is never overlooked.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$root/$target ;; esac
cd "$root"

say()  { printf '== %s\n' "$*"; }
warn() { printf '!! %s\n' "$*" >&2; }
die()  { warn "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# In CI nothing may be left out; elsewhere a missing chapter is named and the rest goes on.
strict() { [ "${CI:-}" = true ] || [ "${CI:-}" = 1 ]; }

# hash_of PATH...: one hash over names and contents of files and folders.
hash_of() { find "$@" -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0r sha256sum | sha256sum | cut -d' ' -f1; }

# is_done STAMP HASH, mark_done STAMP HASH
is_done()   { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }
mark_done() { mkdir -p "$(dirname "$1")" && printf '%s\n' "$2" >"$1"; }
