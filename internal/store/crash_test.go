package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/store"
)

// appendForEver is the child of TestKilled: it prints every index that the store
// has acknowledged.
func appendForEver(dir string) error {
	s, _, err := openAt(dir)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		var last waxseal.Index
		err := s.Append(func(tx *store.Tx) error {
			for range 1 + i%5 {
				if last, err = tx.Observation(observation(i)); err != nil {
					return err
				}
			}
			if _, _, err := tx.Finding(testTime, waxseal.Finding{Rule: "r", Title: "t"}); err != nil {
				return err
			}
			last++
			return tx.PutState(testTime, waxseal.State{Host: waxseal.HostID(strconv.Itoa(i))})
		})
		if err != nil {
			return err
		}
		fmt.Println(last)
	}
}

// TestKilled kills a writer at random moments: the ledger verifies and every
// acknowledged entry is there.
func TestKilled(t *testing.T) {
	dir := newDir(t)
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		acknowledged := killOne(t, dir)
		s, log, err := openAt(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		n, err := s.Len()
		if err != nil {
			t.Fatal(err)
		}
		if n <= acknowledged {
			t.Errorf("round %d: entry %d was acknowledged, the ledger has %d", round, acknowledged, n)
		}
		fsck(t, s, log, n)
		findings, err := s.Findings(store.Filter{})
		if err != nil || len(findings) == 0 && n > 0 {
			t.Errorf("round %d: %d findings of %d entries, %v", round, len(findings), n, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killOne runs a writer, kills it, and returns the last index it acknowledged,
// -1 where there is none.
func killOne(t *testing.T, dir string) int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WAXSEAL_STORE_TEST_ROLE=append", "WAXSEAL_STORE_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(20*time.Millisecond+rand.N(400*time.Millisecond), func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	last := int64(-1)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		index, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // a line cut short by the kill
		}
		last = index
	}
	_ = cmd.Wait() // it was killed
	return last
}
