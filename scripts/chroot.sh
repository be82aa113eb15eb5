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
    mount --bind "$1" "$1" # processes inside may make namespaces of their own
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount --rbind /sys "$1/sys"
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

# Sets `folder`, of Debians for later runs, and `suite`: take_options SCRIPT "$@"
take_options() {
    local script=$1
    shift
    folder=$PWD/target/bare suite=bookworm
    while (($#)); do
        case $1 in
            --folder) folder=$(realpath -m -- "${2:?a folder must follow --folder}") ;;
            --suite) suite=${2:?a name must follow --suite} ;;
            *) die "usage: scripts/$script [--folder DIR] [--suite NAME]" ;;
        esac
        shift 2
    done
}

# Makes a Debian in $root with the user alice, who may use sudo, as the one that Debian's installer makes, with a clone of
# the project and with Rust.
prepare_user() {
    local fresh=$folder/$suite
    root=$folder/root
    home=/home/alice
    mkdir -p "$folder/apt/partial"
    [[ -d $fresh ]] || make_root "$suite" "$fresh" sudo
    rm -rf --one-file-system "$root"
    cp -a --reflink=auto "$fresh" "$root"
    mount_system "$root"
    mount --bind "$folder/apt" "$root/var/cache/apt/archives"
    echo 'APT::Get::Assume-Yes "true";' > "$root/etc/apt/apt.conf.d/assume-yes" # nobody is at the keyboard
    chroot "$root" useradd --create-home --shell /bin/bash alice
    echo 'alice ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/alice"
    mkdir -p "$root$home/mod_python" "$root$home/.rustup"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp -P --parents -t "$root$home/mod_python"
    cp -r "$cargo" "$root$home/.cargo"
    chroot "$root" chown -R alice: "$home"
    mount --bind "$rustup" "$root$home/.rustup"
    mount -o remount,bind,ro "$root$home/.rustup"
}

# Runs bash as alice, with the network of this machine: as_user ARGUMENTS...
as_user() {
    local environment=("HOME=$home" USER=alice LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin)
    readarray -t -O "${#environment[@]}" environment < <(network_variables)
    chroot --userspec=alice:alice "$root" env -i "${environment[@]}" bash "$@"
}
