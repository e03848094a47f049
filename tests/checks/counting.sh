# shellcheck shell=bash
# What passed and what failed.

passed=0
failed=0
broken=()

# A check that counts as one.
check() {
    local name=$1
    shift
    echo "== $name"
    if "$@"; then
        ((passed += 1))
    else
        count_failure "$name"
    fi
}

count_failure() {
    ((failed += 1))
    broken+=("$1")
}

# Count what a suite has said of itself: its name, its exit code, how many passed and failed.
tally() {
    local name=$1 status=$2 ok=$3 bad=$4
    ((passed += ok, failed += bad))
    ((bad == 0)) || broken+=("$bad of $name")
    # What does not compile, or dies, reports no failure.
    if ((status != 0 && bad == 0)); then count_failure "$name, with exit code $status"; fi
    if ((status == 0 && ok + bad == 0)); then count_failure "$name, which checked nothing"; fi
}

# A program that says "ok …" or "not ok …" for each of its checks.
lines_of() {
    local name=$1 log status
    shift
    echo "== $name"
    log=$(mktemp)
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    tally "$name" "$status" "$(grep -c '^ok ' "$log")" "$(grep -c '^not ok ' "$log")"
    rm -f "$log"
}
