# shellcheck shell=bash
# A throw-away stand-in for AWS, sourced by scripts/test.

install_aws() {
    local wanted="moto 5.2.5, awscli 1.46.3, cbor2"
    if [ "$(cat .cache/venv-aws/stand-in 2>/dev/null)" != "$wanted" ]; then
        say "installing the stand-in for AWS"
        python3 -m venv .cache/venv-aws
        .cache/venv-aws/bin/pip install --quiet 'moto[server]==5.2.5' awscli==1.46.3 cbor2 >&2
        echo "$wanted" >.cache/venv-aws/stand-in
    fi
}

# Starts it on a free port; sets aws_stand_in to its process, and what tests read.
start_aws() {
    local port=
    install_aws
    aws_work=$(mktemp -d "${TMPDIR:-/tmp}/tms-aws.XXXXXX")
    .cache/venv-aws/bin/python scripts/lib/stand-in/server.py >"$aws_work/port" 2>"$aws_work/log" &
    aws_stand_in=$!
    for _ in $(seq 1 300); do
        port=$(cat "$aws_work/port")
        [ -z "$port" ] || break
        kill -0 "$aws_stand_in" 2>/dev/null || break
        sleep 0.1
    done
    if [ -z "$port" ]; then
        cat "$aws_work/log" >&2
        say "the stand-in for AWS did not start"
        return 1
    fi
    export TMS_TEST_AWS_URL=http://127.0.0.1:$port TMS_REQUIRE_AWS=1
}

stop_aws() {
    [ -z "${aws_stand_in:-}" ] || kill "$aws_stand_in" 2>/dev/null || true
    [ -z "${aws_work:-}" ] || rm -rf "$aws_work"
}
