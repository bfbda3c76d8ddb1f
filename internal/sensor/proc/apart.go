package proc

import (
	"os"
	"path"
	"slices"
	"strconv"
)

// Apart finds the processes that run one of these programs in a mount namespace other
// than ours, and may so see other files under the same names: of each namespace the
// process that is oldest by number.
func (r *Reader) Apart(programs map[Node]bool) []int {
	own := r.link("self", "ns/mnt")
	d, err := os.Open(r.proc)
	if err != nil || own == "" {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // what could be read of it
	found := map[string]int{}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		space := r.link(name, "ns/mnt")
		if space == "" || space == own {
			continue
		}
		if n, ok := nodeAt(path.Join(r.proc, name, "exe")); !ok || !programs[n] {
			continue
		}
		if first, known := found[space]; !known || pid < first {
			found[space] = pid
		}
	}
	var pids []int
	for _, pid := range found {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}
