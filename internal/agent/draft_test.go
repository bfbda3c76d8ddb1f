package agent

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/store"
)

func draftBooks(t *testing.T) *Books {
	t.Helper()
	b, err := OpenBooks(filepath.Join(t.TempDir(), "state"), "mail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func observe(tx *store.Tx) error {
	_, err := tx.Observation(waxseal.Observation{Time: time.Now(), Sensor: "test", Log: &waxseal.LogLine{Text: "seen"}})
	return err
}

func lengthOf(t *testing.T, b *Books) int64 {
	t.Helper()
	n, err := b.Len()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDraft: what was seen and what is judged of it are one transaction, with one
// checkpoint over both.
func TestDraft(t *testing.T) {
	b := draftBooks(t)
	d := b.begin(observe, func(err error) { t.Errorf("lost: %v", err) })
	<-d.filled
	if n := lengthOf(t, b); n != 0 {
		t.Errorf("%d entries are committed before anything was judged", n)
	}
	if err := b.Append(observe); err != nil {
		t.Fatal(err)
	}
	checkpoints := 0
	for _, err := range b.Checkpoints() {
		if checkpoints++; err != nil {
			t.Fatal(err)
		}
	}
	if n := lengthOf(t, b); n != 2 || checkpoints != 1 {
		t.Errorf("%d entries in %d transactions", n, checkpoints)
	}
}

// TestDraftEndsByItself: where nothing is judged in time, what was seen is committed alone.
func TestDraftEndsByItself(t *testing.T) {
	b := draftBooks(t)
	d := b.begin(observe, func(err error) { t.Errorf("lost: %v", err) })
	d.done <- <-d.done
	if n := lengthOf(t, b); n != 1 {
		t.Errorf("%d entries", n)
	}
	if err := b.Append(observe); err != nil || lengthOf(t, b) != 2 {
		t.Errorf("%d entries, %v", lengthOf(t, b), err)
	}
	b.begin(observe, func(err error) { t.Errorf("lost: %v", err) })
	if b.endDraft(); lengthOf(t, b) != 3 {
		t.Errorf("%d entries", lengthOf(t, b))
	}
}

// TestDraftLost: where the transaction fails, by what was seen or by what was judged, it is
// said once, nothing of it is there, and the next one works.
func TestDraftLost(t *testing.T) {
	failed := errors.New("failed")
	fails := func(*store.Tx) error { return failed }
	for _, tc := range []struct {
		name         string
		seen, judged func(*store.Tx) error
	}{{"seen", fails, observe}, {"judged", observe, fails}} {
		t.Run(tc.name, func(t *testing.T) {
			b := draftBooks(t)
			lost := 0
			d := b.begin(tc.seen, func(error) { lost++ })
			<-d.filled
			if err := b.Append(tc.judged); !errors.Is(err, failed) || lost != 1 || lengthOf(t, b) != 0 {
				t.Errorf("%v, lost %d times, %d entries", err, lost, lengthOf(t, b))
			}
			if err := b.Append(observe); err != nil || lengthOf(t, b) != 1 {
				t.Errorf("%d entries, %v", lengthOf(t, b), err)
			}
		})
	}
}
