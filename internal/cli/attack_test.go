package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	vocabulary "waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/attack/shelf"
	"waxseal/internal/cli"
	"waxseal/internal/detect"
)

var update = flag.Bool("update", false, "write the golden pages anew")

const attackData = "../attack/testdata/"

// attackRun runs one command line and returns what it printed.
func attackRun(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := cli.Run(t.Context(), args, &out, &errs, "test"); got != code {
		t.Fatalf("waxseal %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, &errs)
	}
	return out.String()
}

// attackState imports the extracts of two releases.
func attackState(t *testing.T) string {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	for _, release := range []string{"18.1", "19.1"} {
		attackRun(t, 0, "attack", "import", "--state", state, "--release", release, attackData+"enterprise-attack-"+release+"-extract.json.xz")
	}
	return state
}

// when an import was is not the same twice.
var importTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`)

// address is not broken over lines, however long it is.
var address = regexp.MustCompile(`https?://\S+`)

// TestAttackPages: pages, histories and mappings as people see them. "go test
// ./internal/cli -run AttackPages -update" writes them anew: read the difference.
func TestAttackPages(t *testing.T) {
	state := attackState(t)
	for _, args := range [][]string{
		{"show", "AN0473"}, {"show", "DET0166"}, {"show", "T1505.002"}, {"show", "T1562.012"}, {"show", "T1562.012", "--release", "18.1"}, {"show", "TA0005"},
		{"show", "DC0016"}, {"show", "M1047"}, {"show", "AN0473", "--all"},
		{"history", "AN0473"}, {"history", "T1562.012"}, {"history", "TA0005"}, {"diff", "TA0005", "18.1", "19.1"}, {"diff", "18.1", "19.1", "--technique", "T1505.002"},
		{"resolve", "T1562.012"}, {"map"}, {"check"},
	} {
		name := strings.NewReplacer(" ", "_", "--", "").Replace(strings.Join(args, " ")) + ".txt"
		t.Run(name, func(t *testing.T) {
			got := attackRun(t, 0, append([]string{"attack", "--state", state}, args...)...)
			if problem := notPlain(address.ReplaceAllString(got, "URL")); problem != "" {
				t.Error(problem)
			}
			if !strings.Contains(strings.Join(strings.Fields(got), " "), attack.Notice) {
				t.Error("MITRE's notice is missing")
			}
			got = importTime.ReplaceAllString(got, "2026-11-30 00:00:00Z")
			file := filepath.Join("testdata/attack", name)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAttackDocuments: each verb's document is what its schema says.
func TestAttackDocuments(t *testing.T) {
	compiled := schemas(t)
	state := attackState(t)
	on := []string{"--state", state}
	verb := func(schema string, codes []int, args ...string) []byte {
		t.Helper()
		doc := schemaRun(t, codes, append(args, on...)...)
		conforms(t, compiled[schema], doc)
		return doc
	}
	ok := []int{0}
	verb("attack-import", ok, "attack", "import", attackData+"ics-attack-18.1.json.xz")
	verb("attack-import", ok, "attack", "import", "--release", "18.0", attackData+"objects/AN0473-v18.0.json", attackData+"objects/DET0166-v18.0.json")
	verb("attack-releases", ok, "attack", "releases")
	for _, id := range []string{"AN0473", "DET0166", "T1505.002", "T1562.012", "DC0016", "M1047", "TA0005", "T0800", "enterprise-attack", "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5",
		"x-mitre-collection--90c00720-636b-4485-b342-8751d232bf09", "marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"} {
		verb("attack-show", ok, "attack", "show", id)
		verb("attack-history", ok, "attack", "history", id)
		verb("attack-resolve", ok, "attack", "resolve", id)
	}
	verb("attack-diff", ok, "attack", "diff", "DC0016", "18.1", "19.1")
	verb("attack-diff-releases", ok, "attack", "diff", "18.1", "19.1")
	verb("attack-map", ok, "attack", "map")
	verb("attack-check", ok, "attack", "check")
	verb("coverage", ok, "coverage", "--root", schemaTree(t, schemaPostfix))
	bare := []string{"--state", filepath.Join(t.TempDir(), "none")}
	for schema, args := range map[string][]string{"attack-show": {"attack", "show", "AN0473"}, "attack-map": {"attack", "map"}, "attack-check": {"attack", "check"}, "attack-releases": {"attack", "releases"}} {
		conforms(t, compiled[schema], schemaRun(t, ok, append(args, bare...)...))
	}
	var layer map[string]any
	if err := json.Unmarshal(schemaRun(t, ok, append([]string{"attack", "map", "--navigator"}, on...)...), &layer); err != nil || layer["domain"] != "enterprise-attack" {
		t.Errorf("%v %v", err, layer)
	}
}

// TestRulesKnowATTACK: every rule is listed, and what rules refer to is in the data that
// is built in, under this ID.
func TestRulesKnowATTACK(t *testing.T) {
	m, err := attack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	known := map[vocabulary.RuleID]bool{}
	for _, r := range detect.Rules() {
		if known[r.ID] || r.About == "" || len(r.Attack) < 2 {
			t.Errorf("%+v", r)
		}
		known[r.ID] = true
		for _, ref := range r.Attack {
			o, err := attack.Find(m, ref.STIX, ref.Release)
			if err != nil || o.AttackID() != string(ref.ID) {
				t.Errorf("%s: %+v: %v", r.ID, ref, err)
			}
		}
	}
	for _, kind := range constants(t)["HookKind"] {
		if !known[vocabulary.RuleID("mail-"+strings.ReplaceAll(kind, "_", "-"))] {
			t.Errorf("no rule for hooks of kind %s", kind)
		}
	}
	for _, id := range attack.Mapped() {
		mapping, err := attack.MapOf(m, id, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range mapping.Rules {
			if !known[r] {
				t.Errorf("%s names the rule %s, which is not there", id, r)
			}
		}
		for _, e := range mapping.Mutable {
			if e.Key != "" && !slices.Contains(configKeys(t), e.Key) {
				t.Errorf("%s names the key %s, which the configuration lacks", id, e.Key)
			}
		}
	}
}

func configKeys(t *testing.T) (keys []string) {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(schemaRun(t, []int{0}, "config", "check"), &doc); err != nil {
		t.Fatal(err)
	}
	for k := range doc {
		keys = append(keys, k)
	}
	return keys
}

// TestAttackServe asks the pages what the command line says.
func TestAttackServe(t *testing.T) {
	state := attackState(t)
	s, err := shelf.OpenReadOnly(state)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	server := httptest.NewServer(cli.AttackHandler(s))
	defer server.Close()
	for _, tc := range []struct {
		path string
		code int
		has  string
	}{
		{"/attack/", 200, "19.1"},
		{"/attack/AN0473", 200, "Analytic 0473"},
		{"/attack/AN0473?release=18.1", 200, "release 18.1"},
		{"/attack/T1562.012", 200, "replaced by T1685.004"},
		{"/attack/x-mitre-analytic--2c64ece9-c40f-4d1a-babf-106f587454d0", 200, "DET0166"},
		{"/attack/AN0473?format=json", 200, `"schema": "waxseal.attack-show/1"`},
		{"/attack/AN9999", 404, "not in the data"},
		{"/attack/AN0473?release=1.0", 404, "not in the data"},
		{"/attack/AN0473/raw?release=1.0", 404, "not in the data"},
		{"/attack/%3Cscript%3E", 404, "<script>: not in the data"}, // as plain text, not sniffed
		{"/", 404, ""}, {"/attack/AN0473/other", 404, ""}, {"/attack/../etc/passwd", 404, ""},
	} {
		code, head, body := get(t, server.URL+tc.path, "")
		if code != tc.code || !strings.Contains(body, tc.has) || head.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(head.Get("X-ATTACK-Notice"), "MITRE") {
			t.Errorf("%s: %d %v\n%.300s", tc.path, code, head, body)
		}
		if tc.code == 200 && !strings.Contains(body, "The MITRE Corporation") {
			t.Errorf("%s lacks the notice", tc.path)
		}
	}
	for _, release := range []string{"18.1", "19.1"} {
		_, head, body := get(t, server.URL+"/attack/AN0473/raw?release="+release, "")
		if want := attackRun(t, 0, "attack", "raw", "AN0473", "--release", release, "--state", state); body != want || head.Get("X-ATTACK-Release") != release {
			t.Errorf("%s: %.100s", release, body)
		}
	}
	if code, _, _ := get(t, server.URL+"/attack/AN0473", "attacker.example.net"); code != http.StatusMisdirectedRequest {
		t.Errorf("another host's name: %d", code)
	}
	answer, err := http.Post(server.URL+"/attack/AN0473", "text/plain", strings.NewReader("x"))
	if err != nil || answer.StatusCode != http.StatusMethodNotAllowed {
		t.Error(err, answer.StatusCode)
	}
}

func get(t *testing.T, url, host string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}
