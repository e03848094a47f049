# shellcheck shell=bash
# What comes from PyPI.

python_session() {
    local target
    target=$(target_directory)
    if ! install_once "$target/python" tests/python/requirements.txt \
        virtual_environment "$target/python" tests/python/requirements.txt; then
        count_failure "the official Python SDK, which cannot be installed"
        return
    fi
    lines_of "the official Python SDK" \
        "$target/python/bin/python" -B tests/python/session.py "$target/debug/deployment-orchestrator"
}

virtual_environment() {
    python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
}
