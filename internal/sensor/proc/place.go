package proc

import (
	"bytes"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// inside names a file as inside the tree.
func (r *Reader) inside(name string) string {
	if rest, ok := strings.CutPrefix(name, r.root); ok && r.root != "" && strings.HasPrefix(rest, "/") {
		return rest
	}
	return name
}

// spaces are the namespaces that make a container (namespaces(7)), and how they are
// called in /proc/PID/ns.
var spaces = []struct{ word, file string }{{"mount", "mnt"}, {"pid", "pid"}, {"user", "user"}, {"network", "net"}}

// place says in which unit, container and namespaces a process lives.
func (r *Reader) place(pid int) waxseal.Whereabouts {
	dir := strconv.Itoa(pid)
	group := r.record(dir+"/cgroup", 16<<10)
	w := waxseal.Whereabouts{Unit: unitOf(group), Container: parseContainer(group), Grade: waxseal.Inferred}
	home := r.namespaces()
	for _, s := range spaces {
		if own := r.link(dir, "ns/"+s.file); own != "" && home[s.file] != "" && own != home[s.file] {
			w.Namespaces = append(w.Namespaces, s.word)
		}
	}
	return w
}

// gone is what the kernel puts behind the name of a control group that was removed while
// its last process had ended, but was not waited for (cgroups(7)).
const gone = " (deleted)"

// unitOf is the service that a process belongs to, or else its scope: "session-3.scope".
func unitOf(group []byte) string {
	if unit := parseUnit(group); unit != "" {
		return unit
	}
	for line := range bytes.Lines(group) {
		if name := path.Base(strings.TrimSuffix(strings.TrimSpace(string(line)), gone)); strings.HasSuffix(name, ".scope") {
			return name
		}
	}
	return ""
}

// containers are how engines name the control groups of what they run: Docker, Podman,
// CRI-O and containerd by the number of the container, nspawn and LXC by its name.
var containers = []struct {
	engine string
	name   *regexp.Regexp
}{
	{"docker", regexp.MustCompile(`/docker[-/]([0-9a-f]{12})[0-9a-f]*`)},
	{"podman", regexp.MustCompile(`/libpod-([0-9a-f]{12})[0-9a-f]*`)},
	{"kubernetes", regexp.MustCompile(`/(?:cri-containerd|crio)-([0-9a-f]{12})[0-9a-f]*`)},
	{"nspawn", regexp.MustCompile(`/(?:machine|systemd-nspawn)[-@]([^/]+)\.(?:scope|service)`)},
	{"lxc", regexp.MustCompile(`/lxc(?:\.payload)?[./]([^/\n]+)`)},
}

// parseContainer finds the container in /proc/PID/cgroup: "docker 3f5a9c0e1b2d".
func parseContainer(group []byte) string {
	for _, c := range containers {
		if g := c.name.FindSubmatch(group); g != nil {
			return c.engine + " " + string(g[1])
		}
	}
	return ""
}

// lookAgain is how often it is looked whether anything runs in the tree.
const lookAgain = time.Second

// namespaces are those of the tree: of process 1 where the tree is the host's, else of
// the oldest process that has it as its root.
func (r *Reader) namespaces() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.home != nil {
		return r.home
	}
	pid := "1"
	if r.root != "" {
		if time.Since(r.homeless) < lookAgain {
			return nil
		}
		if pid = r.oldest(); pid == "" {
			r.homeless = time.Now() // nothing runs there yet
			return nil
		}
	}
	home := map[string]string{}
	for _, s := range spaces {
		home[s.file] = r.link(pid, "ns/"+s.file)
	}
	r.home = home
	return home
}

// oldest is the first process that has the tree as its root.
func (r *Reader) oldest() string {
	var want unix.Stat_t
	d, err := os.Open(r.proc)
	if err != nil || unix.Stat(r.root+"/.", &want) != nil {
		return ""
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // what could be read of it
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	for _, pid := range pids {
		var root unix.Stat_t
		dir := path.Join(r.proc, strconv.Itoa(pid), "root")
		if unix.Stat(dir+"/.", &root) == nil && root.Dev == want.Dev && root.Ino == want.Ino {
			return strconv.Itoa(pid)
		}
	}
	return ""
}
