# shellcheck shell=bash
# Our own tests.

rust_tests() {
    echo "== cargo test"
    local log status
    log=$(mktemp)
    cargo test --locked --no-fail-fast 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    tally "cargo test" "$status" "$(sum_of passed "$log")" "$(sum_of failed "$log")"
    rm -f "$log"
}

# The sum over all "test result: ok. 12 passed; 0 failed; ..." lines.
sum_of() {
    sed -n "s/^test result: .* \([0-9][0-9]*\) $1;.*/\1/p" "$2" | awk '{ sum += $1 } END { print sum + 0 }'
}
