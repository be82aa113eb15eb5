# shellcheck shell=bash
# What the scripts share: they run from the project's root, speak in one voice, and find cargo where rustup puts it.

set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

say() { printf '==> %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Puts a cargo that is new enough on PATH, or says in one sentence what is missing.
need_cargo() {
    command -v cargo > /dev/null || PATH="$HOME/.cargo/bin:$PATH" # rustup's place, unknown to shells opened before it ran
    command -v cargo > /dev/null || die 'Rust is missing: install it from https://rustup.rs and run this again.'
    local wanted found
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    found=$(cargo --version 2> /dev/null | cut -d ' ' -f 2) || true
    [[ -n $found ]] || die 'cargo is there but does not run: "rustup default stable" installs a toolchain.'
    [[ $(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1) == "$wanted" ]] ||
        die "Rust $found is too old, $wanted or later is needed: \"rustup update stable\" brings it."
}
