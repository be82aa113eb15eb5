# shellcheck shell=bash
# What the scripts share that work in a Debian of their own, as root: scripts/trixie and scripts/bare. Mounts and
# processes are in namespaces that end with the script, however it ends: no mount is ever left in a folder.

. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# Starts the script again in namespaces of its own: own_namespaces NAME "$@"
own_namespaces() {
    ((EUID == 0)) || die 'only root can make a chroot: run it with sudo.'
    command -v debootstrap > /dev/null || die 'debootstrap is missing: apt-get install debootstrap'
    if [[ ! ${MOD_PYTHON_CHROOT-} ]]; then
        local script=scripts/$1
        shift
        MOD_PYTHON_CHROOT=inside exec unshare --mount --pid --fork --kill-child "$script" "$@"
    fi
    trap 'exit 130' INT TERM # the first process of a namespace ignores what it does not handle
}

# Sets `cargo` and `rustup`: the folders of the Rust that whoever called the script has.
find_rust() {
    local home
    home=$(getent passwd "${SUDO_USER:-root}" | cut -d : -f 6)
    cargo=${CARGO_HOME:-$home/.cargo}
    rustup=${RUSTUP_HOME:-$home/.rustup}
    [[ -x $cargo/bin/cargo && -d $rustup ]] ||
        die "there is no Rust of rustup's in $cargo and $rustup: set CARGO_HOME and RUSTUP_HOME."
}

# Makes a Debian with as few packages as there can be: make_root SUITE FOLDER [PACKAGE,...]
make_root() {
    local suite=$1 root=$2 log=${2%/*}/debootstrap.log
    say "making a Debian $suite in $root"
    rm -rf --one-file-system "$root.new" # what an interrupted run left
    debootstrap --variant=minbase ${3:+--include="$3"} "$suite" "$root.new" http://deb.debian.org/debian > "$log" ||
        die "debootstrap failed, see $log"
    cat > "$root.new/etc/apt/sources.list" << END
deb http://deb.debian.org/debian $suite main
deb http://deb.debian.org/debian $suite-updates main
deb http://deb.debian.org/debian-security $suite-security main
END
    printf '#!/bin/sh\nexit 101\n' > "$root.new/usr/sbin/policy-rc.d" # packages start no services
    chmod 755 "$root.new/usr/sbin/policy-rc.d"
    mv "$root.new" "$root"
}

# Gives a root what a running system has: mount_system ROOT. What this machine trusts is in /etc/trusted.crt;
# packages inside have their own list.
mount_system() {
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    printf '127.0.0.1 localhost %s\n::1 localhost\n' "$(hostname)" > "$1/etc/hosts"
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/trusted.crt"
}

# Prints the variables of the environment by which programs inside reach the network.
network_variables() {
    local variable
    printf '%s\n' CARGO_HTTP_CAINFO=/etc/trusted.crt PIP_CERT=/etc/trusted.crt
    for variable in http_proxy https_proxy no_proxy; do
        [[ -z ${!variable-} ]] || printf '%s\n' "$variable=${!variable}"
    done
}
