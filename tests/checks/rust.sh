# shellcheck shell=bash
# Our own tests.

rust_tests() {
    rust_test "cargo test"
    # Of what the feature adds, and nothing of the rest once more: it costs a build of the library and the program.
    rust_test "cargo test, with traces" --features otlp --test otlp
}

# What it is called, and what to test.
rust_test() {
    local name=$1 log status
    shift
    echo "== $name"
    log=$(mktemp)
    cargo test --locked --no-fail-fast "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    tally "$name" "$status" "$(sum_of passed "$log")" "$(sum_of failed "$log")"
    rm -f "$log"
}

# The sum over all "test result: ok. 12 passed; 0 failed; ..." lines.
sum_of() {
    sed -n "s/^test result: .* \([0-9][0-9]*\) $1;.*/\1/p" "$2" | awk '{ sum += $1 } END { print sum + 0 }'
}
