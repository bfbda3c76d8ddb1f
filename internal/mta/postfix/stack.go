package postfix

import (
	"path"

	"waxseal"
	"waxseal/internal/mta"
)

// stack describes the instance.
func (in *instance) stack() waxseal.Stack {
	s := waxseal.Stack{MTA: MTA, Version: in.versionText(), Instance: in.name, Domains: in.domains.list()}
	for _, name := range []waxseal.Path{"/main.cf", "/master.cf"} {
		if in.Exists(in.dir + name) {
			s.Config = append(s.Config, in.dir+name)
		}
	}
	if log := in.view.Value("maillog_file"); path.IsAbs(log) {
		s.Logs = []waxseal.Path{mta.Clean(log)}
	}
	return s
}

// versionText is the version that the configuration is read with.
func (in *instance) versionText() string {
	v := in.config.Facts.Version
	if v.From == "" {
		return v.Number + " (assumed)"
	}
	return v.Number
}
