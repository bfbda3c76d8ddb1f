#!/bin/sh
# Makes a Debian machine able to build and test Waxseal. It installs only what
# is missing, says what, and is quick when nothing is.
set -eu

cd "$(dirname "$0")/.."
toolchain=go1.26.8
. scripts/env.sh

say() { echo "setup: $*" >&2; }

# package PACKAGE COMMAND... asks for PACKAGE unless every COMMAND is there.
wanted=
package() {
	name=$1
	shift
	for command; do
		command -v "$command" >/dev/null 2>&1 || {
			wanted="$wanted $name"
			return
		}
	done
}

updated=
install() {
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		say "missing, and only root on a Debian machine can install it here: $*"
		return 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	# A list that does not answer need not matter: the install below will tell.
	[ -n "$updated" ] || apt-get -qq update || say "apt-get update had trouble; going on"
	updated=yes
	say "installing $*"
	apt-get -qq install --yes --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
}

# new_enough GO: 1.26 and later will do as it is; from 1.21 on, go fetches by
# itself the toolchain that go.mod asks for.
new_enough() {
	version=$("$1" env GOVERSION 2>/dev/null) || return 1
	minor=${version#go1.}
	minor=${minor%%[!0-9]*}
	[ "${minor:-0}" -ge 21 ]
}

# bootstrap uses Debian's own, older Go to fetch ours through the module proxy,
# which checks it against the checksum database. The archive has no executable
# bits.
bootstrap() {
	case $(uname -m) in
	x86_64) arch=amd64 ;;
	aarch64) arch=arm64 ;;
	*)
		say "no Go toolchain known for $(uname -m)"
		return 1
		;;
	esac
	command -v go >/dev/null || install golang-go
	say "fetching $toolchain"
	mkdir -p .cache
	work=$(mktemp -d .cache/toolchain.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	modules=$PWD/$work/modules
	(
		cd "$work"
		echo 'module toolchain' >go.mod # ours asks for more than an old Go can read
		GOPATH=$modules GOFLAGS=-modcacherw GOTOOLCHAIN=local \
			go mod download "golang.org/toolchain@v0.0.1-$toolchain.linux-$arch"
	)
	root=$modules/pkg/mod/golang.org/toolchain@v0.0.1-$toolchain.linux-$arch
	chmod -R u+w "$root"
	chmod a+x "$root"/bin/* "$root/pkg/tool/linux_$arch"/*
	rm -rf .cache/go
	mv "$root" .cache/go
}

package git git
package make make
package mmdebstrap mmdebstrap
package util-linux nsenter
package rpm rpm rpmbuild # makes the databases that its reader is tried on
package gcc gcc # for the race detector alone
package gnupg gpg gpgconf # signs the packages that tests make
package clang clang # compiles the programs for BPF, to hold them against those that are kept
package llvm llvm-strip
[ -e /usr/include/stdlib.h ] || wanted="$wanted libc6-dev"
[ -e /etc/ssl/certs/ca-certificates.crt ] || wanted="$wanted ca-certificates"
if [ -n "$wanted" ]; then
	# Without root, what needs these says so itself: labs skip, races don't run.
	# shellcheck disable=SC2086 # one word each
	install $wanted || [ "$(id -u)" -ne 0 ]
fi

if ! new_enough go; then
	bootstrap
	new_enough .cache/go/bin/go
fi
