# shellcheck shell=bash
# The pages in a real browser. Pictures of them stay for whoever wants to look.

in_a_browser() {
    local target chromium script
    target=$(target_directory)
    if ! chromium=$(command -v chromium); then
        count_failure "the pages in a browser, because there is no chromium"
        return
    fi
    mkdir -p "$target/pages"
    for script in tests/node/pages*.mjs; do
        script=${script##*/}
        lines_of "$script in a browser" \
            with_its_node "$target" "$script" "$target/debug/deployment-orchestrator" "$chromium" "$target/pages"
    done
}
