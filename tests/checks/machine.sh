# shellcheck shell=bash
# What the machine lacks, and what is started on it.

# Install what is missing, and nothing else.
install_missing() {
    if ! command -v cargo >/dev/null && [[ -f $HOME/.cargo/env ]]; then
        # shellcheck source=/dev/null
        . "$HOME/.cargo/env"
    fi
    if ! command -v cargo >/dev/null; then
        echo "there is no Rust toolchain: install one with rustup, then run this again" >&2
        exit 1
    fi
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

    local packages=()
    # SQLite and the cryptography of TLS are C.
    command -v cc >/dev/null || packages+=(gcc libc6-dev)
    command -v python3 >/dev/null || packages+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    # Only to install with: what runs brings its own Node.
    command -v npm >/dev/null || packages+=(nodejs npm)
    command -v chromium >/dev/null || packages+=(chromium)
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || packages+=(ca-certificates)
    ((${#packages[@]} == 0)) && return
    if ! as_root true; then
        echo "these packages are missing, and only root can install them: ${packages[*]}" >&2
        exit 1
    fi
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${packages[@]}" || exit 1
}

# Run what only root may.
as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Where cargo puts what it builds, and other tools what they install.
target_directory() {
    cargo metadata --locked --format-version 1 --no-deps |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])' || echo target
}

# Install into folder $1, unless what $2 lists is there already. The rest is the command.
install_once() {
    local folder=$1 list=$2
    shift 2
    cmp -s "$list" "$folder/installed" && return
    rm -rf "$folder"
    mkdir -p "$folder" && "$@" && cp "$list" "$folder/installed"
}

started=()

# Start a server that says where it is in its first line, which is $address then.
start() {
    local output
    exec {output}< <(exec "$@")
    started+=("$!")
    IFS= read -r -t 60 address <&"$output"
}

# End what was started, however this ends.
end_started() {
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null
}
trap end_started EXIT
