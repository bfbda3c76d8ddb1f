package rspamd

import (
	"slices"
	"strings"

	"waxseal"
)

// A tree may be a part of a host, with the administrator's files and without those of
// the package. In their place stands how these read the administrator's, and what the
// package's defaults are as far as they count here (the configuration that rspamd 3.4
// comes with). What stands there is the package's, and is neither hook nor setting.

// daemon is there where rspamd is installed: then a file that is missing is missing.
const daemon = waxseal.Path("/usr/bin/rspamd")

// layered is how a file of the package reads local.d and override.d.
const layered = `
.include(try=true; priority=1; duplicate=merge) "$LOCAL_CONFDIR/local.d/NAME"
.include(try=true; priority=10) "$LOCAL_CONFDIR/override.d/NAME"
`

func layers(name string) string { return strings.ReplaceAll(layered, "NAME", name) }

// standardModules are the modules that have a file in modules.d, with the defaults of
// those that are off or name a server.
var standardModules = map[string]string{
	"aws_s3": "enabled = false; s3_host = \"s3.amazonaws.com\"", "bimi": "enabled = false", "dcc": "enabled = false", "external_relay": "enabled = false", "http_headers": "enabled = false",
	"mx_check": "enabled = false", "p0f": "enabled = false", "rspamd_update": "enabled = false", "spamtrap": "enabled = false", "url_redirector": "", "gpt": "enabled = false", "contextal": "enabled = false",
	"antivirus": "", "arc": "", "asn": "", "chartable": "", "clickhouse": "", "dkim": "", "dkim_signing": "", "dmarc": "", "elastic": "", "emails": "", "external_services": "", "force_actions": "", "forged_recipients": "",
	"fuzzy_check": "", "greylist": "", "hfilter": "", "history_redis": "", "known_senders": "", "maillist": "", "metadata_exporter": "", "metric_exporter": "", "mid": "", "milter_headers": "", "mime_types": "", "multimap": "",
	"neural": "", "once_received": "", "phishing": "", "ratelimit": "", "rbl": "", "redis": "", "regexp": "", "replies": "", "reputation": "", "spamassassin": "", "spf": "", "surbl": "", "trie": "", "whitelist": "",
}

// section is a file of the package with one section in it.
func section(name, defaults, file string) string {
	return name + " {\n" + defaults + "\n" + layers(file) + "}\n"
}

// worker is the section of a worker in rspamd.conf.
func worker(name, defaults, file string) string {
	return "worker \"" + name + "\" {\n" + defaults + "\n.include(try=true) \"$CONFDIR/" + file + "\"" + layers(file) + "}\n"
}

// skeleton is what stands in the place of the package's file, "" where it is none.
func (r *reader) skeleton(p waxseal.Path) string {
	name, ok := strings.CutPrefix(string(p), configDir+"/")
	if !ok {
		return ""
	}
	if module, ok := strings.CutPrefix(name, "modules.d/"); ok {
		module = strings.TrimSuffix(module, ".conf")
		if defaults, ok := standardModules[module]; ok {
			return section(module, defaults, module+".conf")
		}
		return ""
	}
	if r.packaged == nil {
		r.packaged = skeletons()
	}
	return r.packaged[name]
}

func skeletons() map[string]string {
	groups := ""
	for _, g := range strings.Fields("content fuzzy headers hfilter mime_types mua phishing policies rbl statistics subject surbl whitelist") {
		groups += "group \"" + g + "\" {\n.include(try=true) \"$CONFDIR/scores.d/" + g + "_group.conf\"" + layers(g+"_group.conf") + "}\n"
	}
	return map[string]string{
		"rspamd.conf": ".include \"$CONFDIR/common.conf\"\n" +
			section("options", ".include(try=true) \"$CONFDIR/options.inc\"", "options.inc") + section("logging", ".include(try=true) \"$CONFDIR/logging.inc\"", "logging.inc") +
			worker("normal", `bind_socket = "localhost:11333"`, "worker-normal.inc") + worker("controller", `bind_socket = "localhost:11334"`, "worker-controller.inc") +
			worker("rspamd_proxy", `bind_socket = "localhost:11332"`, "worker-proxy.inc") + worker("fuzzy", "bind_socket = \"localhost:11335\"; count = -1", "worker-fuzzy.inc"),
		"common.conf": `lua = "$RULESDIR/rspamd.lua"
.include "$CONFDIR/metrics.conf"
.include "$CONFDIR/actions.conf"
.include "$CONFDIR/groups.conf"
.include "$CONFDIR/composites.conf"
.include "$CONFDIR/statistic.conf"
.include "$CONFDIR/modules.conf"
.include "$CONFDIR/settings.conf"
.include(try=true) "$LOCAL_CONFDIR/rspamd.conf.local"
.include(try=true,priority=10) "$LOCAL_CONFDIR/rspamd.conf.local.override"
.include(try=true,priority=10) "$LOCAL_CONFDIR/rspamd.conf.override"
modules { path = "${PLUGINSDIR}"; fallback_path = "${SHAREDIR}/lua"; try_path = "${LOCAL_CONFDIR}/plugins.d/" }
`,
		"modules.conf":    ".include(glob=true) \"${CONFDIR}/modules.d/*.conf\"\n",
		"metrics.conf":    section("metric", "", "metrics.conf"),
		"actions.conf":    section("actions", "reject = 15; add_header = 6; greylist = 4", "actions.conf"),
		"groups.conf":     groups + layers("groups.conf"),
		"composites.conf": section("composites", "", "composites.conf"),
		"statistic.conf":  "classifier \"bayes\" {\n" + layers("classifier-bayes.conf") + "}\n" + layers("statistic.conf"),
		"settings.conf":   section("settings", "", "settings.conf"),
		"worker-proxy.inc": `milter = yes
upstream "local" { default = yes; hosts = "localhost" }`,
		"worker-controller.inc": `secure_ip = "127.0.0.1"; secure_ip = "::1"`,
	}
}

// open reads a file of the configuration.
func (r *reader) open(p waxseal.Path) (text string, resolved waxseal.Path, err error) {
	f, err := r.Tree.Stat(p)
	if err != nil && r.partial {
		if text := r.skeleton(p); text != "" {
			r.ghosts[p] = true
			return text, p, nil
		}
	}
	if err != nil {
		return "", "", err
	}
	content, err := r.Tree.ReadFile(p, maxFile)
	if resolved = f.Resolved; resolved == "" {
		resolved = p
	}
	return string(content), resolved, err
}

// list lists a directory of the configuration.
func (r *reader) list(dir waxseal.Path) ([]string, error) {
	names, err := r.Tree.ReadDir(dir)
	if dir != configDir+"/modules.d" || !r.partial {
		return names, err
	}
	for m := range standardModules {
		if !slices.Contains(names, m+".conf") {
			names = append(names, m+".conf")
		}
	}
	slices.Sort(names)
	return names, nil // where it could not be listed, the tree lacks it
}

// Emit writes a hook down, unless it is the package's own.
func (r *reader) Emit(h waxseal.Hook) {
	if !r.ghosts[h.Source.Path] {
		r.Book.Emit(h)
	}
}
