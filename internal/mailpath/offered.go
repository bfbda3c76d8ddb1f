package mailpath

import (
	"net/netip"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// offered makes hooks of the places where filters listen and others may come between:
// a socket in a directory that anyone may write, in which somebody else can put one of
// that name as soon as the filter is stopped, or before it starts; a port at every
// address, through which other hosts use it as this one does.
func (c *closer) offered(services []mta.Service, queue string) (hooks []waxseal.Hook) {
	count := map[waxseal.HookID]int{}
	for _, s := range services {
		for _, socket := range s.Sockets {
			h, ok := c.offer(s, socket, queue)
			if !ok {
				continue
			}
			h.ID = waxseal.HookID(string(s.Stack) + ":" + string(s.Source.Path) + ":listens")
			if count[h.ID]++; count[h.ID] > 1 {
				h.ID += waxseal.HookID("#" + strconv.Itoa(count[h.ID]))
			}
			hooks = append(hooks, h)
		}
	}
	return hooks
}

func (c *closer) offer(s mta.Service, socket, queue string) (waxseal.Hook, bool) {
	l, ok := offeredAt(socket, queue)
	h := waxseal.Hook{
		MTA: s.Stack, Kind: waxseal.KindRewrite, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{}, Scope: "all mail that is handed to " + s.Title,
		Target: waxseal.Target{Type: waxseal.TargetSocket, Value: socket}, RunsAs: s.User, Active: true, Source: s.Source, Directive: "listens", Closure: []waxseal.Part{},
	}
	switch {
	case !ok:
		return h, false
	case l.Network == "unix":
		if !c.anyoneMayPut(waxseal.Path(l.Address)) {
			return h, false
		}
		h.Effects = []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Drop}
		h.Closure = c.complete([]waxseal.Part{{Path: waxseal.Path(l.Address), Role: waxseal.RoleSocket}})
		mta.Modify(&h, "listens", "where anyone may")
		h.Explain = s.Title + " listens on " + mta.Clip(socket) + ", in a directory where any user of this host may put a socket of that name instead, and be handed mail."
	case !everyAddress(l.Address):
		return h, false
	default:
		mta.Modify(&h, "listens", "at every address")
		h.Explain = s.Title + " listens on " + mta.Clip(socket) + ", at every address of this host, so that other hosts may hand it mail too."
	}
	return h, true
}

// shared are directories that anyone may write on every host, whether or not the tree
// has them.
var shared = []string{"/tmp", "/var/tmp", "/dev/shm", "/run/shm", "/run/lock", "/var/lock"}

// anyoneMayPut reports whether any user may put a socket of this name where it is.
func (c *closer) anyoneMayPut(p waxseal.Path) bool {
	dir := waxseal.Path(path.Dir(string(p)))
	if st, err := c.tree.Stat(dir); err == nil {
		return st.Type == waxseal.Directory && st.Mode&0o002 != 0
	}
	for _, s := range shared { // a directory there that is gone after a start is anyone's to make
		if string(dir) == s || strings.HasPrefix(string(dir), s+"/") {
			return true
		}
	}
	return false
}

func everyAddress(address string) bool {
	a, err := netip.ParseAddrPort(address)
	return err == nil && a.Addr().IsUnspecified()
}
