package treecache

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// maxBeside is how many read at once, whatever the machine has: a mail server keeps its
// other processors.
const maxBeside = 4

// Beside does pieces of work that read the tree side by side, beginning with the first,
// and returns when all are done.
func (t *Tree) Beside(work ...func()) {
	var all sync.WaitGroup
	var begun atomic.Int64
	for range min(len(work), runtime.GOMAXPROCS(0), maxBeside) {
		all.Go(func() {
			for i := begun.Add(1); int(i) <= len(work); i = begun.Add(1) {
				work[i-1]()
			}
		})
	}
	all.Wait()
}
