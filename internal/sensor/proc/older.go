package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Older names the processes that run now, "sshd 812", those of the kernel apart.
func (r *Reader) Older() (names []string) {
	d, err := os.Open(r.proc)
	if err != nil {
		return nil
	}
	defer d.Close()
	entries, _ := d.Readdirnames(-1) // what could be read of it
	const kthreadd = 2
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry)
		if err != nil || pid == os.Getpid() || pid == kthreadd {
			continue
		}
		if s, ok := r.stat(pid); ok && s.ppid != kthreadd {
			names = append(names, fmt.Sprintf("%s %d", strings.TrimSpace(s.comm), pid))
		}
	}
	return names
}
