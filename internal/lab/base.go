package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// suite is the Debian release that labs run.
const suite = "bookworm"

// Flavour is what a lab's Debian is.
type Flavour string

// The flavours of lab.
const (
	// Mail is a mail server for mail.example.test, with Postfix, sshd and a
	// system log: the one that labs start.
	Mail Flavour = ""
	// Stock is a server with Postfix, Dovecot, rspamd, OpenDKIM and SpamAssassin
	// just as their packages set them up, and AIDE beside them.
	Stock Flavour = "stock"
	// Exim, Sendmail and OpenSMTPD are servers with these just as their packages
	// set them up.
	Exim      Flavour = "exim"
	Sendmail  Flavour = "sendmail"
	OpenSMTPD Flavour = "opensmtpd"
	// Delivery is a host with the delivery agents procmail and maildrop, and no mail
	// system.
	Delivery Flavour = "delivery"
	// Filters is a server with Postfix and every filter and policy service that
	// Debian packages for it, just as they come; rspamd is in Stock.
	Filters Flavour = "filters"
	// Parcels is Mail with what an update leaves behind: apt's signed lists, and the
	// archive of the Postfix that is installed.
	Parcels Flavour = "parcels"
	// Tools is a host with Postfix and the programs with which people change files,
	// file systems, the network and audit.
	Tools Flavour = "tools"
	// Rivals is a server with Postfix and what Debian has to watch its files with: auditd,
	// inotifywait, samhain and AIDE.
	Rivals Flavour = "rivals"
	// Hands is the mail lab with every usual way to become somebody, and to run
	// something later.
	Hands Flavour = "hands"
	// Engine is a Debian with Podman, which runs containers and no mail.
	Engine Flavour = "engine"
)

// recipe is how a flavour's base is made.
type recipe struct {
	packages []string
	bake     string // a script that runs inside the new root
	keepApt  bool   // keep apt's lists and archives
}

func (f Flavour) recipe() recipe {
	if f == Hands {
		return recipe{packages: append(slices.Clone(packages), handPackages...), bake: bake}
	}
	if list, ok := stockPackages[f]; ok {
		return recipe{packages: list, bake: stockBake}
	}
	if f == Parcels {
		return recipe{packages: packages, bake: fetchPostfix + bake, keepApt: true}
	}
	return recipe{packages: packages, bake: bake}
}

// name starts the file names of a flavour's bases.
func (f Flavour) name() string {
	if f == Mail {
		return "base"
	}
	return string(f)
}

// packages is what a mail lab has beyond a minimal Debian.
var packages = []string{
	"iproute2", "openssh-client", "openssh-server", "postfix", "postfix-cdb", "postfix-lmdb", "postfix-pcre", "postfix-sqlite",
	"procps", "python3-minimal",
	"rsyslog", "sudo", "usr-is-merged",
}

// handPackages is what the lab of hands has besides.
var handPackages = []string{
	"anacron", "apt", "at", "cron", "dbus", "dpkg", "libpam-systemd", "opendoas", "pkexec", "polkitd", "screen", "systemd", "systemd-container", "systemd-sysv",
	"tmux", "util-linux",
}

// stockPackages are those of the flavours that are left as their packages set
// them up.
var stockPackages = map[Flavour][]string{
	Stock: {
		"aide", "dovecot-imapd", "dovecot-lmtpd", "dovecot-sieve", "opendkim", "postfix", "procmail", "rsyslog", "rspamd",
		"spamassassin", "spamd", "systemd", "usr-is-merged",
	},
	Exim:      {"exim4-daemon-heavy", "procmail", "rsyslog", "systemd", "usr-is-merged"},
	Sendmail:  {"m4", "make", "procmail", "rsyslog", "sendmail", "systemd", "usr-is-merged"},
	OpenSMTPD: {"opensmtpd", "opensmtpd-extras", "procmail", "rsyslog", "systemd", "usr-is-merged"},
	Delivery:  {"maildrop", "procmail", "usr-is-merged"},
	Filters: {
		"amavisd-milter", "amavisd-new", "clamav-daemon", "clamav-milter", "fail2ban", "greylistd", "mimedefang", "opendkim", "opendkim-tools",
		"opendmarc", "policyd-rate-limit", "postfix", "postfix-policyd-spf-python", "postfwd", "postgrey", "postsrsd", "rsyslog", "spamass-milter",
		"spamassassin", "spamc", "spamd", "sudo", "systemd", "usr-is-merged",
	},
	Rivals: {"aide", "auditd", "inotify-tools", "postfix", "samhain", "systemd", "usr-is-merged"},
	Engine: {"iproute2", "podman", "procps", "runc", "usr-is-merged"},
	Tools: {
		"acl", "attr", "auditd", "bindfs", "e2fsprogs", "iproute2", "iptables", "libcap2-bin", "mount", "nano", "nftables", "postfix", "sed", "usr-is-merged", "vim-tiny",
	},
}

