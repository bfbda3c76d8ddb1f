package store_test

import (
	"fmt"
	"testing"

	"waxseal"
	"waxseal/internal/ledger"
	"waxseal/internal/store"
)

func BenchmarkAppend(b *testing.B) {
	for _, per := range []int{1, 100} {
		b.Run(fmt.Sprint(per), func(b *testing.B) {
			s, _ := open(b, newDir(b))
			for b.Loop() {
				appendN(b, s, per, per)
			}
			b.ReportMetric(float64(per)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkVerify10k(b *testing.B) {
	for _, per := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d per checkpoint", per), func(b *testing.B) {
			s, log := open(b, newDir(b))
			appendN(b, s, 10_000, per)
			for b.Loop() {
				if r, err := ledger.Verify(s, log.Verifier()); err != nil || !r.OK() {
					b.Fatal(r, err)
				}
			}
		})
	}
}

func BenchmarkAlive(b *testing.B) {
	s, _ := open(b, newDir(b))
	at := testTime
	for b.Loop() {
		at = at.Add(1)
		if err := s.Alive(at); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindings1000(b *testing.B) {
	s, _ := open(b, newDir(b))
	err := s.Append(func(tx *store.Tx) error {
		for range 1000 {
			if _, _, err := tx.Finding(testTime, waxseal.Finding{Rule: "r", Reasons: []string{"one", "two"}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if list, err := s.Findings(store.Filter{}); len(list) != 1000 || err != nil {
			b.Fatal(err)
		}
	}
}
