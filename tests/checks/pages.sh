# shellcheck shell=bash
# The pages in a real browser. Pictures of them stay for whoever wants to look.

in_a_browser() {
    local target chromium
    target=$(target_directory)
    if ! chromium=$(command -v chromium); then
        count_failure "the pages in a browser, because there is no chromium"
        return
    fi
    mkdir -p "$target/pages"
    lines_of "the pages in a browser" \
        with_its_node "$target" pages.mjs "$target/debug/deployment-orchestrator" "$chromium" "$target/pages"
}
