# shellcheck shell=bash
# What Prometheus itself says of our alerts, and of the page that it scrapes. Its tool comes with a
# package of Debian, which also starts a server when it is installed: so the tool alone is taken out of it.

alerts() {
    local target promtool
    target=$(target_directory)
    if ! promtool=$(promtool_in "$target/prometheus"); then
        count_failure "the alerts, because there is no promtool: put one into PATH, or let apt find the package prometheus"
        return
    fi
    check "promtool check rules" "$promtool" check rules --lint=all --lint-fatal docs/prometheus-rules.yml
    check "promtool test rules" "$promtool" test rules tests/alerts/rules.test.yml
    check "promtool check metrics" a_page_passes "$promtool" "$target/tmp/metrics.txt"
}

# The path of a promtool: one that is there, or the one of Debian in folder $1.
promtool_in() {
    command -v promtool && return
    if [[ ! -x $1/usr/bin/promtool ]]; then
        mkdir -p "$1" || return
        (cd "$1" && download prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool &&
            rm prometheus_*.deb) >&2 || return
    fi
    echo "$1/usr/bin/promtool"
}

# Fetch a package into this folder and install nothing, which needs no rights. Only a machine that knows of no
# packages has to be told of them first.
download() {
    apt-get download -qq "$1" || { as_root apt-get update -qq && apt-get download -qq "$1"; }
}

# The page that our own tests have left of a server that has worked. promtool reads the text format, in which a
# counter is declared with its suffix, and OpenMetrics declares it without.
a_page_passes() {
    local promtool=$1 page=$2
    sed -E 's/^# (HELP|TYPE) (.*_(changes|calls)) /# \1 \2_total /' "$page" | "$promtool" check metrics
}
