package agent

import (
	"sync"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
)

// names gives the names of uids from the tree's own passwd(5).
type names struct {
	tree  waxseal.Tree
	mu    sync.Mutex
	stamp time.Time
	byID  map[uint32]string
	// byName lacks all but one of the names of a uid that several have.
	byName map[string]uint32
}

func (n *names) user(uid uint32) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refresh()
	return n.byID[uid]
}

// uid is that of an account, by its name.
func (n *names) uid(name string) (uid uint32, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refresh()
	uid, known = n.byName[name]
	return uid, known
}

func (n *names) refresh() {
	f, err := n.tree.Stat("/etc/passwd")
	if err != nil || n.byID != nil && f.ChangeTime.Equal(n.stamp) {
		return
	}
	n.byID, n.byName, n.stamp = mailpath.Names(n.tree, "/etc/passwd"), map[string]uint32{}, f.ChangeTime
	for uid, name := range n.byID {
		n.byName[name] = uid
	}
}
