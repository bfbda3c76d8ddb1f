package rspamd

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

// TestParity asks rspamadm configdump what the package's configuration comes to, as it
// is and with generated files of an administrator, and compares each section.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 24), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Stock)
	g := rand.New(rand.NewPCG(seed, 5))
	for i := range cases {
		for name, text := range administrator(g, i == 0) {
			file := filepath.Join(root, fmt.Sprintf("cases/%d", i), name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	script := `i=0; while [ $i -lt $1 ]; do rspamadm --var=LOCAL_CONFDIR=/cases/$i configdump --json >/cases/$i.json 2>/cases/$i.err || true; i=$((i+1)); done`
	if _, err := lab.Output(t.Context(), root, script, fmt.Sprint(cases)); err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	compared := 0
	for i := range cases {
		content, err := os.ReadFile(filepath.Join(root, fmt.Sprintf("cases/%d.json", i)))
		var theirs map[string]any
		if err != nil || json.Unmarshal(content, &theirs) != nil {
			said, _ := os.ReadFile(filepath.Join(root, fmt.Sprintf("cases/%d.err", i)))
			if strings.Contains(string(said), "rcl parse error") {
				continue // it was read, and what a value is does not suit an option
			}
			t.Errorf("case %d: rspamadm prints no configuration: %s", i, said)
			continue
		}
		compared++
		if diff := cmp.Diff(comparison(theirs), comparison(plain(configuration(tree, i).Top).(map[string]any)), near); diff != "" {
			t.Errorf("case %d (-rspamd +ours):\n%s\n%s", i, diff, written(root, i))
		}
	}
	t.Logf("%d configurations compared", compared)
	if compared*2 < cases {
		t.Error("too many are refused: the cases say too little")
	}
}

func written(root string, i int) (text string) {
	dir := filepath.Join(root, fmt.Sprintf("cases/%d", i))
	for _, pattern := range []string{"*", "*/*"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, f := range files {
			if content, err := os.ReadFile(f); err == nil {
				text += "--- " + strings.TrimPrefix(f, dir) + "\n" + string(content) + "\n"
			}
		}
	}
	return text
}

var near = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(a)) })

func configuration(tree waxseal.Tree, i int) *ucl.Document {
	list := variables("3.4-1")
	for n := range list {
		if list[n].Name == "LOCAL_CONFDIR" {
			list[n].Value = fmt.Sprintf("/cases/%d", i)
		}
	}
	return ucl.Parse(mainFile, ucl.Options{Variables: list, List: tree.ReadDir, Open: func(p waxseal.Path) (string, waxseal.Path, error) {
		text, err := tree.ReadFile(p, maxFile)
		return string(text), p, err
	}})
}

// comparison leaves out what rspamd's own Lua makes of a configuration before it is
// printed (lualib/lua_cfg_transform.lua): rules of surbl and emails become rules of
// rbl, groups are put together, "dkim" gets what dkim_signing signs; null and nothing
// are one there.
func comparison(top map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range top {
		switch k {
		case "surbl", "emails", "symbols", "metric", "regexp": // rules written in Lua are added to the last
			continue
		case "options":
			delete(v.(map[string]any), "check_all_filters") // neural wants it
		case "group":
			v = oneGroup(v)
		}
		if v = tidy(v); v != nil {
			out[k] = v
		}
	}
	return out
}

// oneGroup puts several sections of groups together; of one name the last counts.
func oneGroup(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	all := map[string]any{}
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			for k, g := range m {
				all[k] = g
			}
		}
	}
	return all
}

