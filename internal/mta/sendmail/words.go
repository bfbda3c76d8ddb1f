package sendmail

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// digest tells two long values apart.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

func itoa(n int) string { return strconv.Itoa(n) }
