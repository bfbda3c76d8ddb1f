package postfix

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

const (
	maxDirectoryDepth = 4
	maxDirectoryFiles = 1000
)

// collectParts notes the files that belong to the configuration besides those
// that hooks depend on.
func (in *instance) collectParts() {
	in.secrets()
	in.ownPrograms()
	count := 0
	in.unused(in.dir, 0, &count)
}

// unused lists what lies in the configuration directory; what something refers
// to is noted elsewhere and wins.
func (in *instance) unused(dir waxseal.Path, depth int, count *int) {
	names, err := in.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		in.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed, so files in it may be missed: " + err.Error(), Unreadable: true}})
	}
	if err != nil || depth > maxDirectoryDepth {
		return
	}
	for _, name := range names {
		p := dir + "/" + waxseal.Path(name)
		f, err := in.Tree.Lstat(p)
		if *count++; *count > maxDirectoryFiles {
			in.Problem(dir, 0, "more files than are listed")
			return
		}
		switch {
		case err == nil && f.Type == waxseal.Directory:
			in.unused(p, depth+1, count)
		default:
			in.Part(p, waxseal.RoleUnused)
		}
	}
}

// secrets notes password tables and private keys. They are never read.
func (in *instance) secrets() {
	for _, name := range in.main.Order {
		in.secret(name, in.view.Value(name))
	}
	for i := range in.services {
		for _, o := range in.services[i].Overrides {
			text, _ := in.view.Expand(o.Raw)
			in.secret(o.Name, text)
		}
	}
}

func (in *instance) secret(name, value string) {
	switch {
	case strings.HasSuffix(name, "password_maps"), strings.HasSuffix(name, "_sni_maps"):
		for _, ref := range mapdb.ParseList(value) {
			if ref.Source() != "" {
				in.Part(mta.Clean(ref.Source()), waxseal.RoleSecret)
			}
			if c := ref.CompiledFile(); c != "" && in.Exists(mta.Clean(c)) {
				in.Part(mta.Clean(c), waxseal.RoleSecret)
			}
		}
	case strings.HasSuffix(name, "key_file"), strings.HasSuffix(name, "_chain_files"):
		for _, f := range mapdb.Fields(value) {
			if path.IsAbs(f) {
				in.Part(mta.Clean(f), waxseal.RoleSecret)
			}
		}
	case strings.HasSuffix(name, "cert_file") && path.IsAbs(value):
		// A certificate file holds the key too where no key file is named.
		key := strings.TrimSuffix(name, "cert_file") + "key_file"
		if in.view.Value(key) == value {
			in.Part(mta.Clean(value), waxseal.RoleSecret)
		}
	}
}

// scripts are the shell scripts in daemon_directory that postfix(1) runs as root.
var scripts = []string{"postfix-script", "post-install", "postfix-wrapper", "postmulti-script", "postfix-tls-script"}

// commands are the programs in command_directory.
var commands = []string{"postfix", "postalias", "postcat", "postconf", "postdrop", "postkick", "postlock", "postlog", "postmap", "postmulti", "postqueue", "postsuper", "sendmail"}

// ownPrograms notes the daemons, scripts and commands of Postfix that the tree
// has: replaced, each sees or steers all mail.
func (in *instance) ownPrograms() {
	daemonDirectory, commandDirectory := in.view.Value("daemon_directory"), in.view.Value("command_directory")
	for name := range daemons {
		in.programPart(daemonDirectory+"/"+name, waxseal.RoleBinary)
	}
	in.programPart(daemonDirectory+"/master", waxseal.RoleBinary)
	for _, name := range scripts {
		in.programPart(daemonDirectory+"/"+name, waxseal.RoleScript)
	}
	for _, name := range commands {
		in.programPart(commandDirectory+"/"+name, waxseal.RoleBinary)
	}
	for _, name := range []string{"sendmail_path", "mailq_path", "newaliases_path"} {
		in.programPart(in.view.Value(name), waxseal.RoleBinary)
	}
}

func (in *instance) programPart(p string, role waxseal.Role) {
	if path.IsAbs(p) && in.Exists(mta.Clean(p)) {
		in.Part(mta.Clean(p), role)
	}
}
