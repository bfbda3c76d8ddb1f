package cli_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite"

	"waxseal/internal/cli"
	"waxseal/internal/readroom"
)

func TestMain(m *testing.M) {
	if readroom.Asked(os.Args) { // by a watch in a test
		if err := readroom.Serve(); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	testscript.Main(m, map[string]func(){
		"waxseal":           func() { os.Exit(run()) },
		"waxseal-as-nobody": func() { os.Exit(runAsNobody()) },
	})
}

func run() int {
	return cli.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, "test")
}

// runAsNobody gives up root before it runs a command line.
func runAsNobody() int {
	const nobody = 65534
	err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(nobody, nobody, nobody), syscall.Setresuid(nobody, nobody, nobody))
	if err != nil {
		panic(err)
	}
	return run()
}

// TestScripts runs the stories in testdata/script: each a command line, what it
// answers and its exit code. Besides testscript's own commands they have
//
//	code N waxseal …     run it; its exit code is N
//	plain stdout|stderr  no control characters, valid UTF-8, no line above 110
//	json                 stdout is one JSON document in valid UTF-8
//	sql DATABASE SQL     change a database as sqlite3(1) would
//	mkfifo FILE          make a FIFO
//
// $ATTACK is the directory of ATT&CK's releases.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Deadline:            time.Now().Add(3 * time.Minute),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			dir, err := filepath.Abs(attackData)
			e.Setenv("ATTACK", dir)
			// With the race detector every program waits for a second before it ends, for
			// goroutines that would still report: hundreds of seconds here.
			e.Setenv("GORACE", "atexit_sleep_ms=50")
			return err
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "tmpfs": // whether a small disk can be made, out of everyone's sight
				return exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", os.TempDir()).Run() == nil, nil
			}
			return false, errors.New("unknown condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "plain": plain, "json": isJSON, "sql": execSQL, "mkfifo": mkfifo,
		},
	})
}

func code(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		got = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func plain(ts *testscript.TestScript, _ bool, args []string) {
	for _, stream := range args {
		if problem := notPlain(ts.ReadFile(stream)); problem != "" {
			ts.Fatalf("%s: %s", stream, problem)
		}
	}
}

// notPlain says what in a text for people is not fit for a terminal.
func notPlain(text string) string {
	if !utf8.ValidString(text) {
		return "invalid UTF-8"
	}
	for i, line := range strings.Split(text, "\n") {
		if at := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == 0x202e }); at >= 0 {
			return "control character in line " + strconv.Quote(line)
		}
		if n := utf8.RuneCountInString(line); n > 110 {
			return "line " + strconv.Itoa(i+1) + " is " + strconv.Itoa(n) + " wide: " + line
		}
	}
	return ""
}

func isJSON(ts *testscript.TestScript, _ bool, _ []string) {
	text := ts.ReadFile("stdout")
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) {
		ts.Fatalf("no JSON in UTF-8: %q", text)
	}
}

func execSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

func mkfifo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(unix.Mkfifo(ts.MkAbs(args[0]), 0o600))
}
