# shellcheck shell=bash
# What comes from npm. It wants a newer Node than many machines have, which comes along.

# Longer than anything here takes: what hangs has failed.
NODE_SECONDS=300

from_npm() {
    local target
    target=$(target_directory)
    if ! install_once "$target/node" tests/node/package-lock.json npm_ci "$target/node"; then
        count_failure "what comes from npm, which cannot be installed"
        return
    fi
    # Modules are found beside the script.
    cp tests/node/*.mjs "$target/node"
    lines_of "the TypeScript SDKs and the Inspector" \
        with_its_node "$target" session.mjs "$target/debug/deployment-orchestrator"
    if ! start "$target/debug/examples/conformance"; then
        count_failure "the conformance suite, whose server does not start"
        return
    fi
    conformance "$target" 2025-11-25
    conformance "$target" 2026-07-28
}

# The official suite of a revision calls the server at $address.
conformance() {
    local target=$1 revision=$2 log status
    local name="the official conformance suite of $revision"
    echo "== $name"
    log=$(mktemp)
    with_its_node "$target" node_modules/.bin/conformance \
        server --url "$address" --requirements "$revision" >"$log" 2>&1
    status=$?
    grep -E '^(✗|Total:)|FAILURE' "$log" || cat "$log"
    tally "$name" "$status" \
        "$(sed -n 's/^Total: \([0-9]*\) passed.*/\1/p' "$log")" \
        "$(sed -n 's/^Total: .* \([0-9]*\) failed.*/\1/p' "$log")"
    rm -f "$log"
}

npm_ci() {
    cp tests/node/package.json tests/node/package-lock.json "$1" &&
        npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
}

# Run a script where the packages are, under $1, with the Node among them.
with_its_node() {
    (cd "$1/node" && exec timeout "$NODE_SECONDS" node_modules/node-linux-*/bin/node "${@:2}")
}