// tidy takes away nothings.
func tidy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if e = tidy(e); e != nil {
				out[k] = e
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		var out []any
		for _, e := range v {
			if e = tidy(e); e != nil {
				out = append(out, e)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}

// plain is a value as encoding/json reads what rspamadm writes of it.
func plain(v *ucl.Value) any {
	list, values := []any{}, v.Each()
	if v.Kind == ucl.Array {
		values = v.All()
	}
	for e := range values {
		list = append(list, one(e))
	}
	if len(list) == 1 && v.Kind != ucl.Array {
		return list[0]
	}
	return list
}

func one(v *ucl.Value) any {
	switch v.Kind {
	case ucl.Object:
		m := map[string]any{}
		for k, f := range v.Fields() {
			m[k] = plain(f)
		}
		return m
	case ucl.Array:
		list := []any{}
		for _, item := range v.Items() {
			list = append(list, one(item))
		}
		return list
	case ucl.Boolean:
		return v.Is(true)
	case ucl.String:
		return v.Text()
	case ucl.Null:
		return nil
	}
	n, _ := v.Number()
	return n
}

// administrator writes the files of an administrator: none in the first case.
func administrator(g *rand.Rand, none bool) map[string]string {
	files := map[string]string{"keep": ""}
	if none {
		return files
	}
	pick := func(list ...string) string { return list[g.IntN(len(list))] }
	modules := []string{"greylist", "multimap", "force_actions", "metadata_exporter", "history_redis", "redis", "antivirus", "ratelimit", "replies", "once_received", "mid", "mx_check", "aws_s3", "p0f", "clickhouse", "elastic", "url_redirector", "phishing", "whitelist", "milter_headers"}
	for range 10 {
		files[pick("local.d", "override.d", "local.d")+"/"+pick(modules...)+".conf"] = settings(g, 0)
	}
	files["local.d/options.inc"] = pick("", "task_timeout = 9s;\n", "dns { timeout = 2s }\n", "local_addrs = [10.0.0.0/8]\n", "check_all_filters: yes # all\n")
	files["override.d/options.inc"] = pick("", "dns_max_requests = 32", "local_addrs = \"10.0.0.0/8\", \n")
	files["local.d/worker-proxy.inc"] = pick("", "upstream \"local\" { self_scan = yes; }\n", "upstream \"other\" { hosts = \"10.0.0.1:11333\" }\n", "bind_socket = \"*:11332\"; timeout = 60s;\n")
	files["override.d/worker-controller.inc"] = pick("", "password = \"q2\";\n", "bind_socket = \"127.0.0.1:11334\"\nbind_socket = \"[::1]:11334\"\n", "secure_ip = [\"10.0.0.1\", \"::1\"];\n")
	files["rspamd.conf.local"] = pick("", "own_section { a = 1 }\n", "greylist { timeout = 1min }\n", ".include(try=true) \"$LOCAL_CONFDIR/more.inc\"\n")
	files["rspamd.conf.local.override"] = pick("", "greylist { timeout = 2min }\n", "own_section { a = 2; b { c = [1, 2] } }\n")
	files["more.inc"] = "own_section { from = \"${CURDIR}\"; file = \"$FILENAME\"; state = \"$DBDIR/x\" }\n"
	return files
}

// settings are lines that any module takes.
func settings(g *rand.Rand, depth int) string {
	pick := func(list ...string) string { return list[g.IntN(len(list))] }
	var b strings.Builder
	for range 1 + g.IntN(4) {
		b.WriteString(strings.Repeat("  ", depth) + pick("", "# a comment\n", "/* one /* in */ one */ "))
		key := pick("expire", "grace", "key_prefix", "rules", "servers", "x", "list", "symbol", "enabled", "\"a b\"")
		switch n := g.IntN(8); {
		case n == 0 && depth < 3:
			// Of a section behind a list, rspamd's Lua makes one list.
			b.WriteString(pick("rules", "x", "symbol") + " {\n" + settings(g, depth+1) + "}\n")
		case n == 1 && depth < 3:
			b.WriteString(pick("rules", "x", "symbol") + " \"" + pick("one", "two") + "\" {\n" + settings(g, depth+1) + "}\n")
		case n == 2:
			b.WriteString(pick("list", "servers", "\"a b\"") + " = [" + pick("1, 2", "\"a\", b", "10.0.0.0/8, ::1", "{ a = 1 }, { a = 2 }") + "];\n")
		case n == 3:
			b.WriteString(key + " = <<EOD\nreturn function(task) return '$DBDIR' end\nEOD\n")
		default:
			b.WriteString(key + pick(" = ", ": ", " ", "=") + pick("1", "5min", "2kb", "yes", "\"text\"", "'$DBDIR'", "\"$DBDIR/x\"", "redis:6379", "0.5", "two words", "null") + pick(";", "\n", ";\n", ",\n"))
		}
		b.WriteString(pick("", "\n"))
	}
	return b.String()
}
