package postfix

import (
	"path"
	"strings"

	"waxseal"
)

const maxPackageList = 256 << 20

// stack describes the instance.
func (in *instance) stack() waxseal.Stack {
	s := waxseal.Stack{MTA: MTA, Version: in.version(), Instance: in.name, Domains: in.domains.list()}
	for _, name := range []waxseal.Path{"/main.cf", "/master.cf"} {
		if in.exists(in.dir + name) {
			s.Config = append(s.Config, in.dir+name)
		}
	}
	if log := in.view.Value("maillog_file"); path.IsAbs(log) {
		s.Logs = []waxseal.Path{clean(log)}
	}
	return s
}

// version is that of the installed package, else what main.cf claims; "" where
// nothing tells.
func (in *instance) version() string {
	if v := in.packageVersion(); v != "" {
		return v
	}
	return in.main.Set["mail_version"].Raw
}

// packageVersion looks for the package in dpkg's status file.
func (r *reader) packageVersion() string {
	if r.asked {
		return r.packaged
	}
	r.asked = true
	content, err := r.tree.ReadFile("/var/lib/dpkg/status", maxPackageList)
	if err != nil {
		return ""
	}
	text := "\n" + string(content)
	_, stanza, ok := strings.Cut(text, "\nPackage: postfix\n")
	if !ok {
		return ""
	}
	stanza, _, _ = strings.Cut(stanza, "\n\n")
	_, version, ok := strings.Cut("\n"+stanza, "\nVersion: ")
	if ok {
		version, _, _ = strings.Cut(version, "\n")
		r.packaged = strings.TrimSpace(version)
	}
	return r.packaged
}
