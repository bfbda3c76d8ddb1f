package rspamd

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mta"
)

// snippet is Lua that stands in a value.
type snippet struct {
	line int
	text string
}

// luaCode matches what is Lua in a value rather than an expression or a text.
var luaCode = regexp.MustCompile(`(?m)^\s*(?:return\s|local\s|function\b|--)|\bfunction\s*\(|\b(?:task|rspamd_config|rspamd_http|rspamd_logger|os|io)\s*[:.]\s*\w+\s*\(`)

// stockCode is what the package's own configuration has.
var stockCode = []string{`return require("lua_bayes_learn").can_learn`, `return require("lua_bayes_learn").autolearn`}

func (r *reader) isCode(v *ucl.Value) bool {
	text := v.Text()
	return v.Kind == ucl.String && len(text) > 6 && (strings.Contains(text, "(") || strings.Contains(text, "return")) && luaCode.MatchString(text) && !slices.Contains(stockCode, strings.TrimSpace(text))
}

func (r *reader) keepCode(v *ucl.Value) {
	r.lua[v.Source.Path] = append(r.lua[v.Source.Path], snippet{v.Source.Line, v.Text()})
}

// words are the calls of rspamd's interface to Lua that matter beside those that Lua
// and its usual libraries have (rspamd.com/doc/lua).
func words() calls.Words {
	copies := []waxseal.Effect{waxseal.Copy}
	asks := calls.Word{Kind: waxseal.KindPolicy, Effects: []waxseal.Effect{waxseal.Copy, waxseal.Observe}, Target: waxseal.TargetHost}
	changes := calls.Word{Kind: waxseal.KindRewrite, Effects: []waxseal.Effect{waxseal.Modify}, Target: waxseal.TargetText}
	writes := calls.Word{Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetFile}
	w := calls.Words{
		":set_recipients":    {Kind: waxseal.KindRedirect, Effects: []waxseal.Effect{waxseal.Divert}, Target: waxseal.TargetAddress},
		":set_milter_reply":  {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
		":set_rmilter_reply": {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
		":process_regexp":    {}, // named so that no other vocabulary takes it for a command
	}
	for _, name := range strings.Fields("rspamd_http.request rspamd_tcp.request rspamd_tcp.new rspamd_tcp.connect_sync rspamd_udp.sendto rspamd_redis.make_request rspamd_redis.connect rspamd_redis.make_request_sync rspamd_redis.connect_sync lua_smtp.sendmail lua_redis.request lua_clickhouse.insert tcp_sync.connect lua_tcp_sync.connect") {
		w[name] = asks
	}
	for _, name := range strings.Fields(":set_from :set_subject lua_mime.modify_headers lua_mime.add_text_footer :modify_header :set_metric_action") {
		w[name] = changes
	}
	for _, name := range strings.Fields("rspamd_util.create_file :save_in_file") {
		w[name] = writes
	}
	return w
}

// code reads the Lua that runs in rspamd: files that it loads by name, directories of
// plugins, and what stands in values of the configuration.
func (r *reader) code() {
	r.named()
	for p := range r.top.Get("lua").All() {
		if name := p.Text(); strings.HasPrefix(name, "/") && !strings.HasPrefix(name, shareDir+"/") {
			r.codeFile(mta.Clean(name), "lua", "the option lua names it")
		}
	}
	for key, v := range r.top.Get("modules").Fields() {
		if strings.Contains(key, "path") {
			for _, dir := range v.Words() {
				r.plugins(mta.Clean(dir), key)
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(r.lua)) {
		r.inline(p, r.lua[p])
	}
	r.stray()
}

// stray are files of Lua beside the configuration that nothing was seen to load: as
// soon as something does, they run.
func (r *reader) stray() {
	for _, dir := range []waxseal.Path{configDir, configDir + "/local.d", configDir + "/override.d", configDir + "/maps.d"} {
		names, err := r.Tree.ReadDir(dir)
		for _, n := range names {
			p := dir + "/" + waxseal.Path(n)
			if err != nil || path.Ext(n) != ".lua" || r.parts[p] == waxseal.RoleScript {
				continue
			}
			r.parts[p] = waxseal.RoleScript
			h := r.hook(&ucl.Value{Source: waxseal.Source{Path: p, Line: 1}}, string(p)+":stray", waxseal.Execute)
			h.Kind, h.Target, h.Directive = waxseal.KindScript, waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}, "lua"
			h.Explain = "Lua lies in " + string(p) + "."
			mta.Inactive(&h, "nothing was seen to load it")
			r.Emit(h)
		}
	}
}

// loads reads the files of Lua that a program loads by their whole names.
func (r *reader) loads(text string) {
	for _, c := range calls.Find(calls.Lua, text, nil) {
		if p := c.Target.Value; c.Kind == waxseal.KindModule && c.Target.Type == waxseal.TargetFile && strings.HasPrefix(p, "/") && path.Ext(p) == ".lua" && !strings.HasPrefix(p, shareDir+"/") {
			r.codeFile(mta.Clean(p), "lua", "code that rspamd runs loads it")
		}
	}
}

// named are the files that rspamd's own Lua loads where they are there
// (rules/rspamd.lua).
func (r *reader) named() {
	local := waxseal.Path(configDir + "/rspamd.local.lua")
	if r.Exists(local) {
		r.codeFile(local, "rspamd.local.lua", "rspamd loads it at its start")
	} else {
		r.codeFile(configDir+"/lua/rspamd.local.lua", "rspamd.local.lua", "rspamd loads it at its start")
	}
	r.codeFile(configDir+"/local.d/rspamd.lua", "rspamd.local.lua", "rspamd loads it at its start")
	r.codeFile(configDir+"/controller.lua", "rspamd.local.lua", "rspamd's web interface loads it")
	r.codeFile(configDir+"/rspamd.classifiers.lua", "rspamd.local.lua", "rspamd loads it at its start")
	names, err := r.Tree.ReadDir(configDir + "/lua")
	for _, n := range names {
		if p := waxseal.Path(configDir + "/lua/" + n); err == nil && path.Ext(n) == ".lua" && n != "rspamd.local.lua" {
			r.codeFile(p, "lua/*.lua", "rspamd's Lua loads it where something requires it by name")
		}
	}
	r.controllerPlugins()
}

// controllerPlugins are pages of the web interface that are Lua.
func (r *reader) controllerPlugins() {
	dir := waxseal.Path(configDir + "/plugins.d")
	r.plugins(dir, "try_path")
}

// plugins are the modules in a directory; those of the package are sealed as what it
// brought.
func (r *reader) plugins(dir waxseal.Path, key string) {
	if strings.HasPrefix(string(dir)+"/", shareDir+"/") {
		return
	}
	if path.Ext(string(dir)) == ".lua" {
		r.codeFile(dir, "modules", "rspamd loads it as a module (modules."+key+")")
		return
	}
	names, err := r.Tree.ReadDir(dir)
	if err != nil {
		return
	}
	for _, n := range names {
		if path.Ext(n) == ".lua" {
			r.codeFile(dir+"/"+waxseal.Path(n), "modules", "rspamd loads it as a module (modules."+key+")")
		}
	}
}

// codeFile reads a file of Lua, once.
func (r *reader) codeFile(p waxseal.Path, directive, why string) {
	if r.parts[p] == waxseal.RoleScript || !r.Exists(p) {
		return
	}
	r.parts[p] = waxseal.RoleScript
	text, ok := r.Read(p, "Lua that rspamd runs")
	if !ok {
		return
	}
	r.program(p, directive, text, sentence(why))
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// program takes a program down, and what it says of mail at once.
func (r *reader) program(p waxseal.Path, directive, text, runs string) {
	r.Code(mta.Code{Path: p, Text: text, Language: calls.Lua, Words: words(), Domains: r.domains, Directive: directive, Stage: waxseal.StageData, Scope: everything, RunsAs: r.user, Runs: runs})
	r.loads(text)
	r.results(p, text)
	r.headers(p, directive, text, runs)
}

// results are results that code sets for mail before any rule is asked.
func (r *reader) results(p waxseal.Path, text string) {
	word := calls.Word{Kind: waxseal.KindRewrite, Target: waxseal.TargetText}
	for _, c := range calls.Find(calls.Lua, text, calls.Words{":set_pre_result": word, ":set_metric_action": word}) {
		_, method, _ := strings.Cut(c.Name, ":")
		if method != "set_pre_result" && method != "set_metric_action" {
			continue
		}
		v := &ucl.Value{Source: waxseal.Source{Path: p, Line: c.Line}}
		for _, action := range []string{"discard", "accept", "no action"} {
			if strings.Contains(c.Text, `'`+action+`'`) || strings.Contains(c.Text, `"`+action+`"`) {
				r.action(v, path.Base(string(p))+":"+method+":"+action, action, "mail that the code in "+string(p)+" picks", false)
			}
		}
	}
}

// vital matches the names of headers by which mail or answers go somewhere, in quotes
// or as a key.
var vital = regexp.MustCompile(`(?i)["'\[\s{,](?:reply-to|bcc|resent-to|disposition-notification-to|return-receipt-to)["'\]\s]`)

// headers tells of code that sets a header to which answers go.
func (r *reader) headers(p waxseal.Path, directive, text, runs string) {
	at := vital.FindStringIndex(text)
	if at == nil || !strings.Contains(text, "set_milter_reply") && !strings.Contains(text, "add_header") && !strings.Contains(text, "modify_headers") && !strings.Contains(text, "return nil, {") {
		return
	}
	line := strings.Count(text[:at[0]], "\n") + 1
	from, to := max(at[0]-80, 0), min(at[1]+160, len(text))
	v := &ucl.Value{Source: waxseal.Source{Path: p, Line: line}}
	h := r.hook(v, path.Base(string(p))+":header", waxseal.Modify)
	h.Kind, h.Target = waxseal.KindRewrite, waxseal.Target{Type: waxseal.TargetText, Value: strings.Join(strings.Fields(strings.ToValidUTF8(text[from:to], "")), " ")}
	h.Directive = directive
	mta.Modify(&h, "seen", "inferred")
	h.Explain = runs + ", and line" + strings.TrimPrefix(lineOf(line), " in line") + " sets a header to which answers or copies go: " + mta.Clip(h.Target.Value) + "."
	r.Emit(h)
}

// inline reads the Lua in the values of one file as one program, each piece in the
// line in which it stands.
func (r *reader) inline(p waxseal.Path, pieces []snippet) {
	slices.SortStableFunc(pieces, func(a, b snippet) int { return a.line - b.line })
	var b strings.Builder
	line := 1
	for _, s := range pieces {
		if s.line > line {
			b.WriteString(strings.Repeat("\n", s.line-line))
			line = s.line
		}
		b.WriteString(s.text)
		b.WriteString("\n")
		line += strings.Count(s.text, "\n") + 1
	}
	r.program(p, "Lua in a value", b.String(), "It stands in the configuration, and rspamd runs it")
}
