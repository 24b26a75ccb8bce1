# shellcheck shell=bash
# Starts and stops what measurements and drills need; sourced by the scripts beside it.

servers=()
clusters=()
work=$(mktemp -d "${TMPDIR:-/tmp}/tms-run.XXXXXX")

clean_up() {
    local pid cluster
    for pid in "${servers[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    for cluster in "${clusters[@]}"; do scripts/postgres stop "$cluster" || true; done
    rm -rf "$work"
}
trap clean_up EXIT

# Builds the programs in release mode and sets $bin to their folder.
build_release() {
    cargo build --release --locked --quiet -p tms-server -p tms-sim -p tms-benches
    bin=${CARGO_TARGET_DIR:-target}/release
}

# Builds what the tests build, in the same way so that nothing is built twice, and the programs; sets $bin.
build_debug() {
    cargo build --locked --quiet --workspace --all-features --bins --tests
    bin=${CARGO_TARGET_DIR:-target}/debug
}

# Starts a durable cluster; sets TMS_PG_*.
start_cluster() {
    local lines
    lines=$(scripts/postgres start real)
    eval "$lines"
    clusters+=("$TMS_PG_DIR")
}

free_port() { echo $((20000 + RANDOM % 12000)); }

# start_server PORT NAME=VALUE...: starts `tms serve` and waits until it is ready; sets $server_pid and $url.
start_server() {
    local port=$1
    shift
    url=http://127.0.0.1:$port
    env TMS_RATE_LIMITS=off RUST_LOG=warn TMS_DRAIN_S=0 "$@" "$bin/tms" serve --listen "127.0.0.1:$port" >>"$work/server.log" 2>&1 &
    server_pid=$!
    servers+=("$server_pid")
    local tries
    for tries in $(seq 1 200); do
        curl -sf -o /dev/null "$url/health/ready" && return
        [ "$tries" -lt 200 ] || { cat "$work/server.log" >&2; return 1; }
        sleep 0.1
    done
}

export TMS_SIM_USERNAME=root TMS_SIM_PASSWORD="a password for a run"

# prepare NAME=VALUE...: migrates and makes the operator of the simulator.
prepare() {
    env "$@" "$bin/tms" migrate >/dev/null
    printf %s "$TMS_SIM_PASSWORD" |
        env "$@" "$bin/tms" user create --username root --role admin --password-stdin >/dev/null
}

# figure FILE KEY...: prints a number of a JSON document.
figure() {
    python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2:]: value = value[key]
print(round(value) if isinstance(value, float) and value > 100 else value)' "$@"
}
