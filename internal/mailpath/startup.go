package mailpath

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/host"
	"waxseal/internal/mta"
)

// pamServices are the services that Dovecot names to PAM: "passdb { driver = pam,
// args = [options] SERVICE }" (doc.dovecot.org, "PAM"). "*" stands for the protocol.
func pamServices(settings []waxseal.Setting) (services []string) {
	for _, s := range settings {
		if s.MTA != "dovecot" || !strings.HasPrefix(s.Name, "passdb") || !strings.HasSuffix(s.Name, "args") && !strings.HasSuffix(s.Name, "service_name") {
			continue
		}
		for _, w := range strings.Fields(s.Value) {
			if !strings.ContainsAny(w, "=/*%") && len(services) < 32 {
				services = append(services, w)
			}
		}
	}
	return services
}

// withoutPython marks what Python would load as inert where no program of the mail
// path is run by Python. A tree that is only a part of a host doesn't tell.
func (c *closer) withoutPython(hooks []waxseal.Hook, b brought) {
	if _, err := c.tree.Stat("/usr/bin"); err != nil {
		return
	}
	for _, p := range c.parts {
		if p.Role == waxseal.RoleInterpreter && strings.HasPrefix(path.Base(string(p.Path)), "python") {
			return
		}
	}
	for name := range b.packages {
		if strings.HasPrefix(name, "python3") {
			return
		}
	}
	for i := range hooks {
		if hooks[i].MTA == waxseal.HostStack && hooks[i].Directive == host.SiteDirective {
			mta.Inactive(&hooks[i], "no program of the mail path is run by Python")
		}
	}
}