// stockBake changes nothing of what the packages set up: they expect a name.
const stockBake = `set -eu
echo mail >/etc/hostname
rm -f /etc/apt/apt.conf.d/99mmdebstrap /etc/machine-id /var/log/*.log /var/log/apt/*
rm -rf /var/lib/apt/lists/*
`

// fetchPostfix brings the archive of the package that is installed already.
const fetchPostfix = "apt-get -q -y clean; apt-get -q -y install --download-only --reinstall postfix\n"

//go:embed bake.sh
var bake string

// preseed answers the one question Postfix asks when it is installed.
const preseed = `postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string mail.example.test
`

// CacheDir is where the base of labs is kept: WAXSEAL_LAB_CACHE, else .lab
// beside the go.mod above the working directory, else the user's cache.
func CacheDir() (string, error) {
	if dir := os.Getenv("WAXSEAL_LAB_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".lab"), nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "waxseal-lab"), nil
}

// BasePath is where Base keeps a flavour's base in cacheDir, whether or not it
// is there yet.
func BasePath(cacheDir string, f Flavour) string {
	r := f.recipe()
	sum := sha256.Sum256([]byte(suite + preseed + r.bake + strings.Join(r.packages, ",")))
	return filepath.Join(cacheDir, f.name()+"-"+hex.EncodeToString(sum[:6])+".tar")
}

// Base returns the tarball from which labs are made, and builds it first when
// it isn't in cacheDir (CacheDir() when empty). Builds wait for one another,
// and an interrupted one leaves no tarball.
func Base(ctx context.Context, cacheDir string, f Flavour) (string, error) {
	if cacheDir == "" {
		dir, err := CacheDir()
		if err != nil {
			return "", err
		}
		cacheDir = dir
	}
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cacheDir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %q: %w", cacheDir, err)
	}
	base := BasePath(cacheDir, f)
	if _, err := os.Stat(base); err == nil {
		return base, nil
	}
	return base, buildBase(ctx, base, f)
}

// buildBase makes base and removes what earlier builds left: under the lock,
// half-made ones belong to nobody.
func buildBase(ctx context.Context, base string, f Flavour) error {
	for _, pattern := range []string{"build-*", f.name() + "-*.tar"} {
		old, _ := filepath.Glob(filepath.Join(filepath.Dir(base), pattern))
		for _, path := range old {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	work, err := os.MkdirTemp(filepath.Dir(base), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	args, err := mmdebstrapArgs(work, f.recipe())
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "TMPDIR="+work)
	// What it mounts is nobody else's to see, and goes with it.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM, Unshareflags: unix.CLONE_NEWNS}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := StartBound(cmd); err != nil {
		return fmt.Errorf("build the lab's Debian: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("build the lab's Debian: mmdebstrap: %w\n%s", err, tail(out.String(), 15))
	}
	return os.Rename(filepath.Join(work, "base.tar"), base)
}

// mmdebstrapArgs writes the files that mmdebstrap reads into work and returns
// its arguments. mmdebstrap itself keeps daemons from starting meanwhile.
func mmdebstrapArgs(work string, r recipe) ([]string, error) {
	files := map[string]string{"bake.sh": r.bake, "preseed": preseed, "apt.conf": aptSettings()}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(work, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	in := func(name string) string {
		return "'" + strings.ReplaceAll(filepath.Join(work, name), "'", `'\''`) + "'"
	}
	args := []string{
		"--quiet", "--variant=minbase", "--format=tar",
		"--include=" + strings.Join(r.packages, ","),
		"--aptopt=" + filepath.Join(work, "apt.conf"),
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/info/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-include=/usr/share/man/man?/maildir*", // maildrop's package is not set up without these
		`--essential-hook=chroot "$1" debconf-set-selections <` + in("preseed"),
		`--customize-hook=chroot "$1" /bin/sh <` + in("bake.sh"),
	}
	if r.keepApt {
		args = append(args, "--skip=cleanup/apt")
	}
	args = append(args, suite, filepath.Join(work, "base.tar"))
	return append(args, debianSources("/etc/apt")...), nil
}

// aptSettings are the host's own settings on how to reach its mirrors.
func aptSettings() string {
	out, err := exec.Command("apt-config", "dump").Output()
	if err != nil {
		return ""
	}
	var keep []string
	for line := range strings.Lines(string(out)) {
		prefixes := []string{"Acquire::http", "Acquire::Check-", "Acquire::Retries", "Acquire::ForceIPv"}
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) }) {
			keep = append(keep, line)
		}
	}
	return strings.Join(keep, "")
}

// tail returns the last n lines of s.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
