#!/bin/sh
# defaults.sh REPOSITORY > ../defaults.txt
#
# Builds postconf(1) of every release of Postfix that may have other defaults
# than the one before, from a git repository of its source with a tag for each
# release (https://github.com/vdukhovni/postfix), and writes one table of the
# defaults that they print with an empty main.cf and master.cf. This takes half
# an hour.
#
# Needs git, gcc, make, m4, and the headers of Berkeley DB, ICU and NIS
# (Debian: libdb-dev libicu-dev libnsl-dev), on Linux. Nothing is installed.
set -eu
repository=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/etc"
: >"$work/etc/main.cf"
: >"$work/etc/master.cf"

# Of each minor version the first release, every later one that changes a
# definition, and the last.
releases=
for minor in 2.11 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7 3.8 3.9 3.10 3.11; do
	before=
	for tag in $(git -C "$repository" tag -l "v$minor.*" --sort=version:refname | grep -E '^v[0-9]+\.[0-9]+\.[0-9]+$'); do
		now=$(git -C "$repository" show "$tag:postfix/src/global/mail_params.h" | grep -E '^(#define|	)' | cksum)
		[ "$now" = "$before" ] || releases="$releases $tag"
		before=$now
	done
	case $releases in *" $tag") ;; *) releases="$releases $tag" ;; esac
done

build() { # TAG
	git -C "$repository" archive "$1" postfix | tar -x -C "$work"
	cd "$work/postfix"
	# Linux versions and an ICU that are newer than the release.
	sed -i -e 's/Linux\.\[3[45]*\]/Linux.[3456]/' -e 's/Linux\.3/Linux.[3456]/' -e 's/SYSTYPE=LINUX.RELEASE_MAJOR/SYSTYPE=LINUX3/' \
		-e 's/ -DNO_EAI"/"/' -e "s/\"' -DDEF_SMTPUTF8_ENABLE.*/\"/" makedefs
	make -f Makefile.init makefiles CCARGS='-DHAS_CLOSEFROM -DRES_INSECURE1=0 -DRES_INSECURE2=0 -DRES_USE_INET6=0 -fcommon -w -std=gnu99' OPT=-O0 DEBUG= \
		shared=no dynamicmaps=no pie=no AUXLIBS='-ldb -lnsl -lresolv -licuuc'
	for d in util global dns tls xsasl milter master postconf; do
		make -C "src/$d" update
	done
	cd "$here"
}

for tag in $releases; do
	version=${tag#v}
	rm -rf "$work/postfix"
	build "$tag" >"$work/log" 2>&1 || true
	src=$work/postfix/src/postconf
	[ -x "$src/postconf" ] || { echo "$tag was not built" >&2; tail -20 "$work/log" >&2; exit 1; }
	"$src/postconf" -c "$work/etc" -d | sed "s,^,$version default ,"
	# Kept as written, and known only so that old files are understood.
	sed -n 's/^ *\(VAR_[A-Z0-9_]*\),.*/\1/p; s/^ *{* *"\([a-z0-9_]*\)",.*/\1/p' "$src/raw_table.h" | while read -r word; do
		case $word in
		VAR_*) sed -n "s/^#define[ 	]*$word[ 	]*\"\([^\"]*\)\".*/\1/p" "$work/postfix/src/global/mail_params.h" ;;
		*) echo "$word" ;;
		esac
	done | sed "s,^\(.*\),$version raw \1 =,"
	sed -n '/pcf_legacy_str_table/,/};/s/.*"\([a-z_]*\)", *"".*/\1/p' "$src/postconf_builtin.c" | sed "s,^\(.*\),$version legacy \1 =,"
	for type in ldap mysql pgsql sqlite memcache mongodb; do
		if [ -f "$src/pcf_${type}_suffixes.h" ]; then
			tr -d '",' <"$src/pcf_${type}_suffixes.h"
		else
			sed -n "/pcf_${type}_suffixes\[\]/,/};/p" "$src/postconf_dbms.c" | grep -o '"[a-z_]*"' | tr -d '"' || true
		fi | sed "/./s,^\(.*\),$version $type \1 =,"
	done
	awk '/pipe_params\[\]/ { on = 1 } / 0,/ { on = 0 } on && /^[ \t]*_/' "$src/postconf_service.c" | tr -d ' \t' | tr ',' ' ' | while read -r suffix name; do
		params=$work/postfix/src/global/mail_params.h
		suffix=$(sed -n "s/^#define[ 	]*$suffix[ 	]*\"\([^\"]*\)\".*/\1/p" "$params")
		name=$(sed -n "s/^#define[ 	]*$name[ 	]*\"\([^\"]*\)\".*/\1/p" "$params")
		echo "$version service $suffix = \$$name"
	done
done >"$work/all"

releases=$(echo $releases) awk -f "$here/defaults.awk" "$work/all"
