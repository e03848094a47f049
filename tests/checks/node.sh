# shellcheck shell=bash
# What comes from npm. It wants a newer Node than many machines have, which comes along.

# The official suite, in front of it our HTTP stack with what it wants to find there.
conformance() {
    local target name revision log status
    target=$(target_directory)
    if ! node_packages "$target"; then
        count_failure "the conformance suite, which cannot be installed"
        return
    fi
    if ! start "$target/debug/examples/conformance"; then
        count_failure "the conformance suite, whose server does not start"
        return
    fi
    log=$(mktemp)
    for revision in 2025-11-25 2026-07-28; do
        name="the official conformance suite of $revision"
        echo "== $name"
        with_its_node "$target" node_modules/.bin/conformance server --url "$address" --requirements "$revision" >"$log" 2>&1
        status=$?
        grep -E '^(✗|Total:)|FAILURE' "$log" || cat "$log"
        tally "$name" "$status" \
            "$(sed -n 's/^Total: \([0-9]*\) passed.*/\1/p' "$log")" \
            "$(sed -n 's/^Total: .* \([0-9]*\) failed.*/\1/p' "$log")"
    done
    rm -f "$log"
}

node_packages() {
    install_once "$1/node" tests/node/package-lock.json npm_ci "$1/node"
}

npm_ci() {
    cp tests/node/package.json tests/node/package-lock.json "$1" &&
        npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
}

# Run a script where the packages are, under $1, with the Node among them.
with_its_node() {
    (cd "$1/node" && exec node_modules/node-linux-*/bin/node "${@:2}")
}
