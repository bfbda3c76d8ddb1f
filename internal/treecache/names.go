package treecache

import "waxseal"

// names are the paths under which files were seen: one file may have several.
type names struct {
	of      map[node]waxseal.Path           // the first path of each file
	further map[node][]waxseal.Path         // and the others
	led     map[waxseal.Path][]waxseal.Path // by the place that links lead to
}

// node is a file, whatever its names are.
type node struct{ device, inode uint64 }

func newNames() names {
	return names{of: map[node]waxseal.Path{}, further: map[node][]waxseal.Path{}, led: map[waxseal.Path][]waxseal.Path{}}
}

// add notes that a file was seen under a path.
func (n *names) add(p waxseal.Path, f waxseal.File) {
	if f.Resolved != "" {
		n.led[f.Resolved] = append(n.led[f.Resolved], p)
	}
	if f.Inode == 0 {
		return
	}
	at := node{f.Device, f.Inode}
	if first, ok := n.of[at]; !ok {
		n.of[at] = p
	} else if first != p {
		n.further[at] = append(n.further[at], p)
	}
}

// take lists the paths at which links led to a path, or one of these files was seen, and
// forgets them: who asks again has them noted again.
func (n *names) take(p waxseal.Path, files ...waxseal.File) (list []waxseal.Path) {
	list = n.led[p]
	delete(n.led, p)
	for _, f := range files {
		if at := (node{f.Device, f.Inode}); f.Inode != 0 {
			if first, ok := n.of[at]; ok {
				list = append(append(list, first), n.further[at]...)
			}
			delete(n.of, at)
			delete(n.further, at)
		}
	}
	return list
}
