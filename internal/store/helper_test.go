package store_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/ledger"
	"waxseal/internal/store"
)

func TestMain(m *testing.M) {
	if role, ok := os.LookupEnv("WAXSEAL_STORE_TEST_ROLE"); ok {
		os.Exit(child(role))
	}
	os.Exit(m.Run())
}

// child is this test binary started by a test to be killed or to run out of
// space. It returns its exit code.
func child(role string) int {
	run, ok := map[string]func(dir string) error{"append": appendForEver, "full": fillTmpfs, "readonly": readReadOnly}[role]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown role %q\n", role)
		return 2
	}
	if err := run(os.Getenv("WAXSEAL_STORE_TEST_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC)

func openLog(dir string) (*ledger.Log, error) {
	key, err := store.LoadKey(dir, func() (string, error) {
		signer, _, err := ledger.GenerateKey("mail.example.net", rand.Reader)
		return signer, err
	})
	if err != nil {
		return nil, err
	}
	return ledger.New(key)
}

// openAt opens the store as the agent does.
func openAt(dir string) (*store.Store, *ledger.Log, error) {
	log, err := openLog(dir)
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(dir, store.Options{Log: log})
	return s, log, err
}

func newDir(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state ?#%20é")
}

func open(t testing.TB, dir string) (*store.Store, *ledger.Log) {
	t.Helper()
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s, log
}

func observation(i int) waxseal.Observation {
	return waxseal.Observation{
		Time: testTime.Add(time.Duration(i) * time.Second), Sensor: "fanotify",
		File: &waxseal.FileEvent{Operations: []waxseal.Operation{waxseal.OpWrite}, Path: "/etc/postfix/main.cf", PID: 100 + i},
	}
}

// appendN appends n observations, so many per transaction.
func appendN(t testing.TB, s *store.Store, n, per int) {
	t.Helper()
	for i := 0; i < n; i += per {
		err := s.Append(func(tx *store.Tx) error {
			for j := i; j < min(n, i+per); j++ {
				if _, err := tx.Observation(observation(j)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fsck fails the test unless the ledger verifies and has n entries.
func fsck(t testing.TB, s *store.Store, log *ledger.Log, n int64) {
	t.Helper()
	r, err := ledger.Verify(s, log.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || r.Entries != n {
		t.Fatalf("ledger has %d entries, want %d; problems: %v", r.Entries, n, r.Problems)
	}
}
