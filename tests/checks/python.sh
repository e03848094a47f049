# shellcheck shell=bash
# What comes from PyPI. Each program has a virtual environment of its own.

from_pypi() {
    with_python "the official Python SDK" sdk.txt session.py
    with_python "a fuzzer of MCP servers" fuzzer.txt fuzz.py
}

# Install the packages of a list, and have a script of tests/python check the binary.
with_python() {
    local name=$1 list=tests/python/$2 script=tests/python/$3 target environment
    target=$(target_directory)
    environment=$target/python/${2%.txt}
    if ! install_once "$environment" "$list" virtual_environment "$environment" "$list"; then
        count_failure "$name, which cannot be installed"
        return
    fi
    lines_of "$name" "$environment/bin/python" -B "$script" "$target/debug/deployment-orchestrator"
}

virtual_environment() {
    python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
}
