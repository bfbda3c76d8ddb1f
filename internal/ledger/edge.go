package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// edge holds the hashes of the largest complete subtrees of a growing tree, by
// stored-hash index: all that is needed to add the next record or to compute
// the root. It never holds more than 63 hashes.
type edge map[int64]tlog.Hash

// ReadHashes implements [tlog.HashReader].
func (e edge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, ok := e[index]
		if !ok {
			return nil, fmt.Errorf("internal error: hash %d is not on the edge", index)
		}
		hashes[i] = h
	}
	return hashes, nil
}

// add takes record n, whose stored hashes these are, into the tree.
func (e edge) add(n int64, hashes []tlog.Hash) {
	top := len(hashes) - 1
	for level := range top {
		delete(e, tlog.StoredHashIndex(level, n>>level-1))
	}
	e[tlog.StoredHashIndex(top, n>>top)] = hashes[top]
}
